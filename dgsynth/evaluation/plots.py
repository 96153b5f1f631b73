"""Pictures of real beside synthetic data.

Every function returns a new Figure, or draws on the place that `together` has for it. Names from the data are drawn
with parse_math=False, so that a "$" in them stays a dollar.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.evaluation.autocorrelation import mean_autocorrelation
from dgsynth.evaluation.columns import COUNTED_KINDS, MISSING, counts, numeric, totals
from dgsynth.evaluation.correlations import pearson_correlations
from dgsynth.evaluation.figures import (
    INK,
    AutoDateLocator,
    Axes,
    Axis,
    ConciseDateFormatter,
    Figure,
    FuncFormatter,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
    SymmetricalLogTransform,
    canvas,
    new_axes,
    short,
    style,
)
from dgsynth.evaluation.neighbours import nearest_samples

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

__all__ = [
    "plot_autocorrelation",
    "plot_correlations",
    "plot_downstream",
    "plot_gallery",
    "plot_lengths",
    "plot_lengths_by",
    "plot_metadata",
    "plot_nearest",
    "plot_numbers",
    "plot_shares",
    "plot_totals",
    "plot_totals_by",
    "plot_training",
    "plot_values",
]

REAL, SYNTHETIC = "#0072B2", "#D55E00"
"""Blue and vermilion of the palette of Okabe and Ito, told apart by colour-blind readers and in grey print."""

_OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
_MAX_BARS = 15
_MAX_GROUPS = 6
_LARGEST = 1e300
"""What lies further out is drawn here: an axis needs room between it and the largest number that there is."""
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Floats = npt.NDArray[np.float64]


def plot_autocorrelation(real: Sequences, synthetic: Sequences, measurement: Label) -> Figure:
    """Return the mean autocorrelations of a measurement by lag (paper, Figure 1)."""
    figure, axes = new_axes()
    expected = mean_autocorrelation(real, measurement)
    made = mean_autocorrelation(synthetic, measurement, max_lag=len(expected) - 1)
    # Real is drawn wide and pale, so that it shows from under a synthetic curve that covers it.
    curve(axes, np.arange(len(expected)), expected, REAL, width=3.2, alpha=0.55)
    curve(axes, np.arange(len(made)), made, SYNTHETIC, width=1.1)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set(xlabel="lag (records)", ylabel="mean autocorrelation", xlim=(0, max(1, len(expected) - 1)))
    _legend(axes)
    return figure


def plot_gallery(
    real: Sequences, synthetic: Sequences, measurement: Label, n_samples: int = 4, random_state: int = 0
) -> Figure:
    """Return random series of a measurement, real ones on the left, synthetic ones on the right."""
    rng = np.random.default_rng(random_state)
    figure = canvas(1.1 * n_samples + 0.6)
    grid = figure.subplots(n_samples, 2, squeeze=False, sharex=True)
    for column, (data, color, title) in enumerate(((real, REAL, "real"), (synthetic, SYNTHETIC, "synthetic"))):
        chosen = np.sort(rng.permutation(len(data))[:n_samples])
        for axes, index in zip(grid[:, column], chosen, strict=False):
            series(axes, data.take(np.array([index])).measurements[measurement], color)
        for axes in grid[len(chosen) :, column]:
            axes.set_visible(False)
        grid[0, column].set_title(title, color=color, fontsize=10, fontweight="bold", loc="left")
        grid[-1, column].set_xlabel("record", color=INK, fontsize=9)
    return figure


def plot_lengths(real: Sequences, synthetic: Sequences) -> Figure:
    """Return the histograms of the lengths (paper, Figure 9)."""
    figure, axes = new_axes()
    longest = max(int(real.lengths.max(initial=1)), int(synthetic.lengths.max(initial=1)))
    edges = np.unique(np.linspace(0, longest, min(longest, 60) + 1).round()) + 0.5
    _histogram(axes, real.lengths.astype(np.float64), REAL, edges)
    _histogram(axes, synthetic.lengths.astype(np.float64), SYNTHETIC, edges)
    axes.set(xlabel="length (records)", ylabel="share of samples")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    return figure


def plot_metadata(real: Sequences, synthetic: Sequences, column: Label) -> Figure:
    """Return how a metadata column is distributed: bars by value, or histograms of numbers (paper, Figures 10, 19)."""
    kind = next(c.kind for c in real.schema.metadata if c.name == column)
    if kind not in COUNTED_KINDS:
        first, second = numeric(real.metadata[column]), numeric(synthetic.metadata[column])
        return plot_numbers(first, second, str(column), "share of samples", dates=kind == "datetime")
    return _bars(counts(real.metadata[column], synthetic.metadata[column]), "share of samples")


def plot_values(real: Sequences, synthetic: Sequences, measurement: Label) -> Figure:
    """Return how a measurement's values are distributed over all records; on a logarithmic axis if heavy-tailed."""
    kind = next(c.kind for c in real.schema.measurements if c.name == measurement)
    first, second = real.measurements[measurement], synthetic.measurements[measurement]
    if kind in COUNTED_KINDS:
        return _bars(counts(first, second), "share of records")
    dates = kind == "datetime"
    return plot_numbers(numeric(first), numeric(second), str(measurement), "share of records", dates=dates)


