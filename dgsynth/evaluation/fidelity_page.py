"""The report as one self-contained HTML page: verdict, lights, tables of comparisons, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pandas as pd

from dgsynth.evaluation import wording
from dgsynth.evaluation.comparisons import FAMILIES
from dgsynth.evaluation.downstream import SCENARIOS, DownstreamResult
from dgsynth.evaluation.fidelity import LIGHTS
from dgsynth.evaluation.fidelity_findings import FidelityFindings
from dgsynth.evaluation.fidelity_pictures import MAX_PICTURED, drawings
from dgsynth.evaluation.markup import SYMBOLS, document, escape, light_symbol, pictures, sentence
from dgsynth.evaluation.markup import report as framed


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
    sections = []
    on_page = (drawing for drawing in drawings(report) if drawing.on_page)
    for heading, found in groupby(on_page, key=lambda drawing: drawing.section):
        # Drawn one at a time, so that only one figure is held in memory.
        sections.append(pictures(heading, ((drawing.caption, drawing.draw()) for drawing in found)))
    columns = {"measurements": report.real.schema.measurements, "metadata columns": report.real.schema.metadata}
    for what, pictured in columns.items():
        if len(pictured) > MAX_PICTURED:
            note = f"Pictures of the first {MAX_PICTURED} of {len(pictured)} {what}; the tables have all."
            sections.append(f'<p class="note">{escape(note)}</p>')
    return "\n".join(sections)
