"""Accounting, held against an accountant of other authors and other mathematics."""

import pytest

from dgsynth.errors import DataError
from dgsynth.privacy.accountant import Budget, Releases

pytest.importorskip("opacus", exc_type=ImportError)

DELTA = 1e-5
CASES = [(1.0, 0.01, 1000), (0.8, 0.05, 300), (2.0, 0.25, 500), (4.0, 1.0, 50)]


def pessimistic_epsilon(ledger):
    """The epsilon of dp-accounting's privacy loss distributions, rounded up."""
    accounting = pytest.importorskip("dp_accounting", exc_type=ImportError)
    accountant = accounting.pld.PLDAccountant(value_discretization_interval=1e-3)
    for noise, rate, count in ledger:
        event = accounting.PoissonSampledDpEvent(rate, accounting.GaussianDpEvent(noise))
        accountant.compose(event, count)
    return accountant.get_epsilon(DELTA)


@pytest.mark.parametrize("case", CASES)
def test_prv_agrees_with_dp_accounting(case):
    made, wanted = Budget(DELTA, "prv").epsilon([Releases(*case)]), pessimistic_epsilon([case])
    assert wanted * 0.97 - 0.02 <= made <= wanted * 1.05 + 0.02  # opacus adds its own error bound of 0.01


@pytest.mark.parametrize("case", CASES)
def test_renyi_divergence_is_an_upper_bound_that_is_not_far_off(case):
    made, wanted = Budget(DELTA, "rdp").epsilon([Releases(*case)]), pessimistic_epsilon([case])
    assert wanted * 0.99 <= made <= wanted * 1.4


def test_releases_of_different_kinds_compose():
    ledger = [Releases(1.0, 0.01, 500), Releases(2.0, 0.1, 100)]
    made = Budget(DELTA).epsilon(ledger)
    assert made == pytest.approx(pessimistic_epsilon(ledger), rel=0.05, abs=0.02)
    assert made > max(Budget(DELTA).epsilon([one]) for one in ledger)


def test_nothing_released_is_nothing_spent():
    assert Budget(DELTA).epsilon([]) == Budget(DELTA).epsilon([Releases(1.0, 0.1, 0)]) == 0


@pytest.mark.parametrize("accountant", ["prv", "rdp"])
def test_the_noise_just_keeps_within_the_budget(accountant):
    budget = Budget(DELTA, accountant)
    before = [Releases(2.0, 0.1, 20)]
    noise = budget.noise_multiplier(before, 0.05, 200, epsilon=2.0)
    assert budget.epsilon([*before, Releases(noise, 0.05, 200)]) <= 2.0
    assert budget.epsilon([*before, Releases(0.98 * noise, 0.05, 200)]) > 2.0


def test_a_spent_budget_is_refused():
    with pytest.raises(DataError, match=r"epsilon=1 for training, of which .* is spent, and 10 more"):
        Budget(DELTA).noise_multiplier([Releases(1.0, 0.1, 1000)], 0.1, 10, epsilon=1.0)
