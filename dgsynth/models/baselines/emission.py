"""The randomness of models that predict a record from those before it: of the first record, and around a prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from dgsynth.batch import Layout, Output
from dgsynth.models.doppelganger.networks.blocks import harden

_SMALLEST = 1e-6
"""Added to variances, so that a column that never varies has a Cholesky factor too."""


class Emission(nn.Module):
    """Draws records: the first one from a Gaussian, the others around their prediction.

    Numbers of the first record are Gaussian; categories and flags of it are drawn by their frequency. Later numbers
    vary around their prediction by a Gaussian with the covariance of the residuals, later categories and flags are
    drawn from the predicted probabilities. All numbers are kept in [0, 1].

    Parameters
    ----------
    outputs : tuple of Output
        Of a record, generation flag last.
    varies : bool
        Whether anything beyond the first record is random; else numbers are their prediction, and categories and flags
        the most probable ones.
    """

    mean: Tensor
    factor: Tensor
    residual_factor: Tensor

    def __init__(self, outputs: tuple[Output, ...], varies: bool) -> None:
        super().__init__()
        self.outputs = outputs
        self.varies = varies
        width = sum(output.dim for output in outputs)
        self.numbers = number_columns(outputs)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("factor", torch.zeros(len(self.numbers), len(self.numbers)))
        self.register_buffer("residual_factor", torch.zeros(len(self.numbers), len(self.numbers)))

    def learn_first(self, records: Tensor) -> None:
        """Take the mean and the covariance of first records, of shape (n, D)."""
        self.mean.copy_(records.mean(0))
        self.factor.copy_(cholesky(records[:, self.numbers] - self.mean[self.numbers]))

    def learn_residuals(self, residuals: Tensor) -> None:
        """Take the covariance of what records differ by from their predictions, of shape (n, D)."""
        self.residual_factor.copy_(cholesky(residuals[:, self.numbers]))

    def first(self, normal: Tensor) -> Tensor:
        """Return first records, made of standard normal numbers of the same shape (B, D)."""
        return draw_records(self.mean.expand_as(normal), normal, self.factor, self.outputs)

    def draw(self, predicted: Tensor, normal: Tensor) -> Tensor:
        """Return records around predicted ones, made of standard normal numbers of the same shape (B, D)."""
        if not self.varies:
            return harden(predicted, self.outputs)
        return draw_records(predicted, normal, self.residual_factor, self.outputs)


def draw_records(expected: Tensor, normal: Tensor, factor: Tensor, outputs: tuple[Output, ...]) -> Tensor:
    """Return records around expected ones: Gaussian numbers, kept in [0, 1], and categories by their probabilities.

    Parameters
    ----------
    expected : Tensor of shape (B, D)
        Mean numbers, and of each category and flag its probability.
    normal : Tensor of shape (B, D)
        Standard normal numbers that the records are made of.
    factor : Tensor of shape (N, N) or (B, N, N)
        Cholesky factor of the covariance of the N numbers.
    outputs : tuple of Output
    """
    record, numbers = torch.empty_like(expected), number_columns(outputs)
    around = expected[:, numbers] + (factor @ normal[:, numbers, None])[..., 0]
    record[:, numbers] = around.clamp(0, 1)
    for where, output in places(outputs):
        if output.activation == "softmax":
            ends = expected[:, where].cumsum(1)
            uniform = torch.special.ndtr(normal[:, where.start, None]) * ends[:, -1:]
            category = (uniform >= ends).sum(1).clamp(max=output.dim - 1)
            record[:, where] = one_hot(category, output.dim).to(record.dtype)
    return record


def number_columns(outputs: tuple[Output, ...]) -> list[int]:
    """Return the columns of a record that hold numbers, not categories or flags."""
    return [where.start for where, output in places(outputs) if output.activation != "softmax"]


def cholesky(deviations: Tensor) -> Tensor:
    """Return the Cholesky factor of the covariance of deviations from a mean, of shape (n, d)."""
    wide = deviations.double()
    covariance = wide.t() @ wide / max(len(wide), 1)
    factor: Tensor = torch.linalg.cholesky(covariance + _SMALLEST**2 * torch.eye(len(covariance), dtype=torch.float64))
    return factor.float()


def prediction_loss(predicted: Tensor, records: Tensor, outputs: tuple[Output, ...]) -> Tensor:
    """Return the squared error of numbers and the cross-entropy of categories and flags, summed over the outputs.

    Parameters
    ----------
    predicted, records : Tensor of shape (..., D)
    outputs : tuple of Output

    Returns
    -------
    Tensor of shape (...,)
    """
    loss = predicted.new_zeros(predicted.shape[:-1])
    for where, output in places(outputs):
        if output.activation == "softmax":
            loss = loss - (records[..., where] * predicted[..., where].clamp_min(1e-7).log()).sum(-1)
        else:
            loss = loss + (predicted[..., where] - records[..., where]).square().sum(-1)
    return loss


def unroll(
    first: Tensor, advance: Callable[[Tensor, int], Tensor], layout: Layout, lengths: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return records made one after another until the flags say so, and the lengths.

    Parameters
    ----------
    first : Tensor of shape (B, D)
        First records.
    advance : callable
        Given the records number t - 1 of all samples, of shape (B, D), and t, returns those number t.
    layout : Layout
    lengths : int64 Tensor of shape (B,) or None
        Forced lengths: the flags are then set, not obeyed.

    Returns
    -------
    steps : Tensor of shape (B, longest length, D)
        What lies behind a sample's end means nothing.
    lengths : int64 Tensor of shape (B,)
    """
    longest = layout.max_length if lengths is None else int(lengths.max())
    made = torch.full((len(first),), longest) if lengths is None else lengths
    going = torch.ones(len(first), dtype=torch.bool)
    steps: list[Tensor] = []
    record = first
    for t in range(longest):
        record = advance(record, t) if t else first
        if layout.has_flags:
            if lengths is None:
                ended = going & (record[:, -2] < record[:, -1])
                made = torch.where(ended, t + 1, made)
                going &= ~ended
            else:  # what comes next shall not be made to follow an end
                record = torch.cat([record[:, :-2], torch.tensor([1.0, 0.0]).expand(len(record), 2)], dim=1)
        steps.append(record)
        if not going.any():
            break
    return torch.stack(steps, dim=1), made


def places(outputs: tuple[Output, ...]) -> Iterator[tuple[slice, Output]]:
    """Yield the columns of each output, and the output."""
    start = 0
    for output in outputs:
        yield slice(start, start + output.dim), output
        start += output.dim
