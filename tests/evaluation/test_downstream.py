"""Prediction finds what is known to be there, on the parts of the data that it should."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import r2_score

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.evaluation import downstream
from dgsynth.evaluation.downstream import MAJORITY, DownstreamResult, classify_metadata, forecast

NAN = float("nan")
REAL, TRANSFER, SYNTHETIC = downstream.SCENARIOS
CLASSES = ["a", "b", "c", "d", "e", "f"]


@pytest.fixture(scope="module")
def bumps(build):
    """Function: 120 series of 12 records that are high at the two records of their class, by seed."""

    def make(seed: int, classes: list[object] = CLASSES, n: int = 120, shift: int = 0) -> Sequences:
        rng = np.random.default_rng(seed)
        place = rng.integers(6, size=n)
        series = rng.normal(0, 0.3, (n, 12))
        for extra in (0, 1):
            series[np.arange(n), 2 * place + extra] += 4
        return build(series.tolist(), [classes[(i + shift) % 6] for i in place])

    return make


@pytest.fixture(scope="module")
def waves(build):
    """Function: 120 sines of 44 records with a period of 10 and random phase, by seed."""

    def make(seed: int) -> Sequences:
        phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, (120, 1))
        return build(np.sin(np.arange(44) * 2 * np.pi / 10 + phase).tolist())

    return make


@pytest.fixture(scope="module")
def classified(bumps):
    return classify_metadata(bumps(0), bumps(1), "group", n_repeats=2)


@pytest.fixture(scope="module")
def forecasts(waves):
    return forecast(waves(0), waves(1), "x", n_repeats=1)


def scores_of(result: DownstreamResult, scenario: str) -> pd.Series:
    """Scores of the algorithms without the reference."""
    table = result.scores[(result.scores["scenario"] == scenario) & (result.scores["algorithm"] != MAJORITY)]
    return table.set_index("algorithm")["score"]


def hand_made(scores: dict[str, list[float]]) -> DownstreamResult:
    """A result from the scores of algorithms 0, 1, ... in each scenario."""
    rows = [(f"{i}", scenario, 0, value) for scenario, values in scores.items() for i, value in enumerate(values)]
    return DownstreamResult(pd.DataFrame(rows, columns=["algorithm", "scenario", "repeat", "score"]), "", "accuracy")


def test_class_that_the_series_tell_is_found_by_all_classifiers(classified):
    for scenario in (REAL, TRANSFER, SYNTHETIC):
        assert len(scores_of(classified, scenario)) == 2 * 5
        assert scores_of(classified, scenario).min() > 0.9


def test_shuffled_classes_are_guessed(bumps):
    real, shuffled = bumps(0), bumps(1)
    shuffled.metadata["group"] = shuffled.metadata["group"].sample(frac=1, random_state=0).to_numpy()
    result = classify_metadata(real, shuffled, "group", n_repeats=2)
    assert scores_of(result, REAL).mean() > 0.95
    # Chance is 1/6; each of six places is taken for some class at random, a spread of about 1/6 for one training.
    assert scores_of(result, TRANSFER).mean() < 0.4
    assert scores_of(result, SYNTHETIC).mean() < 0.4


def test_other_metadata_are_no_inputs():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"key": np.repeat(range(120), 3), "x": rng.normal(size=360)})
    frame["target"] = np.repeat(rng.choice(["a", "b"], 120), 3)
    frame["copy"] = frame["target"]
    data = Sequences.from_long(frame, sequence_key="key", measurements=["x"])
    # Chance is 1/2, and its standard error 0.06 for 60 samples.
    assert scores_of(classify_metadata(data, data, "target", n_repeats=1), REAL).mean() < 0.7


def test_length_is_an_input(build):
    lengths = np.random.default_rng(0).integers(1, 3, size=80)
    data = build([[0.0] * int(length) for length in lengths], [f"{length}" for length in lengths])
    result = classify_metadata(data, data, "group", n_repeats=1)
    assert (scores_of(result, TRANSFER) == 1).all()


def test_missing_target_is_a_class(bumps):
    data = bumps(0, [None, *CLASSES[1:]])
    assert scores_of(classify_metadata(data, data, "group", n_repeats=1), REAL).mean() > 0.95


def test_boolean_target(bumps):
    data = bumps(0, [True, False] * 3)
    assert data.schema.column("group").kind == "boolean"
    assert scores_of(classify_metadata(data, data, "group", n_repeats=1), REAL).mean() > 0.9


def test_majority_scores_the_share_of_the_most_frequent_class(build):
    real, synthetic = build([[1.0, 2.0]] * 40, ["a"] * 39 + ["b"]), build([[1.0, 2.0]] * 80, ["b"] * 79 + ["a"])
    holdout = build([[1.0, 2.0]] * 40, ["a"] * 30 + ["b"] * 10)
    means = classify_metadata(real, synthetic, "group", holdout=holdout, n_repeats=1).summary().loc[MAJORITY]
    assert means[(REAL, "mean")] == 0.75 and means[(TRANSFER, "mean")] == 0.25


def test_holdout_is_what_real_tests_are_on(bumps):
    result = classify_metadata(bumps(0), bumps(1, n=240), "group", holdout=bumps(2, shift=1), n_repeats=1)
    # Every class has another name there.
    assert scores_of(result, REAL).max() < 0.1 and scores_of(result, TRANSFER).max() < 0.1
    assert scores_of(result, SYNTHETIC).mean() > 0.95


def test_synthetic_data_of_a_single_class_predict_that(bumps):
    real, single = bumps(0), bumps(1, ["a"] * 6)
    result = classify_metadata(real, single, "group", holdout=bumps(2), n_repeats=1)
    assert (scores_of(result, SYNTHETIC) == 1).all()
    # Up to 60 of the 120 samples held out are drawn to test on.
    assert scores_of(result, TRANSFER).nunique() == 1 and 0 < scores_of(result, TRANSFER).iloc[0] < 0.4


def test_constant_synthetic_series_teach_no_more_than_the_majority(bumps, build):
    constant = build([[1.0, 2.0]] * 120, ["a"] * 60 + ["b"] * 60)
    means = classify_metadata(bumps(0), constant, "group", n_repeats=1).summary()[(TRANSFER, "mean")]
    assert means.nunique() == 1


def test_parts_have_the_same_sizes_and_share_no_sample(build):
    real, holdout = build([[float(i)] for i in range(30)]), build([[float(i)] for i in range(30, 50)])
    synthetic = build([[float(i)] for i in range(100, 150)])
    rng = np.random.default_rng(0)
    for held, most, sizes in ((None, 99, (15, 15)), (holdout, 99, (25, 20)), (holdout, 8, (8, 8))):
        parts = next(downstream._draws(real, synthetic, held, 1, most, rng, ""))
        values = {name: set(data.measurements["x"]) for name, data in parts.items()}
        assert (len(parts["A"]), len(parts["A'"])) == (len(parts["B"]), len(parts["B'"])) == sizes
        assert not values["A"] & values["A'"] and not values["B"] & values["B'"]
        assert min(values["A'"]) >= 30 or held is None


def test_long_series_are_averaged_over_blocks_of_time(monkeypatch):
    monkeypatch.setattr(downstream, "MAX_INPUTS", 4)
    records = np.array([[1, 10], [3, 30], [5, 50], [7, 70], [9, 90], [2, 20]])
    # Two columns of four records in at most four numbers: blocks of two records; the fifth is beyond the end.
    means = downstream._block_means(records, np.array([5, 0, 1]), 4)
    assert means.tolist() == [[2, 20, 6, 60], [0, 0, 0, 0], [2, 20, 0, 0]]
    monkeypatch.setattr(downstream, "MAX_INPUTS", 8)
    assert downstream._block_means(records, np.array([5, 0, 1]), 4)[0].tolist() == [1, 10, 3, 30, 5, 50, 7, 70]


def test_few_long_samples_do_not_blur_the_rest(monkeypatch, bumps, build):
    # Cut at 12 records, no averages are needed; blocks of 50 would hide the place of the bump.
    monkeypatch.setattr(downstream, "MAX_INPUTS", 12)
    data = Sequences.concat([bumps(0), build([[0.0] * 600] * 4, CLASSES[:4])])
    assert scores_of(classify_metadata(data, data, "group", n_repeats=1), REAL).mean() > 0.9


def test_chunks_hold_all_samples_in_order(monkeypatch, build):
    data = build([[float(i)] * (i + 1) for i in range(9)])
    monkeypatch.setattr(downstream, "_CHUNK_RECORDS", 10)
    parts = list(downstream._chunks(data))
    assert len(parts) > 2
    pd.testing.assert_frame_equal(Sequences.concat(parts).measurements, data.measurements)


def test_sines_are_forecast(forecasts):
    assert forecasts.task == "forecast of 4 records of 'x' from 40"
    for scenario in (REAL, TRANSFER, SYNTHETIC):
        assert scores_of(forecasts, scenario)["linear regression"] > 0.99
        assert scores_of(forecasts, scenario).min() > 0.8


def test_trends_are_forecast(build):
    rng = np.random.default_rng(0)
    data = build((rng.normal(size=(80, 1)) + rng.normal(size=(80, 1)) * np.linspace(0, 1, 22)).tolist())
    result = forecast(data, data, "x", horizon=1, n_repeats=1)
    assert result.task == "forecast of 1 records of 'x' from 21"
    assert scores_of(result, REAL)["linear regression"] > 0.9


def test_noise_can_not_be_forecast(build, waves):
    noise = build(np.random.default_rng(0).normal(size=(120, 44)).tolist())
    result = forecast(waves(0), noise, "x", n_repeats=1)
    # The mean of the samples trained on misses that of those tested on by little: R² of 0.05 at the very most.
    assert scores_of(result, SYNTHETIC).max() < 0.05
    assert scores_of(result, TRANSFER).max() < 0.5 < scores_of(result, REAL).min()


def test_median_length_decides_which_records_are_used(build):
    rng = np.random.default_rng(0)
    # Those of length 30 end in noise that no one could predict; it is cut.
    series = [[rng.normal()] * 11 for _ in range(60)] + [[1.0] * 3] * 20
    series += [[rng.normal()] * 11 + rng.normal(size=19).tolist() for _ in range(20)]
    result = forecast(build(series), build(series), "x", n_repeats=1)
    assert result.task == "forecast of 1 records of 'x' from 10"
    assert scores_of(result, REAL)["linear regression"] > 0.95


def test_missing_values_are_no_obstacle(waves):
    data = waves(0)
    data.measurements["x"] = data.measurements["x"].mask(np.random.default_rng(0).random(data.n_records) < 0.1)
    result = forecast(data, data, "x", n_repeats=1)
    assert scores_of(result, REAL)["linear regression"] > 0.8


def test_r_squared_by_hand_and_by_scikit_learn():
    truth, predicted = np.array([[1.0, 2.0], [3.0, 6.0]]), np.array([[1.0, 3.0], [2.0, 6.0]])
    # Squared errors 0 + 1 + 1 + 0, around the mean 3 of all values 4 + 1 + 0 + 9.
    assert downstream._r_squared(truth, predicted) == pytest.approx(1 - 2 / 14)
    assert downstream._r_squared(truth, predicted) == r2_score(truth.ravel(), predicted.ravel())
    assert downstream._r_squared(np.array([[1.0], [NAN], [3.0]]), np.array([1.0, 99.0, 3.0])) == 1
    assert np.isnan(downstream._r_squared(np.array([[1.0], [NAN]]), np.array([1.0, 2.0])))


def test_rank_correlation_by_hand():
    result = hand_made({REAL: [0.1, 0.2, 0.3, 0.4], TRANSFER: [0.2, 0.1, 0.3, 0.4], SYNTHETIC: [4, 3, 2, 1]})
    # 1 - 6 sum(d²) / (n (n² - 1)), with d = (1, -1, 0, 0).
    assert result.rank_correlation[TRANSFER] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert result.rank_correlation[SYNTHETIC] == pytest.approx(-1)


def test_rank_correlation_agrees_with_scipy():
    scores = dict(zip((REAL, TRANSFER, SYNTHETIC), np.random.default_rng(0).normal(size=(3, 6)).round(1).tolist()))
    result = hand_made(scores)
    for scenario in (TRANSFER, SYNTHETIC):
        expected = stats.spearmanr(scores[REAL], scores[scenario]).statistic
        assert result.rank_correlation[scenario] == pytest.approx(expected)


def test_reference_takes_no_part_in_the_ranks():
    scores = {REAL: [0.1, 0.2, 0.3], TRANSFER: [0.1, 0.3, 0.2], SYNTHETIC: [0.3, 0.2, 0.1]}
    table = hand_made({name: [9.0, *values] for name, values in scores.items()}).scores
    with_reference = DownstreamResult(table.replace({"algorithm": {"0": MAJORITY}}), "", "accuracy")
    assert with_reference.rank_correlation == pytest.approx(hand_made(scores).rank_correlation)


@pytest.mark.parametrize("constant", [[0.5, 0.5, 0.5], [NAN, NAN, NAN]])
@pytest.mark.filterwarnings("error")
def test_rank_correlation_of_equal_scores_is_nan(constant):
    result = hand_made({REAL: [0.1, 0.2, 0.3], TRANSFER: constant, SYNTHETIC: [1, 2, 3]})
    assert np.isnan(result.rank_correlation[TRANSFER]) and result.rank_correlation[SYNTHETIC] == pytest.approx(1)


def test_summary_has_mean_and_spread_of_the_repeats(classified, forecasts):
    summary = classified.summary()
    assert list(summary) == [(scenario, name) for scenario in (REAL, TRANSFER, SYNTHETIC) for name in ("mean", "std")]
    assert list(summary.index)[::5] == ["MLP", MAJORITY]
    two = classified.scores.query("algorithm == 'MLP' and scenario == @REAL")["score"]
    assert summary.loc["MLP", (REAL, "mean")] == pytest.approx(two.mean())
    assert summary.loc["MLP", (REAL, "std")] == pytest.approx(two.std())
    assert (classified.score_name, forecasts.score_name) == ("accuracy", "R²")
    assert forecasts.summary()[(REAL, "std")].isna().all() and len(forecasts.summary()) == 4


@pytest.mark.filterwarnings("error")
def test_random_state_decides_everything_and_nothing_is_warned_of(bumps):
    real, synthetic = bumps(0), bumps(1, n=60)

    def scores(random_state: object) -> pd.DataFrame:
        return classify_metadata(real, synthetic, "group", n_repeats=2, random_state=random_state).scores

    made = scores(3)
    pd.testing.assert_frame_equal(made, scores(3))
    pd.testing.assert_frame_equal(made, scores(np.random.default_rng(3)))
    assert not made.equals(scores(4))


@pytest.mark.parametrize("target", ["x", "absent", "size"])
def test_target_that_is_no_category_is_refused(target):
    frame = pd.DataFrame({"key": range(4), "x": 1.5, "group": "a", "size": [1.5, 2.5, 3.5, 4.5]})
    data = Sequences.from_long(frame, sequence_key="key", metadata=["group", "size"], measurements=["x"])
    with pytest.raises(DataError, match=rf"'{target}' is no categorical metadata column to predict.*\['group'\]"):
        classify_metadata(data, data, target)


def test_target_without_measurements_is_refused():
    data = Sequences.from_table(pd.DataFrame({"group": list("aabb")}))
    with pytest.raises(DataError, match="no measurements to predict column 'group' from; give data with records"):
        classify_metadata(data, data, "group")


@pytest.mark.parametrize("measurement", ["x", "group", "when"])
def test_measurement_that_is_no_number_is_refused(measurement):
    frame = pd.DataFrame({"key": [0, 0, 1, 1], "x": list("abab"), "y": 1.5, "when": pd.Timestamp(0)})
    data = Sequences.from_long(frame, sequence_key="key", metadata=[])
    with pytest.raises(DataError, match=rf"'{measurement}' is no numeric measurement to forecast.*\['y'\]"):
        forecast(data, data, measurement)


@pytest.mark.parametrize("horizon", [0, 5, 6])
def test_horizon_out_of_range_is_refused(build, horizon):
    data = build([[1.0, 2.0, 3.0, 4.0, 5.0]] * 8)
    with pytest.raises(DataError, match=f"horizon must be 1 to 4, .* 'x', got {horizon}; give such"):
        forecast(data, data, "x", horizon=horizon)


def test_too_few_samples_are_refused(build):
    many, few, one = (build([[1.0, 2.0, 3.0]] * n, list("abcdefgh")[:n]) for n in (8, 3, 1))
    for arguments, name in (((few, many), "3 real"), ((many, few), "3 synthetic")):
        with pytest.raises(DataError, match=f"only {name} samples to predict 'group' of; give at least 4"):
            classify_metadata(*arguments, "group")
    with pytest.raises(DataError, match=r"only 1 holdout samples .* give at least 2"):
        classify_metadata(many, many, "group", holdout=one)


def test_too_short_samples_are_refused(build):
    real, short = build([[1.0, 2.0, 3.0]] * 8), build([[1.0, 2.0, 3.0]] * 3 + [[1.0]] * 5)
    with pytest.raises(DataError, match="only 3 synthetic samples with the 3 records to forecast 'x'; give at least 4"):
        forecast(real, short, "x")
    with pytest.raises(DataError, match="half of the real samples have less than 2 records of 'x'; give longer"):
        forecast(short, real, "x")


def test_absent_columns_are_named(build):
    data = build([[1.0, 2.0]] * 8)
    frame = data.measurements.assign(key=np.repeat(range(8), 2))
    other = Sequences.from_long(frame, sequence_key="key", metadata=[])
    with pytest.raises(DataError, match="synthetic data lack column 'group'"):
        classify_metadata(data, other, "group")
    with pytest.raises(DataError, match="holdout data lack column 'group'"):
        classify_metadata(data, data, "group", holdout=other)


def test_counts_below_the_least_are_refused(build):
    data = build([[1.0, 2.0]] * 8)
    with pytest.raises(ValueError, match="n_repeats must be at least 1, got 0"):
        classify_metadata(data, data, "group", n_repeats=0)
    with pytest.raises(ValueError, match="max_samples must be at least 2, got 1"):
        forecast(data, data, "x", max_samples=1)
