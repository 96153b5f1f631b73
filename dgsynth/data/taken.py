"""What users give as data: tables of other libraries made one that is known, and what is said of what is no table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from dgsynth.data.arrow import frame_from_arrow
from dgsynth.data.column import short
from dgsynth.errors import DataError

_ARROW = ("__arrow_c_stream__", "__arrow_c_array__")


def as_known(X: Any) -> Any:
    """Return X; a table of another library, such as polars, as a pyarrow Table by Arrow's own interface.

    Raises
    ------
    DataError
        X is nothing that can be read as a table, or as arrays.
    """
    if isinstance(X, pd.DataFrame | pa.Table):
        return X
    remedy = _remedy(X)
    if remedy is not None:
        raise DataError(f"the data are {described(X)}; {remedy}")
    if any(hasattr(X, name) for name in _ARROW):
        try:
            return pa.table(X)
        except (TypeError, ValueError, pa.ArrowException) as error:
            raise DataError(f"the data are {described(X)}, which is no table ({error}); give one") from error
    return X


def as_frame(X: Any) -> Any:
    """Return X; as a DataFrame where it is a table of pyarrow or of another library."""
    X = as_known(X)
    return frame_from_arrow(X)[0] if isinstance(X, pa.Table) else X


def described(X: Any) -> str:
    """Return what X is, in words."""
    kind = type(X).__name__
    if isinstance(X, str | os.PathLike):
        return f"a path, {short(os.fspath(X))}"
    if isinstance(X, list | tuple):
        inner = f" of {len(X)} {type(X[0]).__name__}" if len(X) else ", which is empty"
        return f"a {kind}{inner}"
    if getattr(X, "shape", None) is not None:
        return f"of type {kind} and shape {tuple(X.shape)}"
    return "None" if X is None else f"of type {kind}"


def _remedy(X: Any) -> str | None:
    """Return what to do with what can't be read."""
    if isinstance(X, str | os.PathLike):
        return f"read the file first, with dgsynth.data.read_table({short(os.fspath(X))})"
    if isinstance(X, pd.Series):
        return "make a table of it first, with X.to_frame()"
    if isinstance(X, list | tuple) and len(X) and all(isinstance(row, Mapping) for row in X):
        return "make a DataFrame of it first, with pd.DataFrame(X)"
    if getattr(getattr(X, "dtype", None), "names", None):  # records of NumPy
        return "make a DataFrame of it first, with pd.DataFrame(X)"
    if isinstance(X, Mapping) and len(X) and all(isinstance(part, pd.DataFrame) for part in X.values()):
        return "join them to one table first, with pd.concat(X, names=['sample']).reset_index('sample')"
    if isinstance(X, Mapping) and not hasattr(X, "ndim"):  # some sparse matrices are mappings too
        return "make a DataFrame of it first, with pd.DataFrame(X)"
    if isinstance(X, pd.api.typing.DataFrameGroupBy):
        return "give the table itself, X.obj, and the column that it is grouped by as sequence_key"
    if hasattr(X, "collect") and not hasattr(X, _ARROW[0]):
        return "make a table of it first, with X.collect()"
    readable = (list, tuple, *((type(X),) if any(hasattr(X, n) for n in (*_ARROW, "ndim", "__array__")) else ()))
    return None if isinstance(X, readable) else "give a DataFrame, a pyarrow Table, an array or a list of arrays"
