"""The table of all comparisons with their floors and lights, and the one number that they come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.evaluation.comparisons import FAMILIES, Comparison, comparisons, copies
from dgsynth.evaluation.metrics import N_SPLITS, mean_of_finite, split_halves
from dgsynth.evaluation.tables import takes_tables

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]

MAX_SAMPLES = 5000
MAX_RECORDS = 2_750_000
"""Of larger data, so many samples and records are drawn at random for the comparisons; copies are sought among all."""

FAR = 3.0
"""Times the limit of what is close, beyond which a value is off."""

LIGHTS = ("close", "near", "off")
"""Green, amber and red: within the limit, within `FAR` times the limit, beyond it."""

LEAST_CLOSENESS = 0.1
"""Of one comparison, in the score: no single one can bring it to 0."""

COLUMNS = ["family", "name", "column", "value", "floor", "unit", "excess", "light"]

_COSTLY_SPLITS = 2
_LARGE = 3_000_000


@takes_tables
def fidelity_table(
    real: Sequences,
    synthetic: Sequences,
    *,
    holdout: Sequences | None = None,
    costly: bool = True,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return every comparison that fits the columns, beside what real data reach among themselves.

    Of data with more than `MAX_SAMPLES` samples or `MAX_RECORDS` records a random part is compared; for copies all
    synthetic samples are compared with all real ones.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
        `real` is what the synthesizer was trained on.
    holdout : Sequences, default=None
        Real samples that it was not trained on. If given, the distances are to these, which is the fairer judge, and
        memorisation is measured by them; copies are sought in `real`.
    costly : bool, default=True
        Whether to train networks for `discriminative_score` and `predictive_score`.
    random_state : int, default=0
        Seed of the random parts and halves.
    progress : callable, default=None
        Told what is being compared: the heading of each family.

    Returns
    -------
    DataFrame with columns family, name, column, value, floor, unit, excess, light
        One row per comparison, in the order of `FAMILIES`; see `Comparison` for the first ones, and for `excess`.
        `floor` is the same metric between two random halves of the real data, averaged over up to ten splits. `light`
        is one of `LIGHTS`, missing where neither data have anything to compare.

    Raises
    ------
    DataError
        If the synthetic data lack a column of the real data, or either holds no samples.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(40, 30, random_state=seed) for seed in (0, 1))
    >>> table = fidelity_table(real, other, costly=False, **columns)
    >>> list(table.columns)
    ['family', 'name', 'column', 'value', 'floor', 'unit', 'excess', 'light']
    """
    if progress is not None:
        progress("Floors")
    judge = real if holdout is None else holdout
    return Scorer(judge, training=real, costly=costly, random_state=random_state).table(synthetic, progress)


class Scorer:
    """Scores synthetic data against real ones; what depends on the real ones alone is computed once.

    Parameters
    ----------
    real : Sequences
        Better not those that the synthesizer was trained on.
    training : Sequences, default=None
        Those that it was trained on, which may be the same; copies of them are then sought too.
    costly : bool, default=False
        Whether to train networks for `discriminative_score` and `predictive_score`.
    random_state : int, default=0
        Seed of the random parts and halves.

    Examples
    --------
    >>> from dgsynth import Sequences
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> tables = (make_web_traffic(40, 30, random_state=seed) for seed in (0, 1))
    >>> real, other = (Sequences.from_long(table, **columns) for table in tables)
    >>> scorer = Scorer(real)
    >>> scorer(other) > 0.9
    True
    """

    def __init__(
        self, real: Sequences, *, training: Sequences | None = None, costly: bool = False, random_state: int = 0
    ) -> None:
        self.random_state, self.training = random_state, training
        self.real = random_part(real, np.random.default_rng(random_state))
        self.comparisons = [c for c in comparisons(self.real) if costly or not c.costly]
        self.copies: list[Comparison] = []
        among_real: list[Comparison] = []
        if training is not None:
            unseen = None if training is real else random_part(training, np.random.default_rng(random_state))
            self.copies = copies(training, None if training is real else real)
            # The halves are parts of the holdout, and so not unseen: between them the training samples are.
            among_real = copies(self.real, unseen)
        self.floors = floors([*self.comparisons, *among_real], self.real, random_state)

    def __call__(self, synthetic: Sequences) -> float:
        """Return `score` of the synthetic data."""
        return score(self.table(synthetic))

    def table(self, synthetic: Sequences, progress: Callable[[str], None] | None = None) -> pd.DataFrame:
        """Return the table that `score` is taken of, and tell the family of each comparison; see `fidelity_table`."""
        made = random_part(synthetic, np.random.default_rng(self.random_state))
        pairs = [(comparison, self.real, made) for comparison in self.comparisons]
        if self.training is not None:
            pairs += [(comparison, self.training, synthetic) for comparison in self.copies]
        values = []
        for comparison, real, compared in pairs:
            if progress is not None:
                progress(FAMILIES[comparison.family])
            values.append(comparison.measure(real, compared))
        return _table([comparison for comparison, *_ in pairs], values, self.floors)


