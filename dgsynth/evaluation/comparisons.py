"""Which metrics a data set is judged by: each by the columns that it is about, its unit and its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from dgsynth.evaluation import metrics
from dgsynth.evaluation.bins import RecordBins
from dgsynth.evaluation.columns import COUNTED_KINDS, midranges, numeric, totals
from dgsynth.evaluation.combinations import some_combinations
from dgsynth.evaluation.distributions import mean_by
from dgsynth.evaluation.relation_search import find_relations
from dgsynth.evaluation.scale import Scale
from dgsynth.evaluation.timestamps import scale_of_gaps, scale_of_starts

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]
Rule = Literal["distance", "at least", "at most"]

FLOOR_FACTOR = 1.5
"""A distance is close if it is at most this many times its floor, plus its tolerance."""

TOLERANCES = {
    "share": 0.05,
    "bits": 0.02,
    "real std": 0.1,
    "correlation": 0.05,
    "correlation²": 0.002,
    "accuracy": 0.05,
    "ratio": 0.25,
}
"""Differences of each unit that hardly matter in use, however small the floor of a large data set is."""

STRICT = 0.01
"""Tolerance of copies, of values that can't be and of broken relations: a share of 5 % would be many of these."""

MAX_PAIRS = 30
"""Most pairs of measurements whose correlations are compared, the first ones."""

MAX_COMBINATIONS = {2: 60, 3: 30}
"""Most pairs and triples of columns whose frequencies within a record are compared, random ones."""

FAMILIES = {
    "metadata": "Metadata",
    "lengths": "Lengths",
    "values": "Values",
    "levels": "Totals and levels of the samples",
    "time": "Rhythm and memory over time",
    "correlations": "Correlations of measurements",
    "timestamps": "Timestamps",
    "combinations": "Columns together within a record",
    "samples": "Whole samples",
    "validity": "Validity",
    "relations": "Relations that every real record keeps",
    "copies": "Copies and memorisation",
}
"""What the comparisons are about, in the order of the report, and how it says so."""


@dataclass(frozen=True)
class Comparison:
    """A metric of some columns.

    Attributes
    ----------
    family : str
        One of `FAMILIES`.
    name : str
        That of the function in `dgsynth.evaluation.metrics`.
    column : str
        What it is about: a column, two or three as "a x b", "a by b" within the values of b, or a relation of columns;
        "" for whole samples.
    unit : str
    measure : callable
        From real and synthetic Sequences to a number; NaN where there is nothing to compare.
    rule : {"distance", "at least", "at most"}
        A distance is 0 for equal data, and close up to `FLOOR_FACTOR` times the floor plus the tolerance. Other values
        mean something only beside that of real data: they are close if at least (at most) that, give or take the
        tolerance.
    tolerance : float
    costly : bool
        Whether it trains a network.
    """

    family: str
    name: str
    column: str
    unit: str
    measure: Callable[[Sequences, Sequences], float]
    rule: Rule = "distance"
    tolerance: float | None = None
    costly: bool = False

    def excess(self, value: float, floor: float) -> float:
        """Return how far a value is off, relative to what still is close: close up to 1, at least 0.

        Inf where the synthetic data have nothing to compare, but the real data have; NaN where neither have.
        """
        tolerance = TOLERANCES[self.unit] if self.tolerance is None else self.tolerance
        if value != value:
            return float("nan") if floor != floor else float("inf")
        if self.rule == "distance":
            return value / (FLOOR_FACTOR * (0.0 if floor != floor else floor) + tolerance)
        if floor != floor:
            return float("nan")
        return max(0.0, (floor - value if self.rule == "at least" else value - floor) / tolerance)


def comparisons(real: Sequences) -> list[Comparison]:
    """Return what synthetic data are compared with these real data by, in the order of `FAMILIES`; not for copies."""
    bins = {size: RecordBins(real, size) for size in MAX_COMBINATIONS}
    return [
        *_of_metadata(real),
        *_of_lengths(real),
        *_of_measurements(real, bins[2]),
        *_of_timestamps(real),
        *_of_combinations(real, bins),
        *_of_samples(real),
        *_of_validity(real),
        *_of_relations(real),
    ]


