"""Generating encoded samples from trained networks, with noise that depends on each sample's number alone.

Metadata are made in blocks of a fixed size, and sample i always lies in the same row of the same block: how
a matrix product rounds depends on its shape, so this is what makes sample i the same bit for bit however
many are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dgsynth.batch import EncodedBatch, Output
from dgsynth.errors import DataError
from dgsynth.kernels.generate import BLOCK, PackedGenerator, generate_records, whole_blocks
from dgsynth.kernels.packing import Precision
from dgsynth.kernels.philox import Stream, philox_normal
from dgsynth.networks.doppelganger import DoppelGANger

MAX_ATTEMPTS = 8192
"""Metadata drawn per sample before a condition counts as next to impossible."""

TOLERANCE = 0.01
"""A generated number meets a given one within this share of its range; it is then set to the given one."""


@dataclass(frozen=True)
class GivenColumn:
    """One metadata column that is given: its name, where its encoding begins, and its outputs."""

    name: str | int
    start: int
    outputs: tuple[Output, ...]

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + sum(output.dim for output in self.outputs))


@dataclass(frozen=True)
class Condition:
    """What is asked of the metadata of each sample.

    Attributes
    ----------
    metadata : Tensor of shape (n, A)
        Encoded; only the columns of `given` count.
    given : tuple of GivenColumn
    nearest : bool
        Whether, where no drawn metadata meet the condition, the nearest are taken.
    """

    metadata: Tensor
    given: tuple[GivenColumn, ...]
    nearest: bool = False


@dataclass(frozen=True)
class Generators:
    """Trained generators in the form that sampling reads, made once per model.

    Attributes
    ----------
    networks : DoppelGANger
        Without BatchNorm, which is folded into the layers behind it, and without discriminators.
    measurements : PackedGenerator or None
    """

    networks: DoppelGANger
    measurements: PackedGenerator | None

    @classmethod
    def of(cls, networks: DoppelGANger, precision: Precision = "float32") -> Generators:
        """Return the generators of `networks` as they stand.

        Raises
        ------
        DataError
            Their weights are not finite.
        """
        for name, module in networks.generator_modules().items():
            if not all(weights.isfinite().all() for weights in module.state_dict().values()):
                raise DataError(
                    f"the weights of the {name} are not finite: training has diverged; train again, with a lower "
                    "learning_rate or another random_state"
                )
        packed = None if networks.measurement_generator is None else networks.measurement_generator.pack(precision)
        return cls(networks.folded(), packed)


@torch.no_grad()
def generate(
    generators: Generators,
    seed: int,
    first: int,
    n_samples: int,
    *,
    condition: Condition | None = None,
    lengths: Tensor | None = None,
) -> EncodedBatch:
    """Return samples number `first` to `first + n_samples - 1` of the seed, on the CPU.

    Parameters
    ----------
    generators : Generators
    seed : int in [0, 2**64)
    first, n_samples : int
    condition : Condition, optional
        Its rows belong to the samples in order.
    lengths : int64 Tensor of shape (n_samples,), optional
        Forced lengths, at least 1; they may exceed the trained length.

    Raises
    ------
    DataError
        A condition is next to impossible.
    """
    networks = generators.networks
    given = None if condition is None else _meet(networks, seed, first, n_samples, condition)
    metadata, minmax, known = _generate_metadata(networks, seed, first, n_samples, given)
    if generators.measurements is not None:
        forced = None if lengths is None else lengths.to(known.device)
        records, made = generate_records(generators.measurements, known, seed, first, forced)
    else:
        made = torch.full((n_samples,), networks.layout.max_length) if lengths is None else lengths
        records = known.new_zeros(int(made.sum()), 0)
    return EncodedBatch(metadata, minmax, records, made).to("cpu")


def _generate_metadata(
    networks: DoppelGANger, seed: int, first: int, n_samples: int, given: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return metadata (n, A), min/max (n, M) and what measurements are generated from (n, A + M)."""
    device = next(networks.parameters()).device
    config, once = networks.config, torch.zeros(1, dtype=torch.int64, device=device)
    parts = []
    given = None if given is None else given.to(device)
    for samples, row, wanted in whole_blocks(first, n_samples, device):
        made = networks.generate_metadata(
            philox_normal(seed, samples, Stream.METADATA, once, config.metadata_noise_dim)[:, 0],
            philox_normal(seed, samples, Stream.MINMAX, once, config.minmax_noise_dim)[:, 0],
            None if given is None else given[row],
        )
        parts.append([tensor[wanted] for tensor in made])
    metadata, minmax, known = (torch.cat(part) for part in zip(*parts, strict=True))
    return metadata, minmax, known


