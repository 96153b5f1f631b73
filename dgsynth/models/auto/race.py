"""The race: each candidate is trained for its share of the time, and scored by samples that none was trained on."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError, DivergenceError
from dgsynth.models.auto.candidates import Make
from dgsynth.models.auto.clock import Clock
from dgsynth.models.synthesizer import SCORE_SEED, ReadTable, Synthesizer
from dgsynth.training.callbacks import UNLIMITED, InterruptWatch
from dgsynth.training.splitting import n_held_out, parted

EQUAL = 0.01
"""Scores that differ by no more count as equal; the lower mean excess decides then, and at last the order."""

FRACTION, MOST = 0.2, 1000
"""Share of the samples that are held out, and how many at most."""

_SAID_ONCE = "column .* like an identifier|training was interrupted"
"""Warnings of a model that are given once for all of them."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A candidate, and what became of it.

    Attributes
    ----------
    name : str
    model : Synthesizer or None
        As it was trained in the race; None where it could not be.
    score, excess : float
        See `dgsynth.evaluation.fidelity.score` and `mean_excess`; NaN where there is none.
    seconds : float
        Of its training.
    n_samples : int
        It was trained on.
    remark : str
        Why it failed, or what the user was to be warned of.
    interrupted : bool
        Whether the user ended its training, or its scoring.
    """

    name: str
    model: Synthesizer | None = None
    score: float = float("nan")
    excess: float = float("nan")
    seconds: float = 0.0
    n_samples: int = 0
    remark: str = ""
    interrupted: bool = False

    @property
    def rank(self) -> float:
        """What is highest for the best: the score; below it come what has none, and at last what failed."""
        if self.model is None:
            return -2.0
        return -1.0 if np.isnan(self.score) else self.score


def hold_out(data: Sequences, seed: int) -> tuple[Sequences, Sequences]:
    """Return the samples to train on, and a random fifth to score by, 2 at least and 1,000 at most."""
    return parted(data, n_held_out(FRACTION, len(data), MOST), seed)


def race(
    candidates: Mapping[str, Make], training: Sequences, judge: Sequences, seconds: float, *, shown: bool
) -> list[Entry]:
    """Return what became of each candidate, the best first.

    Parameters
    ----------
    candidates : mapping of str to Make
    training, judge : Sequences
        To train on, and to score by; as many samples are made as the second holds.
    seconds : float
        Of training, for all of them. They have equal shares, and one that ends before it leaves its time to the rest.
    shown : bool
        Whether progress is shown.
    """
    judged, left = judge_of(judge), seconds
    entries: list[Entry] = []
    for number, (name, make) in enumerate(candidates.items()):
        title = f"candidate {number + 1} of {len(candidates)}, {name}"
        share = left / (len(candidates) - number)
        clock = Clock(share, title, shown=shown)
        entry = trained(name, make, training, clock)
        left -= min(entry.seconds, share)  # what one takes beyond its last step is not at the others' cost
        warn_of_failure(entry)
        if entry.model is not None and not entry.interrupted:
            try:
                score, excess = judged(entry.model._maker()(SCORE_SEED, 0, len(judge)))
                entry = replace(entry, score=score, excess=excess)
            except KeyboardInterrupt:
                entry = replace(entry, interrupted=True)
        clock.close("" if np.isnan(entry.score) else f"score {entry.score:.2f}")
        entries.append(entry)
        if entry.interrupted:
            break
    return _ranked(entries)


def judge_of(real: Sequences) -> Callable[[Sequences], tuple[float, float]]:
    """Return what tells of samples their score by real ones, and their mean excess."""
    # Not at the head of the file: whoever trains nothing does not wait for the import.
    from dgsynth.evaluation.fidelity import Scorer, mean_excess, score

    scorer = Scorer(real)

    def judge(made: Sequences) -> tuple[float, float]:
        table = scorer.table(made)
        return score(table), mean_excess(table)

    return judge


def trained(name: str, make: Make, data: Sequences, clock: Clock | None) -> Entry:
    """Return a candidate trained until the clock ends it, or by itself; without a model where it can't be.

    Parameters
    ----------
    name : str
    make : Make
    data : Sequences
    clock : Clock or None
        None lets the model's own parameters say how long.
    """
    model, watch, begin = make(), InterruptWatch(), time.monotonic()
    try:
        remarks = _fit(model, data, watch, clock)
    except (DataError, DivergenceError) as error:
        return Entry(name, seconds=time.monotonic() - begin, remark=str(error))
    except KeyboardInterrupt:  # before there was a model to keep
        return Entry(name, seconds=time.monotonic() - begin, interrupted=True)
    seconds, remark = time.monotonic() - begin, "; ".join(remarks)
    return Entry(name, model, seconds=seconds, n_samples=len(data), remark=remark, interrupted=watch.interrupted)


def warn_of_failure(entry: Entry) -> None:
    """Warn where a candidate could not be trained."""
    if entry.model is None and not entry.interrupted:
        warnings.warn(f"{entry.name} is left out: {entry.remark}", stacklevel=4)


def leaderboard(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return the entries as a table: model, score, mean excess, seconds, steps and remark."""
    rows = []
    for e in entries:
        remark = "; ".join(filter(None, [e.remark, "interrupted" if e.interrupted else ""]))
        rows.append((e.name, e.score, e.excess, e.seconds, 0 if e.model is None else e.model.n_steps_, remark))
    return pd.DataFrame(rows, columns=["model", "score", "mean excess", "seconds", "steps", "remark"])


def _ranked(entries: list[Entry]) -> list[Entry]:
    """Return the entries by score, but ahead of all the one with the least excess of those that are about the best."""
    highest = max(entry.rank for entry in entries)
    about_the_best = [entry for entry in entries if entry.rank >= highest - EQUAL]
    best = min(about_the_best, key=lambda entry: np.inf if np.isnan(entry.excess) else entry.excess)
    others = [entry for entry in entries if entry is not best]
    return [best, *sorted(others, key=lambda entry: entry.rank, reverse=True)]


def _fit(model: Synthesizer, data: Sequences, watch: InterruptWatch, clock: Clock | None) -> list[str]:
    """Fit a model, whose parameters stay as they are, and return what it warned of."""
    own = model.get_params(deep=False)
    limit = {} if clock is None else {"max_steps": own["max_steps"] or UNLIMITED}
    model.set_params(callbacks=[*own["callbacks"], watch, *([] if clock is None else [clock])], **limit)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(ReadTable(data))
    finally:
        model.set_params(callbacks=own["callbacks"], max_steps=own["max_steps"])
    said = dict.fromkeys(str(warning.message) for warning in caught if issubclass(warning.category, UserWarning))
    return [text for text in said if not re.match(_SAID_ONCE, text)]
