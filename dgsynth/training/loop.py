"""Steps of training with their losses and callbacks, until they are done or somebody stops them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from dgsynth.errors import DivergenceError
from dgsynth.training.callbacks import Callback
from dgsynth.training.history import History


class Loop:
    """What training of any model goes through; the `Training` of its callbacks.

    Parameters
    ----------
    losses : sequence of str
        Names of what a step returns.
    steps_per_epoch : int
    callbacks : sequence of Callback

    Attributes
    ----------
    step, epoch, total_steps : int
        Steps done, whole epochs done, and the step at which `run` ends.
    share : float
        Part of the training that `run` is, where it has several phases.
    history : History
    interrupted, completed : bool
        Whether a KeyboardInterrupt ended the run; whether it came to its end with whole steps.
    stop : bool
        A callback sets it to end the run.
    """

    share = 1.0
    networks: Any
    seed: int

    def __init__(self, losses: Sequence[str], steps_per_epoch: int, callbacks: Sequence[Callback] = ()) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.callbacks = list(callbacks)
        self.step = self.total_steps = 0
        self.history = History(losses)
        self.interrupted = self.completed = self.stop = False

    @property
    def epoch(self) -> int:
        return self.step // self.steps_per_epoch

    def run(self, steps: int) -> None:
        """Train for `steps` steps more, or until a callback stops it or the user interrupts it.

        Raises
        ------
        DivergenceError
            A loss is not finite, and no callback knows how to go on.
        """
        self.total_steps = self.step + steps
        self.interrupted = self.completed = self.stop = False
        self._call("on_fit_begin")
        try:
            while not self._reach_the_end():
                pass
            self.completed = True
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self._call("on_fit_end")

    def state(self) -> dict[str, Tensor]:
        """Return all that the next steps depend on, by name, where training can be resumed."""
        raise NotImplementedError

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        raise NotImplementedError

    def restart(self, seed: int) -> None:
        """Begin anew, with the weights and the noise of a seed."""
        raise NotImplementedError

    def _take_step(self) -> Tensor:
        """Take one step and return its losses."""
        raise NotImplementedError

    def _reach_the_end(self) -> bool:
        """Take steps to the end, and return whether it was reached: not where a callback took care of a divergence."""
        try:
            while self.step < self.total_steps and not self.stop:
                losses = self._take_step()
                self.step += 1
                self.history.append(losses)
                self._call("on_step_end")
                if self.step and self.step % self.steps_per_epoch == 0:  # 0 where training has begun anew
                    self._call("on_epoch_end")
            self.history.values()
        except DivergenceError as error:
            if not any(callback.on_divergence(self, error) for callback in self.callbacks):
                raise
            return False
        return True

    def _call(self, hook: str) -> None:
        step = self.step
        for callback in self.callbacks:
            getattr(callback, hook)(self)
            if self.step != step:  # it made training begin anew: the others hear of that, and not of this step
                return


class Phases(Loop):
    """A loop whose steps are given to it, in one phase or one after another."""

    def run_phase(self, take_step: Callable[[int], Tensor], steps: int, share: float = 1.0) -> None:
        """Take steps of one kind; nothing where the user has interrupted a phase before.

        Parameters
        ----------
        take_step : callable
            Given the number of steps done in all phases, returns the losses of the next one.
        steps : int
        share : float in (0, 1], default=1.0
            Part of the whole training that the phase is, of a limit to its time too.
        """
        if self.interrupted:
            return
        self._given, self.share = take_step, share
        self.run(steps)

    def _take_step(self) -> Tensor:
        return self._given(self.step)