def plot_totals(real: Sequences, synthetic: Sequences, measurement: Label) -> Figure:
    """Return how the samples' totals of a measurement are distributed (paper, Figure 20)."""
    first, second = totals(real, measurement), totals(synthetic, measurement)
    return plot_numbers(first, second, f"total {measurement} of a sample", "share of samples")


def plot_totals_by(real: Sequences, synthetic: Sequences, measurement: Label, by: Label) -> Figure:
    """Return boxes of the samples' totals of a measurement within each frequent value of a metadata column.

    A box reaches from the lower to the upper quartile with a line at the median, its whiskers from 5 to 95 %
    (paper, Figure 20).
    """
    of_real, of_synthetic = totals(real, measurement), totals(synthetic, measurement)
    return _boxes(real, synthetic, of_real, of_synthetic, by, f"total {measurement} of a sample")


def plot_lengths_by(real: Sequences, synthetic: Sequences, by: Label) -> Figure:
    """Return boxes of the lengths within each frequent value of a metadata column, as in `plot_totals_by`."""
    of_real, of_synthetic = (data.lengths.astype(np.float64) for data in (real, synthetic))
    return _boxes(real, synthetic, of_real, of_synthetic, by, "length (records)")


def plot_correlations(real: Sequences, synthetic: Sequences, first: Label, second: Label) -> Figure:
    """Return the cumulative distributions of the samples' Pearson correlations (paper, Figure 8)."""
    figure, axes = new_axes()
    for data, color, width in ((real, REAL, 3.2), (synthetic, SYNTHETIC, 1.3)):
        values = pearson_correlations(data, first, second)
        values = np.sort(values[np.isfinite(values)])
        if len(values):
            x, y = np.concatenate([[-1.0], values, [1.0]]), np.arange(len(values) + 2) / len(values)
            axes.step(x, np.minimum(y, 1.0), where="post", color=color, linewidth=width, alpha=0.55 if width > 2 else 1)
    axes.set(xlabel=f"correlation of {short(first)} and {short(second)}", ylabel="share of samples below")
    axes.set(xlim=(-1, 1), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _legend(axes)
    return figure


def plot_nearest(
    real: Sequences, synthetic: Sequences, measurement: Label, n_samples: int = 3, k: int = 2, random_state: int = 0
) -> Figure:
    """Return random synthetic series, each beside the nearest real samples (paper, Figures 21 to 23).

    Nearest by all measurements and metadata: the numbers are squared errors of `nearest_samples`.
    """
    rng = np.random.default_rng(random_state)
    chosen = np.sort(rng.permutation(len(synthetic))[:n_samples])
    distances, indices = nearest_samples(real, synthetic.take(chosen), k)
    figure = canvas(1.15 * len(chosen) + 0.6)
    grid = figure.subplots(len(chosen), 1 + indices.shape[1], squeeze=False, sharex=True, sharey="row")
    for row, sample in enumerate(chosen):
        series(grid[row, 0], synthetic.take([sample]).measurements[measurement], SYNTHETIC)
        for place, (index, distance) in enumerate(zip(indices[row], distances[row], strict=True), start=1):
            axes = grid[row, place]
            series(axes, real.take([index]).measurements[measurement], REAL)
            axes.set_title(f"squared error {distance:.2g}", color=REAL, fontsize=8, loc="left", pad=2)
    grid[0, 0].set_title("synthetic", color=SYNTHETIC, fontsize=10, fontweight="bold", loc="left")
    for axes in grid[-1]:
        axes.set_xlabel("record", color=INK, fontsize=9)
    return figure


def plot_numbers(real: Floats, synthetic: Floats, label: str, ylabel: str, *, dates: bool = False) -> Figure:
    """Return the histograms of some numbers of each, on a logarithmic axis if heavy-tailed; or of days since 1970."""
    figure, axes = new_axes()
    real, synthetic = real[np.isfinite(real)], synthetic[np.isfinite(synthetic)]
    real, synthetic = (np.clip(values, -_LARGEST, _LARGEST) for values in (real, synthetic))
    both = np.concatenate([real, synthetic])
    edges = _edges(both) if dates else scale_axis(axes, real, both)
    _histogram(axes, real, REAL, edges)
    _histogram(axes, synthetic, SYNTHETIC, edges)
    axes.set(xlabel=short(label, 60), ylabel=ylabel)
    if dates:
        _show_dates(axes.xaxis)
    _legend(axes)
    return figure


def plot_shares(real: Floats, synthetic: Floats, names: Sequence[str], label: str) -> Figure:
    """Return bars of the shares of records in some classes that have an order, side by side."""
    figure, axes = new_axes(2.4)
    place = np.arange(len(names), dtype=np.float64)
    axes.bar(place - 0.19, real, 0.36, color=REAL)
    axes.bar(place + 0.19, synthetic, 0.36, color=SYNTHETIC)
    axes.set_xticks(place, names)
    axes.grid(False, axis="x")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel=label, ylabel="share of records")
    _legend(axes)
    return figure


