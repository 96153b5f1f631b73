"""Real beside synthetic samples in one figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from dgsynth.data.column import Label
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.evaluation.fidelity import random_part
from dgsynth.evaluation.figures import Figure, Picture, together
from dgsynth.evaluation.plots import plot_gallery, plot_lengths, plot_metadata, plot_values

_MEASUREMENTS, _METADATA = 3, 6
"""Columns of each kind that are drawn where none are named."""


def beside(
    real: Sequences, synthetic: Sequences, n: int, columns: Sequence[Label] | None = None, random_state: int = 0
) -> Figure:
    """Return `n` series of each measurement, and the distributions of values, lengths and metadata.

    Raises
    ------
    DataError
        A column is unknown, or is the sequence_key or the sequence_index.
    """
    schema = real.schema
    if columns is None:
        columns = [*schema.measurement_names[:_MEASUREMENTS], *schema.metadata_names[:_METADATA]]
    for name in columns:
        if schema.column(name).name not in schema.names:
            raise DataError(
                f"column {name!r} names or orders samples, and has no values to draw; leave it out of columns"
            )
    rng = np.random.default_rng(random_state)
    data = random_part(real, rng), random_part(synthetic, rng)
    return together(list(_pictures(*data, n, list(columns), random_state)))


def _pictures(
    real: Sequences, synthetic: Sequences, n: int, columns: list[Label], random_state: int
) -> Iterator[Picture]:
    measurements = [name for name in columns if name in real.schema.measurement_names]
    for name in measurements:
        yield f"{name}: some series", partial(plot_gallery, real, synthetic, name, n, random_state)
        yield f"{name}: values of all records", partial(plot_values, real, synthetic, name)
    if measurements and not real.schema.fixed_length:
        yield "Lengths", partial(plot_lengths, real, synthetic)
    for name in columns:
        if name not in measurements:
            yield str(name), partial(plot_metadata, real, synthetic, name)
