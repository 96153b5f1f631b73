"""What training leaves behind: all that the estimator keeps, and that its file holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pandas as pd
from torch import Tensor

from dgsynth.models.autoregressive.calibration import calibrate
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.settling import settle
from dgsynth.models.autoregressive.training import LOSSES, SETTLING, Trainer
from dgsynth.models.model_file import history_frame
from dgsynth.training.callbacks import Callback
from dgsynth.training.state import sampled_networks
from dgsynth.training.validation import Validation


@dataclass(frozen=True, eq=False)
class Learned:
    """Networks with what is known of their training.

    Attributes
    ----------
    networks : AutoregressiveNetwork
        As trained.
    generator : AutoregressiveNetwork
        What samples are made with: averaged weights, or the best validated ones of these, settled and calibrated.
    training_state : dict of str to Tensor
        What training goes on from.
    history : DataFrame
        Losses by step.
    n_steps, n_epochs : int
    scores : sequence of (run, step, score), or None
        What validation has found, where there was one.
    """

    networks: AutoregressiveNetwork
    generator: AutoregressiveNetwork
    training_state: dict[str, Tensor]
    history: pd.DataFrame
    n_steps: int
    n_epochs: int
    scores: Sequence[tuple[int, int, float]] | None = None

    @classmethod
    def of(
        cls, trainer: Trainer, validation: Validation | None, since: int = 0, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Return what a trainer has learned, with the best weights of its validation if there are such.

        Parameters
        ----------
        trainer : Trainer
        validation : Validation, optional
        since : int, default=0
            The step at which the training began.
        callbacks : sequence of Callback, default=()
            Of the steps in which the weights settle; there are none where the user has interrupted training.
        """
        best = (None if validation is None else validation.best) or trainer.state()
        generator = sampled_networks(trainer.networks, best)
        n_steps = int(SETTLING * (int(best["step"]) - since))
        if n_steps > 0 and not trainer.interrupted:
            generator = settle(generator, trainer, n_steps, callbacks)
        calibrate(generator, trainer.data)
        generator = generator.cpu()
        losses = trainer.history.values()
        return cls(
            trainer.networks.cpu().eval(),
            generator,
            trainer.state(),
            history_frame(losses, LOSSES, len(losses)),
            trainer.step,
            trainer.epoch,
            None if validation is None else validation.scores,
        )
