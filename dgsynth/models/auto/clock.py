"""The clock of a training: it shows the time, and ends it."""

from __future__ import annotations

import time

from dgsynth.progress import Bar
from dgsynth.training.callbacks import TimeLimit, Training

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s{postfix}"

_NOTHING = 1e-9


class Clock(TimeLimit):
    """Ends one training at a moment, at the end of a step, and shows on stderr how far it is.

    It runs from when it is made: what is done before the first step counts. Each phase of a model has its share of the
    time, and what it leaves of that is for the phases after it.

    Parameters
    ----------
    seconds : float
    title : str
        What is trained.
    shown : bool
    """

    def __init__(self, seconds: float, title: str, *, shown: bool) -> None:
        super().__init__(seconds)
        self.title, self.shown = title, shown
        self._made = time.monotonic()
        self._share = 1.0  # of the phases to come
        self._bar: Bar | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._made

    def on_fit_begin(self, trainer: Training) -> None:
        left = max(self.seconds - self.elapsed, 0.0)
        now = time.monotonic()
        self._begin(now, now + left * min(trainer.share / self._share, 1.0), trainer)
        self._share = max(self._share - trainer.share, _NOTHING)
        if self.shown and self._bar is None:
            self._bar = Bar(total=self.seconds, desc=self.title, bar_format=_BAR)

    def on_step_end(self, trainer: Training) -> None:
        super().on_step_end(trainer)
        if self._bar is not None:
            self._bar.set_postfix_str(f"step {trainer.step}", refresh=False)
            self._bar.update(min(self.elapsed, self.seconds) - self._bar.n)

    def close(self, told: str = "") -> None:
        """Leave the bar as it stands, with what training has come to."""
        if self._bar is not None:
            self._bar.set_postfix_str(told, refresh=False)
            self._bar.finish()
