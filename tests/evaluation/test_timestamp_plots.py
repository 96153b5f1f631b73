from __future__ import annotations

import io
import warnings

import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences

plots = pytest.importorskip("dgsynth.evaluation.timestamp_plots")


def draw(figure):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.fixture
def dated():
    frame = pd.DataFrame({"key": [0] * 5 + [1] * 5, "x": 1.0})
    frame["time"] = pd.date_range("2024-01-01 08:00", periods=10, freq="D")
    return Sequences.from_long(frame, sequence_key="key", sequence_index="time", measurements=["x"])


def test_starts_are_dates(dated):
    figure = plots.plot_starts(dated, dated)
    assert draw(figure)
    assert "2024" in figure.axes[0].xaxis.get_offset_text().get_text()


def test_starts_and_gaps_of_numbers_are_numbers(build):
    data = build([[1.0, 2.0, 3.0]] * 3)
    assert draw(plots.plot_starts(data, data)) and draw(plots.plot_gaps(data, data))


def test_gaps_and_weekdays_and_hours_have_both_colours(dated):
    for plot in (plots.plot_gaps, plots.plot_weekdays, plots.plot_hours):
        assert draw(plot(dated, dated))
    bars = plots.plot_hours(dated, dated).axes[0].patches
    assert [bar.get_height() for bar in bars][8] == 1 and len(bars) == 2 * 24
