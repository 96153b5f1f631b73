"""The measurement generator: an LSTM that makes S records per pass until it says that the sample ends."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from dgsynth.batch import Layout
from dgsynth.config import InitialState
from dgsynth.kernels.activations import activate
from dgsynth.kernels.generate import PackedGenerator, count_records, lstm_cell
from dgsynth.kernels.packing import GROUP, Precision, by_unit, pack, pack_bias
from dgsynth.networks.blocks import glorot_linear

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
        n_samples, passes = noise.shape[:2]
        hidden, cell = self._initial_state(state, condition)
        # Taken apart once: a slice per pass would give each its own full-size gradient.
        known_gates = self._known_gates(condition, noise).unbind(1)  # P of (B, 4H)
        recurrent_weights = [self._recurrent_weight(layer) for layer in range(len(self.weights))]
        block = condition.new_zeros(n_samples, self.block_dim)
        blocks: list[Tensor] = []
        records_made = torch.zeros(n_samples, dtype=torch.int64, device=condition.device)
        goes_on = torch.ones(n_samples, dtype=torch.bool, device=condition.device)
        for i in range(passes):
            hidden, cell = self._lstm_pass(known_gates[i], recurrent_weights, block, hidden, cell)
            block = self._records(hidden[-1]) * goes_on[:, None]
            blocks.append(block)
            made, goes_on = self._count(block, goes_on, i)
            records_made = records_made + made
            if self.layout.has_flags and not goes_on.any():
                break
        steps = torch.stack(blocks, dim=1).unflatten(2, (self.layout.sample_len, self.layout.step_dim)).flatten(1, 2)
        missing = (passes - len(blocks)) * self.layout.sample_len
        return nn.functional.pad(steps, (0, 0, 0, missing)), records_made

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

    def _count(self, block: Tensor, goes_on: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Return the records that count in this block, and which samples go on after it."""
        left = self.layout.max_length - index * self.layout.sample_len
        if not self.layout.has_flags:
            return torch.full_like(goes_on, min(left, self.layout.sample_len), dtype=torch.int64), goes_on
        made, continues = count_records(block.detach().unflatten(1, (self.layout.sample_len, -1)))
        return torch.where(goes_on, made, 0).clamp(max=left), goes_on & continues

    def _initial_state(self, state: Tensor | None, condition: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        shape = (2, len(self.weights), len(condition), self.units)
        if self.learned_state is not None:
            state = self.learned_state.expand(shape)
        elif state is None:
            state = condition.new_zeros(shape)
        return list(state[0]), list(state[1])

    def _known_gates(self, condition: Tensor, noise: Tensor) -> Tensor:
        """First layer's share of the gates that does not wait for the pass before; metadata's only once."""
        weight = self.weights[0]
        of_condition = linear(condition, weight[:, : self.condition_dim], self.biases[0])
        of_noise = linear(noise, weight[:, self.condition_dim : self.condition_dim + self.noise_dim])
        return of_condition[:, None] + of_noise

    def _recurrent_weight(self, layer: int) -> Tensor:
        """Return what multiplies a layer's inputs of the pass itself, transposed to (inputs, 4H)."""
        known = self.condition_dim + self.noise_dim if layer == 0 else 0
        return self.weights[layer][:, known:].t()

    def _lstm_pass(
        self,
        gates: Tensor,
        recurrent_weights: Sequence[Tensor],
        previous_block: Tensor,
        hidden: Sequence[Tensor],
        cell: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        new_hidden: list[Tensor] = []
        new_cell: list[Tensor] = []
        for layer, weight in enumerate(recurrent_weights):
            if layer == 0:
                inputs = torch.cat([previous_block, hidden[0]], dim=1) if self.feedback_dim else hidden[0]
                gates = torch.addmm(gates, inputs, weight)
            else:
                gates = torch.addmm(self.biases[layer], torch.cat([new_hidden[-1], hidden[layer]], dim=1), weight)
            h, c = lstm_cell(gates, cell[layer])
            new_hidden.append(h)
            new_cell.append(c)
        return new_hidden, new_cell

    def _records(self, hidden: Tensor) -> Tensor:
        """Return the S records of one pass, flattened to (B, S * D)."""
        logits = self.head(hidden).unflatten(1, (self.layout.sample_len, self.layout.step_dim))
        return activate(logits, self.layout.step_outputs).flatten(1)


def _lstm_weight(input_dim: int, units: int) -> nn.Parameter:
    weight = torch.empty(4 * units, input_dim + units)
    nn.init.xavier_uniform_(weight)
    return nn.Parameter(weight)


def _lstm_bias(units: int) -> nn.Parameter:
    """Zero, but one for the forget gate."""
    bias = torch.zeros(4, units)
    bias[1] = 1.0
    return nn.Parameter(bias.flatten())
