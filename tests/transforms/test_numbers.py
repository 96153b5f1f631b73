"""Numbers at the edges of precision and range, through a column's transform, an encoder and tokens, and back."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.schema import Column, infer_column
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.models.autoregressive.encoder import TokenEncoder
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.encoder import Encoder, EncoderOptions
from dgsynth.transforms.numbers import Terms, column_range, from_numbers, to_numbers
from dgsynth.transforms.state import transform_from_dict, transform_to_dict

N = 48
RNG = np.random.default_rng(7)
MAGNITUDES = [1e-310, 1e-300, 1e-80, 1e-13, 1e-3, 1.0, 1e9, 1e17, 1e80, 1e300]


def fitted(values):
    return ContinuousTransform.fit(values, infer_column(values, "x"), "auto", (0, 1))


def drawn(values, n=500):
    """Return what random outputs of a generator stand for."""
    transform = fitted(values)
    encoded = np.random.default_rng(0).random((n, sum(output.dim for output in transform.outputs)))
    return transform.to_series(transform.decode(encoded.astype(np.float32)))


def edge_columns():
    for size in MAGNITUDES:
        yield f"normal {size:g}", pd.Series(RNG.normal(size=N) * size)
        yield f"skewed {size:g}", pd.Series(RNG.lognormal(0, 3, N) * size / 1e4)
        yield f"constant {size:g}", pd.Series(np.full(N, 1.234 * size))
    for offset in (1.7e9, 1e12, 1e15, -1e16):
        yield f"from {offset:g}", pd.Series(offset + RNG.random(N) * 3)
    yield "beyond a double", pd.Series(RNG.uniform(-1, 1, N) * 1.79e308)
    yield "all magnitudes", pd.Series(10.0 ** RNG.uniform(-300, 300, N))
    yield "nearly zero beside tenths", pd.Series(np.where(RNG.random(N) < 0.5, 1e-20, RNG.integers(0, 9, N) / 10))
    for dtype in ("int8", "uint8", "int32", "int64", "uint64"):
        ends = np.iinfo(dtype)
        inside = RNG.integers(ends.min, ends.max, N - 2, dtype=dtype, endpoint=True)
        whole = pd.Series(np.concatenate([np.array([ends.min, ends.max], dtype), inside]))
        yield dtype, whole
        nullable = dtype.replace("int", "Int").replace("u", "U")
        yield nullable, whole.astype(nullable).mask(RNG.random(N) < 0.2)
    for dtype, size in (("float16", 6e4), ("float32", 1e38), ("float32", 1e-44), ("Float32", 1.0), ("Float64", 1e200)):
        yield f"{dtype} {size:g}", pd.Series((RNG.random(N) * size).astype(dtype.lower())).astype(dtype)


EDGES = dict(edge_columns())


def check(back, real):
    """Assert that values have the dtype and lie in the range of the real ones."""
    assert back.dtype == real.dtype
    made, known = back.dropna(), real.dropna()
    assert known.min() <= made.min() and made.max() <= known.max()
    assert (made.nunique() > 2) == (known.nunique() > 2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", EDGES)
def test_numbers_at_the_edges_come_back_in_range_and_dtype(name):
    real = EDGES[name]
    frame = pd.DataFrame({"key": np.arange(N) // 8, "x": real})
    data = Sequences.from_any(frame, sequence_key="key", measurements=["x"])
    for options in (EncoderOptions(), EncoderOptions(auto_normalize=False, feature_range=(-1, 1))):
        encoder = Encoder.fit(data, options)
        encoded = encoder.encode(data)
        assert all(np.isfinite(part.numpy()).all() for part in (encoded.minmax, encoded.records))
        check(encoder.decode(encoded).measurements["x"], real)
    for relative in (False, True):
        tokens = TokenEncoder.fit(data, relative=relative)
        batch = tokens.encode(data)
        places = RNG.random((len(data), len(tokens.all_metadata))), RNG.random((N, 1))
        check(tokens.decode(batch, *places).measurements["x"], real)
        assert np.isfinite(tokens.log_density(data, batch)).all()


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        (np.round(RNG.normal(size=N), 1), 1),
        (np.round(RNG.normal(size=N), 9), 9),
        ((RNG.integers(100, 999, N)) * 1e-15, 15),
        (np.round(1.7e9 + RNG.random(N) * 1000, 3), 3),
        (np.round(1.7e9 + RNG.random(N) * 1000, 6), 6),
        (RNG.choice([-0.1, 0.1], N).cumsum(), 1),  # off by what sums of tenths are off by
        (np.arange(-1, 1, 0.1), 1),
        (RNG.integers(0, 9, N) * 1.0, 0),
        (np.zeros(N), 0),
        (RNG.normal(size=N), None),
        (RNG.normal(size=N) * 1e6, None),
        (RNG.normal(size=N) * 1e-13, None),
        (1e15 + RNG.random(N), None),
        (RNG.random(N) * 1e300, None),
        (np.array([0.05, 0.5, 1e-20]), None),
        (np.array([1000.0, 0.2500001]), 7),
        (np.round(RNG.random(N) * 50, 1).astype("float32"), 1),
        (np.round(RNG.random(N), 2).astype("float16"), 2),
        (RNG.integers(0, 2000, N).astype("float16"), 0),
        (RNG.random(N).astype("float32"), None),
    ],
)
def test_decimals_are_found_at_any_magnitude(values, decimals):
    assert fitted(pd.Series(values)).decimals == decimals


def test_small_decimals_are_kept():
    amperes = pd.Series(RNG.integers(1000, 3000, N) / 1e16)
    back = drawn(amperes)
    assert amperes.min() <= back.min() < back.max() <= amperes.max()
    np.testing.assert_array_equal(back, np.rint(back * 1e16) / 1e16)


def test_unix_seconds_keep_their_milliseconds():
    seconds = pd.Series(np.round(1.7e9 + RNG.random(N) * 100, 3))
    back = drawn(seconds)
    np.testing.assert_array_equal(back, np.rint(back * 1000) / 1000)
    assert back.nunique() > 400


@pytest.mark.parametrize(
    ("low", "unit", "dtype"),
    [
        (1_700_000_000_000_000_000, 50, "int64"),
        (-(2**63), 3, "int64"),
        (2**64 - 1 - 3 * 200, 3, "uint64"),
        (2**53 - 5, 7, "Int64"),
    ],
)
def test_integers_beyond_a_double_stay_on_their_grid(low, unit, dtype):
    values = pd.Series(pd.array([low + unit * int(step) for step in RNG.permutation(201)[:N]] + [low], dtype=dtype))
    made = [int(value) for value in drawn(values)]
    known = [int(value) for value in values]
    assert {(value - low) % unit for value in made} == {0} and len(set(made)) > 100
    assert min(known) <= min(made) and max(made) <= max(known)


def test_the_ends_of_64_bits_come_back_themselves():
    for values in (pd.Series([-(2**63), 0, 2**63 - 1]), pd.Series([0, 2**64 - 1], dtype="uint64")):
        column = infer_column(values, "x")
        assert (from_numbers(to_numbers(values, column), column) == values).all()


def test_a_wide_grid_is_kept_exactly():
    unit = 10**15 + 37
    values = pd.Series([-(2**62) + unit * step for step in (0, 1, 5, 4000, 7999)])
    made = drawn(values)
    assert all((int(value) + 2**62) % unit == 0 for value in made)


def test_datetimes_may_span_all_that_nanoseconds_can_tell():
    values = pd.Series(np.array([-(2**63) + 1, 0, 2**63 - 1]).view("M8[ns]"))
    column = infer_column(values, "x")
    back = from_numbers(to_numbers(values, column), column)
    assert back[0] == values[0] and back[2] == values[2]


def test_only_extreme_columns_have_terms_of_their_own():
    assert Terms.of(Column("x", "integer", "int64", minimum=-5, maximum=2**53)) == Terms()
    assert Terms.of(Column("x", "integer", "int64", minimum=-5, maximum=2**53 + 1)) == Terms(-5)
    assert Terms.of(Column("x", "continuous", "float64", minimum=-1e70, maximum=1e-70)) == Terms()
    assert Terms.of(Column("x", "continuous", "float64", minimum=0, maximum=2.0**1000)) == Terms(0, 745)
    low, high = column_range(Column("x", "continuous", "float64", minimum=-1.7e308, maximum=1.7e308))
    assert math.isfinite(high - low)


def test_terms_are_saved_and_files_without_them_mean_what_they_did():
    values = pd.Series(2**60 + RNG.integers(0, 1000, N))
    transform = fitted(values)
    plain = json.loads(json.dumps(transform_to_dict(transform)))
    column = transform.column
    assert transform_from_dict(plain, column, (0, 1)) == transform
    # An earlier file told such a column from 0.
    earlier = {**plain, "low": float(column.minimum), "high": float(column.maximum)}
    del earlier["terms"]
    back = transform_from_dict(earlier, column, (0, 1))
    made = back.to_series(back.decode(np.array([[0.0], [0.5], [1.0]], dtype=np.float32)))
    assert made.between(column.minimum, column.maximum).all() and made.iloc[0] == column.minimum
    with pytest.raises(DataError, match="'x' is told in the terms"):
        transform_from_dict({**plain, "terms": [5, 0]}, column, (0, 1))


def test_most_columns_need_no_terms_in_a_file():
    assert "terms" not in transform_to_dict(fitted(pd.Series([1.5, 2.5])))


def test_a_logarithm_does_not_lead_out_of_the_range():
    values = pd.Series(RNG.lognormal(0, 2, 5000))
    transform = fitted(values)
    assert transform.scaler.log_unit is not None
    back = transform.decode(np.array([[-1.0], [0.0], [1.0], [2.0]], dtype=np.float32))
    assert values.min() <= back.min() and back.max() <= values.max()
