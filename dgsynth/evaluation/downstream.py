"""Whether synthetic data can stand in for real data in prediction: the paper's downstream tasks.

Algorithms are trained and tested on halves of real and of synthetic data. Two questions are asked: how well does what
was learned from synthetic data do on real data, and do synthetic data rank the algorithms as real data do?
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from dgsynth.errors import DataError
from dgsynth.evaluation.columns import MISSING, numeric
from dgsynth.evaluation.tables import check_same_columns, takes_tables
from dgsynth.evaluation.vectors import SampleVectors, block_means

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Arrays = tuple[Floats, npt.NDArray[Any]]  # inputs (n, features); labels (n,) or values to predict (n, horizon)

SCENARIOS = {
    "real -> real": ("A", "A'"),
    "synthetic -> real": ("B", "A'"),
    "synthetic -> synthetic": ("B", "B'"),
}
"""What was trained on -> what was tested on; as parts of the data, A and A' real, B and B' synthetic (Figure 12)."""

MAJORITY = "majority"
"""Name of the reference that always guesses the most frequent class it was trained on; it takes no part in ranks."""

MAX_INPUTS = 1000
"""Most numbers of a series to predict from; a longer one is averaged over blocks of time."""

USUAL_LENGTHS = 0.95
"""Share of real samples whose records are all used to classify: a few long ones would fill most inputs with 0."""

NAIVE_BAYES_SMOOTHING = 1e-3
"""Added to all variances of naive Bayes, as a share of the largest. An input that hardly varies within a class, such as
that of a vital sign that is rarely measured, decides alone without it. Trained and tested on real stays of PhysioNet it
is right in 0.52, with the usual 1e-9 in 0.50; on real tasks and job-days of clusters both are within 0.01."""

_CHUNK_RECORDS = 1_000_000


@takes_tables
def classify_metadata(
    real: Sequences,
    synthetic: Sequences,
    target: Label,
    *,
    holdout: Sequences | None = None,
    n_repeats: int = 3,
    max_samples: int = 2000,
    random_state: int | np.random.Generator | None = 0,
) -> DownstreamResult:
    """Return how accurately a metadata column is predicted from the series, trained on real and on synthetic data.

    The inputs are the measurements on the scale of `SampleVectors`, 0 after a sample's end, and the logarithm of the
    length; no other metadata. Series are cut at the length that one real sample in twenty exceeds; if more than
    `MAX_INPUTS` numbers are left, they are averaged over blocks of records of equal size.

    Real and synthetic data are split into halves at random, one to train and one to test on. The larger ones are cut to
    the size of the smaller: generate as many samples as there are real ones, or twice as many with `holdout`.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    target : column label
        A categorical or boolean metadata column, such as the end event of the paper; missing counts as a class.
    holdout : Sequences, default=None
        Real data that the synthesizer did not see. All of `real` is then to train on, and these are to test on.
    n_repeats : int, default=3
        How often to draw halves and to train anew.
    max_samples : int, default=2000
        Most samples to train on, and to test on.
    random_state : int, Generator or None, default=0
        Seed of the halves and of the algorithms.

    Returns
    -------
    DownstreamResult
        Accuracies in [0, 1] of five classifiers, and of the reference `MAJORITY`. A classifier trained on a single
        class predicts that one.

    Raises
    ------
    DataError
        If `target` is no categorical metadata column, there are no measurements, columns are missing, or there are
        less than two samples to train or to test on.

    References
    ----------
    Lin et al. (2020), Section 5.2, Figures 12, 13 and 25, Table 5.

    Examples
    --------
    >>> from dgsynth import Sequences
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> tables = (make_web_traffic(40, 30, random_state=seed) for seed in (0, 1))
    >>> real, other = (Sequences.from_long(table, **columns) for table in tables)
    >>> result = classify_metadata(real, other, "agent", n_repeats=1)
    >>> result.scores.shape[0] > 0
    True
    """
    _check(real, synthetic, holdout, n_repeats, max_samples)
    names = [column.name for column in real.schema.metadata if column.has_categories]
    if target not in names:
        raise DataError(f"{target!r} is no categorical metadata column to predict; choose from {names}")
    if not real.schema.measurements:
        raise DataError(f"there are no measurements to predict column {target!r} from; give data with records")
    vectors, end = SampleVectors.fit(real), max(1, int(np.quantile(real.lengths, USUAL_LENGTHS)))
    given = [data for data in (real, synthetic, holdout) if data is not None]
    classes = pd.concat([_labels(data, target) for data in given]).unique()
    codes = {value: code for code, value in enumerate(classes)}

    def arrays(data: Sequences) -> Arrays:
        lengths = np.log1p(data.lengths)[:, None]
        series = [_block_means(vectors.records(part), part.lengths, end) for part in _chunks(data)]
        inputs = np.concatenate([lengths, np.concatenate(series)], axis=1)
        return inputs, _labels(data, target).map(codes).to_numpy(dtype=np.int64)

    rng = np.random.default_rng(random_state)
    draws = _draws(real, synthetic, holdout, n_repeats, max_samples, rng, f"to predict {target!r} of")
    scores = _scores(draws, arrays, _classifiers, _accuracy, rng)
    return DownstreamResult(scores, f"prediction of {target!r} from the series", "accuracy")


@takes_tables
def forecast(
    real: Sequences,
    synthetic: Sequences,
    measurement: Label,
    *,
    horizon: int | None = None,
    holdout: Sequences | None = None,
    n_repeats: int = 3,
    max_samples: int = 2000,
    random_state: int | np.random.Generator | None = 0,
) -> DownstreamResult:
    """Return how well the end of a series is forecast from its beginning, trained on real and on synthetic data.

    T is the median length of the real samples. Shorter samples are left out, and of longer ones the first T records
    are taken: the last `horizon` of these are predicted from the ones before, of the same measurement alone.

    Values are on the scale of `SampleVectors`, one for all samples: standard deviations from the mean, of the logarithm
    where the real values have a long tail; R² is of these. A missing value is 0, the mean; a missing one to predict is
    not scored. A history of more than `MAX_INPUTS` records is averaged over blocks of records of equal size.

    Real and synthetic data are split into halves as in `classify_metadata`.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    measurement : column label
        A numeric measurement.
    horizon : int, default=None
        Records to predict, from 1 to T - 1; by default T // 11 and at least 1: the paper's 50 of 550.
    holdout, n_repeats, max_samples, random_state
        As in `classify_metadata`.

    Returns
    -------
    DownstreamResult
        Coefficients of determination R² of four regressors, over all predicted values together: at most 1, and 0 for
        what does no better than the mean of the values.

    Raises
    ------
    DataError
        If `measurement` is no numeric measurement, `horizon` is out of range, columns are missing, or less than two
        samples to train or to test on have T records.

    References
    ----------
    Lin et al. (2020), Section 5.2, Appendix D with footnote 11, Figures 12, 24 and 26, Table 5.

    Examples
    --------
    >>> from dgsynth import Sequences
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> tables = (make_web_traffic(40, 30, random_state=seed) for seed in (0, 1))
    >>> real, other = (Sequences.from_long(table, **columns) for table in tables)
    >>> result = forecast(real, other, "views", n_repeats=1)
    >>> result.scores.shape[0] > 0
    True
    """
    _check(real, synthetic, holdout, n_repeats, max_samples)
    names = [column.name for column in real.schema.measurements if column.kind in ("integer", "continuous")]
    if measurement not in names:
        raise DataError(f"{measurement!r} is no numeric measurement to forecast; choose from {names}")
    length = int(np.median(real.lengths))
    if length < 2:
        raise DataError(f"half of the real samples have less than 2 records of {measurement!r}; give longer samples")
    horizon = max(1, length // 11) if horizon is None else horizon
    if not 1 <= horizon < length:
        raise DataError(
            f"horizon must be 1 to {length - 1}, less than the median length of {measurement!r}, got {horizon}; give "
            "such"
        )
    vectors = SampleVectors.fit(real)
    number = tuple(column for column in vectors.measurement_columns if column[0] == measurement)
    vectors, history = replace(vectors, measurement_columns=number), length - horizon

    def arrays(data: Sequences) -> Arrays:
        values = vectors.records(data)[:, :1].astype(np.float64)
        ends = data.offsets[:-1, None] + np.arange(history, length)
        present = np.isfinite(numeric(data.measurements[measurement]))
        return _block_means(values, data.lengths, history), np.where(present, values[:, 0], np.nan)[ends]

    rng = np.random.default_rng(random_state)
    real, synthetic = (data.take(data.lengths >= length) for data in (real, synthetic))
    holdout = None if holdout is None else holdout.take(holdout.lengths >= length)
    purpose = f"with the {length} records to forecast {measurement!r}"
    draws = _draws(real, synthetic, holdout, n_repeats, max_samples, rng, purpose)
    scores = _scores(draws, arrays, _regressors, _r_squared, rng)
    return DownstreamResult(scores, f"forecast of {horizon} records of {measurement!r} from {history}", "R²")


@dataclass(frozen=True, eq=False)
class DownstreamResult:
    """What `classify_metadata` or `forecast` found.

    Attributes
    ----------
    scores : DataFrame with columns algorithm, scenario, repeat, score
        One row per training; `scenario` is one of `SCENARIOS`. Higher scores are better.
    task : str
        What was predicted from what.
    score_name : {"accuracy", "R²"}

    Examples
    --------
    >>> scores = pd.DataFrame({"algorithm": ["tree", "MLP"] * 3, "repeat": 0, "score": [0.7, 0.9, 0.6, 0.8, 0.5, 0.4]})
    >>> scores["scenario"] = np.repeat(list(SCENARIOS), 2)
    >>> result = DownstreamResult(scores, "prediction of 'isp'", "accuracy")
    >>> {scenario: round(value, 2) for scenario, value in result.rank_correlation.items()}
    {'synthetic -> real': 1.0, 'synthetic -> synthetic': -1.0}
    """

    scores: pd.DataFrame
    task: str
    score_name: str

    def summary(self) -> pd.DataFrame:
        """Return each algorithm's mean score and its standard deviation over the repeats.

        Returns
        -------
        DataFrame
            Indexed by algorithm; columns (scenario, "mean") and (scenario, "std"), the latter NaN for one repeat.
        """
        groups = self.scores.groupby(["scenario", "algorithm"], sort=False)["score"]
        statistics = {name: groups.agg(name) for name in ("mean", "std")}
        return pd.DataFrame(
            {(scenario, name): values.loc[scenario] for scenario in SCENARIOS for name, values in statistics.items()}
        )

    @property
    def rank_correlation(self) -> dict[str, float]:
        """Spearman's correlation, in [-1, 1], of the algorithms' mean scores in a scenario with those on real data.

        For "synthetic -> real" and "synthetic -> synthetic", the latter being that of the paper's Table 5; NaN where
        it is undefined, as for equal scores.
        """
        means = self.summary().drop(index=MAJORITY, errors="ignore").xs("mean", axis=1, level=1)
        reference, *others = SCENARIOS
        return {scenario: _spearman(means[reference], means[scenario]) for scenario in others}


def _check(real: Sequences, synthetic: Sequences, holdout: Sequences | None, n_repeats: int, max_samples: int) -> None:
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be at least 1, got {n_repeats}; give more")
    if max_samples < 2:
        raise ValueError(f"max_samples must be at least 2, got {max_samples}; give more")
    check_same_columns(real, synthetic)
    absent = [] if holdout is None else [name for name in real.schema.names if name not in holdout.schema.names]
    if absent:
        raise DataError(f"the holdout data lack column {absent[0]!r} of the real data; give data with the same columns")


def _labels(data: Sequences, target: Label) -> pd.Series[Any]:
    values = data.metadata[target].astype(object)
    return values.where(values.notna(), MISSING)


def _chunks(data: Sequences) -> Iterator[Sequences]:
    """Successive samples, about so many records at a time: one-hot records of all would take too much memory."""
    cuts = np.flatnonzero(np.diff(data.offsets[1:] // _CHUNK_RECORDS)) + 1
    for indices in np.split(np.arange(len(data)), cuts):
        yield data.take(indices)


def _block_means(records: npt.NDArray[Any], lengths: Ints, max_length: int) -> Floats:
    """Means over blocks of time, at most MAX_INPUTS numbers (or those of one block) for each sample."""
    size = max(1, -(-max_length * records.shape[1] // MAX_INPUTS))
    return block_means(records, lengths, max_length, size).reshape(len(lengths), -1)


def _draws(
    real: Sequences,
    synthetic: Sequences,
    holdout: Sequences | None,
    n_repeats: int,
    max_samples: int,
    rng: np.random.Generator,
    purpose: str,
) -> Iterator[dict[str, Sequences]]:
    """Yield the parts A, A', B and B' for each repeat: A and B of the same size, and so A' and B'."""
    needed = {"real": (real, 4 if holdout is None else 2), "synthetic": (synthetic, 4), "holdout": (holdout, 2)}
    for name, (data, least) in needed.items():
        if data is not None and len(data) < least:
            raise DataError(f"only {len(data)} {name} samples {purpose}; give at least {least}")
    for _ in range(n_repeats):
        train, test = _halves(real, rng)
        if holdout is not None:
            train, test = rng.permutation(len(real)), rng.permutation(len(holdout))
        synthetic_train, synthetic_test = _halves(synthetic, rng)
        n_train = min(len(train), len(synthetic_train), max_samples)
        n_test = min(len(test), len(synthetic_test), max_samples)
        yield {
            "A": real.take(train[:n_train]),
            "A'": (real if holdout is None else holdout).take(test[:n_test]),
            "B": synthetic.take(synthetic_train[:n_train]),
            "B'": synthetic.take(synthetic_test[:n_test]),
        }


def _halves(data: Sequences, rng: np.random.Generator) -> tuple[Ints, Ints]:
    order, half = rng.permutation(len(data)), len(data) // 2
    return order[:half], order[half : 2 * half]


def _classifiers(seed: int) -> dict[str, Any]:
    """The five of Figure 13, and the reference; inputs are often more than samples, hence the small C."""
    models = {
        "MLP": MLPClassifier(hidden_layer_sizes=(200, 200), max_iter=50, random_state=seed),
        "naive Bayes": GaussianNB(var_smoothing=NAIVE_BAYES_SMOOTHING),
        "logistic regression": LogisticRegression(C=0.1, max_iter=200),
        "decision tree": DecisionTreeClassifier(random_state=seed),
        "linear SVM": LinearSVC(C=0.01, random_state=seed),
        MAJORITY: DummyClassifier(strategy="most_frequent"),
    }
    return {name: make_pipeline(StandardScaler(), model) for name, model in models.items()}


def _regressors(seed: int) -> dict[str, Any]:
    """The four of Figure 24; their inputs are on one scale already."""
    return {
        "MLP (5 layers of 200)": MLPRegressor(hidden_layer_sizes=(200,) * 5, max_iter=100, random_state=seed),
        "MLP (1 layer of 100)": MLPRegressor(hidden_layer_sizes=(100,), max_iter=100, random_state=seed),
        # Without a penalty it fits noise as soon as the history is about as long as there are samples.
        "linear regression": Ridge(alpha=10.0),
        "kernel regression (RBF)": KernelRidge(kernel="rbf"),
    }


def _scores(
    draws: Iterator[dict[str, Sequences]],
    arrays: Callable[[Sequences], Arrays],
    algorithms: Callable[[int], dict[str, Any]],
    score: Callable[[npt.NDArray[Any], npt.NDArray[Any]], float],
    rng: np.random.Generator,
) -> pd.DataFrame:
    rows = []
    for repeat, draw in enumerate(draws):
        parts = {name: arrays(data) for name, data in draw.items()}
        for algorithm, model in algorithms(int(rng.integers(2**31))).items():
            fitted = {name: _fit(clone(model), *parts[name]) for name in ("A", "B")}
            for scenario, (train, test) in SCENARIOS.items():
                inputs, truth = parts[test]
                rows.append((algorithm, scenario, repeat, score(truth, fitted[train].predict(inputs))))
    return pd.DataFrame(rows, columns=["algorithm", "scenario", "repeat", "score"])


def _fit(model: Any, inputs: Floats, truth: npt.NDArray[Any]) -> Any:
    if truth.ndim == 1 and (len(np.unique(truth)) == 1 or not np.ptp(inputs, axis=0).any()):
        model = DummyClassifier()  # most classifiers refuse a single class, and naive Bayes constant inputs
    truth = np.nan_to_num(truth[:, 0] if truth.shape[1:] == (1,) else truth)
    with warnings.catch_warnings():
        # Iterations are limited on purpose, to bound the cost.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(inputs, truth)


def _accuracy(truth: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> float:
    return float(np.mean(truth == predicted))


def _r_squared(truth: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> float:
    """R² with a single mean over all values present (footnote 11); NaN for less than two."""
    present = np.isfinite(truth)
    if present.sum() < 2:
        return float("nan")
    return float(r2_score(truth[present], predicted.reshape(truth.shape)[present]))


def _spearman(first: pd.Series[float], second: pd.Series[float]) -> float:
    # Rounded, since means of the same accuracies in another order can differ in their last bit.
    first, second = first.round(12), second.round(12)
    if min(first.nunique(), second.nunique()) < 2:
        return float("nan")
    return float(stats.spearmanr(first, second).statistic)
