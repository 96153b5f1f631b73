"""More samples of rare classes, in the form that pipelines of imbalanced-learn take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.multiclass import check_classification_targets

from dgsynth.data.column import short
from dgsynth.data.sequences import Sequences
from dgsynth.data.taken import as_frame
from dgsynth.errors import DataError
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.models.parameters import seed_of
from dgsynth.models.synthesizer import Synthesizer

LABEL = "class"
"""The metadata column that the classes become; underscores follow where the data have a column of this name."""


class DGOverSampler(BaseEstimator):
    """Adds synthetic samples to the classes that have few, by a synthesizer that has learned all of them.

    The classes become a metadata column, of which the new samples are given the value. To be put before a classifier
    in a pipeline of imbalanced-learn, or used by itself.

    Parameters
    ----------
    synthesizer : Synthesizer, default=None
        Cloned and fitted; None is ``DGSynthesizer()``. Where it has `metadata`, the class is added to these.
    sampling_strategy : str, float, dict or callable, default="auto"
        Which classes get as many samples as the most frequent one: "not majority", "minority" or "not minority"; "auto"
        and "all" are the first. A float, for two classes, is the wanted ratio of the rarer to the other. A dict says
        how many samples each class shall have in the end; a function returns one, given `y`. As in imbalanced-learn.
    random_state : int, RandomState or None, default=None
        Of the new samples; the synthesizer has its own.

    Attributes
    ----------
    synthesizer_ : Synthesizer
    sampling_strategy_ : dict of class to int
        How many samples were added.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 3)), np.repeat(["common", "rare"], [50, 10])
    >>> synthesizer = DGSynthesizer(max_steps=20, random_state=0)
    >>> _, classes = DGOverSampler(synthesizer, random_state=0).fit_resample(X, y)
    >>> (classes == "rare").sum()
    np.int64(50)
    """

    def __init__(
        self,
        synthesizer: Synthesizer | None = None,
        *,
        sampling_strategy: str | float | Mapping[Any, int] | Callable[[Any], Mapping[Any, int]] = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.synthesizer = synthesizer
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> DGOverSampler:
        """Fit the synthesizer on the samples with their classes."""
        X = as_frame(X)
        classes = _one_for_each(X, y)
        self.sampling_strategy_ = _missing(self.sampling_strategy, classes)
        synthesizer = DGSynthesizer() if self.synthesizer is None else clone(self.synthesizer)
        self.synthesizer_, self._label = _fitted(synthesizer, X, classes)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the samples with new ones behind them, and their classes.

        Parameters
        ----------
        X : DataFrame or array of shape (n, m), array of shape (n, T, K), or list of n arrays of shape (T_i, K)
            One row or entry per sample; a wide table of series where the synthesizer has `time_columns`. A table of
            pyarrow, polars or another library comes back as a DataFrame.
        y : array-like of shape (n,), or a column of shape (n, 1)

        Returns
        -------
        X : as given, of n + sum of `sampling_strategy_` samples
            The given ones come first, unchanged.
        y : Series, DataFrame or array
            As given: classes of all samples, in a column where they came in one.

        Raises
        ------
        DataError
            X is a long table, whose rows are records, or y has no class for each sample.
        ValueError
            `sampling_strategy` asks for fewer samples than there are, or for an unknown class.
        """
        X = as_frame(X)
        self.fit(X, y)
        # One after another, so that whatever is asked of one class changes nothing of another.
        seeds = np.random.SeedSequence(seed_of(self.random_state)).generate_state(len(self.sampling_strategy_))
        parts, labels = [X], [_one_for_each(X, y)]
        for seed, (value, count) in zip(seeds, self.sampling_strategy_.items(), strict=True):
            made = self.synthesizer_.sample(count, metadata={self._label: [value]}, random_state=int(seed))
            parts.append(_like(made, X, self._label))
            labels.append(pd.Series([value] * count, dtype=labels[0].dtype))
        return _joined(parts), _classes_like(pd.concat(labels, ignore_index=True), y)


def _one_for_each(X: Any, y: Any) -> pd.Series:
    """Return the classes, in the dtype that they came in, under a RangeIndex."""
    given = np.asarray(y, dtype=object) if isinstance(y, list | tuple) else y
    if np.shape(given) not in ((len(X),), (len(X), 1)):
        raise DataError(
            f"y must hold one class for each of the {len(X)} samples of X, got shape {np.shape(given)}; "
            "give an array, a Series or a column of that length"
        )
    column = pd.DataFrame(given).iloc[:, 0].infer_objects().reset_index(drop=True)
    if column.isna().any():
        raise DataError(
            f"y has no class for sample {int(np.flatnonzero(column.isna())[0])} of X ({int(column.isna().sum())} in "
            "all); leave out the samples without one, from X too"
        )
    if column.dtype == object and len({isinstance(value, str) for value in column}) > 1:
        raise DataError("y holds text and numbers; make all classes text, for instance with pd.Series(y).astype(str)")
    check_classification_targets(column.to_numpy())
    return column


