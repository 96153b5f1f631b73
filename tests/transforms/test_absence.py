"""Measurements that some samples lack altogether."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.absence import absence_columns, absent, without
from dgsynth.transforms.encoder import Encoder, EncoderOptions
from dgsynth.transforms.state import encoder_from_dict, encoder_to_dict


def stays(n=100):
    """Return stays of 1 to 4 hours; half of them have no `rate`, and a third of the records no `pulse`."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 5, n)
    stay = np.repeat(np.arange(n), lengths)
    table = pd.DataFrame({"stay": stay, "age": stay % 7, "pulse": rng.normal(80, 9, len(stay))})
    table["rate"] = np.where(stay % 2 == 0, np.nan, rng.normal(18, 3, len(stay)))
    table.loc[np.flatnonzero(np.arange(len(stay)) % 3 == 0)[1:], "pulse"] = np.nan
    return Sequences.from_long(table, sequence_key="stay", metadata=["age"])


def test_what_half_of_the_samples_lack_has_a_hidden_column():
    data = stays()
    columns = absence_columns(data, data.schema.measurements, {"rate is missing"})
    assert columns["rate"].name == "rate is missing_" and columns["rate"].categories == (False, True)
    assert absent(data, "rate").tolist() == [k % 2 == 0 for k in range(100)]


def test_what_all_have_or_hardly_one_lacks_has_none():
    data = stays()
    everywhere = Sequences.from_arrays(np.random.default_rng(0).random((5, 3, 1)))
    assert absence_columns(everywhere, everywhere.schema.measurements, ()) == {}
    pulse = [column for column in data.schema.measurements if column.name == "pulse"]
    frame = data.measurements.assign(pulse=data.measurements["pulse"].fillna(80.0))
    frame.loc[0, "pulse"] = np.nan
    rare = Sequences(data.metadata, frame, data.lengths, None, data.schema)
    assert absence_columns(rare, pulse, ()) == {}


def test_samples_come_back_without_it():
    data = stays()
    encoder = Encoder.fit(data, EncoderOptions(lengths="metadata"))
    hidden = [column.name for column in encoder.absences.values()]
    assert list(encoder.metadata_frame(data)) == ["age", *hidden, "length"] and "rate is missing" in hidden
    made = encoder.decode(encoder.encode(data))
    np.testing.assert_array_equal(absent(made, "rate"), absent(data, "rate"))
    assert list(made.metadata) == ["age"]


def test_the_hidden_column_overrules_the_records():
    data = stays()
    encoder = Encoder.fit(data, EncoderOptions())
    encoded = encoder.encode(data)
    none = encoder.metadata_frame(data).assign(**{"rate is missing": True})
    made = encoder.decode(encoded, none)
    assert made.measurements["rate"].isna().all() and made.measurements["pulse"].notna().any()


def test_values_of_others_stay():
    values = pd.Series([1, 2, 3], dtype="Int64")
    assert without(values, np.array([True, False]), np.array([1, 2])).isna().tolist() == [True, False, False]
    assert without(values, np.array([False, False]), np.array([1, 2])) is values


def test_they_are_kept_as_plain_values():
    encoder = Encoder.fit(stays(), EncoderOptions(lengths="metadata"))
    plain = encoder_to_dict(encoder)
    assert encoder_to_dict(encoder_from_dict(plain)) == plain
    for broken in ([["age", plain["absences"][0][1]]], plain["absences"] * 2):
        with pytest.raises((DataError, ValueError)):
            encoder_from_dict({**plain, "absences": broken})
