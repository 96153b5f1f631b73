"""The measurement generator: an LSTM that makes S records per pass until it says that the sample ends."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgsynth.batch import Layout
from dgsynth.kernels.generate import PackedGenerator
from dgsynth.kernels.lstm_sequence import lstm_sequence
from dgsynth.kernels.packing import GROUP, Precision, by_unit, pack, pack_bias
from dgsynth.models.doppelganger.config import InitialState
from dgsynth.models.doppelganger.networks.blocks import glorot_linear

LEARNED_STATE_STD = 0.02


class MeasurementGenerator(nn.Module):
    """Generates measurements and generation flags, given hard metadata (paper, section 4.1, Appendix B).

    Parameters
    ----------
    layout : Layout
    noise_dim : int
        Width of the noise of one pass.
    units, layers : int
        Of the LSTM.
    feedback : bool
        Whether a pass also reads the block of records generated in the pass before.
    initial_state : {"random", "zero", "learned"}

    Notes
    -----
    The LSTM's weights of one layer are a single matrix of shape (4H, inputs + H), since Glorot's bound is
    taken over inputs and hidden state together; gates lie in the order input, forget, cell, output.
    The head makes all S records of a pass, generation flags included, in one product.
    """

    def __init__(
        self,
        layout: Layout,
        noise_dim: int,
        units: int,
        layers: int,
        feedback: bool,
        initial_state: InitialState,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.units = units
        self.condition_dim = layout.metadata_dim + layout.minmax_dim
        self.noise_dim = noise_dim
        self.block_dim = layout.sample_len * layout.step_dim
        self.feedback_dim = self.block_dim if feedback else 0
        self.initial_state = initial_state
        input_dims = [self.condition_dim + noise_dim + self.feedback_dim] + [units] * (layers - 1)
        self.weights = nn.ParameterList(_lstm_weight(dim, units) for dim in input_dims)
        self.biases = nn.ParameterList(_lstm_bias(units) for _ in input_dims)
        self.head = glorot_linear(units, self.block_dim)
        self.learned_state = (
            nn.Parameter(LEARNED_STATE_STD * torch.randn(2, layers, 1, units)) if initial_state == "learned" else None
        )

    def forward(self, condition: Tensor, noise: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return records and lengths, for training; the packed generator makes the same from its own noise.

        Parameters
        ----------
        condition : Tensor of shape (B, A + M)
            Hard metadata and min/max metadata.
        noise : Tensor of shape (B, P, noise_dim)
            P passes are made at most.
        state : Tensor of shape (2, layers, B, H) or None
            Initial hidden and cell state where it is random; else None.

        Returns
        -------
        steps : Tensor of shape (B, P * S, D)
            Records with flags; zero after the block of S in which a sample ends. The blocks after the
            pass in which the last sample of the batch has ended are not computed.
        lengths : int64 Tensor of shape (B,)
        """
        hidden, cell = self.initial_state_of(state, condition)
        return lstm_sequence(
            condition,
            noise,
            hidden,
            cell,
            list(self.weights),
            list(self.biases),
            self.head.weight,
            self.head.bias,
            self.feedback_dim > 0,
            self.layout,
        )

    @torch.no_grad()
    def pack(self, precision: Precision = "float32") -> PackedGenerator:
        """Return the weights as they stand, in the order in which `generate_records` reads them."""
        layers = [by_unit(weight) for weight in self.weights]
        known, layers[0] = layers[0][:, : self.condition_dim], layers[0][:, self.condition_dim :]
        learned = self.learned_state
        return PackedGenerator(
            condition_weight=known.t().unflatten(1, (-1, GROUP)).contiguous(),
            gates=tuple(pack(weight, precision) for weight in layers),
            biases=tuple(pack_bias(by_unit(bias)) for bias in self.biases),
            head_weight=pack(self.head.weight),
            head_bias=pack_bias(self.head.bias),
            learned_state=None if learned is None else learned.detach().clone(),
            noise_dim=self.noise_dim,
            feedback=self.feedback_dim > 0,
            random_state=self.initial_state == "random",
            layout=self.layout,
        )

    def initial_state_of(self, state: Tensor | None, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden and cell state, (layers, B, H) each."""
        shape = (2, len(self.weights), len(condition), self.units)
        if self.learned_state is not None:
            state = self.learned_state.expand(shape)
        elif state is None:
            state = condition.new_zeros(shape)
        return state[0], state[1]


def _lstm_weight(input_dim: int, units: int) -> nn.Parameter:
    weight = torch.empty(4 * units, input_dim + units)
    nn.init.xavier_uniform_(weight)
    return nn.Parameter(weight)


def _lstm_bias(units: int) -> nn.Parameter:
    """Zero, but one for the forget gate."""
    bias = torch.zeros(4, units)
    bias[1] = 1.0
    return nn.Parameter(bias.flatten())
