"""The report as one self-contained HTML page: verdict, lights, tables of comparisons, pictures."""

from __future__ import annotations

import base64
import html
import io
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

if TYPE_CHECKING:
    from dgsynth.data.schema import Column
    from dgsynth.data.sequences import Sequences
    from dgsynth.evaluation.plots import Figure
    from dgsynth.evaluation.report import FidelityReport

MAX_PICTURED = 12
"""Most columns of a kind that get pictures of their own."""

MAX_PAIRS_PICTURED = 6
MAX_NEAREST_PICTURED = 3
MAX_GROUPINGS_PICTURED = 2

SYMBOLS = dict(zip(LIGHTS, ("●", "▲", "■"), strict=True))
"""Shapes beside the colours, for colour-blind readers and grey print."""

_STYLE = """
.dgsynth-report { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #222; background: #fff;
  max-width: 1080px; margin: 0 auto; padding: 16px; box-sizing: border-box; overflow-wrap: anywhere; }
.dgsynth-report h1 { font-size: 1.6em; line-height: 1.2; margin: .3em 0; }
.dgsynth-report h2 { font-size: 1.15em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid #ddd;
  break-after: avoid; }
.dgsynth-report .note { color: #666; font-size: .85em; }
.dgsynth-report .verdict { border-left: 5px solid #2e7d32; background: #f1f8f2; padding: .7em 1em; margin: 1em 0; }
.dgsynth-report .verdict.near { border-color: #c77700; background: #fdf7ec; }
.dgsynth-report .verdict.off { border-color: #c62828; background: #fdf1f0; }
.dgsynth-report .lights { display: grid; grid-template-columns: repeat(3, 1fr);
  gap: 8px; list-style: none; padding: 0; margin: 1em 0; }
.dgsynth-report .lights li { border: 1px solid #ddd; border-radius: 6px; padding: .4em .7em; font-size: .9em; }
.dgsynth-report .light { font-weight: 600; white-space: nowrap; }
.dgsynth-report .light.close { color: #2e7d32; }
.dgsynth-report .light.near { color: #a65f00; }
.dgsynth-report .light.off { color: #c62828; }
.dgsynth-report details { border-bottom: 1px solid #ddd; }
.dgsynth-report summary { cursor: pointer; padding: .5em 0; font-weight: 600; break-after: avoid; }
.dgsynth-report summary .note { font-weight: 400; }
.dgsynth-report table { border-collapse: collapse; width: 100%; font-size: .9em; margin-bottom: .6em; }
.dgsynth-report th, .dgsynth-report td { text-align: left; padding: .35em .7em; border-top: 1px solid #eee;
  vertical-align: top; overflow-wrap: normal; }
.dgsynth-report th { white-space: nowrap; color: #555; font-weight: 600; }
.dgsynth-report tr { break-inside: avoid; }
.dgsynth-report td.what { width: 42%; }
.dgsynth-report td.column { overflow-wrap: anywhere; }
.dgsynth-report .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.dgsynth-report .scroll { overflow-x: auto; }
.dgsynth-report .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr));
  gap: 20px; align-items: start; }
.dgsynth-report figure { margin: 0; break-inside: avoid; max-width: 640px; }
.dgsynth-report figcaption { font-size: .9em; font-weight: 600; }
.dgsynth-report img { width: 100%; height: auto; display: block; }
@media (max-width: 600px) {
  .dgsynth-report .lights { grid-template-columns: 1fr 1fr; }
  .dgsynth-report .comparisons thead { display: none; }
  .dgsynth-report .comparisons tr { display: grid; grid-template-columns: auto auto 1fr; border-top: 1px solid #ddd;
    padding: .4em 0; }
  .dgsynth-report .comparisons td { border: 0; padding: .1em .6em .1em 0; width: auto; }
  .dgsynth-report .comparisons td.what { grid-column: 1 / -1; }
  .dgsynth-report .comparisons td.what .light { float: right; }
  .dgsynth-report .comparisons td.column { grid-column: 1 / -1; }
  .dgsynth-report .comparisons td.column:empty, .dgsynth-report .comparisons td.light-cell { display: none; }
  .dgsynth-report .comparisons td.number { text-align: left; }
  .dgsynth-report .comparisons td.number::before { content: attr(data-label) " "; color: #666; }
}
@media (min-width: 601px) { .dgsynth-report td.what .light { display: none; } }
@media print {
  .dgsynth-report { max-width: none; padding: 0; font-size: 11px; }
  .dgsynth-report .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .dgsynth-report .pictures { grid-template-columns: 1fr 1fr; }
  .dgsynth-report details::details-content { content-visibility: visible; block-size: auto; }
}
"""


