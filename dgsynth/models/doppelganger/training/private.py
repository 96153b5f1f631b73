"""Training with differential privacy: noise on the discriminators' clipped gradients, and a ledger of all updates.

Real data reach the model by the discriminators' gradients alone. The generators learn from the discriminators, and the
statistics of their BatchNorm are those of generated samples, so that nothing of theirs needs noise. Every round of the
discriminators draws its batch anew, each sample with the same probability and for itself; a sample meets a generated
one and an interpolation of its own, so that whether it is in the data changes nothing of another's gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dgsynth.kernels.critic import Rows
from dgsynth.models.doppelganger.config import TrainingConfig
from dgsynth.models.doppelganger.networks.doppelganger import DoppelGANger
from dgsynth.models.doppelganger.training.noise import draw_noise
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.privacy.accountant import Budget, Releases
from dgsynth.privacy.clipping import Clipped, Judged, clipped_gradients
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.privacy.noise import Draws, draws_of
from dgsynth.training.batching import TrainingData
from dgsynth.training.callbacks import Callback


class PrivateTrainer(Trainer):
    """Trains a DoppelGANger with differential privacy.

    Parameters
    ----------
    networks, data, config, seed, callbacks
        As `Trainer` has them.
    privacy : PrivacyConfig
    n_samples : int
        The public number of samples: the batches' expected size and the steps of an epoch follow from it.

    Attributes
    ----------
    ledger : list of Releases
        All updates of the discriminators, also of runs that this one goes on from; the last entry is counting.

    References
    ----------
    Abadi et al., Deep Learning with Differential Privacy, 2016; Lin et al. (2020), Section 6.2.
    """

    def __init__(
        self,
        networks: DoppelGANger,
        data: TrainingData,
        config: TrainingConfig,
        seed: int,
        callbacks: Sequence[Callback],
        privacy: PrivacyConfig,
        n_samples: int,
    ) -> None:
        super().__init__(networks, data, config, seed, callbacks)
        self.captured = None  # a batch's size is random
        self.privacy = privacy
        self.sample_rate = min(config.batch_size / n_samples, 1.0)
        self.steps_per_epoch = max(n_samples // config.batch_size, 1)
        self.ledger: list[Releases] = []
        self._left = 0  # releases that the last entry's noise was chosen for, and that are still to come
        self._expected_size = self.sample_rate * n_samples
        self._budget = Budget(privacy.delta, privacy.accountant)

    @property
    def epsilon(self) -> float:
        """What all releases have spent together."""
        return self._budget.epsilon(self.ledger)

    def run(self, steps: int) -> None:
        """Train for `steps` steps more, with noise that keeps them within the budget; see `Loop.run`.

        Raises
        ------
        DataError
            The budget is spent.
        """
        if steps:
            self._plan(steps * self.config.discriminator_rounds)
        super().run(steps)

    def state(self) -> dict[str, Tensor]:
        ledger = torch.tensor(self.ledger, dtype=torch.float64).reshape(-1, 3)
        return super().state() | {"ledger": ledger, "releases_left": torch.tensor(self._left)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        super().restore(tensors)
        if "ledger" in tensors:  # otherwise training begins anew, and what was released stays released
            self.ledger = ledger_of(tensors["ledger"])
            self._left = int(tensors.get("releases_left", 0))

    def _plan(self, updates: int) -> None:
        """Open an entry of the ledger for the releases to come; what was planned so goes on as it was planned."""
        if self.ledger and self._left == updates:
            return
        noise = self.privacy.noise_multiplier
        if self.privacy.epsilon is not None:
            of_training = self.privacy.epsilon - self.privacy.schema_epsilon
            noise = self._budget.noise_multiplier(self.ledger, self.sample_rate, updates, of_training)
        assert noise is not None, "a PrivacyConfig has one of both"
        self._left = updates
        if not self.ledger or self.ledger[-1][:2] != (noise, self.sample_rate):
            self.ledger.append(Releases(noise, self.sample_rate, 0))

    @torch.inference_mode()
    def _all_rounds(self, step: Tensor) -> Tensor:
        n_fakes = max(self.config.batch_size, 2)  # for BatchNorm
        noise, _ = draw_noise(self.networks, n_fakes, self.seed, step)
        made = self.generator.make(noise)
        fake_rows = self._judged(made.fake)
        for _ in range(self.config.discriminator_rounds):
            losses = self._release(fake_rows)
        return torch.cat([losses, self._generator_rounds(noise, made, fake_rows)])

    def _release(self, fake_rows: list[Rows]) -> Tensor:
        """Update the discriminators by a batch of their own, and return the first four of LOSSES."""
        number = sum(releases.updates for releases in self.ledger)
        draws = draws_of(self.privacy.noise, self.seed, number)
        # Counted before it happens: an interrupt must not leave an update that is not in the ledger.
        self.ledger[-1] = releases = self.ledger[-1]._replace(updates=self.ledger[-1].updates + 1)
        self._left -= 1
        chosen = np.flatnonzero(draws.uniform(len(self.data)) < self.sample_rate)
        clipped = self._clipped(chosen, fake_rows, draws) if len(chosen) else None
        deviation = releases.noise_multiplier * self.privacy.max_grad_norm
        for place, optimizer in enumerate(self.discriminator_optimizers):
            noisy = self._noise(optimizer.parameters, draws, deviation)
            if clipped is not None:
                noisy = [noise.add_(total) for noise, total in zip(noisy, clipped.sums[place], strict=True)]
            optimizer.step([gradient.div_(self._expected_size) for gradient in noisy])
        if clipped is None:
            return torch.zeros(4, device=self.data.device)
        losses, *auxiliary = clipped.losses
        return torch.cat([losses, auxiliary[0][:1] if auxiliary else losses.new_zeros(1)])

    def _clipped(self, chosen: npt.NDArray[np.int64], fake_rows: list[Rows], draws: Draws) -> Clipped:
        size, device = len(chosen), self.data.device
        real_rows = self._judged(self.data.batch(chosen))
        partner = torch.from_numpy((draws.uniform(size) * len(fake_rows[0])).astype(np.int64)).to(device)
        judged = []
        for critic, real, fake in zip(self._discriminators, real_rows, fake_rows, strict=True):
            mixing = torch.from_numpy(draws.uniform(size).astype(np.float32)).to(device)[:, None]
            judged.append(Judged(real, fake.take(partner), mixing, *critic.layers()))
        return clipped_gradients(judged, self.config.gradient_penalty_weight, self.privacy.max_grad_norm)

    def _noise(self, like: Sequence[Tensor], draws: Draws, deviation: float) -> list[Tensor]:
        sizes = [tensor.numel() for tensor in like]
        normal = draws.normal(sum(sizes)).mul_(deviation).to(self.data.device)
        return [part.view(tensor.shape) for part, tensor in zip(normal.split(sizes), like, strict=True)]


def ledger_of(rows: Any) -> list[Releases]:
    """Return the ledger of rows (noise multiplier, sample rate, updates)."""
    return [Releases(float(noise), float(rate), int(updates)) for noise, rate, updates in rows]
