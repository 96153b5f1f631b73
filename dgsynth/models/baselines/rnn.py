"""The recurrent model: an LSTM predicts a record from the metadata and all records before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear, pad

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.kernels.activations import activate
from dgsynth.kernels.generate import activate_gates, lstm_states
from dgsynth.kernels.philox import Stream
from dgsynth.models.baselines.base import Baseline
from dgsynth.models.baselines.emission import Emission, prediction_loss, unroll
from dgsynth.models.baselines.empirical import EmpiricalRows
from dgsynth.models.baselines.network import Network, ragged, without_records
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition
from dgsynth.models.doppelganger.networks.measurement_generator import MeasurementGenerator
from dgsynth.models.parameters import LAYERS, POSITIVE, RATE, resolve_device
from dgsynth.training.adam import Adam
from dgsynth.training.batching import Batches, RealBatch, TrainingData
from dgsynth.training.loop import Phases

_SAMPLES_FOR_RESIDUALS = 1000
"""Most samples, chosen at random, whose predictions tell how records vary around them."""


class RNNSynthesizer(Baseline):
    """Recurrent network: an LSTM that reads metadata and one record after another, and predicts the next.

    Trained by teacher forcing. Metadata are drawn from the rows of the training data, which a saved model holds. The
    first record is drawn from a Gaussian, whatever the metadata.

    Parameters
    ----------
    units : int, default=100
        Of each layer.
    layers : int, default=1
    varies : bool, default=True
        Whether records vary around their prediction, as `Emission` says. False is the paper's: nothing but metadata and
        first records is random.
    epochs : int, default=100
        The paper does not say.
    max_steps : int, default=None
        Train for so many steps instead of `epochs`.
    batch_size : int, default=100
        Samples.
    learning_rate : float, default=0.001
    **common
        Those of `Baseline`: sequence_key, sequence_index, random_state, verbose and so on.

    References
    ----------
    Lin et al. (2020), Section 5.1.2 and Appendix B, "RNN". Departure: `varies`. Layers, initial weights and the kernels
    that train them are those of DoppelGANger's measurement generator, with the record before in place of its noise.

    Examples
    --------
    >>> import numpy as np
    >>> model = RNNSynthesizer(units=8, max_steps=2, random_state=0).fit(np.random.default_rng(0).random((10, 6, 1)))
    >>> model.sample(3, random_state=1).shape
    (3, 6, 1)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Baseline._parameter_constraints,
        "units": [POSITIVE],
        "layers": [LAYERS],
        "varies": ["boolean"],
        "epochs": [POSITIVE],
        "max_steps": [POSITIVE, None],
        "batch_size": [POSITIVE],
        "learning_rate": [RATE],
    }

    def __init__(
        self,
        *,
        units: int = 100,
        layers: int = 1,
        varies: bool = True,
        epochs: int = 100,
        max_steps: int | None = None,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.units = units
        self.layers = layers
        self.varies = varies
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate

    def _network(self, layout: Layout, sizes: dict[str, int]) -> RNNNetwork:
        return RNNNetwork(layout, sizes, self.units, self.layers, self.varies)

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        metadata = EmpiricalRows.of(data.metadata)
        network = self._network(self.encoder_.layout, {"rows": len(metadata.rows)})
        network.metadata = metadata
        batches = self._batches(data, self.batch_size)
        phases = self._phases(["prediction_loss"], batches.order.steps_per_epoch)
        if network.layout.has_measurements:
            network.to(resolve_device(self.device))
            self._train(network, batches, phases)
            self._learn_emission(network, data)
        return network.cpu(), phases

    def _train(self, network: RNNNetwork, batches: Batches[RealBatch], phases: Phases) -> None:
        optimizer = Adam(network.lstm.parameters(), self.learning_rate, 0.9, 0.999)

        def take_step(step: int) -> Tensor:
            batch = batches.at(step)
            predicted, records, behind = network.predict(batch.metadata, batch.steps, batch.lengths)
            errors = prediction_loss(predicted, records, network.layout.step_outputs) * behind
            loss = errors.sum() / behind.sum().clamp_min(1)
            optimizer.step(torch.autograd.grad(loss, optimizer.parameters))
            return loss.detach()[None]

        phases.run_phase(take_step, self.max_steps or self.epochs * phases.steps_per_epoch)

    @torch.no_grad()
    def _learn_emission(self, network: RNNNetwork, data: EncodedBatch) -> None:
        """Learn first records, and how records differ from their predictions."""
        real = TrainingData(data, network.layout, resolve_device(self.device))
        chosen = np.random.default_rng(self.seed_).permutation(len(data))[:_SAMPLES_FOR_RESIDUALS]
        firsts, residuals = [], []
        for part in np.array_split(chosen, -(-len(chosen) // self.batch_size)):
            batch = real.batch(part)
            firsts.append(batch.steps[:, 0].cpu())
            predicted, records, behind = network.predict(batch.metadata, batch.steps, batch.lengths)
            residuals.append((records - predicted)[behind].cpu())
        network.emission.learn_first(torch.cat(firsts))
        network.emission.learn_residuals(torch.cat(residuals))


class RNNNetwork(Network):
    """The LSTM, the first record's distribution, the residuals', and the metadata's."""

    def __init__(self, layout: Layout, sizes: dict[str, int], units: int, layers: int, varies: bool) -> None:
        super().__init__()
        self.layout, self.sizes = layout, sizes
        self.metadata = EmpiricalRows(sizes["rows"], layout.metadata_dim)
        self.emission = Emission(layout.step_outputs, varies)
        if layout.has_measurements:
            # Flags are outputs like others here, and the record before is what its passes read.
            read = replace(layout, record=layout.step_outputs, has_flags=False)
            self.lstm = MeasurementGenerator(read, layout.step_dim, units, layers, feedback=False, initial_state="zero")

    def predict(self, metadata: Tensor, steps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return each record's prediction from those before it, the records, and which of them have one before them.

        Parameters
        ----------
        metadata : Tensor of shape (B, A)
        steps : Tensor of shape (B, T, D)
            Padded, with flags.
        lengths : int64 Tensor of shape (B,)

        Returns
        -------
        predicted, records : Tensor of shape (B, longest length, D)
        behind : bool Tensor of shape (B, longest length)
        """
        records = steps[:, : int(lengths.max())]
        before = pad(records[:, :-1], (0, 0, 1, 0))
        predicted, _ = self.lstm(metadata, before, None)
        number = torch.arange(records.shape[1], device=records.device)
        return predicted, records, (number > 0) & (number < lengths[:, None])

    def advance(self, metadata: Tensor, before: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next records (B, D) and the states (2, layers, B, H) after them: one pass of `predict`."""
        below, hidden, cells = torch.cat([metadata, before], dim=1), [], []
        for layer, (weight, bias) in enumerate(zip(self.lstm.weights, self.lstm.biases, strict=True)):
            gates = activate_gates(linear(torch.cat([below, state[0, layer]], dim=1), weight, bias))
            below, cell = lstm_states(gates, state[1, layer])
            hidden.append(below)
            cells.append(cell)
        predicted = activate(self.lstm.head(below), self.layout.step_outputs)
        return predicted, torch.stack([torch.stack(hidden), torch.stack(cells)])

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        layout = self.layout
        metadata = self.metadata.draw(noise, condition)
        if not layout.has_measurements:
            return without_records(metadata, layout, lengths)
        longest = layout.max_length if lengths is None else int(lengths.max())
        normal = noise.normal(Stream.MEASUREMENT, layout.step_dim, longest)
        state = torch.zeros(2, len(self.lstm.weights), len(noise), self.lstm.units)
        _, state = self.advance(metadata, torch.zeros(len(noise), layout.step_dim), state)

        def next_record(record: Tensor, t: int) -> Tensor:
            nonlocal state
            predicted, state = self.advance(metadata, record, state)
            return self.emission.draw(predicted, normal[:, t])

        steps, lengths = unroll(self.emission.first(normal[:, 0]), next_record, layout, lengths)
        return EncodedBatch(metadata, metadata[:, :0], ragged(steps, lengths, layout), lengths)
