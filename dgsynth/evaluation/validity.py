"""Values that the real data could not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dgsynth.evaluation.columns import COUNTED_KINDS, numeric, of_column
from dgsynth.evaluation.tables import takes_tables

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences


@takes_tables
def invalid_share(real: Sequences, synthetic: Sequences, column: Label) -> float:
    """Return the share of a column's synthetic values that no real value is like.

    Those are: a number outside the range of the real ones, or one that is not finite; a fraction where all real ones
    are whole; a category that no real sample has; a missing value where the real data have none.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    column : column label
        Of metadata or measurements.

    Returns
    -------
    float in [0, 1]
        NaN where the synthetic data have no values.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(invalid_share(real, other, "views", **columns), 2)
    0.0
    """
    known, made = of_column(real, column), of_column(synthetic, column)
    if not len(made):
        return float("nan")
    missing = made.isna().to_numpy()
    invalid = missing & (not known.isna().any())
    if real.schema.column(column).kind in COUNTED_KINDS:
        values = set(known.dropna().unique())
        places, kinds = pd.factorize(made.astype(object))  # -1 where missing
        unknown = np.array([value not in values for value in kinds] + [False])
        return float((invalid | unknown[places]).mean())
    numbers, real_numbers = numeric(made), numeric(known)
    real_numbers = real_numbers[np.isfinite(real_numbers)]
    if not real_numbers.size:
        return float((invalid | ~missing).mean())
    low, high = real_numbers.min(), real_numbers.max()
    # A file with rounded numbers may miss the end of the range by a digit.
    slack = 1e-6 * high - 1e-6 * low or 1e-6 * abs(high)
    outside = (numbers < low - slack) | (numbers > high + slack)
    if (real_numbers == np.rint(real_numbers)).all():
        outside |= numbers != np.rint(numbers)
    return float((invalid | (~missing & outside)).mean())
