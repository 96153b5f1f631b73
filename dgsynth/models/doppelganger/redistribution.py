"""Metadata of a wanted distribution, made of a model's own metadata: what its metadata generator is re-trained to."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.column import short
from dgsynth.data.schema import Column, Label
from dgsynth.errors import DataError
from dgsynth.transforms.given import as_column
from dgsynth.transforms.numbers import Terms, column_range, from_numbers, gather, to_numbers

Doubles = npt.NDArray[np.float64]

N_ROWS = 20_000
"""Metadata that a target is made of."""

N_BINS = 20
"""Bins of equal width over the range of a number that is to be uniform; fewer where it takes fewer whole values."""

_SELDOM = 5
"""A value that so few of the rows have, or fewer, can't be raised by weighing these rows."""

_ROUNDS = 200


def weighed(pool: pd.DataFrame, weights: Callable[[pd.DataFrame], Any], rng: np.random.Generator) -> pd.DataFrame:
    """Return rows of the pool, each as often as its weight says.

    Raises
    ------
    DataError
        The weights are not one number for each row, negative, or all zero.
    """
    given = _floats(weights(pool.copy()), "the weights")
    if given.shape != (len(pool),) or not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise DataError(
            f"the weights must be {len(pool)} finite numbers, none negative and not all zero, one for each row of the "
            f"metadata that they were given; got an array of shape {given.shape}"
        )
    return _resampled(pool, given, rng)


