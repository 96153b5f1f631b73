"""The part of the page that follows a training."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dgsynth.studio.job import Job, Run
from dgsynth.studio.session import Session
from dgsynth.studio.text import plain, sentence

_MOST_DRAWN = 300
"""Points of a curve."""


def show_training(session: Session) -> None:
    """Show the training of a tab as it stands, and judge the model once it is done."""
    job = session.job
    if job is None:
        return
    if not job.is_over:
        st.fragment(_follow, run_every=1.0)(job)
        return
    if job.state == "cancelled":
        st.info("Training was cancelled; nothing of it is kept.")
    elif job.state == "failed":
        st.error(sentence(job.error))
    else:
        if session.result is None:
            with st.spinner("Making samples and comparing them"):
                session.judge()
        if job.choice:
            st.success(sentence(job.choice))
        for warning in job.warnings:
            st.warning(sentence(warning))
        with st.expander("How training went"):
            _show_runs(job)


def _follow(job: Job) -> None:
    if job.is_over:
        st.rerun()
    if job.state == "waiting":
        st.info("Another tab is training. This one waits for its turn, since two at once would slow each other down.")
    else:
        limit = job.task.time_limit
        title = (
            f"{job.runs[-1].title}, step {job.runs[-1].losses[-1]['step']:,.0f}" if job.runs else "reading the table"
        )
        text = f"{title}: {job.elapsed:,.0f} of {limit:,.0f} s"
        st.progress(min(job.elapsed / limit, 1.0), plain(text[:1].upper() + text[1:]))
        _show_runs(job)
    keep, drop = st.columns(2)
    keep.button("Stop, and keep the model", on_click=job.stop, disabled=not job.runs, width="stretch")
    drop.button("Cancel", on_click=job.cancel, width="stretch")


def _show_runs(job: Job) -> None:
    if not job.runs:
        return
    run = job.runs[-1]
    left, right = st.columns(2)
    with left:
        st.caption("Losses by step")
        losses = pd.DataFrame(list(run.losses))  # a copy, since more of them come
        st.line_chart(_thinned(losses), x="step", y_label="", height=220)
    with right:
        st.caption(_measured(run))
        if run.scores:
            scores = pd.DataFrame(run.scores, columns=["step", run.measure])
            st.line_chart(_thinned(scores), x="step", y=run.measure, y_label="", height=220)
        else:
            st.caption("There is none yet.")
    if len(job.runs) > 1:
        rows = [(each.title, _measured(each), each.scores[-1][1] if each.scores else None) for each in job.runs]
        st.dataframe(pd.DataFrame(rows, columns=["Trained so far", "Measured", "Last"]), hide_index=True)


def _measured(run: Run) -> str:
    if run.measure == "score":
        return "Score of held-out samples, at most 1"
    return "Likelihood of held-out samples, by value"


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """Return a part of the rows, evenly, with the last."""
    return table.iloc[:: -(len(table) // _MOST_DRAWN + 1)].iloc[::-1]
