"""The training loop: discriminators and generator take turns on one shuffled batch after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dgsynth.kernels import library_status
from dgsynth.kernels.critic import Rows
from dgsynth.models.doppelganger.config import TrainingConfig
from dgsynth.models.doppelganger.networks.doppelganger import DoppelGANger, Fake, Noise
from dgsynth.models.doppelganger.training.captured import CapturedStep, CudaGraph
from dgsynth.models.doppelganger.training.generator import Generator, Made
from dgsynth.models.doppelganger.training.losses import LOSSES, critic_step, generator_loss
from dgsynth.models.doppelganger.training.noise import draw_noise
from dgsynth.training.adam import Adam
from dgsynth.training.averaging import WeightAverage
from dgsynth.training.batching import Batches, BatchOrder, RealBatch, TrainingData
from dgsynth.training.callbacks import Callback
from dgsynth.training.history import History
from dgsynth.training.loop import Loop
from dgsynth.training.state import without_prefix

BETA_2 = 0.999
STAGES = 50
"""Of a falling learning rate. It is constant within each, since a CUDA graph is recorded with its value."""


class Trainer(Loop):
    """Trains a DoppelGANger by WGAN-GP.

    A step draws one real batch and one noise; then come the rounds of the discriminators and the rounds of
    the generator, all on these. Where another model generates metadata, generated samples are given those of the real
    ones, and the discriminators judge what goes with the same metadata. All that is random in step k is a function of
    (seed, k), so a run that continues from a checkpoint makes the same numbers as one that was never stopped.

    Parameters
    ----------
    networks : DoppelGANger
        Trained in place, on the device of `data`.
    data : TrainingData
    config : TrainingConfig
    seed : int in [0, 2**63)
    callbacks : sequence of Callback

    Attributes
    ----------
    seed : int
        Of the steps to come: that of the last `restart`, if there was one.
    average : WeightAverage or None
    captured : CapturedStep or None
        A step as a CUDA graph, where one is recorded.

    The others are those of `Loop`.
    """

    def __init__(
        self,
        networks: DoppelGANger,
        data: TrainingData,
        config: TrainingConfig,
        seed: int,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.networks = networks
        self.data = data
        self.config = config
        self.seed = seed
        self.batches = Batches(data.batch, BatchOrder(len(data), config.batch_size, networks.config.packing, seed))
        super().__init__(LOSSES, self.batches.order.steps_per_epoch, callbacks)
        decay = config.generator_averaging
        self.average = WeightAverage(networks.generator_modules(), decay) if decay else None
        auxiliary = networks.auxiliary_discriminator
        self._fake_rows = torch.empty(0, device=data.device)
        self._discriminators = [networks.discriminator] + ([] if auxiliary is None else [auxiliary])
        self.generator = Generator(networks, config.precision, config.sharp_flags)
        self.captured = self._new_capture()
        settings = config.learning_rate, config.beta_1, BETA_2
        self.generator_optimizer = Adam(self.generator.parameters, *settings)
        self.discriminator_optimizers = [Adam(critic.parameters(), *settings) for critic in self._discriminators]

    def run(self, steps: int) -> None:
        """Train for `steps` steps more; see `Loop.run`."""
        self.networks.train()
        try:
            super().run(steps)
        finally:
            self.networks.eval()

    def restart(self, seed: int) -> None:
        """Begin anew: what was learned is replaced, in its place, by what a fresh trainer of the seed begins with.

        Callbacks hear of it by `on_restart`. Within `run` the steps up to `total_steps` follow, from the first; of
        the step after which a callback did this, the callbacks behind it do not hear.

        Parameters
        ----------
        seed : int in [0, 2**63)
        """
        fresh = DoppelGANger.of_seed(self.networks.layout, self.networks.config, seed)
        weights = {f"networks.{name}": tensor for name, tensor in fresh.state_dict().items()}
        numbers = {"step": torch.tensor(0), "seed": torch.tensor(seed)}
        self.restore(weights | numbers | {"history": History(LOSSES).values()})
        self._call("on_restart")

    def state(self) -> dict[str, Tensor]:
        """Return all that the next steps depend on, by name; the tensors are the trainer's own."""
        tensors = {f"networks.{name}": tensor for name, tensor in self.networks.state_dict().items()}
        if self.average is not None:
            tensors |= {f"averaged.{name}": tensor for name, tensor in self.average.tensors.items()}
        for optimizer_name, optimizer in self._optimizers().items():
            tensors |= {f"{optimizer_name}.{name}": tensor for name, tensor in optimizer.state().items()}
        numbers = {"step": torch.tensor(self.step), "seed": torch.tensor(self.seed)}
        return tensors | numbers | {"history": self.history.values()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` returned; names and shapes must be those of this trainer.

        Without the optimizers' moments these begin anew, without averaged weights the average does; without a seed
        it stays as it is.
        """
        self.networks.load_state_dict(without_prefix(tensors, "networks."))
        if self.average is not None:
            for name, tensor in self.average.tensors.items():
                tensor.copy_(tensors.get(f"averaged.{name}", tensors[f"networks.{name}"]))
        for optimizer_name, optimizer in self._optimizers().items():
            optimizer.restore(without_prefix(tensors, f"{optimizer_name}."))
        self.history = History(LOSSES, tensors["history"].clone())
        self.step = int(tensors["step"])
        if int(tensors.get("seed", self.seed)) != self.seed:
            self._change_seed(int(tensors["seed"]))

    def _change_seed(self, seed: int) -> None:
        self.seed = seed
        self.batches = Batches(self.data.batch, replace(self.batches.order, seed=seed))
        self.captured = self._new_capture()  # the seed is a constant of the graph

    def _new_capture(self) -> CapturedStep | None:
        # The references, which run where the kernels are not loaded, read values on their way.
        recorded = self.data.device.type == "cuda" and library_status("CUDA")["path"]
        return CapturedStep(CudaGraph()) if recorded else None

    def _optimizers(self) -> dict[str, Adam]:
        names = ("discriminator_optimizer", "auxiliary_optimizer")
        discriminators = dict(zip(names, self.discriminator_optimizers, strict=False))
        return {"generator_optimizer": self.generator_optimizer, **discriminators}

    def _take_step(self) -> Tensor:
        self._set_learning_rate()
        losses = self._all_rounds(torch.tensor(self.step, device=self.data.device))
        if self.average is not None:
            self.average.update(self.step + 1)
        return losses

    def _set_learning_rate(self) -> None:
        falls = self.config.learning_rate_schedule == "linear"
        rate = self.config.learning_rate * (1 - STAGES * self.step // self.total_steps / STAGES if falls else 1)
        if rate == self.generator_optimizer.rates[0]:
            return
        for optimizer in self._optimizers().values():
            optimizer.rates = (rate, *optimizer.rates[1:])
        if self.captured is not None:
            self.captured = self._new_capture()

    def _all_rounds(self, step: Tensor) -> Tensor:
        operands = self.batches.at(self.step), step
        return self._train_on(*operands) if self.captured is None else self.captured(self._train_on, *operands)

    @torch.inference_mode()  # autograd is not asked, operation by operation, whether it has something to do
    def _train_on(self, real: RealBatch, step: Tensor) -> Tensor:
        """Take all rounds of one step and return its losses, in the order of LOSSES.

        What is not an argument lies in one place, and no value is read: so a GPU can record the step.
        """
        n_samples, rounds = len(real.lengths), self.config.discriminator_rounds
        packs = n_samples // self.networks.config.packing
        n_mixing = rounds * len(self._discriminators) * packs
        noise, mixing = draw_noise(self.networks, n_samples, self.seed, step, n_mixing)
        # The generator's weights change only after the discriminators' rounds: one forward serves them all.
        made = self.generator.make(noise, real.metadata)
        fake_rows, real_rows = self._judged(made.fake), self._judged(real)
        for shares in mixing.view(rounds, len(self._discriminators), packs, 1):
            critic_losses = self._discriminator_step(real_rows, fake_rows, shares)
        return torch.cat([critic_losses, self._generator_rounds(noise, made, fake_rows, real.metadata)])

    def _generator_rounds(self, noise: Noise, made: Made, fake_rows: list[Rows], given: Tensor | None = None) -> Tensor:
        """Take all rounds of the generator, the first by what it has made, and return the last's loss, (1,)."""
        loss = self._generator_step(made, fake_rows)
        for _ in range(self.config.generator_rounds - 1):
            made = self.generator.make(noise, given)
            loss = self._generator_step(made, self._judged(made.fake))
        return loss.reshape(1)

    def _judged(self, samples: RealBatch | Fake) -> list[Rows]:
        """Return what each discriminator judges: P * S * D + A + M columns, for the auxiliary one A + M."""
        all_columns = samples.rows if isinstance(samples, RealBatch) else samples.write_rows(self._fake_rows)
        layout = self.networks.layout
        metadata = all_columns[:, samples.steps[0].numel() :].contiguous()
        rows = Rows(all_columns, self._active(samples) if layout.has_flags else None, metadata.shape[1])
        return [rows, Rows(metadata)][: len(self._discriminators)]

    def _active(self, samples: RealBatch | Fake) -> Tensor:
        """Return how many columns of each sample's records are in use, shape (B, 1)."""
        layout = self.networks.layout
        blocks = samples.lengths.add(layout.sample_len - 1).div_(layout.sample_len, rounding_mode="floor")
        return (blocks * (layout.sample_len * layout.step_dim))[:, None]

    def _discriminator_step(self, real_rows: list[Rows], fake_rows: list[Rows], mixing: Tensor) -> Tensor:
        """Update both discriminators, each with its own interpolation, and return the first four of LOSSES."""
        weight = self.config.gradient_penalty_weight
        operands = zip(
            self._discriminators, self.discriminator_optimizers, real_rows, fake_rows, mixing.unbind(), strict=True
        )
        losses, *auxiliary = [critic_step(*of_critic, weight) for of_critic in operands]
        return torch.cat([losses, auxiliary[0][:1] if auxiliary else losses.new_zeros(1)])

    def _generator_step(self, made: Made, fake_rows: list[Rows]) -> Tensor:
        losses, gradients = zip(
            *(generator_loss(critic, fake) for critic, fake in zip(self._discriminators, fake_rows, strict=True)),
            strict=True,
        )
        fake, weight = made.fake, self.config.auxiliary_weight
        steps, metadata = gradients[0].split([fake.steps[0].numel(), gradients[0].shape[1] - fake.steps[0].numel()], 1)
        if len(losses) > 1:
            metadata = metadata + weight * gradients[1]
        of_metadata, of_minmax = metadata.split([fake.metadata.shape[1], fake.minmax.shape[1]], dim=1)
        self.generator_optimizer.step(
            self.generator.gradients(made, of_metadata, of_minmax, steps.reshape(fake.steps.shape))
        )
        return losses[0] + weight * losses[1] if len(losses) > 1 else losses[0]