def plot_downstream(scores: pd.DataFrame, score_name: str = "score") -> Figure:
    """Return how algorithms do that were trained on real and on synthetic data (paper, Figures 13 and 24).

    Parameters
    ----------
    scores : DataFrame with columns algorithm, scenario, score
        As in `DownstreamResult`: dots are means over the repeats, lines their standard deviation. What is below -1 is
        drawn at -1.
    score_name : str
    """
    algorithms = scores["algorithm"].unique()
    scenarios = scores["scenario"].unique()
    figure, axes = new_axes(0.42 * len(algorithms) + 1.3)
    for offset, (scenario, color) in enumerate(zip(scenarios, (REAL, SYNTHETIC, _OTHERS[-1]), strict=False)):
        groups = scores[scores["scenario"] == scenario].groupby("algorithm")["score"]
        mean, spread = (numbers.reindex(algorithms) for numbers in (groups.mean(), groups.std().fillna(0)))
        place = np.arange(len(algorithms)) + 0.22 * (offset - 1)
        label = str(scenario).replace("->", "→")
        axes.errorbar(mean.clip(lower=-1), place, xerr=spread, fmt="o", color=color, markersize=5, label=label)
    axes.set_yticks(np.arange(len(algorithms)), [short(name) for name in algorithms], parse_math=False)
    axes.invert_yaxis()
    left = float(scores["score"].clip(lower=-1).min())
    axes.set(xlabel=score_name + ("; below -1 is drawn at -1" if (scores["score"] < -1).any() else ""))
    axes.set_xlim(min(0.0, left - 0.05), 1.02)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return figure


