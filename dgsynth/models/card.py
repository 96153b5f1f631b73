"""What a fitted model has learned, as a part of a page that a notebook shows below the model's diagram."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from dgsynth.data.column import between
from dgsynth.data.markup import escape, table
from dgsynth.data.schema import Schema

_MOST_ROWS = 40

# Colours are the notebook's own, so that it is read on light and on dark ones.
_STYLE = """
.dgsynth-learned { margin-top: .6em; max-width: 60em; font-size: 13px; line-height: 1.45; color: inherit; }
.dgsynth-learned dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1em 1em; margin: 0 0 .6em;
  overflow-wrap: anywhere; }
.dgsynth-learned dt { opacity: .7; font-weight: normal; margin: 0; }
.dgsynth-learned dd { margin: 0; }
.dgsynth-learned summary { cursor: pointer; }
.dgsynth-learned table { border-collapse: collapse; font-size: 12px; color: inherit; }
.dgsynth-learned th, .dgsynth-learned td { text-align: left !important; padding: .15em .7em .15em 0; max-width: 30em;
  white-space: normal !important; overflow-wrap: break-word; }
"""


def card(model: Any) -> str:
    """Return columns, lengths, training, scores, choice and settings of a fitted synthesizer."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _facts(model))
    columns = model.schema_.summary()
    parts = [
        f"<dl>{items}</dl>",
        _folded(f"{len(columns):,} columns", columns, is_open=len(columns) <= _MOST_ROWS),
        *(_folded(title, frame) for title, frame in _tables(model)),
    ]
    return f'<style>{_STYLE}</style><div class="dgsynth-learned">{"".join(parts)}</div>'


def _facts(model: Any) -> Iterator[tuple[str, str]]:
    yield "samples", _samples(model.schema_)
    if (choice := getattr(model, "choice_", None)) is not None:
        yield "chosen", choice
    yield "trained", f"{_counted(model.n_steps_, 'step')}, {_counted(model.n_epochs_, 'whole epoch')}"
    scores = getattr(model, "validation_scores_", None)
    if scores is not None and len(scores):
        best = f"{model.best_score_:.3g} at step {model.best_step_:,}"
        yield "validation score", f"{best}, the best of {len(scores):,}"
    if restarts := getattr(model, "n_restarts_", 0):
        yield "begun anew", _counted(restarts, "time")
    yield "weights", f"{model.n_weights_:,}"
    if (epsilon := getattr(model, "epsilon_", None)) is not None:
        yield "privacy", f"epsilon {epsilon:.3g}"
    if (constraints := getattr(model, "constraints_", None)) is not None:
        yield "constraints", "; ".join(constraints.texts)


def _samples(schema: Schema) -> str:
    if not schema.max_length:
        return "rows of a table"
    return f"series of {between(schema.min_length, schema.max_length)} records"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _tables(model: Any) -> Iterator[tuple[str, pd.DataFrame]]:
    leaderboard = getattr(model, "leaderboard_", None)
    if leaderboard is not None:
        yield "The race", leaderboard.round({"score": 3, "mean excess": 2, "seconds": 1})
    settings = getattr(model, "settings_", None)
    if settings:
        rows = [(name, str(setting.value), setting.why) for name, setting in settings.items()]
        yield "Settings chosen by the data", pd.DataFrame(rows, columns=["parameter", "value", "why"])


def _folded(title: str, frame: pd.DataFrame, *, is_open: bool = False) -> str:
    shown = table(frame, max_rows=_MOST_ROWS)
    return f"<details{' open' if is_open else ''}><summary>{escape(title)}</summary>{shown}</details>"
