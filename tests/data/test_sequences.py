"""Every form of data goes in and comes back as it was; the parts between are what they claim to be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from every_dtype import COLUMNS
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy import sparse

from dgsynth.data import Sequences
from dgsynth.errors import DataError


def same(left: Sequences, right: Sequences) -> None:
    assert_frame_equal(left.metadata, right.metadata)
    assert_frame_equal(left.measurements, right.measurements)
    assert left.lengths.tolist() == right.lengths.tolist()


def without_keys(sequences: Sequences) -> Sequences:
    parts = sequences.metadata, sequences.measurements, sequences.lengths, sequences.timestamps, sequences.schema
    return Sequences(*parts)


# Long tables


def test_long_parts(long):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    assert made.lengths.tolist() == [2, 3]
    assert made.lengths.dtype == np.int64
    assert made.offsets.tolist() == [0, 2, 5]
    assert (len(made), made.n_records) == (2, 5)
    assert made.keys.tolist() == ["y", "x"]
    assert made.metadata["isp"].tolist() == ["b", "a"]
    assert made.measurements["traffic"].tolist() == [40, 50, 10, 20, 30]
    assert made.timestamps.dt.day.tolist() == [1, 2, 1, 2, 3]
    assert (made.schema.min_length, made.schema.max_length) == (2, 3)


def test_long_comes_back_sorted(long):
    made = Sequences.from_any(long, sequence_key="home", sequence_index="day")
    expected = long.iloc[[4, 0, 1, 3, 2]].reset_index(drop=True)
    assert_frame_equal(made.restore(), expected)


def test_long_without_index_keeps_the_order_of_rows(long):
    made = Sequences.from_long(long.drop(columns="day"), sequence_key="home")
    assert made.timestamps is None
    assert made.measurements["traffic"].tolist() == [50, 40, 10, 30, 20]


def test_long_leaves_the_given_frame_alone(long):
    before = long.copy()
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    restored = made.restore()
    restored.loc[:, "traffic"] = 0
    made.measurements.loc[:, "traffic"] = 0
    assert_frame_equal(long, before)


def test_long_sorted_and_shuffled_agree(long):
    tidy = long.iloc[[4, 0, 1, 3, 2]]
    names = {"sequence_key": "home", "sequence_index": "day"}
    same(Sequences.from_long(tidy, **names), Sequences.from_long(long, **names))


@pytest.mark.parametrize("name", [None, "home", "something"])
def test_row_labels_do_not_matter(long, name):
    odd = long.set_axis(pd.Index([9, 9, 3, 1, 2], name=name))
    names = {"sequence_key": "home", "sequence_index": "day"}
    same(Sequences.from_long(odd, **names), Sequences.from_long(long, **names))


def test_long_uses_only_named_columns(long):
    made = Sequences.from_long(long, sequence_key="home", metadata=["isp"], measurements=["loss"])
    assert made.schema.form.columns == ("home", "isp", "loss")
    assert list(made.restore().columns) == ["home", "isp", "loss"]


@pytest.mark.parametrize("roles", [{"metadata": ["isp"]}, {"measurements": ["traffic", "loss"]}])
def test_long_gives_the_rest_the_other_role(long, roles):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day", **roles)
    assert (made.schema.metadata_names, made.schema.measurement_names) == (["isp"], ["traffic", "loss"])


def test_long_may_have_no_metadata(long):
    made = Sequences.from_long(long.drop(columns="isp"), sequence_key="home", sequence_index="day")
    assert made.metadata.shape == (2, 0)
    assert list(made.restore().columns) == ["traffic", "home", "day", "loss"]


def test_long_of_single_records_is_all_metadata():
    frame = pd.DataFrame({"key": [3, 1, 2], "x": [0.5, None, 1.5]})
    made = Sequences.from_long(frame, sequence_key="key")
    assert made.schema.metadata_names == ["x"]
    assert made.lengths.tolist() == [1, 1, 1]
    assert_frame_equal(made.restore(), frame)


def test_missing_values_alone_do_not_make_a_column_vary():
    frame = pd.DataFrame(
        {"key": [1, 1, 2, 2], "a": [None, None, 1.0, 1.0], "b": [None, "x", "y", "y"], "c": [1, 2, 3, 4]}
    )
    made = Sequences.from_long(frame, sequence_key="key")
    assert (made.schema.metadata_names, made.schema.measurement_names) == (["a"], ["b", "c"])


def test_long_round_trip_of_every_dtype_as_measurement(column):
    frame = pd.DataFrame({"key": ["p", "p", "q", "q"], "t": [1, 2, 1, 2], "value": column})
    made = Sequences.from_long(frame, sequence_key="key", sequence_index="t", measurements=["value"])
    assert_frame_equal(made.restore(), frame)


def test_long_round_trip_of_every_dtype_as_metadata(column):
    frame = pd.DataFrame({"key": list("pqrs") * 2, "value": pd.concat([column, column], ignore_index=True)})
    frame["x"] = np.arange(8.0)
    made = Sequences.from_long(frame, sequence_key="key", metadata=["value"])
    assert_series_equal(made.metadata["value"], column, check_names=False)
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    assert_frame_equal(made.restore(), frame.iloc[order].reset_index(drop=True))


@pytest.mark.parametrize("kind", ["int8", "float32", "datetime", "datetime with zone", "uint64"])
def test_long_round_trip_of_timestamps(kind):
    stamps = COLUMNS[kind].iloc[[0, 1, 3, 0]].reset_index(drop=True)
    frame = pd.DataFrame({"key": [1, 1, 2, 2], "t": stamps.ffill(), "x": [1, 2, 3, 4]})
    frame = frame.drop_duplicates(["key", "t"])
    made = Sequences.from_long(frame, sequence_key="key", sequence_index="t")
    assert_frame_equal(made.restore(), frame.sort_values(["key", "t"], ignore_index=True))


rows = st.lists(
    st.tuples(
        st.sampled_from(["p", "q", "r"]),
        st.integers(-5, 5),
        st.one_of(st.none(), st.floats(-1e9, 1e9)),
        st.one_of(st.none(), st.sampled_from(["u", "v"])),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:2],
)


@given(rows)
@settings(max_examples=60, deadline=None)
def test_long_round_trip_of_anything(rows):
    frame = pd.DataFrame(rows, columns=["key", "t", "x", "c"]).astype({"x": "float64", "c": object})
    made = Sequences.from_any(frame, sequence_key="key", sequence_index="t")
    first_seen = {key: i for i, key in enumerate(dict.fromkeys(frame["key"]))}
    order = sorted(range(len(frame)), key=lambda i: (first_seen[frame["key"][i]], frame["t"][i]))
    assert_frame_equal(made.restore(), frame.iloc[order].reset_index(drop=True))
    assert made.lengths.sum() == len(frame)
    assert set(made.schema.names) == {"x", "c"}


# Generated samples have no keys


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (pd.Series(["y", "x"]), ["5", "6"]),
        (pd.Series(["y", "x"], dtype=object), ["5", "6"]),
        (pd.Series(["y", "x"], dtype="category"), ["5", "6"]),
        (pd.Series([9, 8], dtype="int16"), [5, 6]),
        (pd.Series(["y", "x"], dtype="string[python]"), ["5", "6"]),
        (pd.Series([9, 8]).astype("category"), [5, 6]),
        (pd.Series([9, 8], dtype="UInt32"), [5, 6]),
        (pd.Series([9, 8], dtype="Int64"), [5, 6]),
        (pd.Series([0.5, 0.25]), [5.0, 6.0]),
        (pd.Series([True, False]), [5, 6]),
        (pd.Series(pd.to_datetime(["2020", "2021"])), list(pd.to_datetime([5, 6], unit="s"))),
        (
            pd.Series(pd.to_datetime(["2020", "2021"])).dt.tz_localize("Europe/Paris"),
            list(pd.to_datetime([5, 6], unit="s", utc=True)),
        ),
    ],
)
def test_generated_samples_are_numbered_on(keys, expected):
    frame = pd.DataFrame({"key": keys, "x": [1.0, 2.0]})
    made = without_keys(Sequences.from_long(frame, sequence_key="key", measurements=["x"])).restore(first_key=5)
    assert made["key"].tolist() == expected
    if isinstance(keys.dtype, pd.CategoricalDtype):
        assert made["key"].cat.categories.dtype == keys.cat.categories.dtype
    elif keys.dtype != bool:
        assert made["key"].dtype == keys.dtype


def test_numbers_beyond_the_dtype_of_the_key_widen_it():
    frame = pd.DataFrame({"key": pd.Series([9, 8], dtype="int8"), "x": [1.0, 2.0]})
    made = without_keys(Sequences.from_long(frame, sequence_key="key", measurements=["x"])).restore(first_key=127)
    assert made["key"].tolist() == [127, 128]


def test_long_table_of_data_without_key_gets_one():
    made = Sequences.from_arrays(np.arange(6.0).reshape(2, 3, 1), metadata=pd.DataFrame({"sample": ["a", "b"]}))
    assert list(made.to_long(first_key=7).columns) == ["sample_", "sample", 0]
    assert made.to_long(first_key=7)["sample_"].tolist() == [7, 7, 7, 8, 8, 8]


# Wide tables


def test_wide_parts():
    frame = pd.DataFrame({"d1": [1, 4], "page": ["a", "b"], "d2": [2, 5], "d3": [3, 6]})
    made = Sequences.from_wide(frame, time_columns=["d1", "d2", "d3"])
    assert made.lengths.tolist() == [3, 3]
    assert made.measurements["value"].tolist() == [1, 2, 3, 4, 5, 6]
    assert made.metadata["page"].tolist() == ["a", "b"]
    assert made.schema.fixed_length
    assert_frame_equal(made.restore(), frame)


def test_wide_with_several_measurements():
    frame = pd.DataFrame({"x1": [1, 2], "y1": ["a", "b"], "x2": [3, 4], "y2": ["c", "d"], 7: [0.5, 1.5]})
    made = Sequences.from_any(frame, time_columns={"x": ["x1", "x2"], "y": ["y1", "y2"]})
    assert made.measurements["y"].tolist() == ["a", "c", "b", "d"]
    assert made.schema.metadata_names == [7]
    assert_frame_equal(made.restore(), frame)


def test_wide_round_trip_of_every_dtype(column):
    frame = pd.DataFrame({"d1": column, "name": list("abcd"), "d2": column[::-1].reset_index(drop=True)})
    made = Sequences.from_wide(frame, time_columns=["d1", "d2"])
    assert_frame_equal(made.restore(), frame)


def test_wide_missing_cells_are_missing_values():
    frame = pd.DataFrame({"d1": [1, 4], "d2": [2.5, None], "d3": [np.nan, np.nan]})
    made = Sequences.from_wide(frame, time_columns=["d1", "d2", "d3"])
    assert made.lengths.tolist() == [3, 3]
    assert made.schema.measurements[0].nullable
    assert_frame_equal(made.restore(), frame.astype("float64"))


def test_wide_joins_categories_of_its_columns():
    frame = pd.DataFrame({"d1": pd.Series(["a", "b"], dtype="category"), "d2": pd.Series(["c", "a"], dtype="category")})
    made = Sequences.from_wide(frame, time_columns=["d1", "d2"])
    assert made.schema.measurements[0].categories == ("a", "b", "c")


def test_wide_pads_samples_that_end_early():
    frame = pd.DataFrame({"d1": [1, 4], "d2": [2, 5]})
    made = Sequences.from_wide(frame, time_columns=["d1", "d2"])
    short = Sequences(made.metadata, made.measurements.iloc[:3], np.array([1, 2]), None, made.schema)
    assert_frame_equal(short.restore(), pd.DataFrame({"d1": [1, 2], "d2": [None, 4.0]}), check_dtype=False)


def test_any_data_can_be_written_wide(long):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    assert list(made.to_wide().columns) == ["isp", *(f"{name}_{t}" for name in ("traffic", "loss") for t in range(3))]


# Tables of metadata only


def test_table_round_trip_of_every_dtype(column):
    frame = pd.DataFrame({"value": column, 3: [1, 2, 3, 4]})
    made = Sequences.from_any(frame)
    assert made.lengths.tolist() == [0, 0, 0, 0]
    assert made.measurements.shape == (0, 0)
    assert made.schema.max_length == 0
    assert_frame_equal(made.restore(), frame)


def test_table_uses_only_named_columns():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]})
    assert_frame_equal(Sequences.from_table(frame, metadata=["c", "a"]).restore(), frame[["a", "c"]])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(3, 2),
        np.arange(6, dtype="float32").reshape(3, 2),
        np.array([[1.5, np.nan], [2, 3]]),
        np.array([[True, False], [False, False]]),
        np.array([["a", "b"], ["c", "dd"]]),
        np.array([[1, "b"], [2, None]], dtype=object),
        np.asfortranarray(np.arange(6.0).reshape(3, 2)),
    ],
    ids=lambda array: str(array.dtype),
)
def test_matrix_round_trip(array):
    made = Sequences.from_any(array)
    restored = made.restore()
    assert restored.dtype == array.dtype
    np.testing.assert_array_equal(restored, array)
    assert made.schema.names == tuple(range(array.shape[1]))


def test_objects_in_a_matrix_are_inferred_by_column():
    made = Sequences.from_any(np.array([[1, "b", 0.5], [2, "a", 1]], dtype=object))
    assert [column.kind for column in made.schema.metadata] == ["integer", "categorical", "continuous"]


def test_nested_lists_are_a_matrix():
    np.testing.assert_array_equal(Sequences.from_any([[1, 2], [3, 4]]).restore(), [[1, 2], [3, 4]])


def test_integers_that_became_missing_come_back_in_a_wider_array():
    made = Sequences.from_any(np.array([[1, 2]]))
    metadata = made.metadata.astype("Int64").where(pd.Series([False]))
    assert np.isnan(Sequences(metadata, made.measurements, made.lengths, None, made.schema).restore()).all()


# Arrays


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "bool", "<U3", "object", "M8[s]"])
def test_array_round_trip(dtype):
    array = np.arange(12).reshape(2, 3, 2).astype(dtype)
    made = Sequences.from_any(array)
    restored = made.restore()
    assert restored.dtype == array.dtype
    np.testing.assert_array_equal(restored, array)
    assert made.schema.measurement_names == [0, 1]


def test_array_with_lengths_is_padded():
    array = np.arange(12.0).reshape(2, 3, 2)
    made = Sequences.from_arrays(array, lengths=[1, 3])
    assert made.lengths.tolist() == [1, 3]
    assert made.measurements[0].tolist() == [0, 6, 8, 10]
    array[0, 1:] = np.nan
    np.testing.assert_array_equal(made.restore(), array)


def test_ragged_integers_are_padded_as_floats():
    made = Sequences.from_arrays(np.arange(6).reshape(2, 3, 1), lengths=[1, 3])
    assert made.restore()[:, :, 0].tolist()[1] == [3.0, 4.0, 5.0]
    assert np.isnan(made.restore()[0, 1:]).all()


def test_missing_values_of_an_array_are_missing():
    made = Sequences.from_any(np.array([[[1.0], [np.nan]]]))
    assert made.lengths.tolist() == [2]
    assert made.schema.measurements[0].nullable


@pytest.mark.parametrize("flat", [False, True])
def test_list_round_trip(flat):
    parts = [np.arange(3.0), np.array([7.0]), np.arange(5.0)]
    parts = parts if flat else [np.stack([part, -part], axis=1) for part in parts]
    made = Sequences.from_arrays(parts) if flat else Sequences.from_any(parts)
    assert made.lengths.tolist() == [3, 1, 5]
    restored = made.restore()
    assert [part.shape for part in restored] == [part.shape for part in parts]
    for part, expected in zip(restored, parts, strict=True):
        np.testing.assert_array_equal(part, expected)


def test_list_of_arrays_of_one_length_stays_a_list():
    assert isinstance(Sequences.from_any([np.ones((2, 1)), np.ones((2, 1))]).restore(), list)


def test_arrays_with_metadata_come_back_as_sequences():
    made = Sequences.from_arrays(np.ones((2, 3, 1)), metadata=np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert made.schema.metadata_names == ["metadata_0", "metadata_1"]
    assert made.restore() is made
    assert made.to_array().shape == (2, 3, 1)


def test_arrays_take_names_and_categories():
    made = Sequences.from_arrays(np.ones((2, 3, 2)), measurement_names=["x", "y"], categorical=["y"])
    assert [column.kind for column in made.schema.measurements] == ["continuous", "categorical"]


def test_samples_keep_their_values_when_the_array_changes():
    array = np.ones((2, 3, 1))
    made = Sequences.from_arrays(array)
    array[:] = 5
    assert (made.to_array() == 1).all()


def test_categorical_of_arrays_are_positions():
    made = Sequences.from_any(np.array([[[0.5, 2], [1.5, 3]]]), categorical=[1])
    assert made.schema.measurements[1].categories == (2.0, 3.0)
    assert made.restore().dtype == np.float64


# pyarrow


def test_arrow_round_trip():
    table = pa.table(
        {
            "key": pa.array(["a", "a", "b"]),
            "t": pa.array([1, 2, 1], pa.timestamp("ms", tz="Europe/Paris")),
            "i": pa.array([1, None, 3], pa.int32()),
            "u": pa.array([1, None, 3], pa.uint8()),
            "f": pa.array([0.5, None, 3], pa.float32()),
            "b": pa.array([True, None, False]),
            "s": pa.array(["x", None, "y"], pa.string()),
            "d": pa.array(["x", None, "y"]).dictionary_encode(),
        }
    )
    made = Sequences.from_any(table, sequence_key="key", sequence_index="t")
    restored = made.restore()
    assert isinstance(restored, pa.Table)
    assert restored.column_names == table.column_names
    assert restored.to_pylist() == table.to_pylist()
    assert [str(field.type) for field in restored.schema][:7] == [str(field.type) for field in table.schema][:7]
    assert made.schema.column("i").kind == "integer"


def test_arrow_table_of_metadata():
    table = pa.table({"x": [1, 2], "y": ["a", "b"]})
    assert Sequences.from_arrow(table).restore().equals(table)


# Sequences


def test_sequences_come_back_as_sequences(long):
    made = Sequences.from_any(Sequences.from_long(long, sequence_key="home", sequence_index="day"))
    restored = made.restore()
    assert isinstance(restored, Sequences)
    assert restored.to_frame().shape == long.shape


def test_take_gathers_ragged_samples(long):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    taken = made.take([1, 0, -1])
    assert taken.lengths.tolist() == [3, 2, 3]
    assert taken.measurements["traffic"].tolist() == [10, 20, 30, 40, 50, 10, 20, 30]
    assert taken.timestamps.dt.day.tolist() == [1, 2, 3, 1, 2, 1, 2, 3]
    assert taken.keys.tolist() == ["x", "y", "x"]
    assert taken.metadata["isp"].tolist() == ["a", "b", "a"]


def test_take_by_mask_and_of_nothing(long):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    assert made.take(np.array([False, True])).keys.tolist() == ["x"]
    assert len(made.take([])) == 0
    assert made.take([]).to_long().shape == (0, 5)


@pytest.mark.parametrize("indices", [[2], [-3], [0.5], [[0]], [True]])
def test_take_refuses_what_is_no_sample(long, indices):
    with pytest.raises(IndexError):
        Sequences.from_long(long, sequence_key="home").take(np.array(indices))


def test_take_works_without_measurements():
    made = Sequences.from_table(pd.DataFrame({"a": [1, 2, 3]})).take([2, 0])
    assert made.restore()["a"].tolist() == [3, 1]


def test_concat_undoes_take(long):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    joined = Sequences.concat([made.take([0]), made.take([1])])
    same(joined, made)
    assert joined.keys.tolist() == ["y", "x"]
    assert_frame_equal(joined.restore(), made.restore())


def test_concat_drops_keys_that_repeat(long):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    joined = Sequences.concat([made, made])
    assert joined.keys is None
    assert joined.to_long()["home"].nunique() == 4


def test_concat_spans_the_schemas():
    def make(values, kinds):
        frame = pd.DataFrame({"key": [1] * len(values), "x": values, "c": pd.Series(kinds, dtype="category")})
        return Sequences.from_long(frame, sequence_key="key", measurements=["x", "c"])

    joined = Sequences.concat([make([1, 2], ["a", "b"]), make([5], ["c"])])
    assert (joined.schema.column("x").minimum, joined.schema.column("x").maximum) == (1, 5)
    assert joined.schema.column("c").categories == ("a", "b", "c")
    assert joined.measurements["c"].dtype == pd.CategoricalDtype(["a", "b", "c"])
    assert (joined.schema.min_length, joined.schema.max_length) == (1, 2)


def test_concat_refuses_other_columns(long):
    made = Sequences.from_long(long, sequence_key="home")
    with pytest.raises(DataError, match="nothing to join"):
        Sequences.concat([])
    with pytest.raises(DataError, match="differ"):
        Sequences.concat([made, Sequences.from_table(long)])


def test_parts_that_do_not_fit_are_refused(long):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    with pytest.raises(DataError, match="measurements has 5 rows"):
        Sequences(made.metadata, made.measurements, np.array([2, 2]), made.timestamps, made.schema)
    with pytest.raises(DataError, match="metadata has the columns"):
        Sequences(made.metadata.assign(more=1), made.measurements, made.lengths, made.timestamps, made.schema)


@pytest.mark.parametrize(
    "data, texts",
    [
        (
            pd.DataFrame({"k": [1, 1, 2], "<b>": ["<i>", "<i>", "c"], "x": [1.5, 2.5, 3.5]}),
            ["3 records, 1 to 2 each", "2.5"],
        ),
        (pd.DataFrame({"<b>": ["<i>", "c"]}), ["2 samples", "&lt;i&gt;"]),
        (np.arange(12.0).reshape(2, 3, 2), ["6 records, 3 each", "<td>3.0</td>"]),
        ([np.ones((2, 1)), np.ones((3, 1))], ["5 records, 2 to 3 each"]),
    ],
    ids=["long", "table", "array", "list"],
)
def test_a_notebook_shows_columns_and_first_records(data, texts):
    key = {"sequence_key": "k"} if "k" in getattr(data, "columns", ()) else {}
    html = Sequences.from_any(data, **key)._repr_html_()
    assert all(text in html for text in texts)
    assert "<b>" not in html and "<i>" not in html


def test_a_notebook_shows_that_there_are_no_samples(long):
    data = Sequences.from_long(long, sequence_key="home")
    assert "0 samples" in data.take([])._repr_html_()


def test_repr_says_what_is_in_it(long):
    text = repr(Sequences.from_long(long, sequence_key="home", sequence_index="day"))
    assert text == "Sequences(2 samples, 2 to 3 records each, metadata=['isp'], measurements=['traffic', 'loss'])"


# What scikit-learn's estimator checks expect


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (np.array([1.0, 2.0]), ValueError, "Expected 2D array, got 1D array instead"),
        (
            np.ones((0, 3)),
            ValueError,
            r"array with 0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required.",
        ),
        (np.ones((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required."),
        (np.ones((2, 2)) * 1j, ValueError, "Complex data not supported"),
        (np.ones((2, 2, 1)) * 1j, ValueError, "Complex data not supported"),
        (np.array([[np.inf, 1.0]]), DataError, "column 0 holds 1 infinite value .inf."),
        (sparse.csr_matrix(np.eye(3)), TypeError, "[Ss]parse"),
        (np.ones((2, 0, 1)), ValueError, "minimum of 1"),
        (np.ones((2, 2, 2, 2)), ValueError, "dim"),
        (
            "pages.csv",
            DataError,
            r"a path, 'pages.csv'; read the file first, with dgsynth.data.read_table\('pages.csv'\)",
        ),
        ({"a": [1]}, DataError, r"of type dict; make a DataFrame of it first, with pd.DataFrame\(X\)"),
        ([{"a": 1}], DataError, r"a list of 1 dict; make a DataFrame of it first"),
        (pd.Series([1]), DataError, r"of type Series and shape \(1,\); make a table of it first, with X.to_frame\(\)"),
        (None, DataError, "the data are None; give a DataFrame"),
        ([], ValueError, "Expected 2D array"),
        ([[1, 2], [3]], DataError, "ragged"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused(data, error, words):
    with pytest.raises(error, match=words):
        Sequences.from_any(data)


# Real data


@pytest.mark.parametrize(
    ("file", "key", "index", "n_samples"),
    [
        ("mba/mba_train_long.csv.gz", "home", "time", 600),
        ("gcut_jobs/job_days_long.csv.gz", "series", "minute", 1600),
        ("physionet2012/hourly_vitals_long.csv.gz", "RecordID", "hour", 7882),
    ],
)
def test_real_long_tables_come_back(real_data, file, key, index, n_samples):
    from dgsynth.data import read_table

    frame = read_table(real_data / file)
    made = Sequences.from_long(frame, sequence_key=key, sequence_index=index)
    assert len(made) == n_samples
    assert_frame_equal(made.restore(), frame)


def test_real_wide_table_comes_back(real_data):
    days = [str(day.date()) for day in pd.date_range("2015-07-01", periods=550)]
    made = Sequences.from_file(real_data / "wwt/train_1_subset.csv.gz", time_columns=days)
    assert made.restore().shape == (2175, 551)
    assert 0.02 < made.measurements["value"].isna().mean() < 0.04


# Masks, and tables of other libraries


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "datetime64[us]", "object"])
@pytest.mark.parametrize("form", ["array", "list", "matrix", "rows"])
def test_what_is_masked_is_missing(dtype, form):
    values = np.arange(24).reshape(4, 3, 2) % 2 if dtype == "bool" else np.arange(24).reshape(4, 3, 2)
    masked = np.ma.array(values.astype(dtype), mask=np.arange(24).reshape(4, 3, 2) % 5 == 0)
    if form in ("matrix", "rows"):
        masked = masked.reshape(4, 6)
    data = {"list": lambda: [part[: 3 - i % 2] for i, part in enumerate(masked)], "rows": lambda: list(masked)}
    made = Sequences.from_any(data.get(form, lambda: masked)())
    columns = made.metadata if form in ("matrix", "rows") else made.measurements
    flat = masked.reshape(-1, columns.shape[1])
    if form == "list":
        flat = np.ma.concatenate(data["list"]())
    np.testing.assert_array_equal(columns.isna().to_numpy(), np.ma.getmaskarray(flat))
    for k in range(columns.shape[1]):
        assert columns[k].dropna().tolist() == pd.Series(flat[:, k].compressed()).tolist()
    assert {column.kind for column in made.schema.columns} == {
        {"float32": "continuous", "int64": "integer", "bool": "boolean", "object": "integer"}.get(dtype, "datetime")
    }


def test_masked_metadata_of_arrays_are_missing():
    metadata = np.ma.masked_equal([[1.0], [-9.0]], -9)
    made = Sequences.from_arrays(np.ones((2, 3, 1)), metadata=metadata)
    assert made.metadata["metadata_0"].isna().tolist() == [False, True]


def test_arrays_with_masks_come_back_with_missing_values():
    masked = np.ma.masked_equal(np.arange(12).reshape(2, 3, 2), 7)
    back = Sequences.from_any(masked).restore()
    np.testing.assert_array_equal(back, masked.astype(float).filled(np.nan))


class OtherTable:
    """A table of another library, which Arrow's interface is all that is known of."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("other", [OtherTable, lambda table: table.to_reader(), lambda table: table.to_batches()[0]])
def test_tables_of_other_libraries_are_read_as_arrow(long, other):
    table = pa.Table.from_pandas(long)
    roles = {"sequence_key": "home", "sequence_index": "day"}
    made = Sequences.from_any(other(table), **roles)
    assert made.restore().equals(Sequences.from_any(table, **roles).restore())


def test_text_as_views_is_read():
    table = pa.table({"x": pa.array(["a", "b", None], pa.string_view()), "n": [1, 2, 3]})
    made = Sequences.from_any(OtherTable(table))
    assert made.metadata["x"].tolist()[:2] == ["a", "b"] and made.restore().schema.equals(table.schema)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pa.chunked_array([[1, 2]]), "no table"),
        ([pd.DataFrame({"a": [1]})] * 2, r"a list of 2 DataFrame; join them to one table first, with pd.concat"),
        (iter([1]), "of type list_iterator; give a DataFrame"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(data, words):
    with pytest.raises(DataError, match=words):
        Sequences.from_any(data, sequence_key="a")
