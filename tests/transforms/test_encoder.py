"""Sequences to an encoded batch and back, and the encoder's state through JSON."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms import cache_blocks
from dgsynth.transforms.decoding import column_slices
from dgsynth.transforms.encoder import Encoder, EncoderOptions
from dgsynth.transforms.state import encoder_from_dict, encoder_to_dict

KEYS = {"sequence_key": "home", "sequence_index": "time"}


def table(n=8, seed=0):
    random = np.random.default_rng(seed)
    frames = []
    for home in range(n):
        length = int(random.integers(1, 7))
        frames.append(
            pd.DataFrame(
                {
                    "home": home,
                    "time": pd.date_range("2020-01-01", periods=length, freq="h") + pd.Timedelta(days=int(home)),
                    "isp": random.choice(["a", "b"]),
                    "rooms": int(random.integers(1, 9)),
                    "traffic": random.integers(0, 10**6, length),
                    "loss": np.where(random.random(length) < 0.3, np.nan, random.random(length).round(3)),
                    "state": random.choice(["up", "down"], length),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


@pytest.fixture
def sequences():
    return Sequences.from_long(table(), metadata=["isp", "rooms"], **KEYS)


@pytest.mark.parametrize("auto_normalize", [True, False])
@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1)])
def test_data_come_back(sequences, auto_normalize, feature_range):
    encoder = Encoder.fit(sequences, EncoderOptions(auto_normalize=auto_normalize, feature_range=feature_range))
    encoded = encoder.encode(sequences)
    layout = encoder.layout
    assert encoded.metadata.shape[1] == layout.metadata_dim
    assert encoded.minmax.shape[1] == layout.minmax_dim == (5 if auto_normalize else 0)
    assert encoded.records.shape[1] + 2 == layout.step_dim
    back = encoder.decode(encoded)
    pd.testing.assert_frame_equal(back.metadata, sequences.metadata)
    # float32 keeps 7 digits: of a million, the last one can be off.
    pd.testing.assert_frame_equal(back.measurements, sequences.measurements, rtol=1e-5, atol=1)
    pd.testing.assert_frame_equal(back.measurements[["loss", "state"]], sequences.measurements[["loss", "state"]])
    pd.testing.assert_series_equal(back.timestamps, sequences.timestamps, check_names=False)


def without_values(table):
    """Return the table with a home that has no value of a measurement."""
    return table.assign(loss=table["loss"].where(table["home"] != 3))


@pytest.mark.parametrize("auto_normalize", [True, False])
def test_neither_blocks_nor_a_file_change_a_bit(monkeypatch, tmp_path, auto_normalize):
    data = Sequences.from_long(without_values(table()), metadata=["isp", "rooms"], **KEYS)
    encoder = Encoder.fit(data, EncoderOptions(auto_normalize=auto_normalize))
    whole = encoder.encode(data)
    monkeypatch.setattr(cache_blocks, "BLOCK", 3)
    assert encoder_to_dict(Encoder.fit(data, EncoderOptions(auto_normalize=auto_normalize))) == encoder_to_dict(encoder)
    for folder in (None, tmp_path):
        encoded = encoder.encode(data, folder)
        for name in ("metadata", "minmax", "records", "lengths"):
            assert torch.equal(getattr(encoded, name), getattr(whole, name))


def test_encoded_values_lie_in_the_ranges_of_their_activations(sequences):
    encoded = Encoder.fit(sequences, EncoderOptions()).encode(sequences)
    for part in (encoded.metadata, encoded.minmax, encoded.records):
        assert part.isfinite().all() and part.min() >= 0 and part.max() <= 1


def test_scaling_is_by_column(sequences):
    encoder = Encoder.fit(sequences, EncoderOptions(scaling={"traffic": "log"}))
    units = {
        t.column.name: t.scaler.log_unit for t in (*encoder.metadata, *encoder.measurements) if hasattr(t, "scaler")
    }
    assert units["traffic"] == 1.0 and units["rooms"] is None


@pytest.mark.parametrize(
    "data",
    [
        Sequences.from_arrays(np.random.default_rng(0).random((5, 4, 2))),
        Sequences.from_table(pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]})),
        Sequences.from_arrays([np.ones((n, 1), dtype=int) for n in (1, 3, 2)]),
        Sequences.from_arrays(np.array([["x", "y"], ["y", "y"]], dtype=object)[..., None]),
    ],
    ids=["no metadata", "no measurements", "constant", "no continuous measurement"],
)
def test_degenerate_data_come_back(data):
    encoder = Encoder.fit(data, EncoderOptions())
    back = encoder.decode(encoder.encode(data))
    pd.testing.assert_frame_equal(back.metadata, data.metadata, check_column_type=False)
    pd.testing.assert_frame_equal(back.measurements, data.measurements, rtol=1e-5, check_column_type=False)
    assert back.lengths.tolist() == data.lengths.tolist()


@pytest.mark.parametrize("options", [EncoderOptions(), EncoderOptions(feature_range=(-1, 1), auto_normalize=False)])
def test_the_state_comes_back_through_json(sequences, options):
    encoder = Encoder.fit(sequences, options)
    copy = encoder_from_dict(json.loads(json.dumps(encoder_to_dict(encoder), allow_nan=False)))
    assert copy.layout == encoder.layout and copy.timestamps == encoder.timestamps
    one, other = encoder.encode(sequences), copy.encode(sequences)
    assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in ("metadata", "minmax", "records"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sample_len", 0),
        ("sample_len", 10**9),
        ("sample_len", True),
        ("feature_range", [0, 2]),
        ("auto_normalize", "yes"),
        ("metadata", []),
        ("timestamps", {"step_kind": "eval", "step": 1, "start": 0, "start_column": None, "gap_column": None}),
    ],
)
def test_a_malformed_state_is_refused(sequences, key, value):
    plain = encoder_to_dict(Encoder.fit(sequences, EncoderOptions()))
    with pytest.raises(DataError):
        encoder_from_dict({**plain, key: value})


def test_given_metadata_are_checked(sequences):
    encoder = Encoder.fit(sequences, EncoderOptions())
    checked = encoder.check_metadata(pd.DataFrame({"rooms": ["4"], "isp": ["a"]}))
    assert checked["rooms"].tolist() == [4]
    with pytest.raises(DataError, match="'isp' holds 'z'"):
        encoder.check_metadata(pd.DataFrame({"isp": ["z"]}))
    with pytest.raises(DataError, match="'rooms' has missing values"):
        encoder.check_metadata(pd.DataFrame({"rooms": [np.nan]}))


AGES = {"minimum": 0, "maximum": 120}


def declared_schema(**index):
    metadata = (Column("kind", "categorical", "str", categories=("a", "b")), Column("age", "integer", "int64", **AGES))
    measurements = (Column("load", "continuous", "float64", nullable=True, minimum=0.0, maximum=500.0),)
    when = Column("when", "integer", "int64", **({"minimum": 0, "maximum": 8} | index))
    return Schema(metadata, measurements, sequence_index=when, min_length=1, max_length=5)


DECLARED = EncoderOptions(scaling={"age": "linear", "load": "log"})


def test_a_schema_determines_an_encoder_by_itself():
    encoder = Encoder.of_schema(declared_schema(), DECLARED)
    age, load = encoder.metadata[1], encoder.measurements[0]
    assert (age.scaler.low, age.scaler.high, age.unit) == (0.0, 120.0, 1)
    assert load.scaler.log_unit == 0.5 and load.decimals is None  # a thousandth of the maximum
    assert (encoder.timestamps.start, encoder.timestamps.step, encoder.timestamps.step_kind) == (0, 2, "constant")


def test_an_index_whose_range_is_no_whole_number_of_steps_is_refused():
    with pytest.raises(DataError, match=r"'when' spans 9 .* 4 equal steps don't divide"):
        Encoder.of_schema(declared_schema(maximum=9), DECLARED)


def test_what_an_encoder_does_not_know_is_told_sample_by_sample():
    encoder = Encoder.of_schema(declared_schema(), DECLARED)
    table = pd.DataFrame(
        {
            "key": [0, 1, 2, 2, 3, 3, 3, 3, 3, 3],
            "when": [0, 0, 0, 2, 0, 2, 4, 6, 8, 10],
            "kind": ["a", "c", "b", "b", *["a"] * 6],
            "age": 500,
            "load": [1.0, 1.0, None, *[1.0] * 7],
        }
    )
    known = encoder.can_encode(Sequences.from_long(table, sequence_key="key", sequence_index="when"))
    assert known.tolist() == [True, False, True, False]  # an unknown category, and six records


def test_of_each_alone_a_sample_is_encoded_as_in_any_company():
    """A sample without any value has the middle of the range, and not the mean of the others."""
    schema = replace(declared_schema(), sequence_index=None)
    encoder = Encoder.of_schema(schema, DECLARED)
    table = pd.DataFrame({"key": [0, 1], "kind": "a", "age": 1, "load": [None, 400.0]})
    both = Sequences.from_long(table, sequence_key="key", schema=schema, metadata=["kind", "age"])
    together, alone = encoder.encode(both, each_alone=True), encoder.encode(both.take([0]), each_alone=True)
    assert torch.equal(together.minmax[:1], alone.minmax)
    assert not torch.equal(encoder.encode(both).minmax[:1], alone.minmax)


def test_the_share_of_missing_values_goes_with_the_range_of_what_can_be_missing(sequences):
    encoder = Encoder.fit(sequences, EncoderOptions())
    minmax = encoder.encode(sequences).minmax.numpy()
    sample = np.repeat(np.arange(len(sequences)), sequences.lengths)
    shares = sequences.measurements["loss"].isna().groupby(sample).mean()
    np.testing.assert_allclose(minmax[:, 4], shares, atol=1e-7)  # after two ranges, traffic having no share
    assert 0 < shares.mean() < 1


def test_an_encoder_from_before_has_no_shares(sequences):
    plain = encoder_to_dict(Encoder.fit(sequences, EncoderOptions()))
    del plain["missing_shares"]
    old = encoder_from_dict(plain)
    encoded = old.encode(sequences)
    assert encoded.minmax.shape[1] == old.layout.minmax_dim == 4
    back = old.decode(encoded)
    pd.testing.assert_frame_equal(back.measurements, sequences.measurements, rtol=1e-5, atol=1)


def flatter(encoded, encoder):
    """Return samples whose normalized measurements go half as far from the middle as they should."""
    records = encoded.records.clone()
    for transform, where in zip(encoder.measurements, column_slices(encoder.measurements), strict=True):
        if not transform.column.has_categories:
            records[:, where.start] = 0.5 + (records[:, where.start] - 0.5) / 2
    return replace(encoded, records=records)


def test_flat_samples_reach_their_range(sequences):
    encoder = Encoder.fit(sequences, EncoderOptions())
    back = encoder.decode(flatter(encoder.encode(sequences), encoder))
    pd.testing.assert_frame_equal(back.measurements, sequences.measurements, rtol=1e-5, atol=1)


def test_decoding_a_missing_record_leaves_what_it_decodes(sequences):
    encoder = Encoder.fit(sequences, EncoderOptions())
    encoded = encoder.encode(sequences)
    first = replace(
        encoded,
        metadata=encoded.metadata[:1],
        minmax=encoded.minmax[:1],
        records=encoded.records[:1].clone(),
        lengths=torch.tensor([1]),
    )
    where = column_slices(encoder.measurements)[1]  # loss, which can be missing
    first.records[:, where] = torch.tensor([0.5, 0.0, 1.0])
    before = first.records.clone()
    assert encoder.decode(first).measurements["loss"].isna().all()
    assert torch.equal(first.records, before)


def test_neither_without_the_option_nor_in_an_encoder_from_before(sequences):
    encoder = Encoder.fit(sequences, EncoderOptions(attain_range=False))
    flat = flatter(encoder.encode(sequences), encoder)
    plain = encoder_to_dict(encoder)
    del plain["attain_range"]
    found = [one.decode(flat).measurements["traffic"] for one in (encoder, encoder_from_dict(plain))]
    pd.testing.assert_series_equal(*found)
    assert np.ptp(found[0]) < 0.8 * np.ptp(sequences.measurements["traffic"])


def test_an_identifier_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr("dgsynth.transforms.categorical.MOST_BYTES", 4 * 50 * 50)
    names = [f"event {i}" for i in range(51)]
    with pytest.raises(
        DataError, match=r"column 'event' has 51 categories in 51 rows.*frame.drop\(columns=\['event'\]"
    ):
        Encoder.fit(
            Sequences.from_any(pd.DataFrame({"event": names})), EncoderOptions(1, False, "auto", (0, 1), "auto")
        )
    Encoder.fit(
        Sequences.from_any(pd.DataFrame({"event": names[:50]})), EncoderOptions(1, False, "auto", (0, 1), "auto")
    )
    few = pd.DataFrame({"kind": ["a", "b", "c"] * 1000})
    Encoder.fit(Sequences.from_any(few), EncoderOptions(1, False, "auto", (0, 1), "auto"))
