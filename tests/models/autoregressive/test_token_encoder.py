"""Sequences as tokens and back, and the encoder as plain values, every entry of which is checked."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import torch
from known_tables import KEYS, homes

from dgsynth import Sequences
from dgsynth.errors import DataError
from dgsynth.models.autoregressive.encoder import Known, TokenEncoder, first_rows
from dgsynth.models.autoregressive.encoder_state import token_encoder_from_dict, token_encoder_to_dict
from dgsynth.models.autoregressive.tokens import UNKNOWN, Token


def read(table, **reading):
    return Sequences.from_any(table, **(reading or KEYS))


def decoded(encoder, batch, known=None, seed=0):
    rng, layout = np.random.default_rng(seed), encoder.layout
    places = rng.random((len(batch), len(layout.metadata))), rng.random((len(batch.records), len(layout.record)))
    return encoder.decode(batch, *places, known)


def assert_same(made, wanted):
    pd.testing.assert_frame_equal(made.metadata, wanted.metadata)
    pd.testing.assert_frame_equal(made.measurements, wanted.measurements)
    np.testing.assert_array_equal(made.lengths, wanted.lengths)
    pd.testing.assert_series_equal(made.timestamps, wanted.timestamps, check_names=False)


# The layout


def test_start_times_and_lengths_are_metadata_gaps_are_measured_and_ends_come_first():
    encoder = TokenEncoder.fit(read(homes(regular=False)))
    layout = encoder.layout
    assert list(encoder.metadata_columns) == ["isp", "owned", "income", "since", "time"]
    assert [column.column.name for column in encoder.measurements] == ["rooms", "state", "bytes", "time"]
    assert [column[0].size for column in layout.metadata] == [4, 2, 4, 5, 4, 5] and layout.n_length == 1
    assert [column[0].size for column in layout.record[1:3]] == [8, 3] and layout.record[0] == (
        Token(2, n_positions=layout.max_length),
    )
    assert (layout.max_length, layout.has_ends, layout.has_records) == (5, True, True)


def test_regular_timestamps_have_no_gaps():
    encoder = TokenEncoder.fit(read(homes()))
    assert [column.column.name for column in encoder.measurements] == ["rooms", "state", "bytes"]
    assert list(encoder.metadata_columns)[-1] == "time"


def test_samples_of_one_length_have_no_ends():
    layout = TokenEncoder.fit(Sequences.from_any(np.random.default_rng(0).normal(size=(20, 4, 2)))).layout
    assert not layout.has_ends and len(layout.record) == 2 and layout.max_length == 4


def test_a_plain_table_has_no_records():
    encoder = TokenEncoder.fit(Sequences.from_any(pd.DataFrame({"a": list("xyxy"), "b": [1, 2, 3, 4]})))
    assert not encoder.layout.has_records and encoder.layout.max_length == 0
    assert encoder.encode(Sequences.from_any(pd.DataFrame({"a": ["y"], "b": [2]}))).metadata[0, 0] == 1


# There and back


@pytest.mark.parametrize("regular", [True, False])
def test_values_that_recur_come_back_exactly(regular):
    wanted = read(homes(regular=regular, bins=False))
    encoder = TokenEncoder.fit(wanted)
    assert_same(decoded(encoder, encoder.encode(wanted)), wanted)


def test_known_values_are_put_back_exactly():
    wanted = read(homes(regular=False))
    encoder = TokenEncoder.fit(wanted)
    tokens = encoder.encode(wanted)
    assert not decoded(encoder, tokens).measurements["bytes"].equals(wanted.measurements["bytes"])
    assert_same(decoded(encoder, tokens, Known.all_of(wanted, encoder)), wanted)


def test_a_batch_is_taken_sample_by_sample():
    sequences = read(homes())
    encoder = TokenEncoder.fit(sequences)
    tokens, chosen = encoder.encode(sequences), np.array([7, 2, 7])
    taken, wanted = tokens.take(chosen), encoder.encode(sequences.take(chosen))
    for name in ("metadata", "records", "lengths"):
        assert getattr(taken, name).equal(getattr(wanted, name))


def test_given_metadata_are_known_and_others_unknown():
    encoder = TokenEncoder.fit(read(homes()))
    tokens = encoder.encode_metadata(pd.DataFrame({"since": [pd.Timestamp("2010-01-01", tz="UTC")], "isp": ["b"]}))
    assert tokens.tolist() == [[1, UNKNOWN, UNKNOWN, 0, UNKNOWN, UNKNOWN]]


def test_lengths_are_tokens_and_come_back():
    sequences = read(homes(400))
    encoder = TokenEncoder.fit(sequences)
    tokens = encoder.encode(sequences)
    places = torch.full((400, len(encoder.layout.metadata)), 0.5, dtype=torch.float64)
    assert torch.equal(encoder.length_of(tokens.metadata, places), tokens.lengths)
    assert torch.equal(encoder.encode_lengths(tokens.lengths), tokens.metadata[:, -1:])
    assert encoder.encode_lengths(torch.tensor([5, 99])).tolist() == [[4], [4]]


def test_columns_after_one_of_two_tokens_are_found():
    table = pd.DataFrame({"fine": np.tile(np.arange(300), 10), "last": ["a", "b"] * 1500})
    encoder = TokenEncoder.fit(Sequences.from_any(table))
    assert (encoder.first_token("fine"), encoder.first_token("last")) == (0, 2)
    assert encoder.encode_metadata(pd.DataFrame({"last": ["b"]})).tolist() == [[UNKNOWN, UNKNOWN, 1]]


def test_what_says_that_a_value_is_missing_is_known():
    of_metadata, of_record = TokenEncoder.fit(read(homes())).missing_tokens
    assert of_metadata == [None, None, 3, None, None, None]
    assert of_record[:3] == [None, None, 2]


def test_missing_values_can_be_left_unknown():
    sequences = read(homes())
    tokens = TokenEncoder.fit(sequences).encode(sequences, unknown=True)
    np.testing.assert_array_equal(tokens.metadata[:, 2] == UNKNOWN, sequences.metadata["income"].isna())
    np.testing.assert_array_equal(tokens.records[:, 1] == UNKNOWN, sequences.measurements["state"].isna())
    assert int((tokens.records == UNKNOWN).sum()) == sequences.measurements["state"].isna().sum()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"isp": ["q"]}, "'isp' holds 'q'"),
        ({"since": ["1999-01-01"]}, "'since' is given as 1999-01-01.* outside the learned range"),
        ({"income": ["much"]}, "'income' is continuous, and can't be given as 'much'"),
    ],
)
def test_given_metadata_are_checked(given, words):
    with pytest.raises(DataError, match=words):
        TokenEncoder.fit(read(homes())).check_metadata(pd.DataFrame(given))


def test_made_up_samples_are_as_long_and_as_short_as_any():
    assert TokenEncoder.fit(read(homes(regular=False))).extremes().lengths.tolist() == [5, 1]


def test_only_numbers_of_many_digits_have_no_grid():
    assert TokenEncoder.fit(read(homes())).columns_without_grid() == {"bytes"}


def test_the_first_records_of_each_sample_are_found():
    assert first_rows(np.array([3, 2, 4]), np.array([2, 1, 3])).tolist() == [0, 1, 3, 5, 6, 7]


def test_a_range_is_metadata_that_have_no_column():
    sequences = read(homes(900))
    encoder = TokenEncoder.fit(sequences, relative=True)
    assert [own is not None for own in encoder.ranges] == [True, False, True]
    assert len(encoder.layout.metadata) == 5 + 2 * 2 + 1
    made = decoded(encoder, encoder.encode(sequences))
    assert made.metadata.columns.tolist() == sequences.metadata.columns.tolist()
    of_home = np.repeat(np.arange(900), sequences.lengths)
    spans = [part.measurements["rooms"].groupby(of_home).agg(["min", "max"]) for part in (made, sequences)]
    pd.testing.assert_frame_equal(*spans)


# As plain values


@pytest.fixture(scope="module", params=[False, True], ids=["absolute", "relative"])
def encoder(request):
    return TokenEncoder.fit(read(homes(regular=False)), relative=request.param)


def test_an_encoder_comes_back_from_plain_values(encoder):
    again = token_encoder_from_dict(json.loads(json.dumps(token_encoder_to_dict(encoder))))
    sequences = read(homes(regular=False, seed=1))
    tokens = encoder.encode(sequences)
    assert again.layout == encoder.layout and again.schema == encoder.schema
    assert again.encode(sequences).records.equal(tokens.records)
    assert_same(decoded(again, tokens), decoded(encoder, tokens))


def without_gap(plain):
    plain["timestamps"]["gap_column"] = None


def without_last_measurement(plain):
    plain["measurements"].pop()


def without_last_metadata(plain):
    plain["metadata"].pop()


def without_last_range(plain):
    plain["ranges"].pop()


def with_another_kind(plain):
    plain["metadata"][0] = plain["metadata"][2]


def with_cells_out_of_order(plain):
    plain["metadata"][2]["cells"]["lows"].reverse()


def with_a_range_of_categories(plain):
    plain["ranges"][1] = plain["ranges"][0]


def with_a_category_for_a_range(plain):
    column = plain["schema"]["measurements"][1]
    plain["ranges"][0][0] = {"kind": "categorical", "column": column}


def with_half_a_range(plain):
    plain["ranges"][0].pop()


def with_a_foreign_schema(plain):
    plain["schema"]["metadata"] = 5


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without_gap, "irregular timestamps"),
        (without_last_measurement, "3 columns are described for 4"),
        (without_last_metadata, "4 columns are described for 5"),
        (without_last_range, "3 ranges are described for 4 measurements"),
        (with_another_kind, "'isp' is categorical, but its transform is 'continuous'"),
        (with_cells_out_of_order, "cells are not in order"),
        (with_a_range_of_categories, "'state' is categorical, and has no range"),
        (with_a_category_for_a_range, "a range is described as a category"),
        (with_half_a_range, "not enough values"),
        (with_a_foreign_schema, "metadata must be a list"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_malformed_description_is_refused(damage, words):
    plain = copy.deepcopy(token_encoder_to_dict(TokenEncoder.fit(read(homes(regular=False)), relative=True)))
    damage(plain)
    with pytest.raises((DataError, ValueError), match=words):
        token_encoder_from_dict(plain)


@pytest.mark.parametrize("name", ["schema", "timestamps", "metadata", "measurements", "ranges"])
def test_a_description_without_a_part_is_refused(encoder, name):
    plain = token_encoder_to_dict(encoder)
    del plain[name]
    with pytest.raises(KeyError, match=name):
        token_encoder_from_dict(plain)