def plot_training(history: pd.DataFrame, scores: pd.DataFrame | None = None) -> Figure:
    """Return the losses of a training run by step, and below them the scores of its validations.

    Parameters
    ----------
    history : DataFrame
        One row per recorded step, which its column step or else its index counts; columns of losses have names such
        as generator_loss or negative_log_likelihood. Other columns are left out, and so is what is missing or exactly
        0, which is what a loss is where a model or a phase of its training has none.
    scores : DataFrame with columns run, step, score, default=None
        As `DGSynthesizer.validation_scores_`; those of the last run are drawn.
    """
    if scores is None or scores.empty:
        figure, axes = new_axes()
    else:
        figure = canvas(4.8)
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        style(axes)
        style(below)
        last = scores[scores["run"] == scores["run"].max()]
        below.plot(last["step"], last["score"], color=INK, linewidth=1.2, marker="o", markersize=4)
        best = last.loc[last["score"].idxmax()]
        below.plot([best["step"]], [best["score"]], marker="o", markersize=9, color=SYNTHETIC, fillstyle="none")
        below.set(xlabel="step", ylabel="score", ylim=(0, 1.05))
    losses = [name for name in history.columns if str(name).endswith(("_loss", "_likelihood"))]
    losses = [name for name in losses if (history[name].notna() & (history[name] != 0)).any()]
    steps = numeric(history["step"] if "step" in history.columns else history.index.to_series())
    for name, color in zip(losses, (REAL, SYNTHETIC, *_OTHERS), strict=False):
        values = np.where(history[name] == 0, np.nan, numeric(history[name]))
        label = str(name).removesuffix("_loss").replace("_", " ")
        if len(values) > 200:  # a faint raw curve under its moving average
            axes.plot(steps, values, color=color, alpha=0.2, linewidth=0.6)
            values = pd.Series(values).rolling(len(values) // 50, center=True, min_periods=1).mean().to_numpy()
        curve(axes, steps, values, color, width=1.4, label=label)
    axes.set(xlabel="step" if len(figure.axes) == 1 else "", ylabel="loss")
    if losses:
        axes.legend(frameon=False, fontsize=9, labelcolor="linecolor")
    return figure


def _legend(axes: Axes) -> None:
    """Name the two colours above the picture, where no curve can hide the names."""
    for name, color, place in (("real", REAL, 0), ("synthetic", SYNTHETIC, 34)):
        axes.annotate(
            name, (0, 1), xytext=(place, 5), xycoords="axes fraction", textcoords="offset points", color=color,
            fontweight="bold", fontsize=10,
        )  # fmt: skip


def curve(
    axes: Axes,
    x: npt.NDArray[Any],
    y: Floats,
    color: str,
    *,
    width: float = 1.0,
    alpha: float = 0.95,
    label: str | None = None,
) -> None:
    # A single point between gaps would be invisible as a line.
    marker = "o" if len(y) < 25 else None
    axes.plot(x, y, color=color, linewidth=width, alpha=alpha, marker=marker, markersize=width + 2, label=label)


def series(axes: Axes, values: pd.Series[Any], color: str) -> None:
    style(axes)
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        y = np.clip(numeric(values), -_LARGEST, _LARGEST)
    else:
        codes, names = pd.factorize(values.astype(object), sort=False)
        y = np.where(codes < 0, np.nan, codes)
        axes.set_yticks(range(min(len(names), 4)), [short(name, 12) for name in names[:4]], parse_math=False)
    curve(axes, np.arange(len(y)), y, color)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if len(y) and pd.api.types.is_datetime64_any_dtype(values.dtype):
        _show_dates(axes.yaxis, 4)
    if len(y) and pd.api.types.is_numeric_dtype(values.dtype):
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(FuncFormatter(_compact))


def _bars(table: pd.DataFrame, ylabel: str) -> Figure:
    shown = table.head(_MAX_BARS)
    share = shown / table.sum().clip(lower=1)
    figure, axes = new_axes(max(1.6, 0.36 * len(shown) + 0.9))
    place = np.arange(len(shown), dtype=np.float64)
    axes.barh(place - 0.19, share["real"], 0.36, color=REAL)
    axes.barh(place + 0.19, share["synthetic"], 0.36, color=SYNTHETIC)
    axes.set_yticks(place, [short(name) for name in shown.index], parse_math=False)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    left_out = len(table) - len(shown)
    axes.set_xlabel(ylabel + (f"; {left_out} rarer values are not shown" if left_out else ""))
    _legend(axes)
    return figure


def _boxes(
    real: Sequences, synthetic: Sequences, of_real: Floats, of_synthetic: Floats, by: Label, label: str
) -> Figure:
    """Quantiles of real and synthetic numbers of the samples within each frequent value of a metadata column."""
    groups = [data.metadata[by].astype(object).where(data.metadata[by].notna(), MISSING) for data in (real, synthetic)]
    values = groups[0].value_counts().index[:_MAX_GROUPS]
    figure, axes = new_axes(0.5 * len(values) + 1.0)
    scale_axis(axes, of_real[np.isfinite(of_real)], np.concatenate([of_real, of_synthetic]))
    for offset, group, numbers, color in ((-0.2, groups[0], of_real, REAL), (0.2, groups[1], of_synthetic, SYNTHETIC)):
        for place, value in enumerate(values):
            inside = numbers[(group == value).to_numpy() & np.isfinite(numbers)]
            if inside.size:
                low, lower, median, upper, high = np.quantile(inside, _QUANTILES)
                y = place + offset
                axes.plot([low, high], [y, y], color=color, linewidth=1)
                axes.fill_betweenx([y - 0.15, y + 0.15], lower, upper, color=color, alpha=0.35, linewidth=0)
                axes.plot([median, median], [y - 0.15, y + 0.15], color=color, linewidth=2)
    axes.set_yticks(np.arange(len(values)), [short(value) for value in values], parse_math=False)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    left_out = groups[0].nunique() - len(values)
    axes.set_xlabel(short(label, 60) + (f"; {left_out} rarer values are not shown" if left_out else ""))
    _legend(axes)
    return figure


def scale_axis(axes: Axes, real: Floats, both: Floats) -> Floats:
    """Make the x axis logarithmic where the real values have a long tail, and return edges of bins even on it."""
    both = both[np.isfinite(both)]
    if not _heavy_tailed(real):
        edges = _edges(both)
        if len(edges) > 2 and (np.diff(edges) == 1).all():
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif both.min() > 0:
        edges = 10 ** _edges(np.log10(both))
        axes.set_xscale("log")
    else:
        threshold = _linear_below(real)
        transform = SymmetricalLogTransform(10, threshold, 1)
        edges = transform.inverted().transform(_edges(transform.transform(both)))
        axes.set_xscale("symlog", base=10, linthresh=threshold, linscale=1)
    axes.xaxis.set_major_formatter(FuncFormatter(_compact))
    axes.xaxis.set_minor_formatter(NullFormatter())
    return edges


def _histogram(axes: Axes, values: Floats, color: str, edges: Floats) -> None:
    count = np.histogram(values, edges)[0] / max(1, len(values))
    axes.stairs(count, edges, color=color, linewidth=1.5)
    axes.stairs(count, edges, color=color, alpha=0.12, fill=True)
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _edges(values: Floats, n_bins: int = 50) -> Floats:
    if not values.size:
        return np.linspace(0, 1, n_bins + 1)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    if high / 2 - low / 2 < n_bins / 2 and np.array_equal(values, np.rint(values)):
        return np.arange(low - 0.5, high + 1)  # one bin per integer
    # Halved, since the span may be beyond a float64; where floats are as far apart as the edges, some are the same.
    return np.unique(2 * np.linspace(low / 2, high / 2, n_bins + 1))


def _heavy_tailed(values: Floats) -> bool:
    """Whether a linear axis would squeeze most of the values into one corner."""
    size = np.abs(values[values != 0])
    return size.size > 0 and float(size.max()) > 25 * float(np.median(size))


def _linear_below(values: Floats) -> float:
    """The power of ten below which a logarithmic axis goes on linearly, through zero."""
    return float(10 ** np.floor(np.log10(np.quantile(np.abs(values[values != 0]), 0.01))))


def _show_dates(axis: Axis, most: int = 7) -> None:
    """Label an axis of days since 1970."""
    places = AutoDateLocator(minticks=2, maxticks=most)  # type: ignore[no-untyped-call]
    axis.set_major_locator(places)
    axis.set_major_formatter(ConciseDateFormatter(places))  # type: ignore[no-untyped-call]


def _compact(value: float, _position: int | None = None) -> str:
    """A tick's number in few characters: 0.02, 350, 20k, 3M, 4e+10."""
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if unit <= abs(value) < 1000 * unit:
            return f"{value / unit:.3g}{suffix}"
    return f"{value:.3g}"
