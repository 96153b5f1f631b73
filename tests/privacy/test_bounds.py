"""Bounds bought from the data: near the truth, and the same law whatever one sample is."""

import numpy as np
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.privacy.bounds import buy
from dgsynth.privacy.noise import Seeded


def make_sequences(n=400, high=1000.0, seed=0):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 11, n)
    series = [random.uniform(-0.4 * high, high, (length, 1)) for length in lengths]
    return Sequences.from_arrays(series, measurement_names=["load"])


def opened(sequences):
    return sequences.schema.with_column("load", minimum=None, maximum=None).with_lengths(0, 0)


def test_ranges_lengths_and_the_number_come_out_near_the_truth():
    sequences = make_sequences()
    bought = buy(sequences, opened(sequences), None, 4.0, Seeded(0, 0))
    column = bought.sequences.schema.column("load")
    assert (column.minimum, column.maximum) == (-512.0, 1024.0)  # powers of two around -400 and 1,000
    assert (bought.sequences.schema.min_length, bought.sequences.schema.max_length) == (1, 16)
    assert abs(bought.n_samples - 400) < 20


def test_a_few_outliers_are_clipped_and_not_told():
    sequences = make_sequences()
    sequences.measurements.loc[:2, "load"] = 1e9
    bought = buy(sequences, opened(sequences), 400, 4.0, Seeded(0, 0))
    assert bought.sequences.schema.column("load").maximum == 1024.0
    assert bought.sequences.measurements["load"].max() == 1024.0


def test_long_samples_are_cut():
    random = np.random.default_rng(0)
    series = [random.uniform(0, 1, (3, 1)) for _ in range(300)] + [random.uniform(0, 1, (900, 1))]
    sequences = Sequences.from_arrays(series, measurement_names=["load"])
    bought = buy(sequences, sequences.schema.with_lengths(0, 0), 301, 1.0, Seeded(0, 0)).sequences
    assert bought.schema.max_length == 4 and bought.lengths.max() == 4 and bought.n_records == 904


def test_too_few_samples_for_the_price_are_refused():
    sequences = make_sequences(n=5)
    with pytest.raises(DataError, match=r"bounds of the lengths can't be told from noise.*raise schema_epsilon"):
        buy(sequences, opened(sequences), 5, 0.1, Seeded(0, 0))


def test_a_price_for_nothing_is_refused():
    sequences = make_sequences()
    with pytest.raises(DataError, match="buys nothing"):
        buy(sequences, sequences.schema, 400, 1.0, Seeded(0, 0))


def test_one_sample_more_changes_no_answer_by_more_than_the_price():
    """The upper bound is 2,048 with an outlier's bin in, 1,024 without: its probability may differ by e^epsilon."""
    price, runs = 1.0, 400
    with_it, without = make_sequences(60, 1000.0), make_sequences(60, 1000.0)
    with_it.measurements.loc[0, "load"] = 2000.0
    schema = opened(without).with_lengths(1, 10)
    told = [
        sum(
            buy(data, schema, 60, 2 * price, Seeded(seed, 0)).sequences.schema.column("load").maximum > 1024
            for seed in range(runs)
        )
        for data in (with_it, without)
    ]
    assert told[0] <= np.e**price * told[1] + 3 * np.sqrt(runs) / 2  # three standard errors of a share