def page(report: FidelityReport) -> str:
    """Return the whole page; makes the pictures one at a time."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Fidelity report</title>\n<style>body { margin: 0; }</style>\n</head>\n<body>\n<main>\n"
        f"{_content(report, pictures=True)}\n</main>\n</body>\n</html>\n"
    )


def summary(report: FidelityReport) -> str:
    """Return verdict, lights and tables as a part of a page, for a notebook."""
    return _content(report, pictures=False)


def _content(report: FidelityReport, *, pictures: bool) -> str:
    judged = report.table["light"].dropna()
    worst = max(judged, key=LIGHTS.index, default=LIGHTS[0])
    parts = [
        f'<style>{_STYLE}</style>\n<div class="dgsynth-report">\n<h1>Fidelity report</h1>',
        f'<p class="note">{" &middot; ".join(map(_escape, report.sizes))}</p>',
        f'<p class="verdict {worst}">{_escape(report.verdict)} <b>Score {report.score:.2f}</b> of 1.</p>',
        _lights(report.table),
        *([_pictures(report)] if pictures else []),
        "<h2>All comparisons</h2>",
        f'<p class="note">{_escape(wording.rule())}</p>',
        *(_family(name, rows) for name, rows in _families(report.table)),
        *map(_downstream_table, report.downstream),
        "</div>",
    ]
    return "\n".join(parts)


def _families(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for family in FAMILIES:
        rows = table[table["family"] == family]
        if len(rows):
            yield family, rows


def _lights(table: pd.DataFrame) -> str:
    items = (
        f'<li><span class="light {_worst(rows)}">{SYMBOLS.get(_worst(rows), "")}</span> {_escape(FAMILIES[name])}'
        f'<br><span class="note">{_counted(rows)}</span></li>'
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
        f'<details{is_open}><summary><span class="light {_worst(rows)}">{SYMBOLS.get(_worst(rows), "")}</span> '
        f'{_escape(FAMILIES[name])} <span class="note">{_counted(rows)}</span></summary>\n<table class="comparisons">\n'
        '<thead><tr><th>Metric</th><th>Column</th><th class="number">Value</th><th class="number">Floor</th>'
        f"<th>Unit</th><th></th></tr></thead>\n<tbody>\n{body}\n</tbody></table></details>"
    )


def _row(row: dict[Any, Any]) -> str:
    light = row["light"] if isinstance(row["light"], str) else ""
    shown = f'<span class="light {light}">{SYMBOLS.get(light, "")} {light or "not measurable"}</span>'
    words = wording.title(row["name"])
    return (
        f'<tr><td class="what">{shown}{_escape(_sentence(words))}'
        f'<br><span class="note">{_escape(wording.MEANINGS[row["name"]])}</span></td>'
        f'<td class="column">{_escape(row["column"])}</td>'
        f'<td class="number" data-label="value">{wording.number(row["value"])}</td>'
        f'<td class="number" data-label="floor">{wording.number(row["floor"])}</td>'
        f'<td>{_escape(row["unit"])}</td><td class="light-cell">{shown}</td></tr>'
    )


def _downstream_table(result: DownstreamResult) -> str:
    table = result.summary()
    head = "".join(f'<th class="number">{_escape(scenario.replace("->", "→"))}</th>' for scenario in SCENARIOS)
    body = "\n".join(
        f"<tr><td>{_escape(algorithm)}</td>"
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
        f"<h2>{_escape(_sentence(result.task))}</h2>\n"
        f'<div class="scroll"><table><thead><tr><th>Algorithm</th>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
        f'<p class="note">{_escape(result.score_name)}, mean ± standard deviation of repeats; trained on → tested on. '
        f"Spearman rank correlation of the algorithms with real → real: {_escape(ranks)}.</p>"
    )


def _pictures(report: FidelityReport) -> str:
    sections = []
    for heading, figures in _sections(report):
        pictures = "\n".join(_picture(caption, figure) for caption, figure in figures)
        if pictures:
            sections.append(f'<h2>{_escape(heading)}</h2>\n<div class="pictures">\n{pictures}\n</div>')
    columns = {"measurements": report.real.schema.measurements, "metadata columns": report.real.schema.metadata}
    for what, pictured in columns.items():
        if len(pictured) > MAX_PICTURED:
            note = f"Pictures of the first {MAX_PICTURED} of {len(pictured)} {what}; the tables have all."
            sections.append(f'<p class="note">{_escape(note)}</p>')
    return "\n".join(sections)


def _sections(report: FidelityReport) -> Iterator[tuple[str, Iterator[tuple[str, Figure]]]]:
    """Heading and pictures of each section; made one at a time, so that only one figure is held in memory."""
    rng = np.random.default_rng(report.random_state)
    shown = _Pictured(report, random_part(report.real, rng), random_part(report.synthetic, rng))
    for place, column in enumerate(report.real.schema.measurements[:MAX_PICTURED]):
        yield f"Measurement {column.name}", shown.measurement(column, with_nearest=place < MAX_NEAREST_PICTURED)
    yield "Measurements together", shown.pairs()
    yield "Metadata and lengths", shown.samples()
    yield "Downstream tasks", shown.downstream()
    yield "Training", shown.training()


@dataclass(frozen=True, eq=False)
class _Pictured:
    """The data of the pictures, and the pictures of each section."""

    report: FidelityReport
    real: Sequences
    synthetic: Sequences

    def measurement(self, column: Column, *, with_nearest: bool) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        data, name, seed = (self.real, self.synthetic), column.name, self.report.random_state
        counted = column.kind in COUNTED_KINDS
        yield "Some series", plots.plot_gallery(*data, name, random_state=seed)
        if not counted:
            yield "Mean autocorrelation", plots.plot_autocorrelation(*data, name)
        yield "Values of all records", plots.plot_values(*data, name)
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
            yield _sentence(result.task), plots.plot_downstream(result.scores, result.score_name)

    def training(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        if self.report.history is not None and len(self.report.history):
            yield "Losses by step", plots.plot_training(self.report.history, self.report.validation_scores)


def _picture(caption: str, figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = _escape(caption)
    return f'<figure><figcaption>{text}</figcaption><img src="data:image/png;base64,{data}" alt="{text}"></figure>'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _escape(text: object) -> str:
    return html.escape(str(text), quote=True)
