"""Small data and models that several files test with, and an accountant that remembers."""

from functools import cache

import pytest
from small_models import KEYS, SMALL, homes

from dgsynth import DGSynthesizer
from dgsynth.data.simulate import make_web_traffic
from dgsynth.privacy.accountant import Budget

_reckon = cache(Budget.epsilon)


@pytest.fixture(scope="module")
def reckoned_once():
    """Let the accountant remember its answers, which depend on the ledger alone: a fit asks a dozen times.

    And half a dozen times, where the noise is calibrated to a hundredth of it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dgsynth.privacy.accountant._PRECISION", 1e-2)
        patch.setattr(Budget, "epsilon", lambda budget, ledger: _reckon(budget, tuple(ledger)))
        yield


@pytest.fixture(scope="module")
def table():
    return homes()


@pytest.fixture(scope="module")
def model(table):
    """Of the paper's networks alone; with a metadata model see test_metadata_model.py."""
    networks = {"lengths": "flags"}
    return DGSynthesizer(max_steps=60, random_state=0, **networks, **KEYS, **SMALL).fit(table)


@pytest.fixture(scope="module")
def traffic():
    return make_web_traffic(60, 14, random_state=0)
