"""Columns are inferred with their kind, dtype and values; schemas survive JSON and refuse anything else."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pandas as pd
import pytest
from every_dtype import COLUMNS

from dgsynth.data.schema import Column, Form, Schema, infer_column
from dgsynth.errors import DataError


def every_column() -> Schema:
    columns = [infer_column(series, name) for name, series in COLUMNS.items()]
    form = Form("wide", columns=("a", 3), time_columns=(("v", ("a", 3)),), arrow_types=("int64", "string"))
    return Schema(tuple(columns[::2]), tuple(columns[1::2]), Column("key", "categorical", "str"), form=form)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("int64", "integer"),
        ("Int64 with NA", "integer"),
        ("float32", "continuous"),
        ("Float64", "continuous"),
        ("bool", "boolean"),
        ("boolean", "boolean"),
        ("object text", "categorical"),
        ("object booleans", "categorical"),
        ("text", "categorical"),
        ("string", "categorical"),
        ("category", "categorical"),
        ("datetime s with NaT", "datetime"),
        ("datetime with zone", "datetime"),
        ("all-missing float", "continuous"),
        ("all-missing object", "categorical"),
    ],
)
def test_kind_follows_from_dtype(name, kind):
    assert infer_column(COLUMNS[name], "x").kind == kind


def test_dtype_name_makes_the_dtype_again(column):
    inferred = infer_column(column, "x")
    if inferred.dtype != "category":
        assert pd.api.types.pandas_dtype(inferred.dtype) == column.dtype


def test_text_dtype_keeps_missing_values_missing():
    values = pd.Series(["a", None], dtype=object)
    assert values.astype(Column("x", "categorical", "str").pandas_dtype).isna().tolist() == [False, True]


def test_nullable_where_values_are_missing(column):
    assert infer_column(column, "x").nullable == column.isna().any()


@pytest.mark.parametrize(("name", "low", "high"), [("int8", -1, 127), ("uint64", 0, 2**64 - 1), ("float64", -1.0, 2.0)])
def test_range_is_that_of_the_values(name, low, high):
    column = infer_column(COLUMNS[name], "x")
    assert (column.minimum, column.maximum) == (low, high)
    assert type(column.minimum) in (int, float)


@pytest.mark.parametrize("name", ["datetime", "datetime ns"])
def test_range_of_datetimes_is_in_nanoseconds(name):
    column = infer_column(COLUMNS[name], "x")
    assert column.minimum == -(10**9)
    assert column.maximum == pd.Timestamp("2021-03-01").as_unit("ns").value


def test_range_of_zoned_datetimes_is_in_utc():
    moment = pd.Series(pd.to_datetime(["2021-01-01 01:00"])).dt.tz_localize("Europe/Paris")
    assert infer_column(moment, "x").minimum == pd.Timestamp("2021-01-01").as_unit("ns").value


def test_all_missing_column_has_no_range():
    column = infer_column(COLUMNS["all-missing float"], "x")
    assert (column.minimum, column.maximum, column.nullable) == (None, None, True)


def test_categories_are_sorted():
    assert infer_column(COLUMNS["text"], "x").categories == ("a", "b", "c")


def test_mixed_categories_are_sorted_as_text():
    assert infer_column(pd.Series(["b", 10, 9, "10"], dtype=object), "x").categories == (10, "10", 9, "b")


def test_categorical_keeps_order_and_unused_categories():
    column = infer_column(COLUMNS["ordered category"], "x")
    assert column.categories == ("low", "middle", "high", "unused")
    assert column.ordered


def test_numbers_can_be_categories_with_their_dtype():
    column = infer_column(pd.Series([3, 1, 3], dtype="int16"), "x", categorical=True)
    assert (column.kind, column.dtype, column.categories) == ("categorical", "int16", (1, 3))
    assert type(column.categories[0]) is int


def test_datetimes_can_be_categories():
    column = infer_column(COLUMNS["datetime with zone"], "x", categorical=True)
    assert column.categories[0].tz is not None
    assert Column.from_dict(json.loads(json.dumps(column.to_dict()))) == column


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (pd.Series(pd.to_timedelta([1, 2], unit="s")), "total_seconds"),
        (pd.Series(pd.period_range("2020", periods=2)), "to_timestamp"),
        (pd.Series(pd.interval_range(0, 2)), "astype"),
        (pd.Series([1j, 2]), "real and imaginary"),
        (pd.Series(pd.arrays.SparseArray([0, 1])), "to_dense"),
        (pd.Series([1, 2], dtype="int64[pyarrow]"), "numpy_nullable"),
        (pd.Series([[1], [2]]), "nested values"),
        (pd.Series([{"a": 1}, None]), "nested values"),
        (pd.Series([b"a", b"b"]), "bytes"),
        (pd.Series([(1, 2), (3, 4)]), "tuple"),
        (pd.Series([1.0, math.inf, -math.inf]), "2 infinite values"),
        (pd.Series(np.array(["3000-01-01"], dtype="M8[s]")), "1678"),
        (pd.Series(["a", math.inf], dtype=object), "inf"),
    ],
)
def test_what_cannot_be_modelled_is_refused_by_name(series, words):
    with pytest.raises(DataError, match=f"(?s)'odd'.*{words}"):
        infer_column(series, "odd")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": 1.5}, "text or integers"),
        ({"name": True}, "text or integers"),
        ({"kind": "number"}, "give one of"),
        ({"kind": ["continuous"]}, "give one of"),
        ({"dtype": "str"}, "can't be continuous"),
        ({"dtype": "datetime64[us, ../../secret]", "kind": "datetime"}, "can't be datetime"),
        ({"dtype": "datetime64[us, Middle/Earth]", "kind": "datetime"}, "pandas doesn't know"),
        ({"dtype": 8}, "can't be continuous"),
        ({"nullable": 1}, "True or False"),
        ({"kind": "integer", "dtype": "int16", "nullable": True}, "'Int16'"),
        ({"kind": "boolean", "dtype": "bool", "nullable": True}, "'boolean'"),
        ({"minimum": 1.0}, "both minimum and maximum"),
        ({"minimum": 2.0, "maximum": 1.0}, "above maximum"),
        ({"minimum": math.nan, "maximum": 1.0}, "finite"),
        ({"minimum": "0", "maximum": 1.0}, "finite"),
        ({"kind": "integer", "dtype": "int64", "minimum": 0.5, "maximum": 1}, "whole"),
        ({"kind": "integer", "dtype": "int64", "minimum": 0, "maximum": 10**30}, "64 bits"),
        ({"categories": ("a",)}, "only categorical"),
        ({"ordered": True}, "only categorical"),
        ({"kind": "boolean", "dtype": "bool", "categories": ("a",)}, "leave them out"),
        ({"kind": "categorical", "dtype": "str", "categories": ("a", "a")}, "more than once"),
        ({"kind": "categorical", "dtype": "str", "categories": "ab"}, "tuple"),
        ({"kind": "categorical", "dtype": "str", "categories": (None,)}, "NoneType"),
        ({"kind": "categorical", "dtype": "str", "minimum": 0, "maximum": 1}, "no range"),
    ],
)
def test_contradictory_column_is_refused(values, words):
    with pytest.raises(DataError, match=words):
        Column(**({"name": "x", "kind": "continuous", "dtype": "float64"} | values))


def test_numpy_labels_and_numbers_become_plain():
    column = Column(np.int64(3), "integer", "int64", minimum=np.int32(1), maximum=np.float64(2.0))
    assert [type(value) for value in (column.name, column.minimum, column.maximum)] == [int, int, int]


def test_range_of_datetimes_can_be_declared_as_timestamps():
    day = pd.Timestamp("2021-01-01")
    column = Column("x", "datetime", "datetime64[us]", minimum=day, maximum=day)
    assert column.minimum == day.as_unit("ns").value


def test_json_round_trip():
    schema = every_column()
    assert Schema.from_json(schema.to_json()) == schema


def test_json_keeps_types_of_labels_and_categories():
    column = Column(7, "categorical", "object", categories=(True, 2, 2.5, "2", pd.Timestamp("2021", tz="UTC")))
    again = Schema.from_json(Schema((column,), ()).to_json()).metadata[0]
    assert [type(value) for value in (again.name, *again.categories)] == [int, bool, int, float, str, pd.Timestamp]


def mutations():
    yield "not a dict", lambda plain: []
    yield "missing entry", lambda plain: plain.pop("form") and plain
    yield "unknown entry", lambda plain: plain | {"more": 1}
    yield "columns no list", lambda plain: plain | {"metadata": {"0": 1}}
    yield "column no dict", lambda plain: plain | {"metadata": ["x"]}
    yield "key no column", lambda plain: plain | {"sequence_key": "k"}
    yield "lengths text", lambda plain: plain | {"min_length": "1"}
    yield "lengths boolean", lambda plain: plain | {"max_length": True}
    yield "lengths reversed", lambda plain: plain | {"min_length": 5, "max_length": 2}
    yield "lengths enormous", lambda plain: plain | {"max_length": 10**20}
    yield "index of text", lambda plain: plain | {"sequence_index": plain["sequence_key"] | {"name": "other"}}
    yield "column twice", lambda plain: plain | {"metadata": plain["metadata"] * 2}
    yield "no columns", lambda plain: plain | {"metadata": [], "measurements": []}
    for name, value in {
        "layout": "deep",
        "container": ["pandas"],
        "columns": "ab",
        "dtype": "V99999999",
        "is_flat": 1,
        "time_columns": [["v"]],
        "arrow_types": [1],
    }.items():
        yield f"form {name}", lambda plain, n=name, v=value: plain | {"form": plain["form"] | {n: v}}
    for name, value in {
        "name": [1],
        "dtype": "__import__('os')",
        "categories": "abc",
        "minimum": {"a": 1},
        "kind": {"kind": 1},
        "nullable": None,
    }.items():
        yield (
            f"column {name}",
            lambda plain, n=name, v=value: plain | {"metadata": [plain["metadata"][0] | {n: v}]},
        )
    for stamp in ({"nanoseconds": 1}, {"nanoseconds": "1", "zone": None, "unit": "ns"}):
        yield (
            "bad timestamp",
            lambda plain, s=stamp: plain | {"sequence_key": plain["sequence_key"] | {"categories": [s]}},
        )
    zone = {"nanoseconds": 1, "zone": "../../secret", "unit": "ns"}
    yield "bad zone", lambda plain: plain | {"sequence_key": plain["sequence_key"] | {"categories": [zone]}}


@pytest.mark.parametrize("change", [m[1] for m in mutations()], ids=[m[0] for m in mutations()])
def test_malformed_description_is_refused(change):
    plain = change(copy.deepcopy(every_column().to_dict()))
    with pytest.raises(DataError):
        Schema.from_dict(plain)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "1" * 5000, "null", '{"metadata": NaN}', None])
def test_text_that_is_no_schema_is_refused(text):
    with pytest.raises(DataError):
        Schema.from_json(text)


def test_column_is_found_in_every_role():
    schema = every_column()
    assert schema.column("key").dtype == "str"
    assert schema.column("int64") in schema.metadata
    with pytest.raises(DataError, match="no column 'nothing'"):
        schema.column("nothing")


def test_with_column_changes_one_attribute():
    schema = every_column().with_column("float64", minimum=-5.0, maximum=5.0)
    assert (schema.column("float64").minimum, schema.column("float64").maximum) == (-5.0, 5.0)
    assert schema.names == every_column().names


def test_with_column_to_categorical_drops_the_range():
    column = every_column().with_column("int64", kind="categorical").column("int64")
    assert (column.minimum, column.maximum, column.categories) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("nothing", {"kind": "categorical"}, "no column"),
        ("int64", {"range": 1}, "can't be changed"),
        ("text", {"kind": "continuous"}, "can't be continuous"),
        ("int64", {"minimum": 100}, "above maximum"),
        ("int64", {"nullable": True}, "'Int64'"),
    ],
)
def test_with_column_refuses_nonsense(name, changes, words):
    with pytest.raises(DataError, match=words):
        every_column().with_column(name, **changes)


def test_with_lengths():
    schema = every_column().with_lengths(2, 5)
    assert (schema.min_length, schema.max_length, schema.fixed_length) == (2, 5, False)
    assert schema.with_lengths(5, 5).fixed_length


def test_infer_reads_with_the_keywords_of_sequences(long):
    schema = Schema.infer(long, sequence_key="home", sequence_index="day")
    assert schema.names == ("isp", "traffic", "loss")


def test_summary_names_every_column(long):
    schema = Schema.infer(long, sequence_key="home", sequence_index="day")
    text = str(schema)
    for words in ("2 to 3 records", "home", "not modelled", "10 to 50", "2 categories", "2021-01-01"):
        assert words in text
    assert "<table" in schema._repr_html_()


def test_html_escapes_names():
    html = Schema((Column("<script>", "continuous", "float64"),), ())._repr_html_()
    assert "<script>" not in html


def test_the_least_of_64_bits_is_an_integer_and_no_datetime():
    assert infer_column(pd.Series([-(2**63), 5]), "x").minimum == -(2**63)
    with pytest.raises(ValueError, match="doesn't fit in 64 bits"):
        Column("x", "integer", "int64", minimum=-(2**63) - 1, maximum=0)
    with pytest.raises(ValueError, match="doesn't fit in 64 bits"):
        Column("x", "datetime", "datetime64[ns]", minimum=-(2**63), maximum=0)
    with pytest.raises(ValueError, match="must be a finite number"):
        Column("x", "continuous", "float64", minimum=0, maximum=10**400)
