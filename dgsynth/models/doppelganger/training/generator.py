"""The generator in training: what it makes of noise, and the gradients of a loss to its weights, without a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dgsynth.kernels.activations import numbered
from dgsynth.kernels.packing import Precision
from dgsynth.models.doppelganger.networks.blocks import harden, move_running_statistics
from dgsynth.models.doppelganger.networks.doppelganger import DoppelGANger, Fake, Noise
from dgsynth.models.doppelganger.networks.measurement_generator import MeasurementGenerator
from dgsynth.models.doppelganger.networks.metadata_generator import MetadataGenerator
from dgsynth.models.doppelganger.networks.minmax_generator import MinMaxGenerator
from dgsynth.models.doppelganger.training.sharp_flags import less_sure, sharpened


@dataclass(frozen=True)
class Made:
    """Generated samples, and what their gradients are made of: the operands of each generator's backward operation."""

    fake: Fake
    metadata: list[Any] | None
    minmax: list[Any] | None
    measurement: list[Any] | None


class Generator:
    """The three generators of a DoppelGANger, for training.

    Makes what `DoppelGANger.forward` makes in training mode, and what autograd makes of it.

    Parameters
    ----------
    networks : DoppelGANger
        Its weights are read in place; the running statistics of BatchNorm move.
    precision : {"float32", "bfloat16"}
        Of the operands of the LSTM's products.
    sharp_flags : bool
        Whether flags are shown and differentiated as `dgsynth.models.doppelganger.training.sharp_flags` has it.

    Attributes
    ----------
    parameters : list of Tensor
        Those of all generators that exist, in the order of `gradients`.
    """

    def __init__(self, networks: DoppelGANger, precision: Precision = "float32", sharp_flags: bool = False) -> None:
        self._networks = networks
        self._metadata = MlpForTraining.of(networks.metadata_generator)
        self._minmax = MlpForTraining.of(networks.minmax_generator)
        self._measurement = _Lstm.of(networks.measurement_generator, precision, sharp_flags)
        parts = [part for part in (self._metadata, self._minmax, self._measurement) if part is not None]
        self.parameters = [parameter for part in parts for parameter in part.parameters]

    @torch.no_grad()
    def make(self, noise: Noise, given: Tensor | None = None) -> Made:
        """Return generated samples.

        Parameters
        ----------
        noise : Noise
        given : Tensor of shape (B, A), optional
            Their metadata, where there is no metadata generator for these.
        """
        layout = self._networks.layout
        nothing = noise.metadata.new_zeros(len(noise.metadata), 0)
        soft, minmax, of_metadata, of_minmax, of_measurement = nothing, nothing, None, None, None
        if self._metadata is not None:
            soft, of_metadata = self._metadata.make(noise.metadata)
        elif given is not None:
            soft = given
        hard = harden(soft, layout.metadata)
        if self._minmax is not None:
            minmax, of_minmax = self._minmax.make(torch.cat([noise.minmax, hard], dim=1))
        if self._measurement is None:
            fake = self._networks.without_measurements(soft, minmax)
        else:
            condition = torch.cat([hard, harden(minmax, layout.minmax)], dim=1)
            steps, lengths, of_measurement = self._measurement.make(condition, noise)
            fake = Fake(soft, minmax, steps, lengths)
        return Made(fake, of_metadata, of_minmax, of_measurement)

    @torch.no_grad()
    def gradients(self, made: Made, metadata: Tensor, minmax: Tensor, steps: Tensor) -> list[Tensor]:
        """Return the gradient to each parameter.

        Parameters
        ----------
        made : Made
        metadata, minmax, steps : Tensor
            The gradient to each of the generated samples' parts.
        """
        gradients: list[Tensor] = []
        if self._metadata is not None and made.metadata is not None:
            gradients += self._metadata.gradients(made.metadata, metadata)
        if self._minmax is not None and made.minmax is not None:
            gradients += self._minmax.gradients(made.minmax, minmax)
        if self._measurement is not None and made.measurement is not None:
            gradients += self._measurement.gradients(made.measurement, steps)
        return gradients


class MlpForTraining:
    """The metadata or the min/max generator."""

    def __init__(self, generator: MetadataGenerator | MinMaxGenerator) -> None:
        layers = [layer for layer in generator.mlp if isinstance(layer, nn.Linear)]
        self._norms = [norm for norm in generator.mlp if isinstance(norm, nn.BatchNorm1d)]
        self._weights, self._biases = [layer.weight for layer in layers], [layer.bias for layer in layers]
        self._gains, self._shifts = [norm.weight for norm in self._norms], [norm.bias for norm in self._norms]
        self._outputs = numbered(generator.outputs)
        self.parameters = [*self._weights, *self._biases, *self._gains, *self._shifts]

    @classmethod
    def of(cls, generator: MetadataGenerator | MinMaxGenerator | None) -> MlpForTraining | None:
        return None if generator is None else cls(generator)

    def make(self, inputs: Tensor) -> tuple[Tensor, list[Any]]:
        outputs, hidden, means, variances = torch.ops.dgsynth.normalized_mlp(
            inputs, self._weights, self._biases, self._gains, self._shifts, *self._outputs
        )
        move_running_statistics(self._norms, means, variances, len(inputs))
        return outputs, [outputs, inputs, hidden, means, variances]

    def gradients(self, kept: list[Any], gradient: Tensor) -> list[Tensor]:
        made = torch.ops.dgsynth.normalized_mlp_backward(
            gradient.contiguous(), *kept, self._weights, self._gains, self._shifts, *self._outputs
        )
        return [tensor for tensors in made for tensor in tensors]


class _Lstm:
    """The measurement generator."""

    def __init__(self, generator: MeasurementGenerator, precision: Precision, sharp_flags: bool) -> None:
        self._generator = generator
        self._sharp_flags = sharp_flags and generator.layout.has_flags
        self._bfloat16 = precision == "bfloat16"
        layout = generator.layout
        self._weights, self._biases = list(generator.weights), list(generator.biases)
        self._head = [generator.head.weight, generator.head.bias]
        self._settings = (generator.feedback_dim > 0, *numbered(layout.step_outputs), layout.sample_len)
        self._ends = (layout.max_length, layout.has_flags)
        learned = generator.learned_state
        self._learns_state = learned is not None
        self.parameters = [*self._weights, *self._biases, *self._head, *([] if learned is None else [learned])]

    @classmethod
    def of(cls, generator: MeasurementGenerator | None, precision: Precision, sharp_flags: bool) -> _Lstm | None:
        return None if generator is None else cls(generator, precision, sharp_flags)

    def make(self, condition: Tensor, noise: Noise) -> tuple[Tensor, Tensor, list[Any]]:
        state = [part.contiguous() for part in self._generator.initial_state_of(noise.state, condition)]
        inputs = [condition, noise.measurement, *state]
        steps, lengths, *kept = torch.ops.dgsynth.lstm_sequence(
            *inputs, self._weights, self._biases, *self._head, *self._settings, *self._ends, self._bfloat16
        )
        shown, softmax = (sharpened(steps), less_sure(steps)) if self._sharp_flags else (steps, steps)
        return shown, lengths, [softmax, lengths, *kept, *inputs]

    def gradients(self, kept: list[Any], steps: Tensor) -> list[Tensor]:
        weights, biases, head, head_bias, hidden, cell = torch.ops.dgsynth.lstm_sequence_backward(
            steps, *kept, self._weights, self._head[0], *self._settings, self._bfloat16
        )
        learned = [torch.stack([hidden, cell]).sum(dim=2, keepdim=True)] if self._learns_state else []
        return [*weights, *biases, head, head_bias, *learned]
