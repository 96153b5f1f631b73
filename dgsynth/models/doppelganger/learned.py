"""What the training of a DoppelGANger leaves behind: all that its estimator keeps, and that its file holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import pandas as pd
from torch import Tensor

from dgsynth.models.doppelganger.metadata_model import MetadataModel
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.losses import LOSSES
from dgsynth.models.doppelganger.training.private import ledger_of
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.models.model_file import count, history_frame
from dgsynth.privacy.accountant import Releases
from dgsynth.training.state import sampled_networks
from dgsynth.training.validation import Validation


class Spent(NamedTuple):
    """What privacy has spent.

    Attributes
    ----------
    epsilon : float
        In all.
    schema_epsilon : float
        The part of it that bought ranges, lengths and the number of samples.
    n_samples : int
        The public number of samples.
    ledger : list of Releases
    """

    epsilon: float
    schema_epsilon: float
    n_samples: int
    ledger: list[Releases]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values that JSON can hold."""
        return {**self._asdict(), "ledger": [list(releases) for releases in self.ledger]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        spent = float(plain["epsilon"]), float(plain["schema_epsilon"])
        return cls(*spent, count(plain, "n_samples"), ledger_of(plain["ledger"]))


@dataclass(frozen=True, eq=False)
class Learned:
    """Networks with what is known of their training.

    Attributes
    ----------
    networks : DoppelGANger
        As trained.
    generator : DoppelGANger
        What samples are made with: `networks`, or a copy with averaged or the best validated weights.
    training_state : dict of str to Tensor
        What training goes on from.
    history : DataFrame
        Losses by step.
    n_steps, n_epochs : int
    scores : sequence of (run, step, score), or None
        What validation has found, where there was one.
    n_restarts : int
    metadata_model : MetadataModel or None
        What draws metadata, where no network generates them.
    """

    networks: DoppelGANger
    generator: DoppelGANger
    training_state: dict[str, Tensor]
    history: pd.DataFrame
    n_steps: int
    n_epochs: int
    scores: Sequence[tuple[int, int, float]] | None = None
    n_restarts: int = 0
    metadata_model: MetadataModel | None = None

    @classmethod
    def of(cls, trainer: Trainer, validation: Validation | None, metadata_model: MetadataModel | None = None) -> Self:
        """Return what a trainer has learned, with the best weights of its validation if there are such."""
        best = None if validation is None else validation.best
        generator = trainer.networks
        if best or trainer.average is not None:
            generator = sampled_networks(trainer.networks, best or trainer.state())
        losses = trainer.history.values()
        return cls(
            trainer.networks,
            generator,
            trainer.state(),
            history_frame(losses, LOSSES, len(losses)),
            trainer.step,
            trainer.epoch,
            None if validation is None else validation.scores,
            0 if validation is None else validation.run,
            metadata_model,
        )
