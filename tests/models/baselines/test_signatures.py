from __future__ import annotations

import pytest
import torch

from dgsynth.models.baselines.signatures import (
    lead_lag,
    log_signature,
    lyndon_words,
    require_backend,
    signature,
    tensor_log,
)


def paths(n=4, length=6, channels=2):
    return torch.randn(n, length, channels, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_the_first_level_is_the_increment_and_the_area_half_the_quadratic_variation():
    path = paths(channels=1)
    made = log_signature(lead_lag(path), 2, "torch")
    torch.testing.assert_close(made[:, 0], path[:, -1, 0] - path[:, 0, 0])
    torch.testing.assert_close(made[:, 2], 0.5 * (path[:, 1:] - path[:, :-1]).square().sum((1, 2)))


def test_a_straight_line_has_no_log_signature_but_its_increment():
    line = torch.stack([torch.zeros(2, 3), torch.ones(2, 3), 3 * torch.ones(2, 3)], dim=1)
    made = log_signature(line, 4, "torch")
    torch.testing.assert_close(made[:, :3], torch.full((2, 3), 3.0))
    torch.testing.assert_close(made[:, 3:], torch.zeros_like(made[:, 3:]), atol=1e-5, rtol=0)


def test_the_signature_of_a_line_is_the_exponential_of_its_increment():
    first, second, third = signature(torch.tensor([[[0.0, 0.0], [2.0, 3.0]]]), 3)
    torch.testing.assert_close(first, torch.tensor([[2.0, 3.0]]))
    torch.testing.assert_close(second, torch.tensor([[2.0, 3.0, 3.0, 4.5]]))
    assert third[0, 0].item() == pytest.approx(8 / 6) and third[0, -1].item() == pytest.approx(27 / 6)


def test_points_that_stand_still_change_nothing():
    path = paths()
    longer = torch.cat([path, path[:, -1:], path[:, -1:]], dim=1)
    torch.testing.assert_close(log_signature(longer, 3, "torch"), log_signature(path, 3, "torch"))


@pytest.mark.parametrize("backend", ["pysiglib", "esig"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_libraries_agree_with_the_definition(backend, depth):
    pytest.importorskip(backend)
    path = lead_lag(paths())
    torch.testing.assert_close(log_signature(path, depth, backend), log_signature(path, depth, "torch"))


def test_gradients_agree_with_the_definition():
    pytest.importorskip("pysiglib")
    gradients = []
    for backend in ("torch", "pysiglib"):
        path = paths().requires_grad_()
        gradients += torch.autograd.grad(log_signature(lead_lag(path), 3, backend).square().sum(), path)
    torch.testing.assert_close(*gradients)


def test_lyndon_words():
    assert lyndon_words(2, 4) == ((0,), (1,), (0, 1), (0, 0, 1), (0, 1, 1), (0, 0, 0, 1), (0, 0, 1, 1), (0, 1, 1, 1))
    assert len(lyndon_words(4, 4)) == 4 + 6 + 20 + 60


def test_the_logarithm_of_one_step_ends_at_its_depth():
    assert [level.shape[1] for level in tensor_log(signature(paths(channels=3), 2))] == [3, 9]


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr("dgsynth.models.baselines.signatures.find_spec", lambda name: None)
    assert require_backend("auto") == "torch"
    with pytest.raises(ImportError, match="backend='esig' needs esig; install it with: pip install esig"):
        require_backend("esig")
