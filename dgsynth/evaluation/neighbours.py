"""How whole samples lie to each other: copies, memorisation, and whether all of the real data is covered.

Distances are those of `SampleVectors.whole`: mean squared differences of metadata, length and series, each number on
the scale of the real data.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from dgsynth.evaluation.columns import numeric
from dgsynth.evaluation.tables import takes_tables
from dgsynth.evaluation.vectors import SampleVectors

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

N_NEIGHBOURS = 5
"""Neighbours of a real sample that its neighbourhood reaches, as in Naeem et al. (2020)."""

MAX_QUERIES = 1000
"""Samples drawn at random to stand for all; what they are compared with is not thinned out for copies."""


def nearest_samples(
    real: Sequences, synthetic: Sequences, k: int = 3, vectors: SampleVectors | None = None
) -> tuple[Floats, Ints]:
    """Return the nearest real samples of each synthetic one.

    Parameters
    ----------
    real : Sequences of n samples
    synthetic : Sequences of m samples
    k : int, default=3
    vectors : SampleVectors, default=None
        The scale of the squared errors; by default that of `real`.

    Returns
    -------
    distances : float64 array of shape (m, min(k, n))
        Squared errors, ascending.
    indices : int64 array of shape (m, min(k, n))
        Which real samples these are.

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figures 21 to 23.

    Examples
    --------
    >>> from dgsynth import Sequences
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> visits = make_web_traffic(60, 40, random_state=0)
    >>> pages = Sequences.from_long(visits, sequence_key="page", sequence_index="date")
    >>> distances, which = nearest_samples(pages, pages, k=1)
    >>> bool((which[:, 0] == np.arange(60)).all())
    True
    """
    vectors = SampleVectors.fit(real) if vectors is None else vectors
    return _nearest(vectors, real, vectors.whole(synthetic), k)


@takes_tables
def nearest_ratio(
    real: Sequences, synthetic: Sequences, *, holdout: Sequences | None = None, random_state: int = 0
) -> float:
    """Return how far synthetic samples are from the nearest training sample, relative to unseen real samples.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
        `real` are the samples that the synthesizer was trained on.
    holdout : Sequences, default=None
        Real samples that it was not trained on. By default each real sample is taken as unseen by the others.
    random_state : int, default=0
        Seed of the choice of `MAX_QUERIES` samples where there are more.

    Returns
    -------
    float
        The median squared error of the synthetic samples over that of the unseen real ones. About 1 where the
        synthetic samples are like fresh ones; near 0 where they are copies; above 1 where they are off.

    References
    ----------
    Lin et al. (2020), Section 5.2 "DG does not overfit" and Figures 21 to 23.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(nearest_ratio(real, other, **columns), 2)
    0.39
    """
    rng = np.random.default_rng(random_state)
    vectors = SampleVectors.fit(real)
    made = np.median(_nearest(vectors, real, vectors.whole(_some(synthetic, rng)), 1)[0])
    if holdout is None:
        chosen = _chosen(len(real), rng)
        distances = _nearest(vectors, real, vectors.whole(real.take(chosen)), 1, chosen)[0]
    else:
        distances = _nearest(vectors, real, vectors.whole(_some(holdout, rng)), 1)[0]
    unseen = float(np.median(distances))
    return float(made / unseen) if 0 < unseen < np.inf else float("nan")


@takes_tables
def memorized_share(real: Sequences, synthetic: Sequences, holdout: Sequences, *, random_state: int = 0) -> float:
    """Return how many more synthetic samples lie nearest to a training sample than would do so by chance.

    A synthetic sample that learned the law of the data, and not the training samples, has its nearest real neighbour
    among the n training samples with probability n / (n + m), m being the samples that were held out.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
        `real` are the samples that the synthesizer was trained on.
    holdout : Sequences of m samples
        Real samples that it was not trained on.
    random_state : int, default=0
        Seed of the choice of `MAX_QUERIES` synthetic samples where there are more.

    Returns
    -------
    float in [0, m / (n + m)]
        The share of samples beyond n / (n + m); 0 if there are fewer. Ties count half.

    Examples
    --------
    >>> from dgsynth import Sequences
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> tables = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1, 2))
    >>> real, synthetic, holdout = (Sequences.from_long(table, **columns) for table in tables)
    >>> round(memorized_share(real, synthetic, holdout), 2)
    0.07
    """
    vectors = SampleVectors.fit(real)
    queries = vectors.whole(_some(synthetic, np.random.default_rng(random_state)))
    to_real, to_holdout = (_nearest(vectors, data, queries, 1)[0][:, 0] for data in (real, holdout))
    nearer = np.mean((to_real < to_holdout) + 0.5 * (to_real == to_holdout))
    return max(0.0, float(nearer - len(real) / (len(real) + len(holdout))))


@takes_tables
def duplicate_share(real: Sequences, synthetic: Sequences) -> float:
    """Return the share of synthetic samples that equal a real one.

    All of their metadata and measurements must be equal, numbers as float32; keys and timestamps may differ.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(duplicate_share(real, other, **columns), 2)
    0.0
    """
    return float(np.isin(_fingerprints(real, synthetic), _fingerprints(real, real)).mean())


@takes_tables
def repeated_share(real: Sequences, synthetic: Sequences) -> float:
    """Return the share of synthetic samples that equal an earlier synthetic one, as in `duplicate_share`.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(repeated_share(real, other, **columns), 2)
    0.0
    """
    return 1.0 - len(np.unique(_fingerprints(real, synthetic))) / len(synthetic)


@takes_tables
def density(real: Sequences, synthetic: Sequences, *, random_state: int = 0) -> float:
    """Return how densely synthetic samples lie where real ones do.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
        Equal numbers of both are compared, `MAX_QUERIES` at most.
    random_state : int, default=0
        Seed of their choice.

    Returns
    -------
    float
        The mean number of real neighbourhoods that a synthetic sample lies in, over `N_NEIGHBOURS`; about 1 for data
        like the real ones, less where samples are unlike any real one. A neighbourhood reaches as far as the sample's
        fifth neighbour. NaN for fewer than seven samples.

    References
    ----------
    Naeem, Oh, Uh, Choi, Yoo: Reliable Fidelity and Diversity Metrics for Generative Models. ICML 2020.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(density(real, other, **columns), 2)
    1.07
    """
    inside = _inside(real, synthetic, random_state)
    return float("nan") if inside is None else float(inside.sum() / N_NEIGHBOURS / inside.shape[1])


@takes_tables
def coverage(real: Sequences, synthetic: Sequences, *, random_state: int = 0) -> float:
    """Return the share of real samples that have a synthetic one in their neighbourhood.

    Parameters and neighbourhoods are those of `density`.

    Returns
    -------
    float in [0, 1]
        About 1 - 1 / 2^5 for data like the real ones; little where modes have collapsed. NaN for fewer than seven
        samples.

    References
    ----------
    Naeem et al. (2020), as for `density`.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(coverage(real, other, **columns), 2)
    0.98
    """
    inside = _inside(real, synthetic, random_state)
    return float("nan") if inside is None else float(inside.any(axis=1).mean())


@takes_tables
def diversity_loss(real: Sequences, synthetic: Sequences, *, random_state: int = 0) -> float:
    """Return how much less synthetic samples differ from each other than real ones do.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    random_state : int, default=0
        Seed of the choice of `MAX_QUERIES` samples where there are more.

    Returns
    -------
    float in [0, 1]
        1 minus the ratio of the root mean squared distances of pairs, 0 where it is above 1: 0 for data as diverse as
        the real ones, 1 where all samples are the same. NaN where all real ones are.

    References
    ----------
    Lin et al. (2020), Section 4.2 and Figure 5: collapsed samples have "similar shapes and amplitudes".

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(diversity_loss(real, other, **columns), 2)
    0.07
    """
    rng = np.random.default_rng(random_state)
    vectors = SampleVectors.fit(real)
    # The mean squared distance of all pairs is twice the variance, summed over the entries.
    spread, made = (float(vectors.whole(_some(data, rng)).var(axis=0).sum()) for data in (real, synthetic))
    return max(0.0, 1.0 - float(np.sqrt(made / spread))) if spread > 0 else float("nan")


def _inside(real: Sequences, synthetic: Sequences, random_state: int) -> npt.NDArray[np.bool_] | None:
    """Whether each synthetic sample lies in each real one's neighbourhood, (n, n); None where there are too few."""
    size = min(len(real), len(synthetic), MAX_QUERIES)
    if size < N_NEIGHBOURS + 2:
        return None
    rng = np.random.default_rng(random_state)
    vectors = SampleVectors.fit(real)
    chosen = [data.take(rng.permutation(len(data))[:size]) for data in (real, synthetic)]
    first, second = (torch.from_numpy(vectors.whole(data)) for data in chosen)
    among = _distances(first, first).fill_diagonal_(torch.inf)
    reach = among.kthvalue(N_NEIGHBOURS, dim=1, keepdim=True).values
    inside: npt.NDArray[np.bool_] = (_distances(first, second) <= reach).numpy()
    return inside


