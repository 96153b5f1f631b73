"""Networks find what is wrong, guess where nothing is, and leave torch as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dgsynth.evaluation.learned import discriminative_score, predictive_score

NAN = float("nan")


@pytest.fixture(scope="module")
def waves(build):
    """Function: 80 noisy sines of 4 to 10 records of any phase, by seed."""

    def make(seed: int):
        rng = np.random.default_rng(seed)
        sizes, phases, groups = rng.integers(4, 11, 80), rng.uniform(0, 2 * np.pi, 80), rng.choice(["a", "b"], 80)
        series = [np.sin(np.arange(n) + phase) + rng.normal(0, 0.05, n) for n, phase in zip(sizes, phases, strict=True)]
        return build([values.tolist() for values in series], groups.tolist())

    return make


@pytest.fixture(scope="module")
def shuffled(waves):
    """The fresh samples with the records of each in random order."""
    data, rng = waves(1), np.random.default_rng(0)
    edges = zip(data.offsets[:-1], data.offsets[1:], strict=True)
    order = np.concatenate([rng.permutation(np.arange(first, last)) for first, last in edges])
    return replace(data, measurements=data.measurements.take(order).reset_index(drop=True))


@pytest.fixture(scope="module")
def constants(build):
    return lambda value, n: build([[value] * 4] * n)


@pytest.mark.slow
def test_judge_guesses_on_fresh_data_and_notices_shuffled_time(waves, shuffled):
    # Accuracy on 32 samples has a standard error of 0.09.
    assert discriminative_score(waves(0), waves(1)) < 0.2
    assert discriminative_score(waves(0), shuffled) > 0.3


def test_forecaster_learns_from_fresh_data_but_not_from_shuffled_time(waves, shuffled):
    # Noise of 0.05 around a deviation of 0.7 leaves an error of about 0.1; the mean is off by 0.9 deviations.
    assert predictive_score(waves(0), waves(1)) < 0.3
    assert predictive_score(waves(0), shuffled) > 0.6


def test_judge_notices_metadata_and_lengths_alone(build):
    real = build([[1.0, 2.0]] * 30, ["a", "b"] * 15)
    assert discriminative_score(real, build([[1.0, 2.0]] * 30, ["c", "c"] * 15)) == 0.5
    assert discriminative_score(real, build([[1.0] * (1 + i % 2) for i in range(30)], ["a", "b"] * 15)) > 0.1


def test_judge_reads_metadata_without_records(build):
    def table(data):
        lengths = np.zeros(len(data), dtype=np.int64)
        return replace(data, lengths=lengths, measurements=data.measurements[:0], timestamps=data.timestamps[:0])

    real, other = (table(build([[1.0]] * 30, [name] * 30)) for name in "ab")
    assert discriminative_score(real, other) == 0.5 and np.isnan(predictive_score(real, other))


@pytest.mark.slow
def test_judge_reads_long_samples_in_blocks(build):
    rng = np.random.default_rng(0)
    real, rising = rng.standard_normal((30, 120)), rng.standard_normal((30, 120)) + np.linspace(-3, 3, 120)
    assert discriminative_score(build(real.tolist()), build(rising.tolist())) == 0.5


def test_missing_values_are_not_asked_for(constants, build):
    assert np.isnan(predictive_score(constants(NAN, 12), constants(1.0, 12)))
    holes = build([[0.0, 1.0, NAN, NAN]] * 12)
    # Whatever follows the second record is unknown, and the second is always 1.
    assert predictive_score(holes, holes) < 0.05


def test_nothing_to_predict_is_nan(build, constants):
    assert np.isnan(predictive_score(build([["p", "q"]] * 12), build([["p", "q"]] * 12)))
    assert np.isnan(predictive_score(build([[1.0]] * 12), build([[1.0]] * 12)))


@pytest.mark.parametrize("metric", [discriminative_score, predictive_score])
def test_fewer_than_ten_samples_are_nan(constants, metric):
    assert np.isnan(metric(constants(1.0, 9), constants(2.0, 20))) and np.isnan(
        metric(constants(1.0, 20), constants(2.0, 9))
    )


@pytest.mark.parametrize("metric", [discriminative_score, predictive_score])
def test_random_state_decides_everything_and_torch_stays_as_it_was(waves, metric, two_threads):
    before = torch.get_rng_state()
    first = metric(waves(0), waves(1), max_samples=30)
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == 2
    torch.rand(3)
    assert metric(waves(0), waves(1), max_samples=30) == first
