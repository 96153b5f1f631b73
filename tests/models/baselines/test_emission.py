from __future__ import annotations

import pytest
import torch

from dgsynth.batch import Layout, Output
from dgsynth.models.baselines.emission import Emission, cholesky, draw_records, prediction_loss, unroll

NUMBER, CATEGORY, FLAGS = Output(1, "sigmoid"), Output(3, "softmax"), Output(2, "softmax")
OUTPUTS = (NUMBER, NUMBER, CATEGORY)


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_numbers_have_the_covariance_and_categories_their_probabilities():
    factor = torch.tensor([[0.1, 0.0], [0.06, 0.08]])
    expected = torch.tensor([[0.5, 0.5, 0.2, 0.3, 0.5]]).expand(20_000, -1)
    made = draw_records(expected, normal(20_000, 5), factor, OUTPUTS)
    torch.testing.assert_close(torch.cov(made[:, :2].t()), factor @ factor.t(), atol=4e-4, rtol=0)
    torch.testing.assert_close(made[:, 2:].mean(0), expected[0, 2:], atol=0.015, rtol=0)
    assert (made[:, 2:].sum(1) == 1).all() and made[:, :2].min() >= 0 and made[:, :2].max() <= 1


def test_factors_may_differ_by_sample():
    factors = torch.stack([torch.zeros(2, 2), 0.1 * torch.eye(2)])
    made = draw_records(torch.full((2, 5), 0.5), normal(2, 5), factors, OUTPUTS)
    assert (made[0, :2] == 0.5).all() and (made[1, :2] != 0.5).all()


def test_the_factor_gives_the_covariance_back_also_of_a_constant_column():
    values = torch.cat([normal(500, 2), torch.ones(500, 1)], dim=1)
    deviations = values - values.mean(0)
    factor = cholesky(deviations)
    torch.testing.assert_close(factor @ factor.t(), deviations.t() @ deviations / 500, atol=1e-5, rtol=1e-4)


def test_first_records_are_like_those_learned():
    emission = Emission(OUTPUTS, varies=True)
    records = torch.cat([0.5 + 0.1 * normal(2000, 2), torch.eye(3)[torch.arange(2000) % 3]], dim=1)
    emission.learn_first(records)
    made = emission.first(normal(2000, 5))
    torch.testing.assert_close(made.mean(0), records.mean(0), atol=0.05, rtol=0)


def test_without_variation_a_record_is_its_prediction():
    made = Emission(OUTPUTS, varies=False).draw(torch.tensor([[0.3, 0.4, 0.2, 0.5, 0.3]]), normal(1, 5))
    torch.testing.assert_close(made, torch.tensor([[0.3, 0.4, 0.0, 1.0, 0.0]]))


def test_the_loss_is_squared_error_and_cross_entropy():
    predicted, record = torch.tensor([0.3, 0.5, 0.25, 0.5, 0.25]), torch.tensor([0.5, 0.5, 0.0, 1.0, 0.0])
    assert prediction_loss(predicted, record, OUTPUTS).item() == pytest.approx(0.04 + 0.6931, abs=1e-4)


def test_records_follow_until_the_flags_end_them():
    layout = Layout((), (), (NUMBER,), 5, 1, True)
    first = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    ends = {2: 0}  # sample 0 ends with its record number 2, sample 1 with its first one, sample 2 never

    def advance(record, t):
        flags = torch.tensor([[1.0, 0.0]] * 3)
        if t in ends:
            flags[ends[t]] = torch.tensor([0.0, 1.0])
        return torch.cat([record[:, :1] + 1, flags], dim=1)

    steps, lengths = unroll(first, advance, layout, None)
    assert lengths.tolist() == [3, 1, 5] and steps[:, :, 0].tolist() == [[0, 1, 2, 3, 4]] * 3
    steps, lengths = unroll(first, advance, layout, torch.tensor([1, 2, 7]))
    assert lengths.tolist() == [1, 2, 7] and steps.shape[1] == 7 and (steps[..., 1] == 1).all()
