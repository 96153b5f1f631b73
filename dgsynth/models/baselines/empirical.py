"""Metadata of the baselines that don't generate them: rows of the training data, drawn by how often they occur."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dgsynth.batch import Layout
from dgsynth.errors import DataError
from dgsynth.kernels.philox import Stream
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import OFF_START, Condition, distance


class EmpiricalRows(nn.Module):
    """The distinct rows of some training data, with their shares.

    The rows of metadata are training data, and so is a file of a model that holds them.

    Parameters
    ----------
    n_rows : int
        Distinct rows.
    width : int
        Columns: encoded metadata first, and what else goes with them.

    References
    ----------
    Lin et al. (2020), Section 5.1.2: "metadata are randomly drawn from the multinomial distribution on training data".
    """

    rows: Tensor
    shares: Tensor

    def __init__(self, n_rows: int, width: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(n_rows, width))
        self.register_buffer("shares", torch.zeros(n_rows, dtype=torch.float64))

    @classmethod
    def of(cls, values: Tensor) -> EmpiricalRows:
        """Return the distinct rows of `values`, of shape (n, width)."""
        rows, counts = values[:1].cpu(), torch.ones(1)
        if values.shape[1]:  # nothing is of one kind, for which torch knows no distinct rows
            rows, counts = torch.unique(values.cpu(), dim=0, return_counts=True)
        made = cls(*rows.shape)
        made.rows.copy_(rows)
        made.shares.copy_(counts / counts.sum(dtype=torch.float64))
        return made

    def draw(self, noise: SampleNoise, condition: Condition | None = None) -> Tensor:
        """Return a row for each sample, of shape (B, width); where some metadata are given, of the rows that have them.

        Where all metadata are given and no row has them, the rest of a row is drawn from all.

        Raises
        ------
        DataError
            Only some metadata are given, and no row has them.
        """
        uniform = noise.uniform(Stream.METADATA, 1)[:, 0, 0].double()
        if condition is None:
            return self.rows[_pick(self.shares, uniform)]
        drawn = torch.empty(len(noise), self.rows.shape[1])
        wanted, group = torch.unique(condition.metadata, dim=0, return_inverse=True)
        for i in range(len(wanted)):
            members = (group == i).nonzero()[:, 0]
            shares = self._shares_of(wanted[i], condition, int(noise.samples[members[0]]))
            drawn[members] = self.rows[_pick(shares, uniform[members])]
        for column in condition.given:
            drawn[:, column.slice] = condition.metadata[:, column.slice]
        return drawn

    def _shares_of(self, wanted: Tensor, condition: Condition, sample: int) -> Tensor:
        """Return the shares of the rows, 0 for those that lack what is given."""
        off = distance(self.rows, wanted.expand(len(self.rows), -1), condition.given)
        if off.min() < OFF_START:
            return self.shares * (off == off.min())
        n_given = sum(column.slice.stop - column.slice.start for column in condition.given)
        if condition.nearest or n_given == condition.metadata.shape[1]:
            return self.shares
        names = ", ".join(repr(column.name) for column in condition.given)
        raise DataError(
            f"the metadata given for sample {sample} (columns {names}) are those of no training sample, from which the "
            "other columns are drawn; give all of the metadata columns, or other values"
        )


def with_lengths(metadata: Tensor, lengths: Tensor, layout: Layout) -> Tensor:
    """Return metadata with a further column, length / T, where samples are of various lengths: (B, A) or (B, A + 1).

    For models that don't generate lengths either, and are told them as they are told metadata.
    """
    return torch.cat([metadata, lengths[:, None] / layout.max_length], dim=1) if layout.has_flags else metadata


def without_lengths(rows: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    """Return the metadata (B, A) and the lengths (B,) that `with_lengths` joined."""
    if not layout.has_flags:
        return rows, torch.full((len(rows),), layout.max_length)
    return rows[:, :-1], (rows[:, -1] * layout.max_length).round().long()


def draw_known(
    known: EmpiricalRows, layout: Layout, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return metadata (B, A), lengths (B,), drawn too unless they are given, and what `with_lengths` makes of both."""
    metadata, drawn = without_lengths(known.draw(noise, condition), layout)
    lengths = drawn if lengths is None else lengths
    return metadata, lengths, with_lengths(metadata, lengths, layout)


def _pick(shares: Tensor, uniform: Tensor) -> Tensor:
    """Return the row at each uniform number, rows being as wide as their shares."""
    ends = shares.cumsum(0)
    # The last row that has a share, if rounding leaves the ends below the number.
    return torch.searchsorted(ends, uniform * ends[-1], right=True).clamp(max=int(shares.nonzero()[-1]))
