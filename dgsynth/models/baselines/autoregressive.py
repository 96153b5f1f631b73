"""The nonlinear autoregressive model: an MLP predicts a record from the metadata and the last records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.generation_flag import encode_flags
from dgsynth.kernels.activations import activate
from dgsynth.kernels.philox import Stream
from dgsynth.models.baselines.base import Baseline
from dgsynth.models.baselines.emission import Emission, prediction_loss, unroll
from dgsynth.models.baselines.empirical import EmpiricalRows
from dgsynth.models.baselines.network import Network, ragged, without_records
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition
from dgsynth.models.doppelganger.networks.blocks import relu_mlp
from dgsynth.models.parameters import POSITIVE, RATE, layer_widths, resolve_device
from dgsynth.training.adam import Adam
from dgsynth.training.batching import Batches, BatchOrder
from dgsynth.training.loop import Phases

_AT_ONCE = 2**16
"""Records whose residuals are computed together."""


class ARSynthesizer(Baseline):
    """The paper's nonlinear AR: R_t = f(A, R_{t-1}, ..., R_{t-p}), f an MLP; not `AutoregressiveSynthesizer`.

    Metadata are drawn from the rows of the training data, which a saved model holds. The first record is drawn from a
    Gaussian, whatever the metadata.

    Parameters
    ----------
    order : int, default=3
        p, the records that the next one is predicted from.
    units : sequence of int, default=(200, 200, 200, 200)
        Hidden layers.
    varies : bool, default=True
        Whether records vary around their prediction, as `Emission` says. False is the paper's: nothing but metadata and
        first records is random, so that series soon settle, and a flag ends all alike.
    epochs : int, default=20
        Over all records. The paper does not say.
    max_steps : int, default=None
        Train for so many steps instead of `epochs`.
    batch_size : int, default=100
        Records.
    learning_rate : float, default=0.001
    **common
        Those of `Baseline`: sequence_key, sequence_index, random_state, verbose and so on.

    References
    ----------
    Lin et al. (2020), Section 5.1.2 and Appendix B, "AR". Departures: `varies`; records before the first are zeros.

    Examples
    --------
    >>> import numpy as np
    >>> model = ARSynthesizer(max_steps=2, random_state=0).fit(np.random.default_rng(0).random((10, 6, 1)))
    >>> model.sample(3, random_state=1).shape
    (3, 6, 1)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Baseline._parameter_constraints,
        "order": [POSITIVE],
        "units": ["array-like"],
        "varies": ["boolean"],
        "epochs": [POSITIVE],
        "max_steps": [POSITIVE, None],
        "batch_size": [POSITIVE],
        "learning_rate": [RATE],
    }

    def __init__(
        self,
        *,
        order: int = 3,
        units: Sequence[int] = (200, 200, 200, 200),
        varies: bool = True,
        epochs: int = 20,
        max_steps: int | None = None,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.order = order
        self.units = units
        self.varies = varies
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate

    def _network(self, layout: Layout, sizes: dict[str, int]) -> ARNetwork:
        return ARNetwork(layout, sizes, self.order, layer_widths(self.units, "units"), self.varies)

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        metadata = EmpiricalRows.of(data.metadata)
        network = self._network(self.encoder_.layout, {"rows": len(metadata.rows)})
        network.metadata = metadata
        device = resolve_device(self.device)
        windows = Windows(data.to(device), network.layout, self.order)
        network.emission.learn_first(windows.first.cpu())
        phases = self._phases(["prediction_loss"], max(len(windows) // self.batch_size, 1))
        if len(windows) and network.layout.has_measurements:
            self._train(network.to(device), windows, phases)
            parts = np.array_split(np.arange(len(windows)), -(-len(windows) // _AT_ONCE))
            residuals = torch.cat([_residuals(network, *windows.at(part)).cpu() for part in parts])
            network.cpu().emission.learn_residuals(residuals)
        return network, phases

    def _train(self, network: ARNetwork, windows: Windows, phases: Phases) -> None:
        batches = Batches(windows.at, BatchOrder(len(windows), self.batch_size, 1, self.seed_))
        optimizer = Adam(network.mlp.parameters(), self.learning_rate, 0.9, 0.999)

        def take_step(step: int) -> Tensor:
            metadata, before, records = batches.at(step)
            loss = prediction_loss(network(metadata, before), records, network.layout.step_outputs).mean()
            optimizer.step(torch.autograd.grad(loss, optimizer.parameters))
            return loss.detach()[None]

        phases.run_phase(take_step, self.max_steps or self.epochs * phases.steps_per_epoch)


class ARNetwork(Network):
    """f, the first record's distribution, the residuals', and the metadata's."""

    def __init__(self, layout: Layout, sizes: dict[str, int], order: int, units: tuple[int, ...], varies: bool) -> None:
        super().__init__()
        self.layout, self.sizes, self.order = layout, sizes, order
        self.metadata = EmpiricalRows(sizes["rows"], layout.metadata_dim)
        self.emission = Emission(layout.step_outputs, varies)
        if layout.has_measurements:
            self.mlp = relu_mlp(layout.metadata_dim + order * layout.step_dim, units, layout.step_dim)

    def forward(self, metadata: Tensor, before: Tensor) -> Tensor:
        """Return predicted records (B, D).

        Parameters
        ----------
        metadata : Tensor of shape (B, A)
        before : Tensor of shape (B, p * D)
            The last p records, newest first; zeros before the first.
        """
        return activate(self.mlp(torch.cat([metadata, before], dim=1)), self.layout.step_outputs)

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        layout = self.layout
        metadata = self.metadata.draw(noise, condition)
        if not layout.has_measurements:
            return without_records(metadata, layout, lengths)
        longest = layout.max_length if lengths is None else int(lengths.max())
        normal = noise.normal(Stream.MEASUREMENT, layout.step_dim, longest)
        before = torch.zeros(len(noise), self.order * layout.step_dim)

        def advance(record: Tensor, t: int) -> Tensor:
            nonlocal before
            before = torch.cat([record, before[:, : -layout.step_dim]], dim=1)
            return self.emission.draw(self(metadata, before), normal[:, t])

        steps, lengths = unroll(self.emission.first(normal[:, 0]), advance, layout, lengths)
        return EncodedBatch(metadata, metadata[:, :0], ragged(steps, lengths, layout), lengths)


@torch.no_grad()
def _residuals(network: ARNetwork, metadata: Tensor, before: Tensor, records: Tensor) -> Tensor:
    return records - network(metadata, before)


class Windows:
    """The records that have one before them, each with the p before it.

    Parameters
    ----------
    data : EncodedBatch
    layout : Layout
    order : int
        p.

    Attributes
    ----------
    first : Tensor of shape (n, D)
        The records that have none before them, with flags.
    """

    def __init__(self, data: EncodedBatch, layout: Layout, order: int) -> None:
        self._order = order
        self._metadata = data.metadata
        self._sample = torch.repeat_interleave(data.lengths)
        self._position = torch.arange(len(data.records), device=data.lengths.device)
        self._position -= (data.lengths.cumsum(0) - data.lengths)[self._sample]
        flags = [encode_flags(self._position, data.lengths[self._sample] - 1)] if layout.has_flags else []
        self._records = torch.cat([data.records, *flags], dim=1)
        self._targets = self._position.nonzero()[:, 0]
        self.first = self._records[self._position == 0]

    def __len__(self) -> int:
        return len(self._targets)

    def at(self, index: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Return metadata (B, A), the records before (B, p * D), newest first, and the records (B, D) of windows."""
        target = self._targets[torch.from_numpy(index).to(self._targets.device)]
        back = torch.arange(1, self._order + 1, device=target.device)
        known = self._position[target, None] >= back
        before = self._records[(target[:, None] - back).clamp_min(0)] * known[..., None]
        return self._metadata[self._sample[target]], before.flatten(1), self._records[target]
