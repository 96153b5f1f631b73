"""Pictures of several models beside the real data."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from dgsynth.evaluation.autocorrelation import mean_autocorrelation
from dgsynth.evaluation.columns import totals
from dgsynth.evaluation.figures import Figure, canvas, new_axes, short, style
from dgsynth.evaluation.plots import REAL, curve, scale_axis, series

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences
    from dgsynth.evaluation.figures import Axes
    from dgsynth.evaluation.plots import Floats

_COLORS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333", "#8C6D31", "#999999")
_DASHES = ("-", "--", ":")
"""Lines of nine models are told apart by colour and, from the ninth or in grey print, by dashes."""


def line_styles(models: list[str]) -> dict[str, tuple[str, str]]:
    """Return colour and dash of each model, the same in all pictures."""
    dashes = cycle(_DASHES)
    return {name: (_COLORS[i % len(_COLORS)], next(dashes)) for i, name in enumerate(models)}


def plot_autocorrelations(real: Sequences, made: Mapping[str, Sequences], measurement: Label) -> Figure:
    """Return the mean autocorrelations of a measurement by lag, of real data and of each model (paper, Figure 1)."""
    figure, axes = new_axes(4.2)
    expected = mean_autocorrelation(real, measurement)
    curve(axes, np.arange(len(expected)), expected, REAL, width=4.0, alpha=0.45)
    for name, (color, dash) in line_styles(list(made)).items():
        values = mean_autocorrelation(made[name], measurement, max_lag=len(expected) - 1)
        axes.plot(np.arange(len(values)), values, color=color, linestyle=dash, linewidth=1.2)
    axes.set(xlabel="lag (records)", ylabel="mean autocorrelation", xlim=(0, max(1, len(expected) - 1)))
    _legend(axes, list(made))
    return figure


def plot_total_distributions(real: Sequences, made: Mapping[str, Sequences], measurement: Label) -> Figure:
    """Return the cumulative distributions of the samples' totals (paper, Figure 20)."""
    figure, axes = new_axes(4.2)
    values = totals(real, measurement)
    scale_axis(axes, values, values)
    cumulative(axes, values, {name: totals(data, measurement) for name, data in made.items()})
    axes.set(xlabel=f"total of {short(measurement)} over a sample", ylabel="share of samples below")
    return figure


def plot_length_distributions(real: Sequences, made: Mapping[str, Sequences]) -> Figure:
    """Return the cumulative distributions of the lengths (paper, Figures 9 and 18)."""
    figure, axes = new_axes(4.2)
    lengths = {name: data.lengths.astype(np.float64) for name, data in made.items()}
    cumulative(axes, real.lengths.astype(np.float64), lengths)
    axes.set(xlabel="length (records)", ylabel="share of samples up to it")
    return figure


def plot_galleries(
    real: Sequences, made: Mapping[str, Sequences], measurement: Label, n_samples: int = 3, random_state: int = 0
) -> Figure:
    """Return some series of the real data, and as many of each model."""
    rng = np.random.default_rng(random_state)
    shown = {"real": real, **made}
    colors = {"real": REAL, **{name: color for name, (color, _) in line_styles(list(made)).items()}}
    figure = canvas(0.95 * len(shown) + 0.4)
    grid = figure.subplots(len(shown), n_samples, squeeze=False, sharex=True)
    for row, (name, data) in zip(grid, shown.items(), strict=True):
        chosen = rng.permutation(len(data))[:n_samples]
        for axes, index in zip(row, chosen, strict=False):
            series(axes, data.take(np.array([index])).measurements[measurement], colors[name])
        for axes in row[len(chosen) :]:
            axes.set_visible(False)
        row[0].set_title(name, color=colors[name], fontsize=10, fontweight="bold", loc="left", pad=3)
    return figure


def cumulative(axes: Axes, real: Floats, made: Mapping[str, Floats]) -> None:
    """Draw the cumulative distributions of real numbers and of each model's, with a legend below."""

    def step(values: Floats, color: str, dash: str, width: float, alpha: float) -> None:
        values = np.sort(values[np.isfinite(values)])
        shares = np.arange(1, len(values) + 1) / max(len(values), 1)
        axes.step(values, shares, where="post", color=color, linestyle=dash, linewidth=width, alpha=alpha)

    style(axes)
    step(real, REAL, "-", 4.0, 0.45)
    for name, (color, dash) in line_styles(list(made)).items():
        step(made[name], color, dash, 1.2, 1.0)
    axes.set_ylim(0, 1.02)
    _legend(axes, list(made))


def _legend(axes: Axes, models: list[str]) -> None:
    handles = [axes.plot([], [], color=REAL, linewidth=4.0, alpha=0.45, label="real")[0]]
    for name, (color, dash) in line_styles(models).items():
        handles += axes.plot([], [], color=color, linestyle=dash, linewidth=1.4, label=name)
    axes.legend(handles=handles, frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))
