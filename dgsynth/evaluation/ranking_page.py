"""The comparison of several models as one self-contained HTML page: standings, pictures, all comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from dgsynth.evaluation import wording
from dgsynth.evaluation.columns import COUNTED_KINDS
from dgsynth.evaluation.comparisons import FAMILIES
from dgsynth.evaluation.markup import document, escape, light_symbol, pictures, report, sentence
from dgsynth.evaluation.ranking import best_of, rank_table, value_table

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences
    from dgsynth.evaluation.figures import Figure

MAX_PICTURED = 4
"""Most measurements that get pictures."""

_STYLE = """
.dgsynth-report .wide td, .dgsynth-report .wide th { white-space: nowrap; padding: .3em .6em; }
.dgsynth-report .wide td.what { white-space: normal; min-width: 14em; width: auto; }
.dgsynth-report .wide td.best { font-weight: 700; background: #f1f8f2; }
"""

_TITLES = {
    "score": "Score",
    "mean_excess": "Mean excess",
    "mean_rank": "Mean rank",
    "close": "Close",
    "near": "Near",
    "off": "Off",
    "seconds": "Training, s",
    "steps": "Steps",
    "samples_per_second": "Samples per s",
}


def page(
    summary: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    failures: dict[str, str],
    facts: list[str],
    real: Sequences,
    made: dict[str, Sequences],
) -> str:
    """Return the whole page.

    Parameters
    ----------
    summary : DataFrame indexed by model
        In the order of the ranks.
    tables : dict of str to DataFrame
        Fidelity tables.
    failures : dict of str to str
        Models that made nothing to compare, and why.
    facts : list of str
        What was compared.
    real : Sequences
        What the models are judged by.
    made : dict of str to Sequences
    """
    shown = "\n".join(pictures(heading, figures) for heading, figures in _sections(real, made))
    return document("Comparison of synthesizers", _content(summary, tables, failures, facts, shown))


def fragment(summary: pd.DataFrame, tables: dict[str, pd.DataFrame], failures: dict[str, str], facts: list[str]) -> str:
    """Return standings and tables as a part of a page, for a notebook."""
    return _content(summary, tables, failures, facts, "")


def _content(
    summary: pd.DataFrame, tables: dict[str, pd.DataFrame], failures: dict[str, str], facts: list[str], shown: str
) -> str:
    parts = [
        "<h1>Comparison of synthesizers</h1>",
        f'<p class="note">{" &middot; ".join(map(escape, facts))}</p>',
        _standings(summary) if len(summary) else "<p>No model made samples to compare.</p>",
        *(
            f'<p class="verdict off"><b>{escape(name)}</b> could not be compared: {escape(reason)}</p>'
            for name, reason in failures.items()
        ),
        shown,
    ]
    if tables:
        parts += [
            "<h2>All comparisons</h2>",
            f'<p class="note">Bold: the best of a row, by how far each is off. {escape(wording.rule())}</p>',
            *_families(tables),
        ]
    return report(parts, _STYLE)


def _standings(summary: pd.DataFrame) -> str:
    columns = [name for name in _TITLES if name in summary]
    head = "".join(f'<th class="number">{_TITLES[name]}</th>' for name in columns)
    rows = "\n".join(
        f'<tr><td class="number">{place}</td><td><b>{escape(name)}</b></td>'
        + "".join(f'<td class="number">{_cell(column, row[column])}</td>' for column in columns)
        + "</tr>"
        for place, (name, row) in enumerate(summary.iterrows(), start=1)
    )
    return (
        f'<div class="scroll"><table class="wide"><thead><tr><th></th><th>Model</th>{head}</tr></thead>\n'
        f"<tbody>{rows}</tbody></table></div>\n"
        '<p class="note">In the order of the scores: geometric means over the families of comparisons of 1 / (how '
        "many times the limit of what is close), at most 1; where they are equal, of the mean excesses: how many times "
        "the limit, as a mean over the families. Mean rank: mean over the families of the mean ranks, copies left out. "
        "Training and sampling were timed in this run, one model after another.</p>"
    )


def _cell(column: str, value: Any) -> str:
    if pd.isna(value):
        return "-"
    if column in ("score", "mean_excess", "mean_rank"):
        return f"{value:.2f}"
    return f"{value:,.0f}" if value >= 10 or float(value).is_integer() else f"{value:.1f}"


def _families(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    values, lights, models = value_table(tables), value_table(tables, "light"), list(tables)
    best = {index: best_of(row) for index, row in rank_table(tables)[models].iterrows()}
    head = "".join(f'<th class="number">{escape(name)}</th>' for name in models)
    for family, heading in FAMILIES.items():
        rows = values[values["family"] == family]
        if rows.empty:
            continue
        body = "\n".join(
            f'<tr><td class="what">{escape(sentence(wording.title(row["name"], row["column"])))}</td>'
            f'<td class="number">{wording.number(row["floor"])}</td><td>{escape(row["unit"])}</td>'
            + _cells(row, light, best.get(index, []), models)
            + "</tr>"
            for (index, row), (_, light) in zip(rows.iterrows(), lights.loc[rows.index].iterrows(), strict=True)
        )
        yield (
            f'<details open><summary>{escape(heading)}</summary>\n<div class="scroll"><table class="wide"><thead><tr>'
            f'<th>Metric</th><th class="number">Floor</th><th>Unit</th>{head}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div></details>"
        )


def _cells(row: pd.Series, lights: pd.Series, best: list[str], models: list[str]) -> str:
    return "".join(
        f'<td class="number{" best" if name in best else ""}">{wording.number(row[name])} '
        f"{light_symbol(lights[name] if isinstance(lights[name], str) else '')}</td>"
        for name in models
    )


def _sections(real: Sequences, made: dict[str, Sequences]) -> Iterator[tuple[str, Iterator[tuple[str, Figure]]]]:
    if not made:
        return
    for column in real.schema.measurements[:MAX_PICTURED]:
        yield f"Measurement {column.name}", _measurement(real, made, column)
    if real.schema.measurements and not real.schema.fixed_length:
        yield "Lengths", _lengths(real, made)


def _measurement(real: Sequences, made: dict[str, Sequences], column: Any) -> Iterator[tuple[str, Figure]]:
    from dgsynth.evaluation import ranking_plots as plots

    if column.kind not in COUNTED_KINDS and column.kind != "datetime":
        yield "Mean autocorrelation", plots.plot_autocorrelations(real, made, column.name)
        yield "Totals of the samples", plots.plot_total_distributions(real, made, column.name)
    yield "Some series", plots.plot_galleries(real, made, column.name)


def _lengths(real: Sequences, made: dict[str, Sequences]) -> Iterator[tuple[str, Figure]]:
    from dgsynth.evaluation import ranking_plots as plots

    yield "Lengths of the samples", plots.plot_length_distributions(real, made)
