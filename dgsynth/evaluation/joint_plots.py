"""Pictures of joint frequencies: of two columns within a record, and of a record and the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dgsynth.evaluation.bins import Bins, RecordBins
from dgsynth.evaluation.figures import Figure, canvas, short
from dgsynth.evaluation.plots import REAL, SYNTHETIC

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences
    from dgsynth.evaluation.plots import Floats

_SIDES = (("real", REAL), ("synthetic", SYNTHETIC))


def plot_joint(real: Sequences, synthetic: Sequences, first: Label, second: Label) -> Figure:
    """Return how frequent the combinations of two columns' values are, by the bins of `joint_total_variation`."""
    bins = RecordBins(real, 2)
    tables = [bins.frequencies(data, (first, second)) for data in (real, synthetic)]
    return _side_by_side(tables, (bins.columns[first], bins.columns[second]), (first, second), "share")


def plot_transitions(real: Sequences, synthetic: Sequences, measurement: Label) -> Figure:
    """Return how often each value of a measurement, by bin, is followed by each: rows sum to 1."""
    bins = RecordBins(real, 2)
    tables = [bins.transitions(data, measurement) for data in (real, synthetic)]
    given = [table / np.where(table.sum(axis=1) > 0, table.sum(axis=1), np.nan)[:, None] for table in tables]
    labels = (str(measurement), "in the next record")
    return _side_by_side(given, (bins.columns[measurement],) * 2, labels, "share of the row")


def _side_by_side(tables: list[Floats], bins: tuple[Bins, Bins], labels: tuple[Label, Label], what: str) -> Figure:
    """Heat maps of real and synthetic shares on the same scale; bins that neither has are left out."""
    total = np.nansum(tables, axis=0)
    present = [known if known.any() else ~known for known in (total.any(axis=1), total.any(axis=0))]
    names = [
        [short(name, 22) for name, is_present in zip(of_axis.names, known, strict=True) if is_present]
        for of_axis, known in zip(bins, present, strict=True)
    ]
    shown = [table[np.ix_(*present)] for table in tables]
    highest = float(np.nan_to_num(shown).max()) or 1.0
    figure = canvas(min(6.0, 0.24 * len(names[0]) + 1.9))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, table, (title, color) in zip((left, right), shown, _SIDES, strict=True):
        # Roots, so that rare combinations are seen beside a frequent one.
        image = axes.imshow(np.sqrt(table), cmap="cividis", vmin=0, vmax=np.sqrt(highest), aspect="auto")
        axes.set_title(title, color=color, fontsize=10, fontweight="bold", loc="left")
        axes.set_xticks(
            range(len(names[1])), names[1], rotation=60, ha="right", rotation_mode="anchor", parse_math=False
        )
        axes.set_xlabel(short(labels[1]), fontsize=9.5, parse_math=False)
        axes.tick_params(labelsize=7.5, length=2, color="#bbbbbb")
        axes.spines[:].set_visible(False)
    left.set_yticks(range(len(names[0])), names[0], parse_math=False)
    left.set_ylabel(short(labels[0]), fontsize=9.5, parse_math=False)
    bar = figure.colorbar(image, ax=[left, right], format=_percent, shrink=0.9)
    bar.set_label(what, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    return figure


def _percent(root: float, _position: int | None = None) -> str:
    """The share that a root stands for."""
    share = 100 * root**2
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"
