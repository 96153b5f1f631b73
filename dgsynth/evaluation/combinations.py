"""Distances between joint frequencies: of columns within a record, and of a record and the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dgsynth.evaluation.bins import Floats, RecordBins
from dgsynth.evaluation.tables import takes_tables

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

T = TypeVar("T")


@takes_tables
def joint_total_variation(
    real: Sequences, synthetic: Sequences, columns: Sequence[Label], *, bins: RecordBins | None = None
) -> float:
    """Return the total variation distance of the combinations of some columns' values within a record.

    Of columns that are all metadata, within a sample. Values are counted by the few bins of `RecordBins`, missing ones
    too, in at most `MAX_ROWS` random records of each.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    columns : list of two or three column labels
    bins : RecordBins, default=None
        Those of the real data, if these are known already.

    Returns
    -------
    float in [0, 1]
        The share of records whose values would have to change; NaN where either has none.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(joint_total_variation(real, other, ["domain", "agent"], **columns), 2)
    0.1
    """
    known = bins or RecordBins(real, len(columns))
    return _half_difference(*(known.frequencies(data, tuple(columns)) for data in (real, synthetic)))


@takes_tables
def transition_total_variation(
    real: Sequences, synthetic: Sequences, measurement: Label, *, bins: RecordBins | None = None
) -> float:
    """Return the total variation distance of what a measurement's value is in a record and in the next.

    Parameters and bins are those of `joint_total_variation`.

    Returns
    -------
    float in [0, 1]
        The share of such pairs of records that would have to change; NaN where either has no sample of two records.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(transition_total_variation(real, other, "views", **columns), 2)
    0.11
    """
    known = bins or RecordBins(real, 2)
    return _half_difference(*(known.transitions(data, measurement) for data in (real, synthetic)))


def some_combinations(items: Iterable[T], size: int, most: int) -> list[tuple[T, ...]]:
    """Return the combinations of so many items in order, or as many random ones, always the same ones, as `most`."""
    known = list(items)
    if comb(len(known), size) <= most:
        return list(combinations(known, size))
    rng = np.random.default_rng(0)
    chosen: set[tuple[int, ...]] = set()
    while len(chosen) < most:
        chosen.add(tuple(np.sort(rng.choice(len(known), size, replace=False)).tolist()))
    return [tuple(known[place] for place in places) for places in sorted(chosen)]


def _half_difference(real: Floats, synthetic: Floats) -> float:
    return float(np.abs(real - synthetic).sum() / 2)