def _classes_like(classes: pd.Series, y: Any) -> Any:
    """Return the classes in the form of `y`."""
    if isinstance(y, pd.DataFrame):
        return classes.to_frame(y.columns[0])
    if isinstance(y, pd.Series):
        return pd.Series(classes, name=y.name)
    return classes.to_numpy(dtype=np.asarray(y).dtype).reshape(-1, *np.shape(y)[1:])


def _missing(strategy: Any, classes: pd.Series) -> dict[Any, int]:
    """Return how many samples to add to each class."""
    counts = {value: int(count) for value, count in classes.value_counts(sort=False).items()}
    if callable(strategy):
        strategy = strategy(classes.to_numpy())
    most, fewest = max(counts.values()), min(counts, key=lambda value: counts[value])
    if isinstance(strategy, Mapping):
        unknown = [value for value in strategy if value not in counts]
        if unknown:
            raise ValueError(
                f"sampling_strategy names class {short(unknown[0])}, which y doesn't have; name some of "
                f"{short(list(counts))}"
            )
        missing = {value: int(wanted) - counts[value] for value, wanted in strategy.items()}
    elif strategy in ("auto", "not majority", "all"):
        missing = {value: most - count for value, count in counts.items()}
    elif strategy == "minority":
        missing = {fewest: most - counts[fewest]}
    elif strategy == "not minority":
        missing = {value: most - count for value, count in counts.items() if value != fewest}
    elif isinstance(strategy, Real) and not isinstance(strategy, bool) and len(counts) == 2:
        missing = {fewest: int(float(strategy) * most) - counts[fewest]}
    else:
        raise ValueError(
            "sampling_strategy must be 'auto', 'not majority', 'minority', 'not minority', 'all', a dict, a function, "
            f"or for two classes a ratio; got {short(strategy)} for {len(counts)} classes; give one of these"
        )
    for value, count in missing.items():
        if count < 0:
            raise ValueError(
                f"sampling_strategy asks for {counts[value] + count} samples of class {short(value)}, of which there "
                f"are {counts[value]}, and takes none away; ask for at least as many"
            )
    return {value: count for value, count in missing.items() if count}


def _fitted(synthesizer: Synthesizer, X: Any, classes: pd.Series) -> tuple[Synthesizer, str]:
    """Return the synthesizer fitted on the samples with their classes, and the name of the column of these."""
    if getattr(synthesizer, "sequence_key", None) is not None:
        raise DataError("the rows of a long table are records and not samples; give a wide table, an array or a list")
    label = LABEL
    while label in (X.columns if isinstance(X, pd.DataFrame) else ()):
        label += "_"
    if isinstance(X, list) or np.ndim(X) == 3:
        metadata = pd.DataFrame({label: classes})
        return synthesizer.fit(Sequences.from_arrays(X, metadata=metadata, categorical=[label])), label
    given = {name: synthesizer.get_params()[name] for name in ("categorical", "metadata")}
    table = X
    if not isinstance(X, pd.DataFrame):
        table = pd.DataFrame(X if isinstance(X, np.ndarray) else np.asarray(X)).add_prefix("x")  # the label has one too
        given = {name: None if columns is None else [f"x{c}" for c in columns] for name, columns in given.items()}
    given["categorical"] = [*given["categorical"], label]
    if given["metadata"] is not None:
        given["metadata"] = [*given["metadata"], label]
    synthesizer.set_params(**given).fit(table.assign(**{label: classes.to_numpy()}))
    absent = [column for column in table.columns if column not in synthesizer.schema_.form.columns]
    if absent:
        raise DataError(f"column {absent[0]!r} of X is not among those that the synthesizer learns; leave it out of X")
    return synthesizer, label


def _like(made: Any, X: Any, label: str) -> Any:
    """Return samples without their classes, in the form of X."""
    if isinstance(made, Sequences):
        return made.to_list() if isinstance(X, list) else made.to_array()
    made = made.drop(columns=label)
    return made[X.columns] if isinstance(X, pd.DataFrame) else made.to_numpy()


def _joined(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, list):
        return [series for part in parts for series in part]
    if isinstance(first, pd.DataFrame):
        return pd.concat(parts, ignore_index=True)
    dtype: npt.DTypeLike = np.asarray(first).dtype
    return np.concatenate([np.asarray(part).astype(dtype, copy=False) for part in parts])
