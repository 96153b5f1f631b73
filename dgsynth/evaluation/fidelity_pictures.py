"""The pictures of a fidelity report: what each shows, what it can be asked for by, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from dgsynth.data.column import Column, Label, short
from dgsynth.errors import DataError
from dgsynth.evaluation.columns import COUNTED_KINDS
from dgsynth.evaluation.comparisons import grouping_columns
from dgsynth.evaluation.fidelity import random_part
from dgsynth.evaluation.fidelity_findings import FidelityFindings
from dgsynth.evaluation.markup import sentence

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences
    from dgsynth.evaluation.figures import Figure

MAX_PICTURED = 12
"""Most columns of a kind that get pictures of their own on the page."""

_MAX_PAIRS = 6
_MAX_JOINT = 2
"""Pairs of columns that get heat maps, those whose frequencies are furthest off."""

_MAX_NEAREST = 3
_MAX_GROUPINGS = 2
_MAX_OVERVIEW = 6
_MAX_NAMED = 8

_OVERVIEW = ("series", "lengths", "values", "autocorrelation", "metadata")
"""Kinds of pictures of an overview."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture that is not drawn yet.

    Attributes
    ----------
    section : str
        Heading on the page.
    kind, family : str
        What it can be asked for by; a family is one of `FAMILIES`.
    columns : tuple of labels
        What it is about; it can be asked for by each of them.
    caption : str
    draw : callable
    on_page : bool
        Whether the page has room for it.
    """

    section: str
    kind: str
    family: str
    columns: tuple[Label, ...]
    caption: str
    draw: Callable[[], Figure]
    on_page: bool = True

    @property
    def title(self) -> str:
        """The caption with the column, for where there is no heading above it."""
        if not self.columns or str(self.columns[0]) in self.caption:
            return self.caption
        return f"{self.columns[0]}: {self.caption[:1].lower()}{self.caption[1:]}"


def drawings(report: FidelityFindings) -> Iterator[Drawing]:
    """Yield all pictures in the order of the page."""
    rng = np.random.default_rng(report.random_state)
    data = random_part(report.real, rng), random_part(report.synthetic, rng)
    for place, column in enumerate(report.real.schema.measurements):
        yield from _of_measurement(report, *data, column, place)
    yield from _of_pairs(*data)
    yield from _of_combinations(report, *data)
    yield from _of_timestamps(*data)
    yield from _of_samples(*data)
    yield from _of_training(report)


def pictured(report: FidelityFindings, name: Label | None = None) -> Figure:
    """Return the pictures of a column, of a kind or of a family in one figure; None for an overview.

    Raises
    ------
    DataError
        There is no such picture.
    """
    from dgsynth.evaluation.figures import together

    found = list(drawings(report))
    vary = not report.real.schema.fixed_length
    chosen = _overview(found, with_lengths=vary) if name is None else _named(found, name)
    return together([(drawing.title, drawing.draw) for drawing in chosen])


def _named(found: list[Drawing], name: Label) -> list[Drawing]:
    """Return the pictures of a column; of a kind or a family, where no column has that name."""
    of_column = [drawing for drawing in found if name in drawing.columns]
    chosen = of_column or [drawing for drawing in found if name in (drawing.kind, drawing.family)]
    if not chosen:
        kinds = dict.fromkeys(name for drawing in found for name in (drawing.kind, drawing.family))
        columns = list(dict.fromkeys(column for drawing in found for column in drawing.columns))
        more = f" and {len(columns) - _MAX_NAMED} more" if len(columns) > _MAX_NAMED else ""
        raise DataError(
            f"there is no picture {short(name)} in this report; name one of {', '.join(map(repr, kinds))}, or a "
            f"column: {', '.join(map(short, columns[:_MAX_NAMED]))}{more}"
        )
    return chosen


def _overview(found: list[Drawing], *, with_lengths: bool) -> list[Drawing]:
    """Return some pictures: the first of each kind before the second of any."""
    kinds = [kind for kind in _OVERVIEW if with_lengths or kind != "lengths"]
    of_kinds = [[drawing for drawing in found if drawing.kind == kind] for kind in kinds]
    in_turn = [drawing for row in zip_longest(*of_kinds) for drawing in row if drawing is not None]
    return in_turn[:_MAX_OVERVIEW]


def _of_measurement(
    report: FidelityFindings, real: Sequences, synthetic: Sequences, column: Column, place: int
) -> Iterator[Drawing]:
    from dgsynth.evaluation import joint_plots, plots

    name, seed, counted = column.name, report.random_state, column.kind in COUNTED_KINDS
    on_page = place < MAX_PICTURED

    def drawing(
        kind: str, family: str, caption: str, draw: Callable[[], Figure], *by: Label, fits: bool = True
    ) -> Drawing:
        return Drawing(f"Measurement {name}", kind, family, (name, *by), caption, draw, on_page and fits)

    gallery = partial(plots.plot_gallery, real, synthetic, name, random_state=seed)
    yield drawing("series", "samples", "Some series", gallery)
    if not counted:
        autocorrelation = partial(plots.plot_autocorrelation, real, synthetic, name)
        yield drawing("autocorrelation", "time", "Mean autocorrelation", autocorrelation)
    yield drawing("values", "values", "Values of all records", partial(plots.plot_values, real, synthetic, name))
    transitions = partial(joint_plots.plot_transitions, real, synthetic, name)
    yield drawing("transitions", "time", "From a record to the next", transitions)
    if not counted and column.kind != "datetime":
        totals = partial(plots.plot_totals, real, synthetic, name)
        yield drawing("totals", "levels", "Totals of the samples", totals)
        for by in grouping_columns(real)[:_MAX_GROUPINGS]:
            totals = partial(plots.plot_totals_by, real, synthetic, name, by)
            yield drawing("totals", "levels", f"Totals by {by}", totals, by)
    nearest = partial(plots.plot_nearest, report.real, synthetic, name, random_state=seed)
    caption = "Synthetic series and their nearest training samples"
    yield drawing("nearest", "samples", caption, nearest, fits=place < _MAX_NEAREST)


def _of_pairs(real: Sequences, synthetic: Sequences) -> Iterator[Drawing]:
    from dgsynth.evaluation import plots

    names = [column.name for column in real.schema.measurements if column.kind not in COUNTED_KINDS]
    for pair in list(combinations(names, 2))[:_MAX_PAIRS]:
        draw = partial(plots.plot_correlations, real, synthetic, *pair)
        caption = f"Correlation of {pair[0]} and {pair[1]}"
        yield Drawing("Measurements together", "correlations", "correlations", pair, caption, draw)


def _of_combinations(report: FidelityFindings, real: Sequences, synthetic: Sequences) -> Iterator[Drawing]:
    from dgsynth.evaluation import joint_plots

    section = "Columns together within a record"
    by_name = {f"{first} x {second}": (first, second) for first, second in combinations(real.schema.names, 2)}
    table = report.table
    pairs = table[(table["family"] == "combinations") & table["column"].isin(by_name) & table["excess"].notna()]
    for about in pairs.sort_values("excess", ascending=False, kind="stable")["column"][:_MAX_JOINT]:
        columns, caption = by_name[about], f"Frequencies of {about}"
        draw = partial(joint_plots.plot_joint, real, synthetic, *columns)
        yield Drawing(section, "combinations", "combinations", columns, caption, draw)


def _of_timestamps(real: Sequences, synthetic: Sequences) -> Iterator[Drawing]:
    from dgsynth.evaluation import timestamp_plots as plots

    index = real.schema.sequence_index
    if index is None or real.timestamps is None:
        return
    pictures = {
        "starts": ("Starts of the samples", plots.plot_starts),
        "gaps": ("Time to the next record", plots.plot_gaps),
    }
    if index.kind == "datetime":
        pictures["weekdays"] = ("Weekdays", plots.plot_weekdays)
        pictures["hours"] = ("Hours of the day", plots.plot_hours)
    for kind, (caption, plot) in pictures.items():
        yield Drawing("Timestamps", kind, "timestamps", (index.name,), caption, partial(plot, real, synthetic))


def _of_samples(real: Sequences, synthetic: Sequences) -> Iterator[Drawing]:
    from dgsynth.evaluation import plots

    section = "Metadata and lengths"
    for place, name in enumerate(real.schema.metadata_names):
        draw = partial(plots.plot_metadata, real, synthetic, name)
        yield Drawing(section, "metadata", "metadata", (name,), str(name), draw, place < MAX_PICTURED)
    if real.schema.measurements:
        lengths = partial(plots.plot_lengths, real, synthetic)
        yield Drawing(section, "lengths", "lengths", (), "Lengths", lengths)
        if not real.schema.fixed_length:
            for by in grouping_columns(real)[:_MAX_GROUPINGS]:
                lengths = partial(plots.plot_lengths_by, real, synthetic, by)
                yield Drawing(section, "lengths", "lengths", (by,), f"Lengths by {by}", lengths)


def _of_training(report: FidelityFindings) -> Iterator[Drawing]:
    from dgsynth.evaluation import plots

    for result in report.downstream:
        draw, caption = partial(plots.plot_downstream, result.scores, result.score_name), sentence(result.task)
        yield Drawing("Downstream tasks", "downstream", "downstream", (), caption, draw)
    if report.history is not None and len(report.history):
        draw = partial(plots.plot_training, report.history, report.validation_scores)
        yield Drawing("Training", "training", "training", (), "Losses by step", draw)