def _meet(networks: DoppelGANger, seed: int, first: int, n_samples: int, condition: Condition) -> Tensor:
    """Return metadata (n, A) that meet the condition: each sample's first drawn metadata that do."""
    n_given = sum(column.slice.stop - column.slice.start for column in condition.given)
    if n_given == networks.layout.metadata_dim:
        return condition.metadata
    drawn = _rejection(_metadata_source(networks, seed), torch.arange(first, first + n_samples), condition)
    for column in condition.given:
        drawn[:, column.slice] = condition.metadata[:, column.slice]
    return drawn


def _metadata_source(networks: DoppelGANger, seed: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function that draws metadata (n, A) for sample numbers (n,) and attempts (n,)."""
    device = next(networks.parameters()).device
    dim = networks.config.metadata_noise_dim
    generator = networks.metadata_generator
    assert generator is not None, "only metadata can be given, so there are some"

    def draw(samples: Tensor, attempts: Tensor) -> Tensor:
        parts = []
        for start in range(0, len(samples), BLOCK):
            rows = torch.arange(start, start + BLOCK).clamp(max=len(samples) - 1)  # blocks of one shape here too
            noise = philox_normal(seed, samples[rows], Stream.METADATA, attempts[rows][:, None], dim)[:, 0]
            parts.append(generator(noise.to(device)).cpu())
        return torch.cat(parts)[: len(samples)]

    return draw


def _rejection(draw: Callable[[Tensor, Tensor], Tensor], samples: Tensor, condition: Condition) -> Tensor:
    """Draw for every sample until its condition is met; samples that still wait get more attempts each round."""
    result = condition.metadata.clone()
    nearest = torch.full((len(samples),), torch.inf)
    waiting = torch.arange(len(samples))
    done_attempts, attempts = 0, 1
    while len(waiting) and done_attempts < MAX_ATTEMPTS:
        still_waiting = []
        # Bounded memory: some hundred thousand rows of metadata at a time.
        for group in waiting.split(max(1, 2**17 // attempts)):
            numbers = torch.arange(done_attempts, done_attempts + attempts)
            drawn = draw(samples[group].repeat_interleave(attempts), numbers.repeat(len(group)))
            wanted = condition.metadata[group].repeat_interleave(attempts, 0)
            distance = _distance(drawn, wanted, condition.given)
            distance = torch.where(distance <= TOLERANCE, 0, distance).reshape(len(group), attempts)
            best, which = distance.min(dim=1)  # the first of equals
            better = best < nearest[group]
            chosen = drawn.reshape(len(group), attempts, -1)[torch.arange(len(group)), which]
            result[group[better]] = chosen[better]
            nearest[group] = torch.minimum(nearest[group], best)
            still_waiting.append(group[nearest[group] > 0])
        waiting = torch.cat(still_waiting)
        done_attempts += attempts
        attempts = min(2 * attempts, 1024)
    impossible = nearest.isinf() if condition.nearest else nearest > 0
    if impossible.any():
        names = ", ".join(repr(column.name) for column in condition.given)
        raise DataError(
            f"the metadata given for sample {int(impossible.nonzero()[0])} (columns {names}) are next to impossible "
            f"under the model: none of {done_attempts} drawn had them; give fewer columns, other values, or all of "
            "the metadata columns"
        )
    return result


def _distance(drawn: Tensor, wanted: Tensor, given: tuple[GivenColumn, ...]) -> Tensor:
    """Return how far drawn metadata are from wanted ones: infinite for another category, else in shares of range."""
    distance = torch.zeros(len(drawn))
    for column in given:
        dims = [output.dim for output in column.outputs]
        ours, theirs = drawn[:, column.slice].split(dims, 1), wanted[:, column.slice].split(dims, 1)
        category, category_wanted = ours[-1].argmax(1), theirs[-1].argmax(1)
        if column.outputs[0].activation != "softmax":
            off = (ours[0] - theirs[0]).abs()[:, 0]
            # A nullable number has an indicator [present, missing] behind it; without one both are 0, present.
            distance = torch.maximum(distance, torch.where(category_wanted == 0, off, 0))
        distance = torch.where(category == category_wanted, distance, torch.inf)
    return distance
