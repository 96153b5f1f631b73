"""Generating encoded samples from trained networks, with noise that depends on each sample's number alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.errors import DataError
from dgsynth.kernels.generate import PackedGenerator, generate_records
from dgsynth.kernels.mlp import PackedMlp, mlp
from dgsynth.kernels.packing import Precision
from dgsynth.kernels.philox import Stream, philox_normal
from dgsynth.models.condition import Condition, meet_by_rejection
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.networks.blocks import harden
from dgsynth.models.doppelganger.networks.doppelganger import DoppelGANger
from dgsynth.transforms.lengths import Lengths


@dataclass(frozen=True)
class Generators:
    """Trained generators in the form that sampling reads, made once per model.

    Attributes
    ----------
    metadata, minmax : PackedMlp or None
    measurements : PackedGenerator or None
    layout : Layout
    config : NetworkConfig
    device : torch.device
    lengths : Lengths or None
        What says by the metadata how long a sample is, where the generation flags don't.
    """

    metadata: PackedMlp | None
    minmax: PackedMlp | None
    measurements: PackedGenerator | None
    layout: Layout
    config: NetworkConfig
    device: torch.device
    lengths: Lengths | None = None

    @classmethod
    def of(cls, networks: DoppelGANger, precision: Precision = "float32", lengths: Lengths | None = None) -> Generators:
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
        metadata, minmax = networks.metadata_generator, networks.minmax_generator
        measurements = networks.measurement_generator
        return cls(
            None if metadata is None else metadata.pack(),
            None if minmax is None else minmax.pack(),
            None if measurements is None else measurements.pack(precision),
            networks.layout,
            networks.config,
            next(networks.parameters()).device,
            lengths,
        )


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
        Its rows belong to the samples in order. Where no network generates metadata, it gives all columns.
    lengths : int64 Tensor of shape (n_samples,), optional
        Forced lengths, at least 1; they may exceed the trained length. Where metadata have a length, it becomes this.

    Raises
    ------
    DataError
        A condition is next to impossible.
    """
    given = None if condition is None else _meet(generators, seed, first, n_samples, condition, lengths)
    metadata = _generate_metadata(generators, seed, first, n_samples, given)
    if generators.lengths is not None:
        metadata = metadata if lengths is None else generators.lengths.write(metadata, lengths)
        lengths = generators.lengths.read(metadata) if lengths is None else lengths
    minmax, known = _generate_minmax(generators, seed, first, metadata)
    if generators.measurements is not None:
        forced = None if lengths is None else lengths.to(known.device)
        records, made = generate_records(generators.measurements, known, seed, first, forced)
    else:
        made = torch.full((n_samples,), generators.layout.max_length) if lengths is None else lengths
        records = known.new_zeros(int(made.sum()), 0)
    return EncodedBatch(metadata, minmax, records, made).to("cpu")


@torch.no_grad()
def draw_metadata(generators: Generators, seed: int, n_samples: int, condition: Condition | None = None) -> Tensor:
    """Return the encoded metadata (n, A) of the first samples of the seed, without all the rest of them."""
    given = None if condition is None else _meet(generators, seed, 0, n_samples, condition)
    once = torch.arange(n_samples)
    return _metadata_source(generators, seed)(once, torch.zeros_like(once)) if given is None else given


def _generate_metadata(generators: Generators, seed: int, first: int, n_samples: int, given: Tensor | None) -> Tensor:
    """Return metadata (n, A), soft where they are not given."""
    if given is not None or generators.metadata is None:
        return torch.zeros(n_samples, 0, device=generators.device) if given is None else given.to(generators.device)
    samples = torch.arange(first, first + n_samples, device=generators.device)
    noise = philox_normal(seed, samples, Stream.METADATA, samples.new_zeros(1), generators.config.metadata_noise_dim)
    return mlp(generators.metadata, noise[:, 0], first)


def _generate_minmax(generators: Generators, seed: int, first: int, metadata: Tensor) -> tuple[Tensor, Tensor]:
    """Return min/max (n, M), and what measurements are generated from (n, A + M)."""
    config, layout = generators.config, generators.layout
    samples = torch.arange(first, first + len(metadata), device=generators.device)
    hard = harden(metadata, layout.metadata)
    minmax = metadata.new_zeros(len(metadata), 0)
    if generators.minmax is not None:
        noise = philox_normal(seed, samples, Stream.MINMAX, samples.new_zeros(1), config.minmax_noise_dim)[:, 0]
        minmax = mlp(generators.minmax, torch.cat([noise, hard], dim=1), first)
    return minmax, torch.cat([hard, harden(minmax, layout.minmax)], dim=1)


def _meet(
    generators: Generators,
    seed: int,
    first: int,
    n_samples: int,
    condition: Condition,
    lengths: Tensor | None = None,
) -> Tensor:
    """Return metadata (n, A) that meet the condition: each sample's first drawn metadata that do."""
    # Forced lengths are written over whatever metadata say of them.
    forced = slice(0, 0) if generators.lengths is None or lengths is None else generators.lengths.place
    n_given = sum(column.slice.stop - column.slice.start for column in condition.given if column.slice != forced)
    if n_given == generators.layout.metadata_dim - (forced.stop - forced.start):
        return condition.metadata
    drawn = meet_by_rejection(_metadata_source(generators, seed), torch.arange(first, first + n_samples), condition)
    for column in condition.given:
        drawn[:, column.slice] = condition.metadata[:, column.slice]
    return drawn


def _metadata_source(generators: Generators, seed: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function that draws metadata (n, A) for sample numbers (n,) and attempts (n,)."""
    network, dim = generators.metadata, generators.config.metadata_noise_dim
    assert network is not None, "only metadata can be given, so there are some"

    def draw(samples: Tensor, attempts: Tensor) -> Tensor:
        noise = philox_normal(seed, samples, Stream.METADATA, attempts[:, None], dim)[:, 0]
        return mlp(network, noise.to(generators.device), 0).cpu()

    return draw
