"""The simulators keep the promises of their docstrings."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data import simulate
from dgsynth.data.simulate import make_cluster_tasks, make_web_traffic


@pytest.fixture(scope="module")
def wide():
    return make_web_traffic(1500, 400, wide=True, random_state=0)


@pytest.fixture(scope="module")
def tasks():
    return make_cluster_tasks(3000, random_state=0)


def _log_views(wide):
    return np.log1p(wide.iloc[:, 4:].to_numpy(dtype=float))


def _correlation_at(values, lag):
    x, y = values[:, :-lag], values[:, lag:]
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    return ((x * y).mean(1) / (x.std(1) * y.std(1))).mean()


@pytest.mark.parametrize("make", [make_web_traffic, make_cluster_tasks])
def test_same_seed_gives_the_same_table(make):
    pd.testing.assert_frame_equal(make(20, random_state=3), make(20, random_state=3))
    assert not make(20, random_state=3).equals(make(20, random_state=4))


@pytest.mark.parametrize("make", [make_web_traffic, make_cluster_tasks])
def test_generator_is_accepted_as_random_state(make):
    pd.testing.assert_frame_equal(make(5, random_state=np.random.default_rng(3)), make(5, random_state=3))


def test_no_samples_is_refused():
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        make_web_traffic(0)
    with pytest.raises(ValueError, match="max_length must be at least 1"):
        make_cluster_tasks(max_length=0)


def test_wide_and_long_hold_the_same_views():
    long, wide = make_web_traffic(4, 10, random_state=1), make_web_traffic(4, 10, wide=True, random_state=1)
    assert list(long) == ["page", "date", "domain", "access", "agent", "views"]
    assert pd.api.types.is_datetime64_dtype(long["date"]) and long["views"].dtype == np.int64
    np.testing.assert_array_equal(long["views"].to_numpy().reshape(4, 10), wide.iloc[:, 4:])
    assert list(wide.columns[4:6]) == ["2015-07-01", "2015-07-02"]


def test_log_views_correlate_best_at_a_week_except_for_spiders(wide):
    human = wide["agent"].eq("all-agents").to_numpy()
    seasonal = human & wide["domain"].eq("en.wikipedia.org").to_numpy()
    at = {lag: _correlation_at(_log_views(wide[seasonal]), lag) for lag in (6, 7, 8)}
    assert at[7] > at[6] + 0.05 and at[7] > at[8] + 0.05
    spider = {lag: _correlation_at(_log_views(wide[~human]), lag) for lag in (6, 7, 8)}
    assert abs(spider[7] - (spider[6] + spider[8]) / 2) < 0.02


def test_weekly_amplitude_is_the_documented_one(wide):
    pages = wide[wide["agent"].eq("all-agents") & wide["access"].eq("all-access")]
    weekday = pd.to_datetime(pages.columns[4:]).day_of_week.to_numpy()
    for domain in ("en.wikipedia.org", "zh.wikipedia.org"):
        log_views = _log_views(pages[pages["domain"] == domain])
        by_weekday = [log_views[:, weekday == day].mean() for day in range(7)]
        # Noise of a weekday's mean: 0.3 / sqrt(100 pages x 57 weeks / 9), about 0.01.
        assert np.std(by_weekday) == pytest.approx(simulate.WEEKLY_AMPLITUDE[domain], abs=0.03)


def test_level_is_the_documented_one_and_spans_orders_of_magnitude(wide):
    human = wide[wide["agent"].eq("all-agents")]
    level10 = np.median(_log_views(human), axis=1) / np.log(10)
    for access, expected in simulate.MEAN_LOG10_LEVEL.items():
        # Standard error 0.9 / sqrt(280) = 0.05; zero-heavy pages and the season shift the median a little.
        assert level10[human["access"] == access].mean() == pytest.approx(expected, abs=0.2)
    assert np.ptp(level10) > 4


def test_spiders_have_all_access_only(wide):
    assert set(wide.loc[wide["agent"].eq("spider"), "access"]) == {"all-access"}


def test_task_lengths_are_bimodal_with_a_tail(tasks):
    lengths = tasks.groupby("task").size()
    short, between, long = (lengths.between(*ends).sum() for ends in ((1, 9), (15, 35), (40, 56)))
    assert short > 1000 and long > 1000 and between < 0.02 * len(lengths)
    assert 0.015 < (lengths > 57).mean() < 0.045
    assert lengths.max() <= 200 and lengths.max() > 120


@pytest.mark.parametrize("max_length", [1, 10, 2500])
def test_task_lengths_stay_within_max_length(max_length):
    lengths = make_cluster_tasks(300, max_length=max_length, random_state=0).groupby("task").size()
    assert len(lengths) == 300 and lengths.max() <= max_length


def test_lengths_depend_on_the_end_event(tasks):
    long = tasks.groupby("task").agg(length=("time", "size"), event=("end_event", "first"))
    share = long["length"].gt(20).groupby(long["event"]).mean()
    expected = (1 - simulate.TAIL_SHARE) * pd.Series(simulate.LONG_SHARE) + simulate.TAIL_SHARE
    assert (share - expected).abs().max() < 0.08  # 3 standard errors of the rarest event


def test_end_event_shapes_the_measurements(tasks):
    by_task = tasks[tasks.groupby("task")["time"].transform("size") > 20].groupby("task")
    first, last = by_task.nth(0).set_index("task"), by_task.nth(-1).set_index("task")
    event = first["end_event"]
    cpu = np.log(last["cpu_rate"] / first["cpu_rate"]).groupby(event).mean()
    assert cpu["KILL"] == pytest.approx(np.log(0.1), abs=0.1) and abs(cpu["FINISH"]) < 0.1
    used = (last["canonical_memory_usage"] / last["assigned_memory_usage"]).groupby(event).mean()
    assert used["FAIL"] > 0.9 and used["FINISH"] == pytest.approx(0.5, abs=0.02)


def test_measurements_keep_their_order(tasks):
    assert (tasks["cpu_rate"] <= tasks["maximum_cpu_rate"]).all()
    assert (tasks["canonical_memory_usage"] <= tasks["maximum_memory_usage"]).all()
    assert (tasks["maximum_memory_usage"] <= tasks["assigned_memory_usage"]).all()
    assert (tasks["unmapped_page_cache"] <= tasks["total_page_cache"]).all()
    assert (tasks.groupby("task")["local_disk_space_usage"].diff().dropna() >= 0).all()
    assert tasks[list(simulate.MEASUREMENTS)].gt(0).all().sum() == 9


def test_time_goes_in_steps_of_five_minutes(tasks):
    steps = tasks.groupby("task")["time"].diff().dropna()
    assert (steps == pd.Timedelta(minutes=5)).all()
