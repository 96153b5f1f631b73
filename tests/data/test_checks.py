"""What can't be used is refused in a sentence that names the column, the place and the remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from every_dtype import COLUMNS
from pandas.testing import assert_series_equal

from dgsynth.data import Column, Schema, Sequences
from dgsynth.data.checks import conform
from dgsynth.data.inference import infer_column
from dgsynth.errors import DataError


def refused(words: str):
    return pytest.raises(DataError, match=f"(?s){words}")


def read(frame: pd.DataFrame, **keywords) -> Sequences:
    return Sequences.from_any(frame, **({"sequence_key": "home", "sequence_index": "day"} | keywords))


# Tables


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), "MultiIndex.*flatten"),
        (pd.DataFrame([[1, 2]], columns=["twice", "twice"]), "'twice'.*rename or drop"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\) \(shape=\(0, 1\)\) while a minimum of 1 is required"),
        (pd.DataFrame(index=[0, 1]), r"0 feature\(s\) \(shape=\(2, 0\)\) while a minimum of 1 is required"),
        (pd.DataFrame({pd.Timestamp("2020"): [1]}), "Timestamp.*astype"),
        (pd.DataFrame({("a", "b"): [1]}).set_axis(pd.Index([("a", "b")], tupleize_cols=False), axis=1), "tuple"),
        (pd.DataFrame({0.5: [1]}), "float"),
    ],
)
def test_table_whose_columns_cannot_be_told_apart(frame, words):
    with refused(words):
        Sequences.from_any(frame)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        (
            {"sequence_key": "house"},
            "sequence_key names column 'house', which the table doesn't have; name one of 'traffic'",
        ),
        ({"sequence_index": "hour"}, "sequence_index names column 'hour'"),
        ({"metadata": ["isp", "city"]}, "metadata names column 'city'"),
        ({"measurements": ["pings"]}, "measurements names column 'pings'"),
        ({"categorical": ["pings"]}, "categorical names column 'pings', which is neither metadata nor a measurement"),
        ({"categorical": ["home"]}, "categorical names column 'home'"),
        ({"sequence_index": "home"}, "column 'home' is named by both sequence_key and sequence_index"),
        ({"metadata": ["isp"], "measurements": ["isp"]}, "'isp' is named by both metadata and measurements"),
        ({"metadata": ["isp", "isp"]}, "metadata names column 'isp' twice"),
        ({"metadata": 0.5}, "metadata must be a list of column labels, got 0.5; give one"),
        ({"metadata": pd.DataFrame()}, "metadata must be a list of column labels, got Empty DataFrame"),
        ({"time_columns": ["traffic"]}, "sequence_key is for long tables and time_columns for wide ones"),
    ],
)
def test_keyword_that_names_the_wrong_columns(long, keywords, words):
    with refused(words):
        read(long, **keywords)


@pytest.mark.parametrize(
    ("data", "keywords", "words"),
    [
        (
            pd.DataFrame({"a": [1]}),
            {"sequence_index": "a"},
            "sequence_index is given, 'a', and sequence_key is not.*dgsynth.windows",
        ),
        (pd.DataFrame({"a": [1]}), {"measurements": ["a"]}, "measurements is given, .*sequence_key is not"),
        (pd.DataFrame({"a": [1]}), {"time_columns": ["a"], "sequence_index": "a"}, "sequence_index.*wide"),
        (np.ones((2, 2)), {"sequence_key": 0}, "sequence_key doesn't go with X, which is of type ndarray and shape"),
        (np.ones((2, 2)), {"measurements": [0]}, "measurements doesn't go with X, which is of type ndarray and shape"),
        (
            np.ones((2, 2, 1)),
            {"time_columns": [0]},
            "time_columns doesn't go with X, which is of type ndarray and shape",
        ),
        ([np.ones((2, 1))], {"sequence_index": 0}, "sequence_index doesn't go with X, which is a list of 1 ndarray"),
        (np.ones((2, 2, 1)), {"metadata": ["a"]}, "metadata of arrays must be a DataFrame or a 2-D array"),
        (Sequences.from_any(np.ones((2, 2, 1))), {"sequence_key": "a"}, "sequence_key doesn't go with Sequences"),
    ],
)
def test_keyword_that_does_not_fit_the_form(data, keywords, words):
    with refused(words):
        Sequences.from_any(data, **keywords)


def test_a_single_label_stands_for_a_list_of_it(long):
    assert read(long, metadata="isp").schema.metadata_names == ["isp"]


# Keys, timestamps, metadata


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_missing_key(long, dtype):
    frame = long.assign(home=pd.Series(["y", "x", None, "x", None]).astype(dtype))
    with refused("sequence_key column 'home' is missing in row 2 .2 in all.*drop these rows"):
        read(frame)


def test_missing_timestamp(long):
    with refused("sequence_index column 'day' is missing in row 3"):
        read(long.assign(day=long["day"].where(long.index != 3)))


def test_text_as_timestamps(long):
    with refused(r"sequence_index column 'day'.*pd.to_datetime\(frame\['day'\]\)"):
        read(long.assign(day=long["day"].astype(str)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([True, False, True, False, True], "dtype bool"),
        (pd.timedelta_range("1s", periods=5), "total_seconds"),
        ([1.0, 2, 3, 4, np.inf], "infinite"),
    ],
)
def test_timestamps_that_cannot_be_sorted(long, values, words):
    with refused(f"'day'.*{words}"):
        read(long.assign(day=values))


def test_two_records_at_the_same_time(long):
    frame = long.assign(day=long["day"].where(long.index != 3, pd.Timestamp("2021-01-01")))
    with refused("key 'x' of column 'home' has two records at '2021-01-01.*'day': rows 1 and 3; keep one"):
        read(frame)


def test_two_records_at_the_same_time_in_a_sorted_table():
    frame = pd.DataFrame({"home": [1, 1, 2], "day": [1, 1, 1], "x": [1, 2, 3]})
    with refused("two records at 1"):
        read(frame)


@pytest.mark.parametrize("roles", [{"metadata": ["loss"]}, {"measurements": ["traffic"]}])
def test_metadata_that_vary_within_a_sample(long, roles):
    with refused("metadata column 'loss' is not constant within key 'y': it holds 0.0 and 0.5; leave it out"):
        read(long, **roles)


@pytest.mark.parametrize("name", ["isp", "traffic"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.to_timedelta([1, 1, 1, 1, 1], unit="s"), "total_seconds"),
        (np.ones(5) * 1j, "real and imaginary"),
        ([[1]] * 5, "nested values .list."),
        ([np.inf] * 5, "infinite value"),
    ],
)
def test_column_that_cannot_be_modelled(long, name, values, words):
    with refused(f"column '{name}'.*{words}"):
        read(long.assign(**{name: values}))


# Wide tables and arrays


@pytest.mark.parametrize(
    ("time_columns", "words"),
    [
        ([], "time_columns names no columns"),
        ({}, "time_columns names no columns"),
        (["a", "z"], "time_columns names column 'z'"),
        (["a", "a"], "time_columns names column 'a' twice"),
        ({"x": ["a"], "y": ["a"]}, "'a' is named by both"),
        ({"x": ["a", "b"], "y": ["c"]}, "gives 2 columns for 'x', but 1 for 'y'"),
        (["a", "c"], "'a' to 'c' of one measurement have the dtypes int64, (object|str); convert them"),
        (7, "names column 7"),
    ],
)
def test_time_columns_that_do_not_fit(time_columns, words):
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": ["x", "y"]})
    with refused(words):
        Sequences.from_any(frame, time_columns=time_columns)


def test_time_columns_that_are_metadata_too():
    with refused("'a' is named by both metadata and time_columns"):
        Sequences.from_any(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), time_columns=["a"], metadata=["a"])


def test_time_columns_of_different_ranks():
    low = pd.CategoricalDtype(["a", "b"], ordered=True)
    high = pd.CategoricalDtype(["b", "a"], ordered=True)
    frame = pd.DataFrame({"d1": pd.Series(["a"], dtype=low), "d2": pd.Series(["a"], dtype=high)})
    with refused("'d1' to 'd2' have different ordered categories"):
        Sequences.from_any(frame, time_columns=["d1", "d2"])


@pytest.mark.parametrize(
    ("arrays", "keywords", "words"),
    [
        (np.ones((2, 3)), {}, r"3 dimensions, \(n, T, K\), got shape \(2, 3\).*X\[:, :, None\]"),
        (np.ones((2, 3, 1)), {"lengths": [1]}, "lengths must be 2 integers"),
        (np.ones((2, 3, 1)), {"lengths": [1.0, 2.0]}, "lengths must be 2 integers"),
        (np.ones((2, 3, 1)), {"lengths": [1, 4]}, r"lengths\[1\] is 4; give each sample from 1 to 3 records"),
        (np.ones((2, 3, 1)), {"lengths": [0, 3]}, r"lengths\[0\] is 0"),
        (np.ones((2, 3, 2)), {"measurement_names": ["a"]}, "2 measurements, but measurement_names has 1"),
        (np.ones((2, 3, 2)), {"measurement_names": ["a", "a"]}, "'a' twice"),
        (np.ones((2, 3, 1)), {"metadata": np.ones((3, 1))}, "metadata has 3 rows for 2 samples"),
        (np.ones((2, 3, 1)), {"metadata": pd.DataFrame({0: [1, 2]})}, "0 is named by both"),
        (np.ones((2, 3, 1)), {"categorical": [1]}, "categorical names column 1"),
        (np.zeros((2, 3, 1), dtype="V4"), {}, "can't be modelled"),
        (np.full((2, 3, 1), np.inf), {}, "column 0 holds 6 infinite values"),
        ([], {}, "list is empty"),
        ([np.ones((2, 1)), np.ones((2, 2))], {}, r"sample 1 has shape \(2, 2\)"),
        ([np.ones((2, 1)), np.ones((0, 1))], {}, "sample 1 has no records"),
        ([np.ones((2, 1))], {"lengths": [1]}, "leave lengths out"),
    ],
)
def test_arrays_that_do_not_fit(arrays, keywords, words):
    with refused(words):
        Sequences.from_arrays(arrays, **keywords)


# Writing what isn't there


def test_table_of_metadata_has_no_records_to_write():
    made = Sequences.from_any(pd.DataFrame({"a": [1]}))
    with refused("no records.*to_table"):
        made.to_long()
    with refused("no measurements.*to_table"):
        made.to_wide()


# Data held against a schema


def test_data_obey_their_own_schema(column):
    schema = Sequences.from_any(column.to_frame("value")).schema
    again = Sequences.from_any(column.to_frame("value"), schema=schema)
    assert again.schema == schema
    assert_series_equal(again.metadata["value"], column, check_names=False)


def test_schema_tells_roles_and_layout(long):
    schema = read(long, metadata=["isp"], measurements=["traffic"]).schema
    again = Sequences.from_any(long, schema=schema)
    assert (again.schema, again.lengths.tolist()) == (schema, [2, 3])
    wide = pd.DataFrame({"d1": [1, 4], "d2": [2, 5], "x": [0, 1], "page": ["a", "b"]})
    schema = Sequences.from_any(wide, time_columns=["d1", "d2"], metadata=["page"]).schema
    assert Sequences.from_any(wide, schema=schema).schema == schema


def test_schema_gives_its_dtypes(long):
    schema = read(long).schema
    again = read(long.assign(isp=long["isp"].astype("category"), traffic=long["traffic"].astype(float)), schema=schema)
    assert again.metadata["isp"].dtype == long["isp"].dtype
    assert again.measurements["traffic"].dtype == np.int64


def test_part_without_missing_values_keeps_the_dtype_of_the_whole():
    whole = pd.DataFrame({"key": [1, 1, 2], "x": [1.0, 2.0, np.nan]})
    schema = Sequences.from_long(whole, sequence_key="key").schema
    part = Sequences.from_any(pd.DataFrame({"key": [1], "x": [2]}), schema=schema)
    assert part.measurements["x"].dtype == np.float64
    assert part.schema == schema


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="isp"), "metadata names column 'isp'"),
        (lambda f: f.drop(columns="loss"), "measurements names column 'loss'"),
        (lambda f: f.assign(isp="c"), "column 'isp' holds 'c' in row 4, .* 2 categories .'a', 'b'.*with_column"),
        (lambda f: f.assign(isp=1), "column 'isp' holds 1 in row 4"),
        (lambda f: f.assign(isp=None), "column 'isp' is missing in row 4 .2 in all."),
        (lambda f: f.assign(traffic=[50, 10, 31, 20, 99]), "column 'traffic' holds 99 in row 4, outside .* 10 to 50"),
        (
            lambda f: f.assign(traffic=[50, 10, 30.5, 20, 40]),
            "column 'traffic' holds 30.5 in row 2, which is not whole",
        ),
        (lambda f: f.assign(traffic="many"), "column 'traffic' is integer in the schema, but of dtype"),
        (lambda f: f.assign(traffic=True), "column 'traffic' is integer in the schema, but of dtype bool"),
        (lambda f: f.assign(loss=pd.Timestamp("2020")), "column 'loss' is continuous in the schema"),
        (lambda f: f.assign(loss=-0.1), "column 'loss' holds -0.1 in row 4, outside"),
        (lambda f: f.assign(day=range(5)), "column 'day' is datetime in the schema, but of dtype int64"),
        (lambda f: f.assign(day=f["day"].dt.tz_localize("UTC")), "'day' is datetime64.*tz_localize"),
        (
            lambda f: f.assign(home="x", isp="a", day=pd.date_range("2021", periods=5)),
            "the sample with key 'x' has 5 records, more than the schema's max_length of 3",
        ),
    ],
)
def test_data_that_break_the_schema(long, change, words):
    with refused(words):
        read(change(long), schema=read(long).schema)


def test_roles_other_than_the_schemas(long):
    with refused(r"measurements names \['loss'\], but the schema has \['traffic', 'loss'\]"):
        read(long, measurements=["loss"], schema=read(long).schema)


def test_shorter_samples_than_a_fixed_length():
    schema = Sequences.from_any(np.ones((2, 3, 1))).schema
    with refused("sample 1 has 2 records, but all samples of the schema have 3"):
        Sequences.from_arrays([np.ones((3, 1)), np.ones((2, 1))], schema=schema)


def test_arrays_held_against_a_schema():
    schema = Sequences.from_any(np.arange(6.0).reshape(2, 3, 1)).schema
    with refused("column 0 holds 9.0 in sample 1, record 0, outside"):
        Sequences.from_arrays(np.array([0, 1, 2, 9, 1, 2.0]).reshape(2, 3, 1), schema=schema)
    with refused("hold 2 measurements, but the schema has 1"):
        Sequences.from_any(np.ones((2, 3, 2)), schema=schema)


def test_wide_tables_held_against_a_schema():
    frame = pd.DataFrame({"d1": [1, 4], "d2": [2, 5]})
    schema = Sequences.from_any(frame, time_columns=["d1", "d2"]).schema
    with refused("column 'value' holds 9 in row 1, time column 0, outside"):
        Sequences.from_any(frame.assign(d1=[1, 9]), schema=schema)
    with refused(r"gives the measurements \['x'\], but the schema has \['value'\]"):
        Sequences.from_any(frame, time_columns={"x": ["d1", "d2"]}, schema=schema)


def test_table_held_against_a_schema_with_measurements(long):
    with refused("the schema has the measurement 0"):
        Sequences.from_any(long, schema=Sequences.from_any(np.ones((2, 3, 1))).schema)


def test_sequences_held_against_a_schema(long):
    made = read(long)
    assert (
        Sequences.from_any(made, schema=made.schema.with_column("loss", maximum=9.0)).schema.column("loss").maximum == 9
    )
    with refused("column 'traffic' holds 40 in record 0, outside"):
        Sequences.from_any(made, schema=made.schema.with_column("traffic", maximum=20))
    with refused("the data have the metadata"):
        Sequences.from_any(made, schema=Sequences.from_any(np.ones((2, 3, 1))).schema)


def test_schema_with_open_ends_learns_them():
    schema = Schema(
        (Column("kind", "categorical", "object"),),
        (Column("x", "continuous", "float64"), Column("n", "integer", "int64", minimum=0, maximum=100)),
        Column("key", "categorical", "object"),
    )
    frame = pd.DataFrame({"key": list("aab"), "kind": list("uuv"), "x": [1, 2, 3], "n": [7, 8, 9]})
    made = Sequences.from_any(frame, schema=schema).schema
    assert made.column("kind").categories == ("u", "v")
    assert (made.column("x").minimum, made.column("x").maximum) == (1, 3)
    assert (made.column("n").minimum, made.column("n").maximum) == (0, 100)
    assert (made.min_length, made.max_length) == (1, 2)


def test_always_missing_column_refuses_values():
    column = infer_column(COLUMNS["all-missing float"], "x")
    with refused(
        "column 'x' holds 1.0 in row 1, where the schema has missing values alone; .*minimum=1.0, maximum=1.0"
    ):
        conform(pd.Series([None, 1.0]), column, lambda i: f"row {i}")


@pytest.mark.parametrize("dtype", ["float64", "Int64", "boolean", "object", "datetime64[us]", "category"])
def test_all_missing_values_take_any_declared_dtype(dtype):
    column = infer_column(pd.Series([None, None]).astype(dtype), "x")
    values, _ = conform(pd.Series([np.nan, np.nan]), column, lambda i: f"row {i}")
    assert values.isna().all()
    assert str(values.dtype) == dtype
