from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dgsynth.batch import Layout, Output
from dgsynth.errors import DataError
from dgsynth.models.baselines.empirical import EmpiricalRows, with_lengths, without_lengths
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition, GivenColumn

CATEGORY, NUMBER = Output(2, "softmax"), Output(1, "sigmoid")
ROWS = torch.tensor([[1.0, 0, 0.2], [1, 0, 0.2], [0, 1, 0.5], [0, 1, 0.9]])
FIRST, SECOND = GivenColumn("kind", 0, (CATEGORY,)), GivenColumn("size", 2, (NUMBER,))


def noise(n=4000, first=0):
    return SampleNoise(7, torch.arange(first, first + n))


def test_rows_are_drawn_by_how_often_they_occur():
    rows = EmpiricalRows.of(ROWS)
    assert rows.rows.shape == (3, 3)
    drawn = rows.draw(noise())
    assert abs((drawn[:, 0] == 1).float().mean() - 0.5) < 0.03  # four standard errors
    assert abs((drawn[:, 2] == 0.9).float().mean() - 0.25) < 0.03


def test_a_row_depends_on_the_number_of_its_sample_alone():
    rows = EmpiricalRows.of(ROWS)
    assert torch.equal(rows.draw(noise(10, 5)), rows.draw(noise(20))[5:15])


def test_given_metadata_leave_the_rows_that_have_them():
    condition = Condition(torch.tensor([[0.0, 1, 0]]).expand(1000, -1), (FIRST,))
    drawn = EmpiricalRows.of(ROWS).draw(noise(1000), condition)
    assert (drawn[:, 1] == 1).all() and set(drawn[:, 2].tolist()) == {0.5, ROWS[3, 2].item()}


def test_numbers_are_met_closely_and_then_set():
    condition = Condition(torch.tensor([[0.0, 0, 0.505]]), (SECOND,))
    drawn = EmpiricalRows.of(ROWS).draw(noise(1), condition)
    assert drawn[0].tolist() == pytest.approx([0, 1, 0.505])


def test_metadata_given_in_part_that_no_row_has_are_refused():
    condition = Condition(torch.tensor([[0.0, 0, 0.7]]), (SECOND,))
    with pytest.raises(DataError, match=r"given for sample 0 \(columns 'size'\) are those of no training sample"):
        EmpiricalRows.of(ROWS).draw(noise(1), condition)


def test_of_a_start_that_no_row_has_the_nearest_will_do():
    start = replace(SECOND, is_start=True)
    condition = Condition(torch.tensor([[0.0, 1, 0.6]]).expand(50, -1), (FIRST, start))
    drawn = EmpiricalRows.of(torch.cat([ROWS, torch.arange(4.0)[:, None]], dim=1)).draw(noise(50), condition)
    assert (drawn[:, 3] == 2).all() and drawn[0, :3].tolist() == pytest.approx([0, 1, 0.6])


def test_metadata_given_as_a_whole_need_no_row():
    condition = Condition(torch.tensor([[1.0, 0, 0.7]]), (FIRST, SECOND))
    assert EmpiricalRows.of(ROWS).draw(noise(1), condition)[0].tolist() == pytest.approx([1, 0, 0.7])


def test_no_metadata_are_of_one_kind():
    assert EmpiricalRows.of(torch.zeros(5, 0)).draw(noise(3)).shape == (3, 0)


@pytest.mark.parametrize("has_flags", [True, False])
def test_lengths_go_with_the_metadata_and_come_back(has_flags):
    layout = Layout((CATEGORY, NUMBER), (), (NUMBER,), 1000, 1, has_flags)
    lengths = torch.arange(997, 1001) if has_flags else torch.full((4,), 1000)
    metadata, back = without_lengths(with_lengths(ROWS, lengths, layout), layout)
    assert torch.equal(metadata, ROWS) and torch.equal(back, lengths)
