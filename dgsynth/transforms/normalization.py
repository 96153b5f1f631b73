"""Auto-normalization: each sample's measurements scaled by its own range, which becomes min/max metadata."""

from __future__ import annotations

import numpy as np

from dgsynth.transforms.scaling import FeatureRange, Line

MARGIN = 1e-4
"""Kept around each sample's range, as in the original: a constant sample must not divide by zero."""
LEAST_SPAN = 0.05
"""Of the feature range: what a generated sample spans at least, or it is taken for constant by `attain`."""


def normalize(
    records: np.ndarray, offsets: np.ndarray, feature_range: FeatureRange
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return records scaled to the feature range sample by sample, and each sample's range.

    Parameters
    ----------
    records : float64 array of shape (sum of lengths,)
        One measurement, already scaled to the feature range; NaN where missing.
    offsets : int64 array of shape (n + 1,)
        Where each sample begins; every sample has a record.
    feature_range : (0, 1) or (-1, 1)

    Returns
    -------
    normalized : float64 array of shape (sum of lengths,)
    middle, half_width : float64 arrays of shape (n,)
        See `sample_ranges`.

    References
    ----------
    Lin et al. 2020, section 4.2.
    """
    middle, half_width = sample_ranges(records, offsets)
    sample = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    start, stop = feature_range
    unit = (records - middle[sample]) / (2 * half_width[sample]) + 0.5
    return start + (stop - start) * unit, middle, half_width


def sample_ranges(records: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each sample's range, from records and offsets as in `normalize`.

    Returns
    -------
    middle : float64 array of shape (n,)
        (max + min) / 2 over the sample's own records; in the feature range.
    half_width : float64 array of shape (n,)
        (max - min) / 2; in [0, 1]. Both are NaN for a sample without any value: see `fill_ranges`.
    """
    # fmin and fmax pass over NaN; the original takes the padding in, which tells real from generated.
    lowest = np.fmin.reduceat(records, offsets[:-1]) - MARGIN
    highest = np.fmax.reduceat(records, offsets[:-1]) + MARGIN
    return (highest + lowest) / 2, (highest - lowest) / 2


def fill_ranges(
    middle: np.ndarray, half_width: np.ndarray, feature_range: FeatureRange, each_alone: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranges of all samples; those without any value have the mean of the others.

    Parameters
    ----------
    middle, half_width : float64 arrays of shape (n,)
    feature_range : (0, 1) or (-1, 1)
    each_alone : bool, default=False
        Whether they have the middle of the feature range and no width instead, whatever the others are.
    """
    has_values = ~np.isnan(middle)
    fill = (float(feature_range[0]), MARGIN)
    if each_alone:
        fill = (sum(feature_range) / 2, MARGIN)
    elif has_values.any():
        fill = (middle[has_values].mean(), half_width[has_values].mean())
    return np.where(has_values, middle, fill[0]), np.where(has_values, half_width, fill[1])


def missing_share(records: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return for each sample the share of its values that are missing, in [0, 1].

    Often all of a measurement is missing in a sample, or none. Like the range it is generated beside the metadata, so
    that the auxiliary discriminator sees how it goes with them, and the LSTM need not remember it by itself.

    Parameters
    ----------
    records : float array of shape (sum of lengths,)
        NaN where missing.
    offsets : int64 array of shape (n + 1,)
        Where each sample begins; every sample has a record.
    """
    share: np.ndarray = np.add.reduceat(np.isnan(records), offsets[:-1], dtype=np.float64) / np.diff(offsets)
    return share


def attain(
    half_width: np.ndarray, lowest: np.ndarray, highest: np.ndarray, feature_range: FeatureRange
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the range that makes samples reach the smallest and largest value that were generated for them.

    A normalized sample spans the feature range but for `MARGIN`. A generated one often stays below its highest peak,
    so that its level is too low, above all on a logarithmic scale; stretched, it has the level of its min/max metadata,
    and the same shape.

    Parameters
    ----------
    half_width : float64 array of shape (n,)
        (max - min) / 2 as generated.
    lowest, highest : float arrays of shape (n,)
        What the generated records of each sample span, in the feature range; NaN without any.
    feature_range : (0, 1) or (-1, 1)

    Returns
    -------
    half_width, start, stop : float64 arrays of shape (n,)
        What `denormalize` takes, as it was for samples that are about constant.
    """
    start, stop = feature_range
    spans = highest - lowest > LEAST_SPAN * (stop - start)
    widths = np.where(spans, np.maximum(half_width - MARGIN, 0.0), half_width)
    return widths, np.where(spans, lowest, start), np.where(spans, highest, stop)


def denormalize(
    line: Line,
    middle: np.ndarray,
    half_width: np.ndarray,
    start: float | np.ndarray,
    stop: float | np.ndarray,
) -> Line:
    """Return `line` with each sample's own range before it: what undoes `normalize`, and then what `line` undoes.

    Parameters
    ----------
    line : Line of floats
    middle, half_width : float64 arrays of shape (n,)
    start, stop : floats or float64 arrays of shape (n,)
        What stands for a sample's smallest and largest value: the feature range, or what `attain` returned.

    Returns
    -------
    Line of float64 arrays of shape (n,)
        One line per sample: a record takes one multiplication and one addition.
    """
    gain = 2 * half_width / (stop - start)
    return Line(line.slope * gain, line.slope * (middle - half_width - gain * start) + line.intercept)
