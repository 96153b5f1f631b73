"""Metadata drawn by an autoregressive model, in the place of the metadata generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dgsynth.data.parts import frame_of
from dgsynth.data.schema import Form, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.models.autoregressive.encoder import Known, TokenEncoder
from dgsynth.models.autoregressive.encoder_state import token_encoder_from_dict, token_encoder_to_dict
from dgsynth.models.autoregressive.generation import Draw, Given, generate
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.persistence import network_config_of
from dgsynth.tensor_file import load_weights
from dgsynth.transforms.encoder import Encoder

PREFIX = "metadata_model."
"""Of the names of its weights in a file."""


@dataclass(frozen=True, eq=False)
class MetadataModel:
    """An autoregressive model of a table of metadata: the columns of `Encoder.metadata_frame`, hidden ones too.

    Attributes
    ----------
    encoder : TokenEncoder
    network : AutoregressiveNetwork
        On the CPU; never changed in its place.
    """

    encoder: TokenEncoder
    network: AutoregressiveNetwork

    def draw(self, seed: int, first: int, n_samples: int, given: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the metadata of samples number `first` to `first + n_samples - 1` of a seed.

        Parameters
        ----------
        seed : int in [0, 2**63)
        first, n_samples : int
        given : DataFrame of n_samples rows, optional
            Some of the columns, checked, which stay as they are; the others are drawn given these.
        """
        tokens = Given(None if given is None else self.encoder.encode_metadata(given))
        drawn = generate(self.network, Draw(seed, tokens), first, n_samples)
        known = None if given is None else Known(given)
        return self.encoder.decode(drawn.tokens, drawn.of_metadata.numpy(), drawn.of_records.numpy(), known).metadata

    def to_dict(self) -> dict[str, Any]:
        """Return all but the weights as plain values that JSON can hold."""
        return {"encoder": token_encoder_to_dict(self.encoder), "networks": asdict(self.network.config)}

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights by their names in a file."""
        return {PREFIX + name: tensor for name, tensor in self.network.state_dict().items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], encoder: Encoder) -> Self:
        """Return what `to_dict` described, still without weights; see `with_weights`.

        Parameters
        ----------
        plain : dict
        encoder : Encoder
            Of the samples, whose metadata the model must draw.

        Raises
        ------
        DataError, KeyError, TypeError or ValueError
            The description is malformed.
        """
        tokens = token_encoder_from_dict(plain["encoder"])
        wanted = [transform.column for transform in encoder.metadata]
        if list(tokens.schema.columns) != wanted or not tokens.schema.fixed_length or tokens.timestamps is not None:
            raise ValueError(f"its metadata model draws {tokens.schema.names}, expected {[c.name for c in wanted]}")
        config = network_config_of(plain["networks"])
        with torch.device("meta"):  # shapes only: what the header claims is compared before memory is taken
            return cls(tokens, AutoregressiveNetwork(tokens.layout, config))

    def with_weights(self, tensors: Mapping[str, Tensor], source: str) -> Self:
        """Return itself with the weights that `tensors` names; raise ModelFileError if they don't fit."""
        load_weights(self.network, {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}, source)
        self.network.eval()
        return self


def metadata_table(metadata: pd.DataFrame, encoder: Encoder) -> Sequences:
    """Return metadata with all columns of `Encoder.metadata_frame` as samples of no records."""
    columns = tuple(transform.column for transform in encoder.metadata)
    schema = Schema(columns, (), form=Form("table"))
    return Sequences(metadata, frame_of({}, 0), np.zeros(len(metadata), dtype=np.int64), None, schema)
