"""What training spends of a privacy budget, by the accountants of opacus.

Every update of the discriminators is one release: the Gaussian mechanism on a batch into which each sample is drawn
with the same probability. All that follows from the discriminators, the generator above all, costs nothing more.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

from dgsynth.errors import DataError
from dgsynth.privacy.config import Accountant

MAX_NOISE_MULTIPLIER = 64.0
"""With more noise nothing is learned, and a budget counts as spent."""

_SPENT = 0.98
"""The last of a budget is what calibration left over."""

_PRECISION = 1e-3


class Releases(NamedTuple):
    """Updates of the same kind: standard deviation of the noise over the bound, probability of a sample, number."""

    noise_multiplier: float
    sample_rate: float
    updates: int


@dataclass(frozen=True)
class Budget:
    """How spending is reckoned.

    Attributes
    ----------
    delta : float
    accountant : {"prv", "rdp"}
    """

    delta: float
    accountant: Accountant = "prv"

    def epsilon(self, ledger: Sequence[Releases]) -> float:
        """Return the epsilon of all releases of a ledger together; an upper bound.

        References
        ----------
        Gopi, Lee, Wutschitz: Numerical Composition of Differential Privacy. NeurIPS 2021 ("prv").
        Mironov, Talwar, Zhang: Renyi Differential Privacy of the Sampled Gaussian Mechanism. 2019 ("rdp").
        """
        counted = [tuple(releases) for releases in ledger if releases.updates]
        if not counted:
            return 0.0
        accountants = _accountants()
        made = accountants.PRVAccountant() if self.accountant == "prv" else accountants.RDPAccountant()
        made.history = counted
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of how tight the bound is; a bound it is
            return float(made.get_epsilon(delta=self.delta))

    def noise_multiplier(self, ledger: Sequence[Releases], sample_rate: float, updates: int, epsilon: float) -> float:
        """Return the least noise with which so many further updates keep all together within `epsilon`.

        Parameters
        ----------
        ledger : sequence of Releases
            What was released before.
        sample_rate : float in (0, 1]
        updates : int
        epsilon : float

        Raises
        ------
        DataError
            The budget is spent.
        """

        def fits(noise: float) -> bool:
            return self.epsilon([*ledger, Releases(noise, sample_rate, updates)]) <= epsilon

        spent = self.epsilon(ledger)
        if spent > _SPENT * epsilon or not fits(MAX_NOISE_MULTIPLIER):
            raise DataError(
                f"privacy allows epsilon={epsilon:g} for training, of which {spent:.3g} is spent, and {updates} more "
                "steps don't fit in; raise epsilon of PrivacyConfig, or train for fewer steps"
            )
        return _least(fits)


def need_opacus() -> None:
    """Raise ImportError where opacus is not installed."""
    if find_spec("opacus") is None:
        raise ImportError("privacy needs opacus for its accounting; install it with: pip install 'dgsynth[privacy]'")


def _accountants() -> Any:
    need_opacus()
    from opacus import accountants

    return accountants


def _least(fits: Callable[[float], bool]) -> float:
    """Return the least number that fits, to a thousandth of it, by doubling and bisection; it does fit."""
    low, high = 0.0, 1.0
    while not fits(high):
        low, high = high, min(2 * high, MAX_NOISE_MULTIPLIER)
    while high - low > _PRECISION * high and high > _PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
