"""The models of the board: ours, each with its defaults and a limit of time, and others', where a Python has them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import _peer_samples as peers

from dgsynth import AutoregressiveSynthesizer, AutoSynthesizer, DGSynthesizer, Sequences
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.training.callbacks import UNLIMITED, InterruptWatch, TimeLimit

PASSES = 50
"""Of gretel's DGAN, whose sample_len has no default: as many as the paper advises."""

OURS: dict[str, Callable[[float, dict[str, Any]], Synthesizer]] = {
    "auto": lambda seconds, common: AutoSynthesizer(time_limit=seconds, **common),
    "doppelganger": lambda seconds, common: DGSynthesizer(max_steps=UNLIMITED, **_limited(seconds, common)),
    "autoregressive": lambda seconds, common: AutoregressiveSynthesizer(**_limited(seconds, common)),
}
PEERS = ("mostlyai-engine", "gretel", "sdv-par")
MODELS = (*OURS, *PEERS)


@dataclass(frozen=True)
class Made:
    """Samples, and seconds, versions and whatever else is known of how they were made."""

    samples: Sequences
    facts: dict[str, Any]


def make(
    model: str, train: Sequences, n_samples: int, seconds: float, seed: int, threads: int, python: str | None
) -> Made:
    """Return samples of a model that was trained for so long; `python` is that of a model of others.

    Raises
    ------
    KeyboardInterrupt
        The user ended training, though it left a model.
    Exception
        The model can't take the data, or failed.
    """
    if model in OURS:
        return _ours(model, train, n_samples, seconds, seed, threads)
    arguments = (str(python), train, n_samples, seconds, seed, threads)
    if model == "gretel":
        samples, facts = peers.gretel(*arguments, sample_len=-(-int(train.lengths.max(initial=1)) // PASSES))
        versions = {name: value for name, value in facts.items() if isinstance(value, str)}
        taken = {"fit, s": facts["seconds"], "sample, s": facts["sample_seconds"]}
        return Made(samples, {**taken, "steps": facts["steps"], "versions of the peer": versions})
    samples, facts = (peers.mostlyai if model == "mostlyai-engine" else peers.par)(*arguments)
    versions = facts.pop("versions")
    return Made(samples, {**facts, "versions of the peer": versions})


def _ours(model: str, train: Sequences, n_samples: int, seconds: float, seed: int, threads: int) -> Made:
    watch = InterruptWatch()
    fitted = OURS[model](seconds, {"random_state": seed, "n_jobs": threads, "device": "cpu", "callbacks": [watch]})
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(train)
    if watch.interrupted or getattr(fitted, "interrupted_", False):
        raise KeyboardInterrupt
    trained = time.perf_counter()
    samples: Sequences = fitted.sample(n_samples, random_state=seed)
    facts = {"fit, s": trained - start, "sample, s": time.perf_counter() - trained, "steps": fitted.n_steps_}
    if model == "auto":
        facts["choice"] = fitted.choice_
    return Made(samples, facts)


def _limited(seconds: float, common: dict[str, Any]) -> dict[str, Any]:
    return {**common, "callbacks": [*common["callbacks"], TimeLimit(seconds)]}
