"""Pictures can be drawn of every kind of data, show both sides, and touch no global state."""

from __future__ import annotations

import io
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from dgsynth.evaluation.columns import totals
from dgsynth.evaluation.correlations import pearson_correlations

plots = pytest.importorskip("dgsynth.evaluation.plots")

NAN = float("nan")


def draw(figure):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def colors_of(axes):
    from matplotlib.colors import to_hex

    return {to_hex(line.get_color()).upper() for line in axes.lines}


def test_autocorrelation_shows_both_curves(traffic):
    figure = plots.plot_autocorrelation(traffic(0), traffic(1), "views")
    assert draw(figure)
    assert {plots.REAL, plots.SYNTHETIC} <= colors_of(figure.axes[0])
    assert len(figure.axes[0].lines[0].get_ydata()) == 71


def test_gallery_shows_real_left_and_synthetic_right(tasks):
    figure = plots.plot_gallery(tasks(0), tasks(1), "cpu_rate", n_samples=3)
    assert draw(figure)
    assert [colors_of(axes) for axes in figure.axes] == [{plots.REAL}, {plots.SYNTHETIC}] * 3


def test_gallery_of_fewer_samples_than_asked_for(build):
    assert draw(plots.plot_gallery(build([[1.0, 2.0]]), build([[1.0]]), "x"))


@pytest.mark.parametrize(
    "values",
    [[1.0, NAN, 2.0], [NAN, NAN], [0.0, 0.0], [0.0, 3.0, 1e6], [-1e5, 0.0, 1.0, 2.0], [True, False], ["a", "$b", None]],
    ids=str,
)
def test_any_values_can_be_drawn(build, values):
    data = build([values] * 4)
    assert draw(plots.plot_values(data, data, "x"))
    assert draw(plots.plot_gallery(data, data, "x"))


@pytest.mark.parametrize(
    "group", [["$a$", "<b>", "$x_", None], [1.0, 2.0, 1e9, NAN], [True, False, True, True]], ids=str
)
def test_any_metadata_can_be_drawn(build, group):
    data = build([[1.0, 2.0]] * 4, group)
    assert draw(plots.plot_metadata(data, data, "group"))


@pytest.mark.parametrize("longest, n_bins", [(5, 5), (60, 60), (200, 60)])
def test_lengths_have_bins_of_whole_records(build, longest, n_bins):
    data = build([[1.0], [1.0] * longest])
    edges = plots.plot_lengths(data, data).axes[0].patches[0].get_data().edges
    assert len(edges) == n_bins + 1 and (edges % 1 == 0.5).all() and edges[0] == 0.5 and edges[-1] == longest + 0.5


def test_dates_are_shown_as_dates(build):
    days = pd.date_range("2024-01-01", periods=40)
    data = build([[day] for day in days], list(days))
    for figure in (plots.plot_values(data, data, "x"), plots.plot_metadata(data, data, "group")):
        assert draw(figure)
        assert "Jan" in " ".join(label.get_text() for label in figure.axes[0].get_xticklabels())
    assert draw(plots.plot_gallery(build([list(days)]), build([list(days)]), "x"))


def test_no_dates_at_all_are_drawn(build):
    data = build([[pd.Timestamp("2024"), pd.NaT]] * 2, [pd.NaT, pd.Timestamp("2024")])
    nothing = data.take([0])
    assert draw(plots.plot_metadata(nothing, data, "group")) and draw(plots.plot_gallery(data, nothing, "x"))


def test_bars_say_how_many_values_they_leave_out(build):
    data = build([[1.0, 2.0]] * 40, [f"value {i}" for i in range(40)])
    figure = plots.plot_metadata(data, data, "group")
    assert "25 rarer values are not shown" in figure.axes[0].get_xlabel()


@pytest.mark.parametrize(
    "with_zeros, deviation, scale", [(False, 0.1, "linear"), (False, 3, "log"), (True, 3, "symlog")]
)
def test_heavy_tails_get_a_logarithmic_axis(build, with_zeros, deviation, scale):
    values = np.random.default_rng(0).lognormal(3, deviation, (20, 30))
    values[:, 0] *= not with_zeros
    data = build(values.tolist())
    figure = plots.plot_values(data, data, "x")
    assert draw(figure) and draw(plots.plot_totals(data, data, "x"))
    assert figure.axes[0].get_xscale() == scale


