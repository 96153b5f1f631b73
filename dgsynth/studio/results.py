"""The part of the page that shows what was learned, and hands out samples, model and report."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dgsynth.data.column import Column
from dgsynth.studio.session import Result, Session
from dgsynth.studio.text import plain, sentence

if TYPE_CHECKING:
    from dgsynth.evaluation.figures import Figure

_MOST_CHOICES = 1000
"""Categories that are listed; of more, the value is typed."""

_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def show_report(result: Result) -> None:
    """Show verdict and score, and pictures of real beside synthetic."""
    report = result.report
    st.subheader("Real beside synthetic", anchor=False)
    judged = "the samples held out" if report.holdout is not None else "the samples it was trained on"
    score, lights = st.columns([1, 3], vertical_alignment="center")
    score.metric("Score, at most 1", f"{report.score:.2f}", help=f"By {judged}; 1 is as close as real samples are.")
    lights.markdown(plain(report.verdict))
    if report.remedy:
        st.info(sentence(report.remedy))
    schema = report.real.schema
    columns = {column.name: column for column in (*schema.measurements, *schema.metadata)}
    name = st.selectbox("Column", list(columns), format_func=str)
    if name not in result.pictures:
        result.pictures[name] = [(caption, _drawn(figure)) for caption, figure in _pictures(result, columns[name])]
    for caption, image in result.pictures[name]:
        st.image(image, plain(caption), width="stretch", alt=caption)
    with st.expander("All comparisons"):
        shown = report.table[["light", "name", "column", "value", "floor", "unit"]]
        st.dataframe(shown.assign(name=shown["name"].str.replace("_", " ")), hide_index=True)


def _pictures(result: Result, column: Column) -> Iterator[tuple[str, Figure]]:
    from dgsynth.evaluation import plots

    report, name = result.report, column.name
    data = report.real, report.synthetic
    if column in report.real.schema.metadata:
        yield f"{name}: how samples are distributed", plots.plot_metadata(*data, name)
        return
    yield f"{name}: some series", plots.plot_gallery(*data, name)
    yield f"{name}: values of all records", plots.plot_values(*data, name)
    if not column.has_categories:
        yield f"{name}: mean autocorrelation", plots.plot_autocorrelation(*data, name)


def _drawn(figure: Figure) -> bytes:
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=160)
    return image.getvalue()


def show_downloads(session: Session, result: Result) -> None:
    """Make samples as they are asked for, and hand out these, the model and the report."""
    st.subheader("Take with you", anchor=False)
    asked = _asked(result)
    if asked is not None:
        session.sample(result.model, **asked)
    if (made := session.samples) is not None:
        st.dataframe(made.head, hide_index=True, height=220)
        kind = _TYPES[made.name.rpartition(".")[2]]
        st.download_button(f"Download {made.name}", made.content, made.name, kind, on_click="ignore")
    assert session.job is not None, "its result is shown"
    first, second = st.columns(2)
    model = session.job.output
    first.download_button(
        "Download the model", model.read_bytes(), model.name, on_click="ignore", width="stretch",
        help="dgsynth.load reads it",
    )  # fmt: skip
    second.download_button(
        "Download the report", result.report.to_html, "report.html", "text/html", on_click="ignore", width="stretch"
    )


def _asked(result: Result) -> dict[str, Any] | None:
    """Return what is asked of samples, once they are to be made."""
    columns = {column.name: column for column in result.model.schema_.metadata}
    given = st.multiselect("Given metadata", list(columns), format_func=str, help="Every sample has these values.")
    with st.form("samples"):
        metadata = {name: _value(columns[name]) for name in given}
        first, second, third = st.columns(3)
        n = first.number_input("Samples", min_value=1, value=min(len(result.report.real), 1000))
        seed = second.number_input("Seed", min_value=0, value=1)
        format = third.selectbox("Format", list(_TYPES))
        makes = st.form_submit_button("Make samples", type="primary")
    return {"n": int(n), "metadata": metadata, "seed": int(seed), "format": format} if makes else None


def _value(column: Column) -> Any:
    """Return the value that is given for a column."""
    label, key = plain(column.name), f"given-{column.name}"
    if column.has_categories:
        choices = list(column.categories or (False, True))
        if len(choices) <= _MOST_CHOICES:
            return st.selectbox(label, choices, key=key, format_func=str)
        return st.text_input(label, str(choices[0]), key=key)
    low, high = column.minimum or 0, column.maximum or 0
    if column.kind == "datetime":
        return st.text_input(label, str(pd.Timestamp(low)), key=key)
    return st.number_input(label, value=int(low + high) // 2 if column.kind == "integer" else (low + high) / 2, key=key)
