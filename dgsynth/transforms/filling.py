"""What stands in for a missing measurement while the networks look at the sample."""

from __future__ import annotations

import numpy as np


def fill_missing(records: np.ndarray, offsets: np.ndarray, otherwise: float) -> np.ndarray:
    """Return records with NaN replaced by a straight line between the sample's neighbouring values.

    Before the first value of a sample the first holds, after the last the last; a sample without any
    value gets `otherwise`. That a value is missing is told by an indicator beside it; the line only keeps
    the filled place from telling itself apart.

    Parameters
    ----------
    records : float64 array of shape (sum of lengths,)
    offsets : int64 array of shape (n + 1,)
    otherwise : float
    """
    is_missing = np.isnan(records)
    if not is_missing.any():
        return records
    position = np.arange(len(records))
    lengths = np.diff(offsets)
    first = np.repeat(offsets[:-1], lengths)
    last = np.repeat(offsets[1:], lengths) - 1
    before = np.maximum.accumulate(np.where(is_missing, -1, position))
    after = np.minimum.accumulate(np.where(is_missing, len(records), position)[::-1])[::-1]
    has_before, has_after = before >= first, after <= last
    left = records[np.where(has_before, before, np.where(has_after, after, position)).astype(np.int64)]
    right = records[np.where(has_after, after, np.where(has_before, before, position)).astype(np.int64)]
    share = np.where(has_before & has_after, (position - before) / np.maximum(after - before, 1), 0.0)
    filled = left + share * (right - left)
    return np.where(np.isnan(filled), otherwise, filled)
