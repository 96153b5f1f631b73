"""A report that says in words, numbers and pictures how close synthetic data come to real ones."""

from __future__ import annotations

import base64
import html
import io
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dgsynth.evaluation.metrics import COUNTED_KINDS, fidelity_table

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences
    from dgsynth.evaluation.plots import Figure

FLOOR_FACTOR = 1.5
"""A distance is close if it is at most this many times its floor, plus the tolerance of its unit."""

TOLERANCES = {"share": 0.05, "real std": 0.1, "correlation²": 0.002}
"""Differences of each unit that hardly matter in use, however small the floor of a large data set is."""

MAX_PICTURED = 12
"""Most columns of a kind that get pictures of their own."""

MEANINGS = {
    "metadata_total_variation": "share of samples whose value would have to change",
    "length_total_variation": "share of samples whose length would have to change",
    "measurement_total_variation": "share of records whose value would have to change",
    "autocorrelation_mse": "mean squared difference of the mean autocorrelations: rhythm and memory over time",
    "wasserstein_values": "mean shift between the distributions of the values",
    "wasserstein_totals": "mean shift between the distributions of the samples' totals",
}
"""What each distance measures, in the words of the report."""

_STYLE = """
.dgsynth-report { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #222; background: #fff;
  max-width: 1080px; margin: 0 auto; padding: 16px; box-sizing: border-box; overflow-wrap: anywhere; }
.dgsynth-report h1 { font-size: 1.6em; line-height: 1.2; margin: .3em 0; }
.dgsynth-report h2 { font-size: 1.15em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid #ddd; }
.dgsynth-report .note { color: #666; font-size: .85em; }
.dgsynth-report .verdict { border-left: 5px solid #0072B2; background: #f2f7fb; padding: .7em 1em; margin: 1em 0; }
.dgsynth-report .verdict.off { border-color: #D55E00; background: #fdf5ef; }
.dgsynth-report .scroll { overflow-x: auto; }
.dgsynth-report table { border-collapse: collapse; width: 100%; font-size: .9em; }
.dgsynth-report th, .dgsynth-report td { text-align: left; padding: .4em .7em; border-bottom: 1px solid #eee;
  vertical-align: top; overflow-wrap: normal; }
.dgsynth-report th { border-bottom: 2px solid #ccc; white-space: nowrap; }
.dgsynth-report td.what { max-width: 24em; }
.dgsynth-report td.column { overflow-wrap: anywhere; min-width: 11em; }
.dgsynth-report .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.dgsynth-report .close { color: #0072B2; font-weight: 600; white-space: nowrap; }
.dgsynth-report .off { color: #B04A00; font-weight: 600; white-space: nowrap; }
.dgsynth-report .verdict.off { color: inherit; font-weight: inherit; white-space: normal; }
.dgsynth-report .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr));
  gap: 20px; align-items: start; }
.dgsynth-report figure { margin: 0; break-inside: avoid; max-width: 640px; }
.dgsynth-report figcaption { font-size: .9em; font-weight: 600; }
.dgsynth-report img { width: 100%; height: auto; display: block; }
@media (max-width: 600px) {
  .dgsynth-report thead { display: none; }
  .dgsynth-report tr { display: grid; grid-template-columns: auto 1fr auto; border-bottom: 1px solid #ddd;
    padding: .4em 0; }
  .dgsynth-report td { border: 0; padding: .1em .4em .1em 0; text-align: left; }
  .dgsynth-report td.what { grid-column: 1 / 3; }
  .dgsynth-report td.judgement { grid-column: 3; grid-row: 1; text-align: right; padding-right: 0; }
  .dgsynth-report td.column { grid-column: 1 / -1; }
  .dgsynth-report td.number::before { content: attr(data-label) " "; color: #666; }
}
@media print { .dgsynth-report { max-width: none; padding: 0; font-size: 11px; }
  .dgsynth-report .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def evaluate(
    real: Sequences, synthetic: Sequences, *, history: pd.DataFrame | None = None, random_state: int = 0
) -> FidelityReport:
    """Return a report on how close synthetic data come to real ones.

    Parameters
    ----------
    real, synthetic : Sequences
        Data with the same columns. Real data that the model was not fitted on make the fairer judge.
    history : DataFrame, default=None
        Losses of the training run, for a picture of them: columns step, generator_loss, discriminator_loss, ...
    random_state : int, default=0
        Seed of the random halves behind the floors, and of the choice of series to show.

    Returns
    -------
    FidelityReport

    Raises
    ------
    DataError
        If the synthetic data lack a column of the real data, or either holds no samples.
    """
    return FidelityReport(fidelity_table(real, synthetic, random_state), real, synthetic, history, random_state)


def is_close(table: pd.DataFrame) -> pd.Series[bool]:
    """Return which distances of a fidelity table are at most FLOOR_FACTOR x floor + the tolerance of their unit."""
    floor = table["floor"].fillna(0.0)
    return table["value"] <= FLOOR_FACTOR * floor + table["unit"].map(TOLERANCES)


@dataclass(frozen=True, eq=False)
class FidelityReport:
    """What `evaluate` found.

    Attributes
    ----------
    table : DataFrame with columns name, column, value, floor, unit
        One row per distance; see `fidelity_table`.
    real, synthetic : Sequences
        The data that were compared.
    history : DataFrame or None
        Losses of the training run.
    random_state : int
    """

    table: pd.DataFrame
    real: Sequences
    synthetic: Sequences
    history: pd.DataFrame | None = None
    random_state: int = 0

    @property
    def verdict(self) -> str:
        """The result in one or two sentences."""
        table = self.table[self.table["value"].notna()]
        if table.empty:
            return "There was nothing to compare."
        close = is_close(table)
        if close.all():
            return f"The synthetic data are close to the real data by all {len(table)} distances."
        off = table[~close]
        excess = off["value"] / (FLOOR_FACTOR * off["floor"].fillna(0.0) + off["unit"].map(TOLERANCES))
        worst = off.iloc[int(excess.to_numpy().argmax())]
        return (
            f"The synthetic data are close to the real data by {close.sum()} of {len(table)} distances. "
            f"Furthest off: {_title(worst['name'], worst['column'])}, {_number(worst['value'])} "
            f"(floor {_number(worst['floor'])})."
        )

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the table as JSON, and write it to `path` if given.

        Parameters
        ----------
        path : path, default=None

        Returns
        -------
        str
            ``{"metrics": [{"name": ..., "column": ..., "value": ..., "floor": ..., "unit": ...}, ...]}``; null for a
            number that could not be computed.
        """
        rows = [{key: _plain(value) for key, value in row.items()} for row in self.table.to_dict("records")]
        text = json.dumps({"metrics": rows}, indent=2, ensure_ascii=False, allow_nan=False)
        if path is not None:
            _write(Path(path), text)
        return text

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained page with verdict, table and pictures to `path`; needs matplotlib.

        Parameters
        ----------
        path : path
        """
        page = (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>Fidelity report</title>\n<style>body {{ margin: 0; }}{_STYLE}</style>\n</head>\n<body>\n"
            f'<main class="dgsynth-report">\n<h1>Fidelity report</h1>\n{self._summary()}\n{self._pictures()}\n</main>\n'
            "</body>\n</html>\n"
        )
        _write(Path(path), page)

    def __str__(self) -> str:
        table = self.table.assign(close=is_close(self.table).map({True: "yes", False: "no"}))
        table.loc[table["value"].isna(), "close"] = "-"
        numbers = {"value": _number, "floor": _number}
        return f"{self.verdict}\n\n{table.to_string(index=False, formatters=numbers)}\n\n{_rule()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f'<style>{_STYLE}</style>\n<div class="dgsynth-report">{self._summary()}</div>'

    def _summary(self) -> str:
        off = not is_close(self.table)[self.table["value"].notna()].all()
        rows = "\n".join(_row(row) for row in self.table.assign(close=is_close(self.table)).to_dict("records"))
        return (
            f'<p class="note">{_escape(_size("real", self.real))} &middot; '
            f"{_escape(_size('synthetic', self.synthetic))}</p>\n"
            f'<p class="verdict{" off" if off else ""}">{_escape(self.verdict)}</p>\n'
            '<div class="scroll"><table>\n<thead><tr><th>Distance</th><th>Column</th><th class="number">Value</th>'
            '<th class="number">Floor</th><th>Unit</th><th></th></tr></thead>\n'
            f'<tbody>\n{rows}\n</tbody></table></div>\n<p class="note">{_escape(_rule())}</p>'
        )

    def _pictures(self) -> str:
        sections = []
        for title, figures in self._sections():
            pictures = "\n".join(_picture(caption, figure) for caption, figure in figures)
            if pictures:
                sections.append(f'<h2>{_escape(title)}</h2>\n<div class="pictures">\n{pictures}\n</div>')
        columns = {"measurements": self.real.schema.measurements, "metadata columns": self.real.schema.metadata}
        for what, pictured in columns.items():
            if len(pictured) > MAX_PICTURED:
                note = f"Pictures of the first {MAX_PICTURED} of {len(pictured)} {what}; the table has all."
                sections.append(f'<p class="note">{_escape(note)}</p>')
        return "\n".join(sections)

    def _sections(self) -> Iterator[tuple[str, Iterator[tuple[str, Figure]]]]:
        """Heading and pictures of each section; made one at a time, so that only one figure is held in memory."""
        for column in self.real.schema.measurements[:MAX_PICTURED]:
            yield f"Measurement {column.name}", self._measurement_pictures(column.name, column.kind)
        yield "Metadata and lengths", self._sample_pictures()
        yield "Training", self._training_pictures()

    def _measurement_pictures(self, name: Label, kind: str) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        data = self.real, self.synthetic
        yield "Some series", plots.plot_gallery(*data, name, random_state=self.random_state)
        if kind not in COUNTED_KINDS:
            yield "Autocorrelation", plots.plot_autocorrelation(*data, name)
        yield "Values of all records", plots.plot_values(*data, name)
        if kind not in (*COUNTED_KINDS, "datetime"):
            yield "Totals of the samples", plots.plot_totals(*data, name)

    def _sample_pictures(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        for column in self.real.schema.metadata[:MAX_PICTURED]:
            yield str(column.name), plots.plot_metadata(self.real, self.synthetic, column.name)
        if self.real.schema.measurements:
            yield "Lengths", plots.plot_lengths(self.real, self.synthetic)

    def _training_pictures(self) -> Iterator[tuple[str, Figure]]:
        from dgsynth.evaluation import plots

        if self.history is not None and len(self.history):
            yield "Losses by step", plots.plot_training(self.history)


def _escape(text: object) -> str:
    return html.escape(str(text), quote=True)


def _rule() -> str:
    tolerances = ", ".join(f"{value:g} ({unit})" for unit, value in TOLERANCES.items())
    return (
        "Floor: the same distance between two random halves of the real data, which a perfect copy would have too. "
        f"Close: at most {FLOOR_FACTOR:g} times the floor plus a tolerance of {tolerances}. "
        "Every distance is 0 for equal data."
    )


def _title(name: str, column: object) -> str:
    words = name.replace("_", " ").replace("mse", "MSE").replace("wasserstein", "Wasserstein")
    return f"{words} of {column}" if str(column) else words


def _row(row: dict[Any, Any]) -> str:
    if math.isnan(row["value"]):
        judgement = '<td class="judgement">not measurable</td>'
    else:
        word = "close" if row["close"] else "off"
        judgement = f'<td class="judgement {word}">{"✓ close" if row["close"] else "✗ off"}</td>'
    title, meaning = _title(row["name"], ""), MEANINGS.get(row["name"], "")
    return (
        f'<tr><td class="what">{_escape(title[:1].upper() + title[1:])}'
        f'<br><span class="note">{_escape(meaning)}</span></td><td class="column">{_escape(row["column"])}</td>'
        f'<td class="number" data-label="value">{_number(row["value"])}</td>'
        f'<td class="number" data-label="floor">{_number(row["floor"])}</td>'
        f"<td>{_escape(row['unit'])}</td>{judgement}</tr>"
    )


def _picture(caption: str, figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = _escape(caption)
    return f'<figure><figcaption>{text}</figcaption><img src="data:image/png;base64,{data}" alt="{text}"></figure>'


def _size(name: str, data: Sequences) -> str:
    records = int(data.lengths.sum())
    return f"{name}: {len(data):,} samples" + (f", {records:,} records" if records else "")


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if value >= 0.01 or value == 0 else f"{value:.2g}"


def _plain(value: Any) -> Any:
    """A value that JSON can hold: null for NaN, text for names that are no plain numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) else str(value)


def _write(path: Path, text: str) -> None:
    """Write under a temporary name and rename, so that a reader never sees half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
