"""Categories as one-hot columns; a missing value is one more category where the column has any."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.batch import Output
from dgsynth.data.schema import Column
from dgsynth.errors import DataError

MOST_BYTES = 2**30
"""Of one encoded column whose categories are as good as all different: their number grows with the square of these."""


def check_size(column: Column, n_rows: int) -> None:
    """Raise DataError where a column like an identifier would take more memory than it can be worth."""
    found = len(column.categories or ())
    if found > n_rows / 4 and 4 * found * n_rows > MOST_BYTES:
        raise DataError(
            f"column {column.name!r} has {found} categories in {n_rows} rows, like an identifier, and would take "
            f"{4 * found * n_rows / 2**30:.0f} GB; leave it out, with frame.drop(columns=[{column.name!r}])"
        )


class CategoricalTransform:
    """One-hot encoding of a categorical or boolean column.

    Parameters
    ----------
    column : Column
        Its categories are the vocabulary; a nullable column has one more, for what is missing.
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self._categories = pd.Index(list(column.categories or ()), dtype=object)
        self.outputs = (Output(max(len(self._categories) + column.nullable, 1), "softmax"),)

    def encode(self, values: pd.Series) -> np.ndarray:
        """Return float32 of shape (n, dim), a single 1 in each row.

        Raises
        ------
        DataError
            A value is not among the column's categories.
        """
        codes = self.codes(values)
        one_hot = np.zeros((len(codes), self.outputs[0].dim), dtype=np.float32)
        one_hot[np.arange(len(codes)), codes] = 1
        return one_hot

    @property
    def gathered_dtype(self) -> np.dtype[Any]:
        """What `decode` returns and `to_series` takes."""
        return np.dtype(np.intp)

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Return the most likely output of each row, shape (n,)."""
        return encoded.argmax(axis=1)

    def to_series(self, codes: np.ndarray) -> pd.Series:
        """Return the values that the numbers of outputs stand for, with the column's dtype."""
        return pd.Series(self._vocabulary.take(codes), dtype=self._vocabulary.dtype, copy=False)

    @cached_property
    def _vocabulary(self) -> Any:
        """The value of each output, in the column's dtype: converted once, and not for every record."""
        missing = [None] * (self.outputs[0].dim - len(self._categories))
        return pd.Series([*self._categories, *missing], dtype=object).astype(self.column.pandas_dtype).array

    def codes(self, values: pd.Series) -> np.ndarray:
        """Return the number of each value's output, shape (n,).

        Raises
        ------
        DataError
            A value is not among the column's categories.
        """
        objects = values.astype(object)
        is_missing = values.isna().to_numpy()
        codes = self._categories.get_indexer(pd.Index(objects, dtype=object))
        codes[is_missing] = len(self._categories)
        unknown = codes < 0
        if unknown.any():
            raise DataError(
                f"column {self.column.name!r} holds {objects[unknown].iloc[0]!r}, which is not among the "
                f"{len(self._categories)} categories the model knows; correct the value, or fit again with it"
            )
        if is_missing.any() and not self.column.nullable and len(self._categories):
            raise DataError(f"column {self.column.name!r} has missing values, and had none when the model was fitted")
        return codes
