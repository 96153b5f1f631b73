"""Categories as one-hot columns; a missing value is one more category where the column has any."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dgsynth.batch import Output
from dgsynth.data.schema import Column
from dgsynth.errors import DataError


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
        codes = self._codes(values)
        one_hot = np.zeros((len(codes), self.outputs[0].dim), dtype=np.float32)
        one_hot[np.arange(len(codes)), codes] = 1
        return one_hot

    def decode(self, encoded: np.ndarray) -> pd.Series:
        """Return the most likely value of each row, with the column's dtype."""
        codes = encoded.argmax(axis=1)
        is_missing = codes >= len(self._categories)
        dtype = self.column.pandas_dtype
        if isinstance(dtype, pd.CategoricalDtype):
            return pd.Series(pd.Categorical.from_codes(np.where(is_missing, -1, codes), dtype=dtype))
        # Converted before they are repeated: a vocabulary is short, a column of records is not.
        vocabulary = pd.Series([*self._categories, *([None] if is_missing.any() else [])], dtype=object).astype(dtype)
        return pd.Series(vocabulary.array.take(np.where(is_missing, -1, codes)), dtype=dtype)

    def _codes(self, values: pd.Series) -> np.ndarray:
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