def copies(real: Sequences, holdout: Sequences | None = None) -> list[Comparison]:
    """Return what tells whether synthetic samples are copies of those that a model was trained on."""
    found = [
        Comparison("copies", "duplicate_share", "", "share", metrics.duplicate_share, tolerance=STRICT),
        Comparison("copies", "repeated_share", "", "share", metrics.repeated_share, tolerance=STRICT),
    ]

    def nearest_ratio(training: Sequences, synthetic: Sequences) -> float:
        return metrics.nearest_ratio(training, synthetic, holdout=holdout)

    found.append(Comparison("copies", "nearest_ratio", "", "ratio", nearest_ratio, "at least"))
    if holdout is not None:

        def memorized_share(training: Sequences, synthetic: Sequences) -> float:
            return metrics.memorized_share(training, synthetic, holdout)

        found.append(Comparison("copies", "memorized_share", "", "share", memorized_share))
    return found


def grouping_columns(real: Sequences) -> list[Label]:
    """Return the metadata columns that group the samples: those with few enough values for each to have some."""
    return [
        column.name
        for column in real.schema.metadata
        if column.kind in COUNTED_KINDS and 2 <= real.metadata[column.name].nunique() <= max(2, len(real) // 10)
    ]


def _of_metadata(real: Sequences) -> Iterator[Comparison]:
    for name in real.schema.metadata_names:
        yield _comparison("metadata", "total_variation", str(name), "share", name)
        yield _comparison("metadata", "jensen_shannon", str(name), "bits", name)
    for column in real.schema.metadata:
        if column.kind not in COUNTED_KINDS:
            scale = Scale.fit(numeric(real.metadata[column.name]))
            yield _comparison(
                "metadata", "wasserstein_values", str(column.name), "real std", column.name, normalize=scale
            )
        if real.metadata[column.name].isna().any():
            yield _comparison("metadata", "missing_difference", str(column.name), "share", column.name)


def _of_lengths(real: Sequences) -> Iterator[Comparison]:
    if not real.schema.measurements:
        return
    yield _comparison("lengths", "length_total_variation", "", "share")
    lengths = real.lengths.astype(np.float64)
    yield _comparison("lengths", "wasserstein_lengths", "", "real std", normalize=Scale.fit(lengths))
    if real.lengths.min() < real.lengths.max():
        for by in grouping_columns(real):
            yield _by("lengths", "wasserstein_lengths", (), by, _scale_within(real, lengths, by))


def _of_measurements(real: Sequences, bins: RecordBins) -> Iterator[Comparison]:
    found: list[Comparison] = []
    for column in real.schema.measurements:
        name, about = column.name, str(column.name)
        if column.kind in COUNTED_KINDS:
            found.append(_comparison("values", "total_variation", about, "share", name))
            found.append(_comparison("values", "jensen_shannon", about, "bits", name))
        else:
            scale = Scale.fit(numeric(real.measurements[name]))
            found.append(_comparison("values", "wasserstein_values", about, "real std", name, normalize=scale))
        if real.measurements[name].isna().any():
            found.append(_comparison("values", "missing_difference", about, "share", name))
        found.append(_comparison("time", "transition_total_variation", about, "share", name, bins=bins))
        if column.kind in COUNTED_KINDS:
            continue
        for metric, levels in (("wasserstein_totals", totals), ("wasserstein_midranges", midranges)):
            values = levels(real, name)
            found.append(_comparison("levels", metric, about, "real std", name, normalize=Scale.fit(values)))
            found += [
                _by("levels", metric, (name,), by, _scale_within(real, values, by)) for by in grouping_columns(real)
            ]
        found.append(_comparison("time", "autocorrelation_mse", about, "correlation²", name))
        found.append(_comparison("time", "constant_difference", about, "share", name))
    numbers = [column.name for column in real.schema.measurements if column.kind not in COUNTED_KINDS]
    for first, second in list(combinations(numbers, 2))[:MAX_PAIRS]:
        about = f"{first} x {second}"
        found.append(_comparison("correlations", "correlation_distance", about, "correlation", first, second))
    order = list(FAMILIES)
    yield from sorted(found, key=lambda comparison: order.index(comparison.family))


def _of_timestamps(real: Sequences) -> Iterator[Comparison]:
    index = real.schema.sequence_index
    if index is None or real.timestamps is None:
        return
    about = str(index.name)
    starts, gaps = scale_of_starts(real), scale_of_gaps(real)
    yield _comparison("timestamps", "wasserstein_starts", about, "real std", normalize=starts)
    yield _comparison("timestamps", "wasserstein_gaps", about, "real std", normalize=gaps)
    yield _comparison("timestamps", "regularity_difference", about, "share")
    if index.kind == "datetime":
        yield _comparison("timestamps", "weekday_total_variation", about, "share")
        yield _comparison("timestamps", "hour_total_variation", about, "share")


def _of_combinations(real: Sequences, bins: dict[int, RecordBins]) -> Iterator[Comparison]:
    for size, most in MAX_COMBINATIONS.items():
        varying = [name for name in real.schema.names if bins[size].varies(real, name)]
        for columns in some_combinations(varying, size, most):
            about = " x ".join(map(str, columns))
            yield _comparison("combinations", "joint_total_variation", about, "share", columns, bins=bins[size])


def _of_samples(real: Sequences) -> Iterator[Comparison]:
    yield _comparison("samples", "density", "", "ratio", rule="at least")
    yield _comparison("samples", "coverage", "", "share", rule="at least")
    yield _comparison("samples", "diversity_loss", "", "share")
    yield _comparison("samples", "discriminative_score", "", "accuracy", costly=True)
    if any(column.kind not in COUNTED_KINDS for column in real.schema.measurements):
        yield _comparison("samples", "predictive_score", "", "real std", rule="at most", costly=True)


def _of_validity(real: Sequences) -> Iterator[Comparison]:
    for name in real.schema.names:
        yield _comparison("validity", "invalid_share", str(name), "share", name, tolerance=STRICT)


def _of_relations(real: Sequences) -> Iterator[Comparison]:
    # Of what n samples keep without exception, up to 3 / n of others may be broken, at 95 %.
    tolerance = max(STRICT, 3 / len(real))
    for relation in find_relations(real):
        yield _comparison("relations", "broken_share", str(relation), "share", relation, tolerance=tolerance)


def _comparison(
    family: str,
    name: str,
    about: str,
    unit: str,
    *columns: Any,
    rule: Rule = "distance",
    tolerance: float | None = None,
    costly: bool = False,
    **keywords: Any,
) -> Comparison:
    """The metric of that name, of some columns."""
    metric: Callable[..., float] = getattr(metrics, name)

    def measure(real: Sequences, synthetic: Sequences) -> float:
        return metric(real, synthetic, *columns, **keywords)

    return Comparison(family, name, about, unit, measure, rule, tolerance, costly)


def _scale_within(real: Sequences, values: Floats, by: Label) -> Scale:
    """The scale of numbers of the samples, whose deviation is that within the values of a metadata column."""
    return Scale.fit(values, real.metadata[by].to_numpy(dtype=object))


def _by(family: str, name: str, columns: tuple[Label, ...], by: Label, scale: Scale) -> Comparison:
    """The mean distance within the values of a metadata column."""
    metric = getattr(metrics, name)

    def measure(real: Sequences, synthetic: Sequences) -> float:
        return mean_by(metric(real, synthetic, *columns, by=by, normalize=scale), real, by)

    return Comparison(family, name, " by ".join(map(str, (*columns, by))), "real std", measure)
