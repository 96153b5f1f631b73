"""What a comparison of synthetic with real data found: the numbers and the data behind them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation import wording
from dgsynth.evaluation.downstream import DownstreamResult
from dgsynth.evaluation.fidelity import mean_excess, random_part, score
from dgsynth.evaluation.remedies import remedy


@dataclass(frozen=True, eq=False)
class FidelityFindings:
    """What `evaluate` found, as the report and its page take it; see `FidelityReport`."""

    table: pd.DataFrame
    real: Sequences
    synthetic: Sequences
    holdout: Sequences | None = None
    downstream: tuple[DownstreamResult, ...] = ()
    history: pd.DataFrame | None = None
    validation_scores: pd.DataFrame | None = None
    random_state: int = 0

    @property
    def verdict(self) -> str:
        """The result in a few sentences."""
        return wording.verdict(self.table)

    @cached_property
    def remedy(self) -> str:
        """The constraints that would keep what synthetic records break, as they are typed; or empty."""
        return remedy(self.table, self.real if self.holdout is None else self.holdout)

    @property
    def score(self) -> float:
        """One number in (0, 1], higher is better; see `dgsynth.evaluation.score`."""
        return score(self.table)

    @property
    def mean_excess(self) -> float:
        """How far the comparisons are off on average, lower is better; see `dgsynth.evaluation.mean_excess`."""
        return mean_excess(self.table)

    @property
    def sizes(self) -> list[str]:
        """What was compared: how many samples and records, and where a random part of them."""
        given = {"real": self.real, "synthetic": self.synthetic, "held out": self.holdout}
        return [size(name, data) for name, data in given.items() if data is not None]


def size(name: str, data: Sequences) -> str:
    """Return how many samples and records the data have, and how many of them are compared."""
    part = random_part(data, np.random.default_rng(0))
    text = f"{name}: {len(data):,} samples" + (f", {data.n_records:,} records" if data.n_records else "")
    return text if len(part) == len(data) else f"{text} (of which {len(part):,} random samples are compared)"
