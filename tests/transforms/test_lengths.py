"""Lengths as a hidden column of the metadata."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.encoder import Encoder, EncoderOptions
from dgsynth.transforms.state import encoder_from_dict, encoder_to_dict

LENGTHS = np.array([3, 9, 5, 3, 7])


def sequences(lengths=LENGTHS, name="isp"):
    home = np.repeat(np.arange(len(lengths)), lengths)
    table = pd.DataFrame({"home": home, name: np.array(["a", "b", "a", "b", "b"])[home], "load": home + 0.5})
    return Sequences.from_long(table, sequence_key="home", metadata=[name])


@pytest.mark.parametrize(
    "options",
    [EncoderOptions(lengths="metadata"), EncoderOptions(lengths="metadata", feature_range=(-1, 1), scaling="log")],
)
def test_lengths_come_back_from_encoded_metadata(options):
    data = sequences()
    encoder = Encoder.fit(data, options)
    encoded = encoder.encode(data)
    assert encoded.metadata.shape[1] == encoder.layout.metadata_dim == 3
    assert encoder.lengths.read(encoded.metadata).tolist() == LENGTHS.tolist()
    assert encoder.metadata_frame(data)["length"].tolist() == LENGTHS.tolist()
    pd.testing.assert_frame_equal(encoder.decode(encoded).metadata, data.metadata)


def test_other_lengths_are_written_the_nearest_that_were_learned():
    data = sequences()
    encoder = Encoder.fit(data, EncoderOptions(lengths="metadata"))
    before = encoder.encode(data).metadata
    after = encoder.lengths.write(before, torch.tensor([1, 3, 5, 9, 100]))
    assert encoder.lengths.read(after).tolist() == [3, 3, 5, 9, 9]
    assert torch.equal(before[:, :2], after[:, :2])
    assert encoder.lengths.read(before).tolist() == LENGTHS.tolist()  # it stays as it was


def test_a_column_of_that_name_is_left_in_peace():
    data = sequences(name="length")
    encoder = Encoder.fit(data, EncoderOptions(lengths="metadata"))
    assert encoder.length_column.name == "length_"
    assert encoder.decode(encoder.encode(data)).metadata["length"].tolist() == ["a", "b", "a", "b", "b"]


def test_samples_of_one_length_need_no_column():
    encoder = Encoder.fit(sequences(np.full(5, 4)), EncoderOptions(lengths="metadata"))
    assert encoder.length_column is None and encoder.lengths is None and encoder.layout.metadata_dim == 2


def test_a_schema_says_what_lengths_there_are():
    load = Column("load", "continuous", "float64", minimum=0.0, maximum=1.0)
    schema = Schema((), (load,), min_length=2, max_length=6)
    encoder = Encoder.of_schema(schema, EncoderOptions(scaling="linear", lengths="metadata"))
    assert encoder.lengths.read(torch.tensor([[0.0], [0.5], [1.0]])).tolist() == [2, 4, 6]


def test_the_state_comes_back_through_json():
    data = sequences()
    encoder = Encoder.fit(data, EncoderOptions(lengths="metadata"))
    copy = encoder_from_dict(json.loads(json.dumps(encoder_to_dict(encoder))))
    assert copy.length_column == encoder.length_column
    assert torch.equal(copy.encode(data).metadata, encoder.encode(data).metadata)
    assert "length_column" not in encoder_to_dict(Encoder.fit(data, EncoderOptions()))


@pytest.mark.parametrize("changes", [{"kind": "continuous", "dtype": "float64"}, {"name": "isp"}])
def test_a_malformed_state_is_refused(changes):
    plain = encoder_to_dict(Encoder.fit(sequences(), EncoderOptions(lengths="metadata")))
    column = replace(Column.from_dict(plain["length_column"]), **changes)
    with pytest.raises(DataError, match="the length of samples is described by column"):
        encoder_from_dict({**plain, "length_column": column.to_dict()})
