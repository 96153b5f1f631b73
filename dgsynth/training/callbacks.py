"""What happens beside training: progress, and whatever a user hooks in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from dgsynth.errors import DivergenceError
from dgsynth.progress import Bar
from dgsynth.training.history import History

OPEN_END = 2**53
"""Steps of a training that ends by what it achieves, or by time."""


UNLIMITED = 10**9
"""Steps of a training whose end is foreseen by a limit of its time."""


class Training(Protocol):
    """What a callback may ask of the training that it follows, whichever the model.

    Attributes
    ----------
    step, epoch, total_steps : int
        Steps done, whole epochs done, and the step at which training ends.
    share : float
        Part of the whole training that this phase is, where there are several.
    history : History
    networks : nn.Module
        What is trained.
    seed : int
        Of the steps to come.
    interrupted, completed : bool
        Whether a KeyboardInterrupt ended training; whether it came to its end with whole steps.
    stop : bool
        Set to end training after the current step.
    callbacks : sequence of Callback
        All that follow it.
    """

    step: int
    total_steps: int
    share: float
    history: History
    networks: Any
    seed: int
    interrupted: bool
    completed: bool
    stop: bool

    @property
    def callbacks(self) -> Sequence[Callback]: ...

    @property
    def epoch(self) -> int: ...

    def state(self) -> dict[str, Tensor]:
        """Return all that the next steps depend on, by name."""
        ...

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        ...

    def restart(self, seed: int) -> None:
        """Begin anew, with the weights and the noise of a seed."""
        ...


class Callback:
    """Base of what can follow training; override what is needed.

    Every hook gets the `Training`. Setting ``trainer.stop = True`` ends it after the current step. That of a baseline
    has neither `networks` nor a state; where it has several phases, each begins and ends.
    """

    def on_fit_begin(self, trainer: Training) -> None:
        """Called once, before the first step."""

    def on_step_end(self, trainer: Training) -> None:
        """Called after every step; `trainer.history.last()` has its losses."""

    def on_epoch_end(self, trainer: Training) -> None:
        """Called after the last step of every epoch."""

    def on_restart(self, trainer: Training) -> None:
        """Called when training has begun anew with fresh weights; `trainer.step` is 0."""

    def on_divergence(self, trainer: Training, error: DivergenceError) -> bool:
        """Called where a loss is not finite; return whether the trainer was brought to a state that is sound."""
        return False

    def on_fit_end(self, trainer: Training) -> None:
        """Called once at the end, also when training was interrupted."""


class Progress(Callback):
    """A bar with the losses and the time left, if the end is known, on standard error."""

    def on_fit_begin(self, trainer: Training) -> None:
        self._bar = Bar(total=_total(trainer), initial=trainer.step, desc="training", unit="step")

    def on_step_end(self, trainer: Training) -> None:
        if self._bar.total != (total := _total(trainer)):
            self._bar.expect(total)  # a limit of time foresees another end
        # Losses may live on a GPU, and reading them waits for it: not at every step.
        if trainer.step % 50 == 0 or trainer.step == trainer.total_steps:
            losses = {
                name.removesuffix("_loss"): f"{loss:.3g}"
                for name, loss in trainer.history.last().items()
                if name.endswith("_loss") and loss
            }
            self._bar.set_postfix(epoch=trainer.epoch, **losses, refresh=False)
        self._bar.update(trainer.step - self._bar.n)

    def on_restart(self, trainer: Training) -> None:
        self._bar.initial = 0  # where a resumed run begins anew, no step of it was done before
        self._bar.reset(_total(trainer))

    def on_fit_end(self, trainer: Training) -> None:
        if trainer.completed:
            self._bar.finish()
        else:
            self._bar.close()


def _total(trainer: Training) -> int | None:
    return trainer.total_steps if trainer.total_steps < OPEN_END else None


class InterruptWatch(Callback):
    """Notes whether the user has interrupted training, for who trains several models.

    Attributes
    ----------
    interrupted : bool
    """

    def __init__(self) -> None:
        self.interrupted = False

    def on_fit_end(self, trainer: Training) -> None:
        self.interrupted = self.interrupted or trainer.interrupted


_FORESEEN = 50
"""Times in its seconds that a limit looks how many steps will be done in them."""


class TimeLimit(Callback):
    """Ends training after some seconds, at the end of a step; each phase of a model has its share of them.

    Autoregressive metadata of a `DGSynthesizer` are learned for a fifth as long at most, before its networks. Where
    training has a last step of its own, `total_steps` becomes the step that will be reached in time, as far as can be
    foreseen: so a learning rate that falls has fallen by then. What was trained depends on the machine, and is not
    reproducible.

    Parameters
    ----------
    seconds : float

    Examples
    --------
    >>> import numpy as np
    >>> from dgsynth import DGSynthesizer
    >>> model = DGSynthesizer(callbacks=[TimeLimit(0.1)], random_state=0).fit(np.zeros((60, 4, 1)))
    >>> len(model.history_) > 0
    True
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_fit_begin(self, trainer: Training) -> None:
        now = time.monotonic()
        self._begin(now, now + self.seconds * trainer.share, trainer)

    def on_restart(self, trainer: Training) -> None:
        self._begin(time.monotonic(), self._end, trainer)

    def on_step_end(self, trainer: Training) -> None:
        now = time.monotonic()
        # The last step comes early where the first ones, by which it was foreseen, were slow.
        if now >= self._due or (trainer.step == trainer.total_steps and now < self._end):
            self._foresee(now, trainer)
        trainer.stop = trainer.stop or now >= self._end

    def _begin(self, now: float, end: float, trainer: Training) -> None:
        self._start, self._end, self._from = now, end, trainer.step
        self._asked = trainer.total_steps
        self._due = now + (end - now) / _FORESEEN

    def _foresee(self, now: float, trainer: Training) -> None:
        """Set the last step to the one that is reached in time, if it comes before the one that was asked for."""
        self._due = now + (self._end - self._start) / _FORESEEN
        done = trainer.step - self._from
        if self._asked < OPEN_END and done > 0:
            left = int((self._end - now) / (now - self._start) * done)
            trainer.total_steps = min(self._asked, trainer.step + max(left, 1))