def score(table: pd.DataFrame) -> float:
    """Return one number for a table of comparisons, in (0, 1], higher is better.

    A comparison that is close counts 1; one that is off by k times what still is close counts 1 / k, and at least
    `LEAST_CLOSENESS`. The score is the geometric mean over the families of their geometric means, so that many columns
    of a kind weigh no more than few. Copies do not enter: a copy of the training data is close to it.

    Parameters
    ----------
    table : DataFrame
        What `fidelity_table` returned.

    Returns
    -------
    float
        NaN where there is nothing to compare.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(40, 30, random_state=seed) for seed in (0, 1))
    >>> score(fidelity_table(real, other, costly=False, **columns)) > 0.9
    True
    """
    judged = _judged(table)
    closeness = (1 / judged["excess"].clip(lower=1.0)).clip(lower=LEAST_CLOSENESS)
    of_families = np.log(closeness).groupby(judged["family"]).mean()
    return float(np.exp(of_families.mean())) if len(of_families) else float("nan")


def mean_excess(table: pd.DataFrame) -> float:
    """Return how far the comparisons of a table are off on average, lower is better: what `score` does not tell.

    The mean over the families of the mean `excess` in each: 0 for identical data, 1 at the limit of what is close. It
    goes on below that limit, where `score` is 1, and beyond the least closeness. Copies do not enter.

    A comparison for which the synthetic data have nothing, and whose excess is infinite, counts as much as the furthest
    finite one, and at least 1 / `LEAST_CLOSENESS`: so it is never a gain, and never all that is seen.

    Parameters
    ----------
    table : DataFrame
        What `fidelity_table` returned.

    Returns
    -------
    float
        At least 0, finite; NaN where there is nothing to compare.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(40, 30, random_state=seed) for seed in (0, 1))
    >>> mean_excess(fidelity_table(real, real, costly=False, **columns)) < 0.1
    True
    """
    judged = _judged(table)
    excess = judged["excess"].astype(np.float64)
    furthest = excess[np.isfinite(excess)].max() if np.isfinite(excess).any() else 0.0
    excess = excess.replace(np.inf, max(furthest, 1 / LEAST_CLOSENESS))
    of_families = excess.groupby(judged["family"]).mean()
    return float(of_families.mean()) if len(of_families) else float("nan")


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparisons that enter: not of copies, and not where neither data have anything to compare."""
    return table[table["excess"].notna() & (table["family"] != "copies")]


def floors(found: list[Comparison], real: Sequences, random_state: int = 0) -> Floats:
    """Return what each comparison comes to between random halves of the real data; NaN for less than two samples."""
    size = max(1, real.n_records * len(real.schema.names))
    n_splits = int(np.clip(_LARGE // size, 3, N_SPLITS))
    rows = [
        [c.measure(*halves) if i < _COSTLY_SPLITS or not c.costly else np.nan for c in found]
        for i, halves in enumerate(split_halves(real, random_state, n_splits))
    ]
    return np.array([mean_of_finite(column) for column in zip(*rows, strict=True)] if rows else [np.nan] * len(found))


def random_part(data: Sequences, rng: np.random.Generator) -> Sequences:
    """Return the data, or as many random samples of them as `MAX_SAMPLES` and `MAX_RECORDS` allow."""
    most = min(MAX_SAMPLES, int(MAX_RECORDS / max(1.0, data.n_records / max(1, len(data)))))
    return data if len(data) <= most else data.take(np.sort(rng.permutation(len(data))[: max(2, most)]))


def _table(found: list[Comparison], values: list[float], all_floors: Floats) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for comparison, value, floor in zip(found, values, all_floors, strict=True):
        excess = comparison.excess(value, float(floor))
        light = None if np.isnan(excess) else LIGHTS[(excess > 1) + (excess > FAR)]
        names = {name: getattr(comparison, name) for name in ("family", "name", "column", "unit")}
        rows.append({**names, "value": value, "floor": floor, "excess": excess, "light": light})
    return pd.DataFrame(rows, columns=COLUMNS)
