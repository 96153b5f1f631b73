"""What a training is asked to do, and the training itself; nothing here knows of the page."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgsynth.data.io import read_table
from dgsynth.data.schema import Schema
from dgsynth.models.auto.clock import Clock
from dgsynth.models.auto.estimator import AutoSynthesizer
from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.studio.columns import Layout, parted
from dgsynth.training.callbacks import TimeLimit, Training
from dgsynth.training.validation import Validation

MODELS = {"auto": AutoSynthesizer, "doppelganger": DGSynthesizer, "autoregressive": AutoregressiveSynthesizer}

_EVERY = 0.5
"""Seconds between what is told of a training."""

Tell = Callable[..., None]
"""Told an event by name, with what belongs to it."""


@dataclass(frozen=True)
class Task:
    """A training.

    Attributes
    ----------
    table : str
        Path of the file.
    reading : dict
        Keywords of `read_table`.
    layout : Layout
    left_out : list of str
        Columns that are not learned.
    schema : dict
        As `Schema.to_dict` returns it.
    model : {"auto", "doppelganger", "autoregressive"}
    time_limit : float
        Seconds.
    max_steps : int or None
    holds_out : bool
        Whether a fifth of the samples is kept to judge by.
    random_state : int
    """

    table: str
    reading: dict[str, Any]
    layout: Layout
    left_out: list[str]
    schema: dict[str, Any]
    model: str
    time_limit: float
    max_steps: int | None
    holds_out: bool
    random_state: int

    def train(self, output: Path, stopped: threading.Event, tell: Tell) -> None:
        """Train the model and write it to `output`.

        Parameters
        ----------
        output : path
        stopped : Event
            Ends training early, where it stands.
        tell : callable
            Told when training has "begun", the "progress" of each, and at last that it is "done".
        """
        frame = self.layout.cut(read_table(self.table, **self.reading)).drop(columns=self.left_out)
        if self.holds_out:
            frame, _ = parted(frame, self.layout, self.random_state)
        is_auto = self.model == "auto"
        follow = Follow(math.inf if is_auto else self.time_limit, self.model, stopped, tell)
        model = MODELS[self.model](
            schema=Schema.from_dict(self.schema),
            max_steps=self.max_steps,
            callbacks=[follow],
            random_state=self.random_state,
            **({"time_limit": self.time_limit} if is_auto else {}),
        )
        tell("begun")
        model.fit(frame)
        model.save(output)
        tell("done", steps=model.n_steps_, choice=model.choice_ if is_auto else "")


class Follow(TimeLimit):
    """Tells of every training its losses and scores as they come, and ends it when asked to.

    It is a limit of time, so that models hand it to each part of their training.

    Parameters
    ----------
    seconds : float
    title : str
        What is trained, where no clock of a race says so.
    stopped : Event
    tell : callable
    """

    def __init__(self, seconds: float, title: str, stopped: threading.Event, tell: Tell) -> None:
        super().__init__(seconds)
        self.title, self.stopped, self.tell = title, stopped, tell
        self._next = 0.0

    def on_step_end(self, trainer: Training) -> None:
        super().on_step_end(trainer)
        if self.stopped.is_set():
            raise KeyboardInterrupt
        if time.monotonic() >= self._next:
            self._tell(trainer)

    def on_fit_end(self, trainer: Training) -> None:
        if trainer.step:
            self._tell(trainer)

    def _tell(self, trainer: Training) -> None:
        self._next = time.monotonic() + _EVERY
        losses = {name.removesuffix("_loss"): loss for name, loss in trainer.history.last().items() if loss}
        found = [callback for callback in trainer.callbacks if isinstance(callback, Validation)]
        titles = [callback.title for callback in trainer.callbacks if isinstance(callback, Clock)]
        self.tell(
            "progress",
            title=(titles or [self.title])[0],
            measure="likelihood" if "records_loss" in trainer.history.names else "score",
            step=trainer.step,
            losses=losses,
            scores=[score for run, *score in found[0].scores if run == found[0].run] if found else [],
        )
