"""The choice of a model: by a race where there are samples to hold out, and trained on all of them then."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

import numpy as np

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.models.auto.candidates import Make
from dgsynth.models.auto.clock import Clock
from dgsynth.models.auto.race import EQUAL, Entry, hold_out, race, trained, warn_of_failure
from dgsynth.models.synthesizer import Synthesizer

TIME_LIMIT = 300.0
"""Seconds, by default."""

RACE = 1 / 3
"""Share of the time that the candidates have, all together."""

FEWEST = 20
"""Of fewer samples none are held out: a fifth of them would tell nothing."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The model that was chosen, and why.

    Attributes
    ----------
    model : Synthesizer
    entries : sequence of Entry
        What became of each candidate, the best first.
    reason : str
        A sentence.
    interrupted : bool
        Whether the user ended the race, or the training that follows.
    """

    model: Synthesizer
    entries: Sequence[Entry]
    reason: str
    interrupted: bool


def choose(candidates: Mapping[str, Make], data: Sequences, seconds: float | None, seed: int, *, shown: bool) -> Choice:
    """Return the best of some models, trained on all samples.

    Parameters
    ----------
    candidates : mapping of str to Make
        The first is taken where there are too few samples for a race, unless it fails.
    data : Sequences
    seconds : float or None
        For all together. With None the race takes a third of `TIME_LIMIT`, and the model's own parameters say how long
        it is trained then.
    seed : int
        Of which samples are held out.
    shown : bool
        Whether progress is shown on stderr.

    Raises
    ------
    DataError
        No candidate can learn the data.
    KeyboardInterrupt
        The user interrupted it before there was a model to keep.
    """
    end = None if seconds is None else time.monotonic() + seconds
    if len(data) < FEWEST:
        return _first(candidates, data, end, shown)
    training, judge = hold_out(data, seed)
    entries = race(candidates, training, judge, RACE * (TIME_LIMIT if seconds is None else seconds), shown=shown)
    best, interrupted = entries[0], any(entry.interrupted for entry in entries)
    if best.model is None:
        _raise(entries)
    reason = _reason(entries, len(judge))
    if not interrupted:
        _tell(reason, shown)
        best = _anew(best, candidates[best.name], data, end, shown)
    return _chosen(
        best,
        [replace(entries[0], remark=best.remark, interrupted=best.interrupted), *entries[1:]],
        reason,
        len(data),
        interrupted,
    )


def _first(candidates: Mapping[str, Make], data: Sequences, end: float | None, shown: bool) -> Choice:
    """Return the first of some models that can learn the data."""
    few = f"without a race: {len(data)} samples are fewer than the {FEWEST} that it takes to hold some out"
    failed: list[Entry] = []
    for name, make in candidates.items():
        _tell(f"{name}, {few}", shown)
        entry = _on_all(name, make, data, end, shown)
        if entry.model is not None:
            return _chosen(entry, [entry, *failed], f"{name}, {few}", len(data))
        warn_of_failure(entry)
        failed.append(entry)
        if entry.interrupted:
            break
    _raise(failed)


def _anew(best: Entry, make: Make, data: Sequences, end: float | None, shown: bool) -> Entry:
    """Return the winner trained on all samples; as it was trained in the race where that took longer, or failed."""
    if end is not None and end - time.monotonic() < best.seconds:
        return replace(best, remark="kept as it was in the race, for which there was more time than after it")
    entry = _on_all(best.name, make, data, end, shown)
    if entry.model is None and not entry.interrupted:
        warnings.warn(
            f"{best.name} is kept as it was in the race, on all samples it failed: {entry.remark}", stacklevel=4
        )
    if entry.model is None or (entry.interrupted and entry.seconds < best.seconds):
        remark = "; ".join(filter(None, ["kept as it was in the race", entry.remark]))
        return replace(best, remark=remark, interrupted=entry.interrupted)
    remark = f"trained on all {len(data)} samples for {entry.seconds:.0f} s then"
    return replace(entry, remark="; ".join(filter(None, [remark, entry.remark])))


def _on_all(name: str, make: Make, data: Sequences, end: float | None, shown: bool) -> Entry:
    """Return a model trained on all samples, until a moment if there is one; what it warns of is for the user."""
    if end is None:
        entry = trained(name, partial(make, verbose=int(shown)), data, None)
    else:
        clock = Clock(max(end - time.monotonic(), 0.0), f"{name}, on all samples", shown=shown)
        entry = trained(name, make, data, clock)
        clock.close()
    if entry.model is not None and entry.remark:
        warnings.warn(f"{name}: {entry.remark}", stacklevel=5)
    return entry


def _chosen(
    best: Entry, entries: Sequence[Entry], reason: str, n_samples: int, race_was_interrupted: bool = False
) -> Choice:
    """Return the choice, with warnings of what came of its training."""
    assert best.model is not None, "it was checked"
    interrupted = race_was_interrupted or best.interrupted
    if interrupted:
        warnings.warn(
            f"training was interrupted; the model is {best.name}, trained for {best.seconds:.0f} s on "
            f"{best.n_samples} of {n_samples} samples, and usable as it stands",
            stacklevel=4,
        )
    return Choice(best.model, entries, reason, interrupted)


def _reason(entries: Sequence[Entry], n_held_out: int) -> str:
    best, *others = entries
    if np.isnan(best.score):
        return f"{best.name}, which is all that there was when the race was interrupted"
    text = f"{best.name}: {best.score:.2f} of 1 on {n_held_out:,} held-out samples"
    scored = [entry for entry in others if not np.isnan(entry.score)]
    if not scored:
        return f"{text}, the only one that was scored"
    for entry in scored:
        is_level = entry.score >= best.score - EQUAL
        text += f", {'level with' if is_level else 'ahead of'} {entry.name} with {entry.score:.2f}"
        text += f" (mean excess {best.excess:.2f} and {entry.excess:.2f})" if is_level else ""
    return text


def _raise(entries: Sequence[Entry]) -> NoReturn:
    """Say why there is no model."""
    if any(entry.interrupted for entry in entries):
        raise KeyboardInterrupt
    reasons = "; ".join(f"{entry.name}: {entry.remark}" for entry in entries)
    raise DataError(f"no model could learn these data, so that there is none to choose: {reasons}")


def _tell(text: str, shown: bool) -> None:
    if shown:
        print(text, file=sys.stderr)