def _nearest(
    vectors: SampleVectors, real: Sequences, queries: Vectors, k: int, own: Ints | None = None
) -> tuple[Floats, Ints]:
    """Squared distances and indices of the k nearest real samples of each query; `own` is what it is itself."""
    wanted = torch.from_numpy(queries)
    best, indices = torch.empty(len(queries), 0), torch.empty(len(queries), 0, dtype=torch.int64)
    first = 0
    for chunk in vectors.whole_chunks(real):
        distances = _distances(wanted, torch.from_numpy(chunk))
        if own is not None:
            here = np.flatnonzero((own >= first) & (own < first + len(chunk)))
            distances[here, own[here] - first] = torch.inf
        nearest, places = distances.topk(min(k, len(chunk)), largest=False)
        best, order = torch.cat([best, nearest], dim=1).sort(dim=1, stable=True)
        indices = torch.cat([indices, places + first], dim=1).gather(1, order)
        best, indices = best[:, :k], indices[:, :k]
        first += len(chunk)
    return best.numpy().astype(np.float64) ** 2, indices.numpy()


def _distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Distances of all pairs, (n, m); as a product of matrices, which leaves equal samples about 1e-3 apart."""
    return torch.cdist(first, second, compute_mode="use_mm_for_euclid_dist")


def _some(data: Sequences, rng: np.random.Generator) -> Sequences:
    return data.take(_chosen(len(data), rng)) if len(data) > MAX_QUERIES else data


def _chosen(size: int, rng: np.random.Generator) -> Ints:
    return np.sort(rng.permutation(size)[:MAX_QUERIES]).astype(np.int64)


def _fingerprints(real: Sequences, data: Sequences, records: int = 1_000_000) -> npt.NDArray[np.uint64]:
    """A number for each sample of `data`, equal for equal samples; made of so many records at a time."""
    boundaries = np.searchsorted(data.offsets, np.arange(0, data.n_records + records, records))
    edges = np.unique([0, *boundaries.clip(max=len(data)), len(data)])
    pieces = [data.take(np.arange(a, b)) for a, b in pairwise(edges)]
    return np.concatenate([_fingerprint(real, piece) for piece in pieces])


def _fingerprint(real: Sequences, data: Sequences) -> npt.NDArray[np.uint64]:
    place = (np.arange(data.n_records) - np.repeat(data.offsets[:-1], data.lengths)).astype(np.uint64)
    with np.errstate(over="ignore"):
        fingerprint = _mixed(data.lengths.astype(np.uint64))
        for column in real.schema.metadata:
            fingerprint = _mixed(fingerprint + _hashes(data.metadata[column.name], column.has_categories))
        records = np.zeros(data.n_records, dtype=np.uint64)
        for column in real.schema.measurements:
            records = _mixed(records + _hashes(data.measurements[column.name], column.has_categories))
        if data.n_records:
            # A sum, in which every record is marked with its place.
            sums = np.add.reduceat(np.append(_mixed(records + _mixed(place)), np.uint64(0)), data.offsets[:-1])
            fingerprint = _mixed(fingerprint + np.where(data.lengths > 0, sums, np.uint64(0)))
    return fingerprint


def _hashes(values: pd.Series[Any], counted: bool) -> npt.NDArray[np.uint64]:
    if counted:
        texts = values.astype(object).map(lambda value: "" if pd.isna(value) else f"={_plain(value)}")
        hashed: npt.NDArray[np.uint64] = pd.util.hash_array(texts.to_numpy(dtype=object))
        return hashed
    numbers = numeric(values).astype(np.float32)
    # One pattern of bits for all missing values, and for 0 and -0.
    bits = np.where(np.isnan(numbers), np.float32(np.nan), numbers + np.float32(0)).view(np.uint32)
    return bits.astype(np.uint64)


def _plain(value: Any) -> Any:
    """One text for equal categories: True, 1 and 1.0."""
    return int(value) if isinstance(value, bool | np.bool_ | float) and value == int(value) else value


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every bit of the values spread over all 64 (the finalizer of splitmix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
