"""Metadata that meet a condition by rejection."""

from __future__ import annotations

import pytest
import torch

from dgsynth.batch import Output
from dgsynth.errors import DataError
from dgsynth.models.condition import Condition, GivenColumn, meet_by_rejection

KIND = GivenColumn("kind", 0, (Output(2, "softmax"),))
START = GivenColumn("time", 2, (Output(1, "sigmoid"),), is_start=True)


def draw(samples, attempts):
    """Return a category that changes with every attempt, and a start that rises by 0.2 with every fourth."""
    kind = attempts % 2
    return torch.stack([1.0 - kind, kind, attempts // 4 % 4 * 0.2], dim=1)


def test_the_first_row_that_meets_the_condition_is_taken():
    condition = Condition(torch.tensor([[0, 1, 0.4], [1, 0, 0.605]]), (KIND, START))
    met = meet_by_rejection(draw, torch.tensor([5, 9]), condition)
    torch.testing.assert_close(met, torch.tensor([[0, 1, 0.4], [1, 0, 0.6]]))


def test_of_a_start_that_is_never_drawn_the_nearest_is_taken():
    condition = Condition(torch.tensor([[0, 1, 1.0], [1, 0, 0.32]]), (KIND, START))
    met = meet_by_rejection(draw, torch.tensor([5, 9]), condition)
    torch.testing.assert_close(met, torch.tensor([[0, 1, 0.6], [1, 0, 0.4]]))


def test_the_sample_whose_condition_is_never_met_is_named_by_its_number():
    condition = Condition(torch.tensor([[0, 1, 0.4], [1, 0, 0.7]]), (KIND, GivenColumn("size", 2, START.outputs)))
    with pytest.raises(DataError, match=r"given for sample 9 \(columns 'kind', 'size'\) are next to impossible"):
        meet_by_rejection(draw, torch.tensor([5, 9]), condition)
