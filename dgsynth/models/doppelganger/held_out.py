"""Samples that are held out of training, and score what the networks make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dgsynth.data.sequences import Sequences
from dgsynth.kernels.packing import Precision
from dgsynth.models.doppelganger.generation import Generators
from dgsynth.models.doppelganger.making import make_samples
from dgsynth.models.doppelganger.metadata_model import MetadataModel
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.synthesizer import SCORE_SEED, scorer
from dgsynth.training.callbacks import Training
from dgsynth.training.splitting import parted
from dgsynth.transforms.encoder import Encoder

MOST_HELD_OUT = 1000
"""Most samples that are held out for validation, and made at each: more of them tell little more."""


_PARTS, _FEWEST_STEPS = 20, 50
"""Validations in a run, and the fewest steps between them."""


def is_due(trainer: Training) -> bool:
    """Return whether a validation comes after a step: after each twentieth of the run, and 50 steps at least."""
    every = max(_FEWEST_STEPS, trainer.total_steps // _PARTS)
    return trainer.step % every == 0


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Samples held out of training, which score the networks; made once per fit."""

    size: int
    scorer: Callable[[Sequences], float]
    encoder: Encoder
    precision: Precision
    metadata_model: MetadataModel | None = None

    def score(self, networks: DoppelGANger) -> float:
        generators = Generators.of(networks, self.precision, self.encoder.lengths)
        return self.scorer(make_samples(generators, self.encoder, self.metadata_model, SCORE_SEED, 0, self.size))


def hold_out(
    sequences: Sequences, size: int, seed: int, encoder: Encoder, precision: Precision
) -> tuple[Sequences, HeldOut]:
    """Return the samples to train on and `size` held-out ones, chosen by the seed."""
    train, chosen = parted(sequences, size, seed)
    return train, HeldOut(size, scorer(chosen), encoder, precision)
