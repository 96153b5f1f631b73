"""Re-training of the metadata generator alone, towards given metadata."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from dgsynth.errors import DivergenceError
from dgsynth.kernels.critic import Rows
from dgsynth.models.doppelganger.networks.discriminators import Discriminator
from dgsynth.models.doppelganger.networks.metadata_generator import MetadataGenerator
from dgsynth.models.doppelganger.training.generator import MlpForTraining
from dgsynth.models.doppelganger.training.losses import critic_step, generator_loss
from dgsynth.models.doppelganger.training.noise import draw_normal
from dgsynth.training.adam import Adam
from dgsynth.training.averaging import WeightAverage

BATCH_SIZE = 200
AVERAGING = 0.995
_PENALTY_WEIGHT = 10.0
_RATES = (1e-3, 0.5, 0.999)


def refitted(generator: MetadataGenerator, noise_dim: int, rows: Tensor, steps: int, seed: int) -> MetadataGenerator:
    """Return a metadata generator that begins as `generator` and learns the distribution of `rows`, by WGAN-GP.

    Its discriminator is a fresh one, which sees metadata alone. Nothing else of a model takes part.

    Parameters
    ----------
    generator : MetadataGenerator
        Stays as it is.
    noise_dim : int
    rows : Tensor of shape (n, A)
        Encoded metadata, on the generator's device.
    steps : int
    seed : int in [0, 2**63)

    Returns
    -------
    MetadataGenerator
        With the moving average of its weights, in eval mode.

    References
    ----------
    Lin et al. (2020), Section 6.1.
    """
    learner = copy.deepcopy(generator).train()
    mlp = MlpForTraining(learner)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Discriminator(rows.shape[1], (100, 100)).to(rows.device)
    optimizer, critic_optimizer = Adam(mlp.parameters, *_RATES), Adam(critic.parameters(), *_RATES)
    average = WeightAverage({"generator": learner}, AVERAGING)
    with torch.inference_mode():
        for step in range(steps):
            number = torch.tensor(step, device=rows.device)
            shapes = [(BATCH_SIZE, noise_dim), (BATCH_SIZE,), (BATCH_SIZE, 1)]
            noise, choice, mixing = draw_normal(seed, number, shapes)
            uniform, mixing = torch.special.ndtr(choice), torch.special.ndtr(mixing)
            real = Rows(rows[(uniform * len(rows)).long().clamp_(max=len(rows) - 1)])
            made, kept = mlp.make(noise)
            critic_step(critic, critic_optimizer, real, Rows(made), mixing, _PENALTY_WEIGHT)
            _, gradient = generator_loss(critic, Rows(made))
            optimizer.step(mlp.gradients(kept, gradient))
            average.update(step + 1)
    averaged = {name.removeprefix("generator."): tensor for name, tensor in average.tensors.items()}
    if not all(tensor.isfinite().all() for tensor in averaged.values()):
        raise DivergenceError("re-training of the metadata generator diverged; try another random_state")
    learner.load_state_dict(learner.state_dict() | averaged)
    return learner.eval()
