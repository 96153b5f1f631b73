"""Distances of timestamps, of datetimes and of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation import timestamps
from dgsynth.evaluation.metrics import (
    hour_total_variation,
    regularity_difference,
    wasserstein_gaps,
    wasserstein_starts,
    weekday_total_variation,
)

DISTANCES = [
    wasserstein_starts,
    wasserstein_gaps,
    regularity_difference,
    weekday_total_variation,
    hour_total_variation,
]


def at(*samples: list[object]) -> Sequences:
    """Samples with records at these times."""
    frame = pd.DataFrame({"key": [i for i, times in enumerate(samples) for _ in times]})
    frame["time"] = [time for times in samples for time in times]
    return Sequences.from_long(frame.assign(x=1.0), sequence_key="key", sequence_index="time", measurements=["x"])


def daily(start: str, n_days: int = 14, unit: str = "ns", zone: str | None = None) -> list[pd.Timestamp]:
    return list(pd.date_range(start, periods=n_days, freq="D", unit=unit, tz=zone))


@pytest.mark.parametrize("distance", DISTANCES)
def test_same_timestamps_are_at_no_distance(distance):
    data = at(daily("2024-01-01"), daily("2024-01-05", 3))
    assert distance(data, data) == 0


def test_starts_are_in_deviations():
    # Days 0 and 10 have a deviation of 5.
    assert wasserstein_starts(at([0, 1], [10, 11]), at([2, 3], [12, 13])) == pytest.approx(2 / 5)


def test_starts_that_are_all_the_same_are_in_gaps():
    real, late = at(daily("2024-01-01"), daily("2024-01-01")), at(daily("2024-01-04"), daily("2024-01-04"))
    assert wasserstein_starts(real, late) == pytest.approx(3)


def test_gaps_that_are_all_the_same_are_their_unit():
    assert wasserstein_gaps(at([0.0, 0.5, 1.0]), at([0.0, 1.0, 2.0])) == pytest.approx(1)


def test_gaps_are_those_within_samples():
    assert timestamps.gaps(at([0, 1, 3], [100], [50, 54])).tolist() == [1, 2, 4]


def test_gaps_of_datetimes_are_exact_in_nanoseconds():
    times = [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01 00:00:00.000000001")]
    assert timestamps.gaps(at(times)) * 86_400e9 == pytest.approx(1, rel=1e-12)


def test_regularity_is_the_share_of_the_commonest_gap():
    assert regularity_difference(at([0, 1, 2, 3, 4]), at([0, 1, 2, 4, 9])) == pytest.approx(1 - 2 / 4)
    assert regularity_difference(at([0, 6, 12]), at([0, 7, 14])) == 0  # other gaps, as regular


def test_regularity_of_floats_takes_no_heed_of_rounding():
    steps = (0.1 * np.arange(50)).tolist()
    assert regularity_difference(at(steps), at(list(range(50)))) == 0


def test_gaps_that_never_recur_are_not_regular():
    assert regularity_difference(at([0.0, 1.0, 3.0, 7.0]), at([0.0, 1.0, 2.0, 3.0])) == 1


def test_weekdays_and_hours_by_hand():
    real = at([pd.Timestamp("2024-01-01 08:00"), pd.Timestamp("2024-01-02 20:00")])  # Monday and Tuesday
    other = at([pd.Timestamp("2024-01-01 08:30"), pd.Timestamp("2024-01-03 20:00")])
    assert weekday_total_variation(real, other) == 0.5
    assert hour_total_variation(real, other) == 0
    assert timestamps.weekdays(real).tolist() == [0.5, 0.5, 0, 0, 0, 0, 0]
    assert np.flatnonzero(timestamps.hours(real)).tolist() == [8, 20]


def test_hours_are_those_of_the_time_zone():
    assert np.flatnonzero(timestamps.hours(at(daily("2024-01-01", zone="Asia/Tokyo")))).tolist() == [0]


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_datetimes_may_have_any_unit(unit):
    data, reference = at(daily("2024-01-01", 3, unit)), at(daily("2024-01-01", 3))
    assert all(distance(reference, data) == 0 for distance in DISTANCES)


def test_numbers_have_no_weekdays_and_hours():
    data = at([0, 1, 2])
    assert np.isnan(weekday_total_variation(data, data)) and np.isnan(hour_total_variation(data, data))


@pytest.mark.parametrize("distance", DISTANCES)
def test_without_timestamps_there_is_nothing_to_compare(distance):
    real = at(daily("2024-01-01"))
    bare = Sequences.from_long(real.to_long().drop(columns="time"), sequence_key="key")
    assert np.isnan(distance(real, bare))
