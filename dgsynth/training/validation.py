"""Validation: what the networks make is scored while they are trained; the best weights are kept, failed runs end."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgsynth.errors import DivergenceError
from dgsynth.training.callbacks import Callback, Training
from dgsynth.training.state import sampled_networks, without_prefix

UNJUDGED = 0.25
"""Share of its steps in which no run is stopped or given up: first scores tell of the initial weights."""

COLLAPSE_BELOW = 0.4
"""After 400 steps on simulated pages, tasks and windows of stocks, runs that went well scored 0.98, 0.64 and 0.55, the
lower of two seeds; with a learning rate 500 times too high 0.47, 0.40 and 0.25: metadata are right even then."""


class Validation(Callback):
    """Scores the networks every so often, keeps the best weights, stops early and starts failed runs again.

    A run is judged once a quarter of its steps is done. It *has collapsed* if none of its scores since then reaches
    `collapse_below`, or if it diverges: a loss or a weight is not finite. Training then begins anew with the weights
    and the noise of another seed, which the seed of the run and the number of the restart determine, and a warning
    says so. When no restart is left, a collapsed run goes on; one that diverges ends training, and the trainer goes
    back to the best state of all runs, if there is one. A last warning comes where every run had collapsed.

    Parameters
    ----------
    score : callable
        From the networks, with the weights that samples are made with, to a number in [0, 1], higher is better.
    every : int or callable
        Steps between validations, or what says of a `Training` whether one comes after its step. There is one more
        after the last.
    patience : int or None
        Training stops after so many validations in a row without a score above the best of the run; None is never.
    max_restarts : int
        With 0 a run that diverges before it was validated raises its error.
    collapse_below : float in [0, 1], default=0.4
    unjudged : float in [0, 1], default=0.25
        Share of the steps in which no run is stopped or given up.

    Attributes
    ----------
    run : int
        Number of the run, from 0; as many restarts there have been.
    scores : list of (run, step, score)
        Of all runs, in order.
    best : dict of str to Tensor
        A copy of the trainer's state at the first of the highest scores of all runs; empty before there is a score.

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figure 11: training of GANs is unstable, and runs that fail show early.
    """

    def __init__(
        self,
        score: Callable[[Any], float],
        every: int | Callable[[Training], bool],
        patience: int | None = None,
        max_restarts: int = 0,
        collapse_below: float = COLLAPSE_BELOW,
        unjudged: float = UNJUDGED,
    ) -> None:
        self.score = score
        self.is_due = every if callable(every) else lambda trainer: trainer.step % every == 0
        self.patience = patience
        self.max_restarts = max_restarts
        self.collapse_below = collapse_below
        self.unjudged = unjudged
        self.run = 0
        self.scores: list[tuple[int, int, float]] = []
        self.best: dict[str, Tensor] = {}

    def state(self) -> dict[str, Tensor]:
        """Return all that validation has found, by name."""
        scores = torch.tensor(self.scores, dtype=torch.float64).reshape(-1, 3)
        best = {f"best.{name}": tensor for name, tensor in self.best.items()}
        return best | {"run": torch.tensor(self.run), "scores": scores}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        self.run = int(tensors["run"])
        self.scores = [(int(run), int(step), score) for run, step, score in tensors["scores"].tolist()]
        self.best = without_prefix(tensors, "best.")

    def on_fit_begin(self, trainer: Training) -> None:
        if self._has_stalled(trainer):  # it was resumed where it had stopped
            trainer.stop = True

    def on_step_end(self, trainer: Training) -> None:
        is_last = trainer.stop or trainer.step == trainer.total_steps
        if not is_last and not self.is_due(trainer):
            return
        self._validate(trainer)
        if trainer.stop:
            return
        if self._has_collapsed(trainer) and self.run < self.max_restarts:
            score = self.scores[-1][2]
            self._restart(
                trainer,
                f"training has collapsed: at step {trainer.step} its score is {score:.2f}, "
                f"below {self.collapse_below:g}",
            )
        elif self._has_stalled(trainer):
            trainer.stop = True

    def on_divergence(self, trainer: Training, error: DivergenceError) -> bool:
        if self.run < self.max_restarts:
            self._restart(trainer, str(error))
            return True
        if not self.best:
            return False
        run, step, score = best_row(self.scores)
        warnings.warn(
            f"{error}. No restart is left; the model is that of step {step} of run {run}, with a score of {score:.2f}",
            stacklevel=2,
        )
        trainer.restore(self.best)
        trainer.stop = True
        return True

    def on_fit_end(self, trainer: Training) -> None:
        judged = [score for _, step, score in self.scores if self._is_judged(step, trainer)]
        if trainer.completed and judged and max(judged) < self.collapse_below:
            runs = f"all {self.run + 1} runs" if self.run else "the run"
            warnings.warn(
                f"training went badly: past the first quarter of the steps the best score of {runs} is "
                f"{max(judged):.2f}, below {self.collapse_below:g}. Samples will differ much from the data; lower "
                "learning_rate, train for more steps, try packing=2, or look for columns with extreme values",
                stacklevel=2,
            )

    def _validate(self, trainer: Training) -> None:
        state = trainer.state()  # it reads the losses: what has diverged is not scored
        networks = sampled_networks(trainer.networks, state)
        if not all(tensor.isfinite().all() for tensor in networks.state_dict().values()):
            raise DivergenceError(
                f"training diverged: the weights are not finite after step {trainer.step}; lower learning_rate, or "
                "look for extreme values in the data"
            )
        score = float(self.score(networks))
        if not 0 <= score <= 1:
            raise ValueError(f"a score of validation must be in [0, 1], got {score}")
        if not self.scores or score > best_row(self.scores)[2]:
            self.best = {name: tensor.clone() for name, tensor in state.items()}
        self.scores.append((self.run, trainer.step, score))

    def _is_judged(self, step: int, trainer: Training) -> bool:
        return step >= self.unjudged * trainer.total_steps

    def _has_collapsed(self, trainer: Training) -> bool:
        judged = [score for step, score in self._of_run() if self._is_judged(step, trainer)]
        return bool(judged) and max(judged) < self.collapse_below

    def _has_stalled(self, trainer: Training) -> bool:
        scores = [score for _, score in self._of_run()]
        if self.patience is None or not scores or not self._is_judged(trainer.step, trainer):
            return False
        return len(scores) - 1 - scores.index(max(scores)) >= self.patience

    def _of_run(self) -> list[tuple[int, float]]:
        """Return step and score of each validation of the current run."""
        return [(step, score) for run, step, score in self.scores if run == self.run]

    def _restart(self, trainer: Training, reason: str) -> None:
        self.run += 1
        warnings.warn(
            f"{reason}. It starts again from another seed (restart {self.run} of {self.max_restarts})", stacklevel=2
        )
        trainer.restart(restart_seed(trainer.seed, self.run))


def best_row(scores: Sequence[tuple[int, int, float]]) -> tuple[int, int, float]:
    """Return the first of the rows (run, step, score) with the highest score: that of the weights that are kept."""
    return max(scores, key=lambda row: row[2])


def restart_seed(seed: int, restart: int) -> int:
    """Return the seed of a run, 63 random bits determined by that of the run before and the number of the restart."""
    return int(np.random.SeedSequence([seed, restart]).generate_state(1, np.uint64)[0] >> np.uint64(1))
