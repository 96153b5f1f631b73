from __future__ import annotations

import sys

import numpy as np
import pytest

from dgsynth.baselines import HMMSynthesizer
from dgsynth.errors import DataError


def two_states(n=150, length=40, stays=0.9, rises=0.05, seed=0):
    """Samples of a chain that leaves its state at 0 by `rises` and that at 10 by 1 - `stays`, with noise of 0.5."""
    rng = np.random.default_rng(seed)
    occupied = rises / (rises + 1 - stays)
    state = rng.random(n) < occupied
    made = []
    for _ in range(length):
        made.append(10.0 * state + 0.5 * rng.normal(size=n))
        state = np.where(state, rng.random(n) < stays, rng.random(n) < rises)
    return np.stack(made, axis=1)[..., None]


@pytest.mark.parametrize("covariance_type", ["diag", "full"])
def test_occupancy_means_and_dwell_times_are_those_of_the_chain(covariance_type):
    model = HMMSynthesizer(n_states=2, covariance_type=covariance_type, random_state=0).fit(two_states())
    made = model.sample(500, random_state=0)[..., 0]
    high = made > 5
    assert abs(high.mean() - 1 / 3) < 0.04  # 0.05 / 0.15; both data sets vary by about 0.01
    assert abs(made[high].mean() - 10) < 0.2 and abs(made[~high].mean()) < 0.2 and abs(made[high].std() - 0.5) < 0.1
    stays = high[:, 1:][high[:, :-1]].mean()
    assert abs(stays - 0.9) < 0.02


def test_the_number_of_states_is_found():
    model = HMMSynthesizer(random_state=0).fit(two_states(60, 30))
    assert model.network_.sizes["states"] == 2


def test_lengths_are_geometric_if_each_record_may_be_the_last():
    rng = np.random.default_rng(0)
    samples = [rng.normal(size=(min(length, 40), 1)) for length in rng.geometric(0.2, size=250)]
    made = HMMSynthesizer(n_states=2, random_state=0).fit(samples).sample(500, random_state=0)
    lengths = np.array([len(sample) for sample in made])
    assert abs(lengths.mean() - 5) < 0.9  # each mean has a standard error of 0.2
    assert abs((lengths == 1).mean() - 0.2) < 0.08


def test_columns_that_vary_together_do_so_in_samples():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(200, 20, 1))
    both = np.concatenate([first, first + 0.5 * rng.normal(size=first.shape)], axis=2)
    made = HMMSynthesizer(n_states=2, random_state=0).fit(both).sample(300, random_state=0)
    truth = 1 / np.sqrt(1.25)
    assert abs(np.corrcoef(made.reshape(-1, 2).T)[0, 1] - truth) < 0.05


def test_a_constant_column_stays_constant():
    data = np.concatenate([two_states(50, 10), np.full((50, 10, 1), 3.0)], axis=2)
    made = HMMSynthesizer(n_states=2, random_state=0).fit(data).sample(20, random_state=0)
    assert (made[..., 1] == 3).all()


def test_fewer_records_than_states_are_refused():
    with pytest.raises(DataError, match="n_states=5, but the data have 2 distinct records; ask for fewer"):
        HMMSynthesizer(n_states=5).fit(np.tile([[[0.0], [1.0]]], (10, 1, 1)))


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "hmmlearn.hmm", None)
    with pytest.raises(ImportError, match=r"HMMSynthesizer needs hmmlearn; install it with: pip install 'dgsynth"):
        HMMSynthesizer().fit(two_states(10, 5))


def test_more_parameters_than_records_are_warned_of_once_and_nothing_is_logged(caplog):
    few = np.random.default_rng(0).normal(size=(3, 4, 2))
    with pytest.warns(UserWarning, match="parameters for 12 records") as told:
        HMMSynthesizer(random_state=0).fit(few)
    assert len(told) == 1 and not caplog.records


def test_one_record_is_too_few():
    with pytest.raises(DataError, match=r"too few records \(1\) for the number of hidden states \(1\)"):
        HMMSynthesizer().fit(np.ones((1, 1, 1)))
