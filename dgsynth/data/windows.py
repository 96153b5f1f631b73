"""Long series cut into samples, and put together again where that can be done."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_random_state

from dgsynth.data.checks import Ints, as_label, check_disjoint, check_frame, check_present, key_codes
from dgsynth.data.column import Label, short
from dgsynth.data.long import record_order
from dgsynth.data.misreadings import of_index
from dgsynth.data.taken import as_frame
from dgsynth.errors import DataError

WINDOW = "window"
"""The column that names the windows."""


def windows(
    frame: pd.DataFrame,
    length: int,
    step: int = 1,
    *,
    sequence_index: Label | None = None,
    sequence_key: Label | None = None,
) -> pd.DataFrame:
    """Return windows of one or several long series as a long table, a sample each: to be fitted with their own key.

    Parameters
    ----------
    frame : DataFrame, or a table of pyarrow, polars or another library with Arrow's interface
        One row per record.
    length : int
        Records of each window.
    step : int, default=1
        Records from the beginning of a window to that of the next. Records behind the last whole window of a series
        are left out.
    sequence_index : str or int, default=None
        Column of timestamps, by which the records of a series are sorted; None keeps the order of rows.
    sequence_key : str or int, default=None
        Column that tells several series apart; None for one series.

    Returns
    -------
    DataFrame
        The columns of `frame` behind a new one, "window", which numbers the windows from 0, those of a series one after
        another. What is constant for a series is so for its windows, and read as metadata: `sequence_key` too.

    Warns
    -----
    UserWarning
        Series are left out, since they have fewer records than `length`; or datetimes are, in the row index.

    Raises
    ------
    DataError
        No series has `length` records, there is a column "window" already, or a key or a timestamp is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"day": [1, 2, 3, 4], "sales": [5.0, 7.0, 6.0, 8.0]})
    >>> windows(frame, 3, sequence_index="day")["sales"].tolist()
    [5.0, 7.0, 6.0, 7.0, 6.0, 8.0]
    """
    if (said := of_index(frame)) is not None:
        warnings.warn(said, stacklevel=2)
    frame, codes = _read(frame, sequence_index, sequence_key)
    length, step = _count(length, "length"), _count(step, "step")
    if WINDOW in frame.columns:
        raise DataError(f"the table has a column {WINDOW!r} already; rename it, with frame.rename(columns=...)")
    sizes = np.bincount(codes)
    if length > sizes.max():
        raise DataError(
            f"length is {length}, and the longest series has {sizes.max()} records; give a length of at most that"
        )
    n_short = int((sizes < length).sum())
    if n_short:
        warnings.warn(
            f"{n_short} of {len(sizes)} series have fewer than {length} records, and are left out; a shorter length "
            "keeps them",
            stacklevel=2,
        )
    begins = np.cumsum(sizes) - sizes
    first = np.concatenate([b + np.arange(0, n - length + 1, step) for b, n in zip(begins, sizes, strict=True)])
    made = frame.take((first[:, None] + np.arange(length)).ravel()).reset_index(drop=True)
    made.insert(0, WINDOW, np.repeat(np.arange(len(first)), length))
    return made


def stitch(
    samples: pd.DataFrame,
    step: int = 1,
    *,
    sequence_index: Label | None = None,
    sequence_key: Label | None = None,
    model: Any = None,
    length: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> pd.DataFrame:
    """Return long series: windows put together again, or samples of an autoregressive model that go on.

    Windows follow one another where each begins with the records that the one before ends with, as those do that
    `windows` has cut: ``stitch(windows(frame, 24))`` is `frame`. Samples of a model are independent of each other and
    never do; with an autoregressive `model` each goes on by itself, half a window at a time, from its last records.

    Parameters
    ----------
    samples : DataFrame
        Windows, named by a column "window"; or with `model` its samples.
    step, sequence_index, sequence_key
        As they were given to `windows`; not with `model`.
    model : AutoregressiveSynthesizer, default=None
        What made `samples`, as a long table; see its `extend`.
    length : int, default=None
        Records of each series in the end; goes with `model`.
    random_state : int, RandomState or None
        Of what `model` draws.

    Returns
    -------
    DataFrame
        Without the column "window"; with `model` the form of `samples`.

    Raises
    ------
    DataError
        The windows don't overlap, or `model` can't go on with its samples.

    Examples
    --------
    >>> frame = pd.DataFrame({"day": [1, 2, 3, 4], "sales": [5.0, 7.0, 6.0, 8.0]})
    >>> stitch(windows(frame, 3))["sales"].tolist()
    [5.0, 7.0, 6.0, 8.0]
    """
    if (model is None) != (length is None):
        raise DataError("model and length go together; give both to let the samples of a model go on, or neither")
    if model is not None:
        return _continued(samples, model, _count(length, "length"), random_state)
    step = _count(step, "step")
    if isinstance(samples, pd.DataFrame) and WINDOW not in samples.columns:
        raise DataError(
            f"the table has no column {WINDOW!r} that names windows; give what dgsynth.windows returned, or samples of "
            "an AutoregressiveSynthesizer with model and length"
        )
    frame, window = _read(samples, sequence_index, WINDOW)
    sizes = np.bincount(window)
    if sizes.min() < sizes.max() or step >= sizes.max():
        raise DataError(
            f"the windows have {sizes.min()} to {sizes.max()} records and follow by steps of {step}; to be put "
            "together they must have the same length, greater than step: give the step that they were cut with"
        )
    size, frame = int(sizes.max()), frame.drop(columns=WINDOW)
    series = _series_of(frame, sequence_key)
    order = np.argsort(series, kind="stable")
    frame, series = frame.take(order), series[order][::size]
    follows = np.append(False, series[1:] == series[:-1])
    _check_overlap(frame, np.flatnonzero(follows) * size, size, step)
    is_new = np.ones((len(sizes), size), dtype=bool)
    is_new[follows, : size - step] = False
    return frame[is_new.ravel()].reset_index(drop=True)


def _read(frame: Any, index: Label | None, key: Label | None) -> tuple[pd.DataFrame, Ints]:
    """Return a table with its records sorted by series and time, and the number of the series of each."""
    frame = as_frame(frame)
    check_frame(frame)
    index = None if index is None else as_label(index, "sequence_index")
    key = None if key is None else as_label(key, "sequence_key")
    roles = {"sequence_index": index, "sequence_key": key}
    named = {name: (label,) for name, label in roles.items() if label is not None}
    check_disjoint(named)
    for name, labels in named.items():
        check_present(frame, labels, name)
    codes = np.zeros(len(frame), dtype=np.int64) if key is None else key_codes(frame[key], key)
    order = record_order(codes, frame, key, index)
    return (frame, codes) if order is None else (frame.take(order), codes[order])


def _series_of(frame: pd.DataFrame, key: Label | None) -> Ints:
    """Return the number of each record's series; there is one where no key tells."""
    if key is None:
        return np.zeros(len(frame), dtype=np.int64)
    key = as_label(key, "sequence_key")
    check_present(frame, [key], "sequence_key")
    return key_codes(frame[key], key)