@pytest.mark.parametrize("longest", [1, 30, 59, 61, 500])
def test_length_histogram_counts_every_sample(build, longest):
    data = build([[1.0] * length for length in (1, longest // 2 + 1, longest)])
    figure = plots.plot_lengths(data, data)
    assert draw(figure)
    steps = figure.axes[0].patches[0].get_data()
    assert steps.values.sum() == pytest.approx(1)


def test_training_curves_leave_out_what_is_no_loss():
    history = pd.DataFrame({"step": range(500), "generator_loss": 1.0, "discriminator_loss": 2.0, "seconds": 3.0})
    figure = plots.plot_training(history)
    assert draw(figure)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["generator", "discriminator"]


def test_training_curves_take_the_step_from_the_index():
    losses = {"generator_loss": [1.0, 2.0], "auxiliary_loss": [NAN, NAN]}
    axes = plots.plot_training(pd.DataFrame(losses, index=pd.RangeIndex(1, 3, name="step"))).axes[0]
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2]]


def test_pyplot_is_not_loaded():
    assert "matplotlib.pyplot" not in sys.modules


def test_correlations_are_drawn_as_cumulative_shares(tasks):
    figure = plots.plot_correlations(tasks(0), tasks(1), "cpu_rate", "canonical_memory_usage")
    expected = pearson_correlations(tasks(0), "cpu_rate", "canonical_memory_usage")
    expected = np.sort(expected[np.isfinite(expected)])
    line = figure.axes[0].get_lines()[0]
    assert np.allclose(line.get_xdata()[1:-1], expected)
    assert np.allclose(line.get_ydata()[1:-1], np.arange(1, len(expected) + 1) / len(expected))


def test_correlations_that_do_not_exist_leave_an_empty_picture(tasks):
    constant = tasks(0).take([0])
    constant.measurements["cpu_rate"] = 1.0
    axes = plots.plot_correlations(constant, constant, "cpu_rate", "canonical_memory_usage").axes[0]
    assert not axes.get_lines()


def test_boxes_stand_at_the_quantiles_of_each_value(tasks):
    real = tasks(0)
    axes = plots.plot_totals_by(real, tasks(1), "cpu_rate", "end_event").axes[0]
    frequent = real.metadata["end_event"].value_counts().index[0]
    of_group = totals(real, "cpu_rate")[(real.metadata["end_event"] == frequent).to_numpy()]
    whisker, median = axes.get_lines()[:2]
    assert np.allclose(whisker.get_xdata(), np.quantile(of_group, [0.05, 0.95]))
    assert np.allclose(median.get_xdata(), np.median(of_group))
    assert axes.get_yticklabels()[0].get_text() == frequent


def test_lengths_are_drawn_by_metadata(tasks):
    assert "length" in plots.plot_lengths_by(tasks(0), tasks(1), "end_event").axes[0].get_xlabel()


def test_boxes_have_no_place_for_values_that_the_synthetic_data_lack(build):
    real, made = build([[1.0, 2.0], [3.0, 4.0]], ["a", "b"]), build([[1.0, 2.0]], ["a"])
    axes = plots.plot_totals_by(real, made, "x", "group").axes[0]
    assert len(axes.get_lines()) == 2 * 3


def test_nearest_samples_stand_beside_their_distance(build):
    real = build([[0.0, 0.0, 1.0], [5.0, 6.0, 7.0], [9.0, 9.0, 1.0]])
    figure = plots.plot_nearest(real, real.take([1]), "x", k=2)
    assert np.allclose(figure.axes[1].get_lines()[0].get_ydata(), [5, 6, 7])
    assert figure.axes[1].get_title(loc="left").startswith("squared error ")


def test_nearest_of_fewer_samples_than_asked_for(build):
    real = build([[0.0, 1.0]])
    assert len(plots.plot_nearest(real, real, "x", n_samples=3, k=5).axes) == 2


def test_downstream_scores_are_drawn_as_means_and_not_below_minus_one():
    scores = pd.DataFrame(
        {
            "algorithm": ["tree", "tree", "MLP", "MLP"],
            "scenario": "real -> real",
            "repeat": [0, 1, 0, 1],
            "score": [0.5, 0.7, -3.0, -2.0],
        }
    )
    axes = plots.plot_downstream(scores, "R²").axes[0]
    assert np.allclose(axes.containers[0].lines[0].get_xdata(), [0.6, -1.0])
    assert "drawn at -1" in axes.get_xlabel()


def test_validation_scores_of_the_last_run_are_drawn_below_the_losses():
    history = pd.DataFrame({"step": [1, 2, 3], "generator_loss": [1.0, 0.5, 0.2]})
    scores = pd.DataFrame({"run": [0, 1, 1], "step": [2, 2, 3], "score": [0.9, 0.4, 0.6]})
    losses, below = plots.plot_training(history, scores).axes
    assert np.allclose(below.get_lines()[0].get_ydata(), [0.4, 0.6])
    assert np.allclose(below.get_lines()[1].get_xdata(), [3]) and losses.get_ylabel() == "loss"
