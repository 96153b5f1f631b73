"""The page, from the table to the downloads; Streamlit runs it anew whenever something on it changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dgsynth.data.column import Kind
from dgsynth.studio.columns import FEWEST_HELD_OUT, ROLES, Layout, guessed, size_text
from dgsynth.studio.results import show_downloads, show_report
from dgsynth.studio.server import TABLE
from dgsynth.studio.session import Columns, Session
from dgsynth.studio.task import MODELS, Task
from dgsynth.studio.text import plain, sentence
from dgsynth.studio.training import show_training

_SUFFIXES = ["csv", "gz", "parquet"]
_KINDS: tuple[Kind, ...] = ("categorical", "continuous", "integer", "boolean", "datetime")
_PREVIEWED = 100
_NONE = ""

_MODELS = {
    "auto": "Auto: the one that does best on held-out samples",
    "doppelganger": "DoppelGANger: a GAN for series",
    "autoregressive": "Autoregressive: likelihood, for tables and series",
}


def show() -> None:
    """Show the page of this tab."""
    st.set_page_config("dgsynth studio", layout="centered")
    session = st.cache_resource(scope="session", on_release=Session.close, show_spinner=False)(_new_session)()
    st.title("dgsynth studio", anchor=False)
    st.caption("Learn a table, look at what was learned, take new samples. Nothing leaves this machine.")
    with _told(session):
        _open_table(session)
    if session.table is None:
        return
    _preview(session)
    columns = None
    with _told(session):
        columns = _choose_columns(session)
    if columns is None:
        return
    with _told(session):
        _choose_training(session, columns)
        show_training(session)
    if session.result is not None:
        with _told(session):
            show_report(session.result)
            show_downloads(session, session.result)


def _new_session() -> Session:
    return Session()


@contextmanager
def _told(session: Session) -> Iterator[None]:
    """Say an error in a box, without the folder in which this tab's files lie."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError, OSError) as error:
        st.error(sentence(str(error).replace(f"{session.path('', 'given')}{os.sep}", "")))


def _open_table(session: Session) -> None:
    given = st.file_uploader("A table: CSV or Parquet", type=_SUFFIXES)
    simulated = st.button("Take simulated web traffic", help="500 pages, 60 days of views of each")
    reading = _choose_reading()
    named = os.environ.get(TABLE)
    if given is not None and session.given != given.file_id:
        session.given = given.file_id
        session.take_given(given.name, given.getvalue())
    elif simulated:
        session.take_simulated()
    elif session.source is None and named:
        session.take(Path(named))
    session.open(reading)


def _choose_reading() -> dict[str, Any]:
    """Return the keywords of `read_table` for what a file doesn't tell by itself."""
    with st.expander("How the file is written"):
        first, second, third = st.columns(3)
        encoding = third.text_input("Encoding", placeholder="UTF-8, or as the file says")
        chosen = {
            "separator": first.text_input("Separator", placeholder="recognised"),
            "decimal": second.selectbox("Decimal mark", ["", ".", ","], format_func=lambda mark: mark or "recognised"),
            "encoding": encoding,
            "date_format": first.text_input("Date format", placeholder="such as %d/%m/%Y"),
        }
        missing = second.text_input("Missing values", placeholder="texts, divided by commas")
    return {
        **{name: value or None for name, value in chosen.items()},
        "missing": [text.strip() for text in missing.split(",") if text.strip()],
    }


def _preview(session: Session) -> None:
    table = session.table
    assert table is not None, "it is open"
    rows, columns = table.frame.shape
    st.subheader("The table", anchor=False)
    st.markdown(f"**{plain(table.path.name)}**, {rows:,} rows, {columns:,} columns")
    for warning in table.warnings:
        st.warning(sentence(warning))
    st.dataframe(table.frame.head(_PREVIEWED), hide_index=True, height=220)


def _choose_columns(session: Session) -> Columns:
    table = session.table
    assert table is not None, "it is open"
    st.subheader("Its columns", anchor=False)
    layout = _choose_layout(table.frame, f"{session.number}")
    inferred, rows = session.inferred(layout)
    roles = ROLES if inferred.measurements else (ROLES[0], ROLES[2])
    chosen = st.data_editor(
        rows,
        key=f"columns-{session.number}-{layout}",
        hide_index=True,
        disabled=["name", "dtype", "values", "missing"],
        column_config={
            "name": st.column_config.TextColumn("Column"),
            "role": st.column_config.SelectboxColumn("Role", options=list(roles), required=True),
            "kind": st.column_config.SelectboxColumn("Kind", options=list(_KINDS), required=True),
            "dtype": None,
            "values": st.column_config.TextColumn("Values"),
            "missing": st.column_config.TextColumn("Missing"),
        },
    )
    columns = session.columns(layout, chosen)
    st.markdown(f"**{size_text(columns.samples)}**")
    for warning in columns.warnings:
        st.warning(sentence(warning))
    return columns


def _choose_layout(frame: pd.DataFrame, number: str) -> Layout:
    names, guess = [_NONE, *map(str, frame.columns)], guessed(frame)
    first, second, third = st.columns(3)
    key = first.selectbox(
        "Sequence key",
        names,
        names.index(guess.sequence_key or _NONE),
        key=f"key-{number}",
        format_func=lambda name: name or "none: a row is a sample",
        help="The column that tells samples apart. What is constant for each of its values is metadata.",
    )
    index = second.selectbox(
        "Sequence index",
        names,
        names.index(guess.sequence_index or _NONE),
        key=f"index-{number}",
        format_func=lambda name: name or "none",
        help="The column that orders the records of a sample: a time or a number.",
    )
    window = third.number_input(
        "Cut into windows of", min_value=0, value=0, key=f"window-{number}", help="Records; 0 leaves series whole."
    )
    return Layout(key or None, index or None, int(window) or None)


def _choose_training(session: Session, columns: Columns) -> None:
    st.subheader("Training", anchor=False)
    n_samples = len(columns.samples)
    with st.form("training"):
        model = st.selectbox("Model", list(MODELS), format_func=_MODELS.__getitem__)
        first, second, third = st.columns(3)
        seconds = first.number_input("Time limit in seconds", min_value=1, value=60)
        steps = second.number_input("Steps at most", min_value=0, value=0, help="0 takes as many as the time allows.")
        seed = third.number_input("Seed", min_value=0, value=0)
        holds_out = st.checkbox(
            "Keep a fifth of the samples to judge by",
            value=n_samples >= FEWEST_HELD_OUT,
            disabled=n_samples < FEWEST_HELD_OUT,
            help=f"Needs {FEWEST_HELD_OUT} samples. Without it the model is judged by what it was trained on.",
        )
        begins = st.form_submit_button("Train", type="primary")
    if begins:
        assert session.table is not None, "it is open"
        session.train(
            Task(
                table=str(session.table.path),
                reading=session.table.reading,
                layout=columns.layout,
                left_out=columns.left_out,
                schema=columns.schema.to_dict(),
                model=model,
                time_limit=float(seconds),
                max_steps=int(steps) or None,
                holds_out=holds_out,
                random_state=int(seed),
            )
        )