def _check_overlap(frame: pd.DataFrame, begins: npt.NDArray[np.intp], size: int, step: int) -> None:
    """Raise DataError unless the windows at `begins` have the records in common with those before them."""
    common = np.arange(size - step)
    rows = begins[:, None] + common
    wrong = np.zeros(rows.size, dtype=bool)
    for label in frame.columns:
        here, before = (frame[label].iloc[r.ravel()].reset_index(drop=True) for r in (rows, rows - size + step))
        same = (here == before).fillna(False).to_numpy(dtype=bool) | (here.isna() & before.isna()).to_numpy()
        wrong |= ~same
    if wrong.any():
        i = int(begins[np.flatnonzero(wrong)[0] // len(common)]) // size
        raise DataError(
            f"window {i} doesn't begin with the last {len(common)} records of the one before; samples of a model are "
            "independent of each other and can't be joined: give windows with the step and the sequence_key that they "
            "were cut with, or model (an AutoregressiveSynthesizer) and length, to let each sample go on"
        )


def _continued(samples: pd.DataFrame, model: Any, length: int, random_state: Any) -> pd.DataFrame:
    """Return samples that have `length` records each, drawn by the model window after window."""
    model = getattr(model, "best_", model)
    schema = getattr(model, "schema_", None)
    if schema is None or not hasattr(model, "extend"):
        raise DataError(
            f"the samples of {type(model).__name__} are independent of each other and can't go on; fit an "
            "AutoregressiveSynthesizer on the windows, and give it as model"
        )
    if schema.sequence_key is None or schema.max_length < 2:
        raise DataError(
            "model has not learned a long table of samples of two records or more; fit it on what dgsynth.windows "
            "returns, with sequence_key='window'"
        )
    check_frame(samples)
    key, size = schema.sequence_key.name, schema.max_length
    check_present(samples, [key], "the model's sequence_key")
    random = check_random_state(random_state)
    parts, last = [samples], samples.groupby(key, sort=False, observed=True).tail(size // 2)
    shortest = int(samples[key].value_counts().min())
    while shortest < length:
        known = last[key].value_counts()
        grown = model.extend(last, lengths=size, random_state=int(random.randint(2**31 - 1)))
        of_sample = grown.groupby(key, sort=False, observed=True)
        parts.append(grown[of_sample.cumcount() >= grown[key].map(known)])
        shortest += size - int(known.max())
        last = of_sample.tail(size // 2)
    joined = pd.concat(parts, ignore_index=True)
    joined = joined.take(np.argsort(key_codes(joined[key], key), kind="stable"))
    return joined[joined.groupby(key, sort=False, observed=True).cumcount() < length].reset_index(drop=True)


def _count(value: Any, name: str) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise DataError(f"{name} must be a whole number of at least 1, got {short(value)}; give one")
    return int(value)
