"""Samples of a trained DoppelGANger, whichever model generates their metadata."""

from __future__ import annotations

import pandas as pd
from torch import Tensor

from dgsynth.data.sequences import Sequences
from dgsynth.models.condition import condition_of, decode_given
from dgsynth.models.doppelganger.generation import Generators, generate
from dgsynth.models.doppelganger.metadata_model import MetadataModel
from dgsynth.transforms.encoder import Encoder


def make_samples(
    generators: Generators,
    encoder: Encoder,
    model: MetadataModel | None,
    seed: int,
    first: int,
    n_samples: int,
    condition: pd.DataFrame | None = None,
    lengths: Tensor | None = None,
) -> Sequences:
    """Return samples number `first` to `first + n_samples - 1` of a seed.

    Parameters
    ----------
    generators : Generators
    encoder : Encoder
    model : MetadataModel or None
        What draws metadata, where no network does.
    seed : int in [0, 2**63)
    first, n_samples : int
    condition : DataFrame of n_samples rows, optional
        What is given of the metadata, checked.
    lengths : int64 Tensor of shape (n_samples,), optional
        Forced lengths.

    Raises
    ------
    DataError
        A condition is next to impossible.
    """
    if model is None:
        wanted = None if condition is None else condition_of(encoder, condition)
        encoded = generate(generators, seed, first, n_samples, condition=wanted, lengths=lengths)
        return decode_given(encoder, encoded, condition)
    given, of_length = condition, encoder.lengths
    if of_length is not None and lengths is not None:
        given = pd.DataFrame(index=pd.RangeIndex(n_samples)) if given is None else given.copy(deep=False)
        given[of_length.name] = of_length.known(lengths)
    drawn = model.draw(seed, first, n_samples, given)
    if of_length is not None and lengths is None:
        lengths = of_length.of_values(drawn[of_length.name])
    whole = condition_of(encoder, drawn)
    return encoder.decode(generate(generators, seed, first, n_samples, condition=whole, lengths=lengths), drawn)
