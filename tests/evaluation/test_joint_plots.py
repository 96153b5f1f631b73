from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

plots = pytest.importorskip("dgsynth.evaluation.joint_plots")

NAN = float("nan")


def draw(figure):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_joint_frequencies_stand_side_by_side_on_one_scale(tasks):
    figure = plots.plot_joint(tasks(0), tasks(1), "end_event", "cpu_rate")
    assert draw(figure)
    left, right = (axes.images[0] for axes in figure.axes[:2])
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["real", "synthetic"]
    assert left.get_clim() == right.get_clim()
    assert (np.asarray(left.get_array()) ** 2).sum() == pytest.approx(1)


def test_transitions_are_shares_of_a_row(build):
    data = build([["a", "b", "a", "a"]])
    figure = plots.plot_transitions(data, data, "x")
    assert draw(figure)
    assert np.asarray(figure.axes[0].images[0].get_array()) ** 2 == pytest.approx(np.array([[0.5, 0.5], [1, 0]]))


@pytest.mark.parametrize("values", [[1.0, NAN, 2.0], [0.0, 0.0], ["a", "$b_$", None], [True, False], [1.0]], ids=str)
def test_any_values_can_be_drawn(build, values):
    data = build([values] * 4, ["$a$", "<b>", "$x_", None])
    assert draw(plots.plot_joint(data, data, "x", "group"))
    assert draw(plots.plot_transitions(data, data, "x"))