def with_marginals(
    pool: pd.DataFrame,
    columns: Mapping[Label, Column],
    marginals: Mapping[Label, Mapping[Any, float] | str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return rows of the pool, weighed so that columns have the wanted marginals.

    Weights come from raking: they are fitted to one column's marginal after another, over and over, which leaves the
    dependence between columns as it is (the odds ratios of the pool).

    Parameters
    ----------
    pool : DataFrame
        Metadata that a model makes.
    columns : mapping of label to Column
        Those that may be named.
    marginals : mapping of label to mapping of value to weight, or "uniform"
    rng : Generator

    Raises
    ------
    DataError
        A column or a value is unknown, or weights are negative or all zero.

    References
    ----------
    Deming, Stephan: On a Least Squares Adjustment of a Sampled Frequency Table. 1940.
    """
    pool, wanted = pool.copy(), {}
    for name, marginal in marginals.items():
        if name not in columns:
            raise DataError(f"the target names column {name!r}; the model's metadata columns are {list(columns)}")
        wanted[name] = _shares(columns[name], marginal)
        pool[name] = _with_all_values(pool[name], columns[name], wanted[name], rng)
    codes = {name: _codes(pool[name], columns[name]) for name in wanted}
    weights = np.full(len(pool), 1.0 / len(pool))
    for _ in range(_ROUNDS):
        before = weights
        for name, shares in wanted.items():
            found = np.bincount(codes[name], weights, len(shares))
            ratio = np.divide(shares, found, out=np.zeros_like(shares), where=found > 0)
            weights = weights * ratio[codes[name]]
        if not weights.any():
            raise DataError(
                f"the marginals of {list(wanted)} exclude each other, as no metadata of the model fit them all; give "
                "other weights"
            )
        if np.abs(weights - before).sum() < 1e-9:
            break
    for name, shares in wanted.items():
        off = float(np.abs(np.bincount(codes[name], weights, len(shares)) / weights.sum() - shares).sum() / 2)
        if off > 0.01:
            warnings.warn(
                f"the marginals of {list(wanted)} contradict each other in what the model makes together: that of "
                f"column {name!r} can only be met to a total variation of {off:.2f}",
                stacklevel=4,
            )
    return _resampled(pool, weights, rng)


def total_variations(wanted: pd.DataFrame, made: pd.DataFrame, columns: Mapping[Label, Column]) -> dict[Label, float]:
    """Return by column how far the frequencies of two tables are apart; numbers are counted in bins."""
    result = {}
    for name in columns.keys() & set(wanted):
        size = _n_codes(columns[name])
        counts = [np.bincount(_codes(table[name], columns[name]), minlength=size) for table in (wanted, made)]
        result[name] = float(np.abs(counts[0] / len(wanted) - counts[1] / len(made)).sum() / 2)
    return result


def _floats(values: Any, what: str) -> Doubles:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be numbers, got {short(values)}; give such") from error


def _shares(column: Column, marginal: Mapping[Any, float] | str) -> Doubles:
    """Return the wanted share of every category, a missing value behind them, or of every bin."""
    size = _n_codes(column)
    if isinstance(marginal, str):
        if marginal != "uniform":
            raise DataError(
                f"the target of column {column.name!r} must be weights or 'uniform', got {marginal!r}; give these"
            )
        shares: Doubles = np.ones(size, dtype=np.float64)
        shares[size - column.nullable :] = 0  # not missing
        return shares / shares.sum()
    if not column.has_categories:
        raise DataError(
            f"column {column.name!r} is {column.kind}, and can't be given weights by value; give 'uniform', a table, "
            "or a function of weights"
        )
    values = pd.Series(list(marginal), dtype=object)
    codes = _codes(as_column(values, column), column)
    weights = _floats(list(marginal.values()), f"the weights of column {column.name!r}")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise DataError(
            f"the weights of column {column.name!r} must be finite, none negative and not all zero, got "
            f"{short(weights)}; give such"
        )
    shares = np.bincount(codes, weights, size).astype(np.float64)
    return shares / shares.sum()


def _codes(values: pd.Series, column: Column) -> npt.NDArray[np.int64]:
    """Return the number of each value's category or bin; what is missing comes last."""
    is_missing = values.isna().to_numpy()
    if column.has_categories:
        codes = pd.Index(list(column.categories or ()), dtype=object).get_indexer(pd.Index(values.astype(object)))
        return np.where(is_missing, len(column.categories or ()), codes).astype(np.int64)
    low, width = _first_bin(column)
    bins = np.clip(np.nan_to_num((to_numbers(values, column) - low) / width), 0, _n_bins(column) - 1).astype(np.int64)
    bins[is_missing] = _n_bins(column)
    return bins


def _n_codes(column: Column) -> int:
    return (len(column.categories or ()) if column.has_categories else _n_bins(column)) + column.nullable


def _n_bins(column: Column) -> int:
    low, high = column_range(column)
    return N_BINS if column.kind == "continuous" else min(N_BINS, int(high - low) + 1)


def _first_bin(column: Column) -> tuple[float, float]:
    """Return where the first bin begins, and the width of each; whole numbers lie in the middle of theirs."""
    margin = 0.5 if column.kind == "integer" else 0.0
    low, high = column_range(column)
    return low - margin, (high - low + 2 * margin) / _n_bins(column) or 1.0


def _with_all_values(values: pd.Series, column: Column, shares: Doubles, rng: np.random.Generator) -> pd.Series:
    """Return the pool's values, of which some random ones are replaced by wanted values that it lacks."""
    counts = np.bincount(_codes(values, column), minlength=len(shares))
    lacking = np.flatnonzero((shares > 0) & (counts <= _SELDOM))
    if not len(lacking) or column.kind == "datetime":
        return values
    objects = values.astype(object).to_numpy(copy=True)
    places = rng.permutation(len(values))
    for code in lacking:
        chosen, places = np.split(places, [max(round(shares[code] * len(values)), _SELDOM + 1)])
        objects[chosen] = _value(column, int(code), len(chosen), rng)
    return pd.Series(objects, index=values.index).astype(values.dtype)


def _value(column: Column, code: int, size: int, rng: np.random.Generator) -> Any:
    if column.has_categories:
        categories = column.categories or ()
        return categories[code] if code < len(categories) else None
    if code == _n_bins(column):
        return None
    low, width = _first_bin(column)
    numbers = (low + width * (code + rng.random(size))).clip(*column_range(column))
    return from_numbers(gather(numbers, np.dtype(np.float64), column, Terms.of(column)), column).to_numpy()


def _resampled(pool: pd.DataFrame, weights: Doubles, rng: np.random.Generator) -> pd.DataFrame:
    """Return as many rows, each as often as its weight says but for rounding (systematic resampling)."""
    ends = np.cumsum(weights / weights.sum())
    points = (np.arange(len(pool)) + rng.random()) / len(pool)
    rows = np.searchsorted(ends, points).clip(max=len(pool) - 1)
    return pool.iloc[rng.permutation(rows)].reset_index(drop=True)
