"""The report as one self-contained HTML page: verdict, lights, tables of comparisons, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dgsynth.evaluation import wording
from dgsynth.evaluation.columns import COUNTED_KINDS
from dgsynth.evaluation.comparisons import FAMILIES, grouping_columns
from dgsynth.evaluation.downstream import SCENARIOS, DownstreamResult
from dgsynth.evaluation.fidelity import LIGHTS, random_part
from dgsynth.evaluation.fidelity_findings import FidelityFindings
from dgsynth.evaluation.markup import SYMBOLS, document, escape, light_symbol, pictures, sentence
from dgsynth.evaluation.markup import report as framed

if TYPE_CHECKING:
    from dgsynth.data.schema import Column
    from dgsynth.data.sequences import Sequences
    from dgsynth.evaluation.plots import Figure

MAX_PICTURED = 12
"""Most columns of a kind that get pictures of their own."""

MAX_PAIRS_PICTURED = 6
MAX_JOINT_PICTURED = 2
"""Pairs of columns that get heat maps, those whose frequencies are furthest off."""

MAX_NEAREST_PICTURED = 3
MAX_GROUPINGS_PICTURED = 2


def page(report: FidelityFindings) -> str:
    """Return the whole page; makes the pictures one at a time."""
    return document("Fidelity report", _content(report, pictured=True))


def summary(report: FidelityFindings) -> str:
    """Return verdict, lights and tables as a part of a page, for a notebook."""
    return _content(report, pictured=False)


def _content(report: FidelityFindings, *, pictured: bool) -> str:
    judged = report.table["light"].dropna()
    worst = max(judged, key=LIGHTS.index, default=LIGHTS[0])
    parts = [
        "<h1>Fidelity report</h1>",
        f'<p class="note">{" &middot; ".join(map(escape, report.sizes))}</p>',
        f'<p class="verdict {worst}">{escape(report.verdict)} <b>Score {report.score:.2f}</b> of 1, '
        f"mean excess {report.mean_excess:.2f}.</p>",
        *([f'<p class="note">{escape(report.remedy)}</p>'] if report.remedy else []),
        _lights(report.table),
        *([_pictures(report)] if pictured else []),
        "<h2>All comparisons</h2>",
        f'<p class="note">{escape(wording.rule())}</p>',
        *(_family(name, rows) for name, rows in _families(report.table)),
        *map(_downstream_table, report.downstream),
    ]
    return framed(parts)


def _families(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for family in FAMILIES:
        rows = table[table["family"] == family]
        if len(rows):
            yield family, rows


def _lights(table: pd.DataFrame) -> str:
    items = (
        f'<li>{light_symbol(_worst(rows))} {escape(FAMILIES[name])}<br><span class="note">{_counted(rows)}</span></li>'
        for name, rows in _families(table)
    )
    return '<ul class="lights">\n' + "\n".join(items) + "\n</ul>"


def _worst(rows: pd.DataFrame) -> str:
    return max(rows["light"].dropna(), key=LIGHTS.index, default="")


def _counted(rows: pd.DataFrame) -> str:
    counted = {light: int((rows["light"] == light).sum()) for light in LIGHTS}
    return ", ".join(f"{count} {light}" for light, count in counted.items() if count) or "not measurable"


def _family(name: str, rows: pd.DataFrame) -> str:
    is_open = " open" if _worst(rows) != LIGHTS[0] else ""
    body = "\n".join(_row(row) for row in rows.to_dict("records"))
    return (
        f"<details{is_open}><summary>{light_symbol(_worst(rows))} "
        f'{escape(FAMILIES[name])} <span class="note">{_counted(rows)}</span></summary>\n<table class="comparisons">\n'
        '<thead><tr><th>Metric</th><th>Column</th><th class="number">Value</th><th class="number">Floor</th>'
        f"<th>Unit</th><th></th></tr></thead>\n<tbody>\n{body}\n</tbody></table></details>"
    )


def _row(row: dict[Any, Any]) -> str:
    light = row["light"] if isinstance(row["light"], str) else ""
    shown = f'<span class="light {light}">{SYMBOLS.get(light, "")} {light or "not measurable"}</span>'
    words = wording.title(row["name"])
    return (
        f'<tr><td class="what">{shown}{escape(sentence(words))}'
        f'<br><span class="note">{escape(wording.MEANINGS[row["name"]])}</span></td>'
        f'<td class="column">{escape(row["column"])}</td>'
        f'<td class="number" data-label="value">{wording.number(row["value"])}</td>'
        f'<td class="number" data-label="floor">{wording.number(row["floor"])}</td>'
        f'<td>{escape(row["unit"])}</td><td class="light-cell">{shown}</td></tr>'
    )


def _downstream_table(result: DownstreamResult) -> str:
    table = result.summary()
    head = "".join(f'<th class="number">{escape(scenario.replace("->", "→"))}</th>' for scenario in SCENARIOS)
    body = "\n".join(
        f"<tr><td>{escape(algorithm)}</td>"
        + "".join(
            f'<td class="number">{wording.number(row[scenario, "mean"])} ± {wording.number(row[scenario, "std"])}</td>'
            for scenario in SCENARIOS
        )
        + "</tr>"
        for algorithm, row in table.iterrows()
    )
    ranks = ", ".join(
        f"{key.replace('->', '→')} {wording.number(value)}" for key, value in result.rank_correlation.items()
    )
    return (
        f"<h2>{escape(sentence(result.task))}</h2>\n"
        f'<div class="scroll"><table><thead><tr><th>Algorithm</th>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
        f'<p class="note">{escape(result.score_name)}, mean ± standard deviation of repeats; trained on → tested on. '
        f"Spearman rank correlation of the algorithms with real → real: {escape(ranks)}.</p>"
    )


def _pictures(report: FidelityFindings) -> str:
    sections = [text for heading, figures in _sections(report) if (text := pictures(heading, figures))]
    columns = {"measurements": report.real.schema.measurements, "metadata columns": report.real.schema.metadata}
    for what, pictured in columns.items():
        if len(pictured) > MAX_PICTURED:
            note = f"Pictures of the first {MAX_PICTURED} of {len(pictured)} {what}; the tables have all."
            sections.append(f'<p class="note">{escape(note)}</p>')
    return "\n".join(sections)


def _sections(report: FidelityFindings) -> Iterator[tuple[str, Iterator[tuple[str, Figure]]]]:
    """Heading and pictures of each section; made one at a time, so that only one figure is held in memory."""
    rng = np.random.default_rng(report.random_state)
    shown = _Pictured(report, random_part(report.real, rng), random_part(report.synthetic, rng))
    for place, column in enumerate(report.real.schema.measurements[:MAX_PICTURED]):
        yield f"Measurement {column.name}", shown.measurement(column, with_nearest=place < MAX_NEAREST_PICTURED)
    yield "Measurements together", shown.pairs()
    yield "Columns together within a record", shown.joint()
    yield "Timestamps", shown.timestamps()
    yield "Metadata and lengths", shown.samples()
    yield "Downstream tasks", shown.downstream()
    yield "Training", shown.training()


@dataclass(frozen=True, eq=False)
class _Pictured:
    """The data of the pictures, and the pictures of each section."""

    report: FidelityFindings
    real: Sequences
    synthetic: Sequences

    def measurement(self, column: Column, *, with_nearest: bool) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import joint_plots, plots

        data, name, seed = (self.real, self.synthetic), column.name, self.report.random_state
        counted = column.kind in COUNTED_KINDS
        yield "Some series", plots.plot_gallery(*data, name, random_state=seed)
        if not counted:
            yield "Mean autocorrelation", plots.plot_autocorrelation(*data, name)
        yield "Values of all records", plots.plot_values(*data, name)
        yield "From a record to the next", joint_plots.plot_transitions(*data, name)
        if not counted and column.kind != "datetime":
            yield "Totals of the samples", plots.plot_totals(*data, name)
            for by in grouping_columns(self.real)[:MAX_GROUPINGS_PICTURED]:
                yield f"Totals by {by}", plots.plot_totals_by(*data, name, by)
        if with_nearest:
            figure = plots.plot_nearest(self.report.real, self.synthetic, name, random_state=seed)
            yield "Synthetic series and their nearest training samples", figure

    def pairs(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        names = [column.name for column in self.real.schema.measurements if column.kind not in COUNTED_KINDS]
        for first, second in list(combinations(names, 2))[:MAX_PAIRS_PICTURED]:
            figure = plots.plot_correlations(self.real, self.synthetic, first, second)
            yield f"Correlation of {first} and {second}", figure

    def joint(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import joint_plots

        by_name = {f"{first} x {second}": (first, second) for first, second in combinations(self.real.schema.names, 2)}
        table = self.report.table
        pairs = table[(table["family"] == "combinations") & table["column"].isin(by_name) & table["excess"].notna()]
        for about in pairs.sort_values("excess", ascending=False, kind="stable")["column"][:MAX_JOINT_PICTURED]:
            yield f"Frequencies of {about}", joint_plots.plot_joint(self.real, self.synthetic, *by_name[about])

    def timestamps(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import timestamp_plots as plots

        index = self.real.schema.sequence_index
        if index is None or self.real.timestamps is None:
            return
        yield "Starts of the samples", plots.plot_starts(self.real, self.synthetic)
        yield "Time to the next record", plots.plot_gaps(self.real, self.synthetic)
        if index.kind == "datetime":
            yield "Weekdays", plots.plot_weekdays(self.real, self.synthetic)
            yield "Hours of the day", plots.plot_hours(self.real, self.synthetic)

    def samples(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        for column in self.real.schema.metadata[:MAX_PICTURED]:
            yield str(column.name), plots.plot_metadata(self.real, self.synthetic, column.name)
        if self.real.schema.measurements:
            yield "Lengths", plots.plot_lengths(self.real, self.synthetic)
            if not self.real.schema.fixed_length:
                for by in grouping_columns(self.real)[:MAX_GROUPINGS_PICTURED]:
                    yield f"Lengths by {by}", plots.plot_lengths_by(self.real, self.synthetic, by)

    def downstream(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        for result in self.report.downstream:
            yield sentence(result.task), plots.plot_downstream(result.scores, result.score_name)

    def training(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        if self.report.history is not None and len(self.report.history):
            yield "Losses by step", plots.plot_training(self.report.history, self.report.validation_scores)
