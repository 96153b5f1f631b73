"""Metrics that train a network: can it tell synthetic from real samples, and can it learn from them to predict?

Both are those of Yoon et al. (2019), with a GRU on the scale of `SampleVectors`. They say whether there is something
that the other metrics do not look at, at the price of training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgsynth.evaluation.columns import numeric
from dgsynth.evaluation.tables import takes_tables
from dgsynth.evaluation.vectors import SampleVectors, block_means

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences

MAX_SAMPLES = 1000
"""Most samples of each kind that a network is trained and tested on."""

MAX_BLOCKS = 50
"""Most steps over which a sample is read by the judge; longer ones are read in blocks of records."""

WINDOW = 48
"""Most records that the forecaster reads."""

MIN_SAMPLES = 10

_HIDDEN = 32
_BATCH = 100
_LEARNING_RATE = 5e-3


@takes_tables
def discriminative_score(
    real: Sequences, synthetic: Sequences, *, max_samples: int = MAX_SAMPLES, random_state: int = 0
) -> float:
    """Return how well a network tells synthetic samples from real ones: its accuracy on unseen ones, less a half.

    It reads metadata and measurements: a GRU the means and standard deviations over at most `MAX_BLOCKS` blocks of
    records, and then an MLP. It learns on four fifths of equally many samples of both, and is tested on the rest.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    max_samples : int, default=1000
        Most samples of each.
    random_state : int, default=0
        Seed of their choice, and of the network.

    Returns
    -------
    float in [0, 0.5]
        0 where it can but guess, 0.5 where it is never wrong; NaN for fewer than ten samples.

    References
    ----------
    Yoon, Jarrett, van der Schaar: Time-series Generative Adversarial Networks. NeurIPS 2019, Section 5.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> 0 <= discriminative_score(real, other, max_samples=20, **columns) <= 0.5
    True
    """
    size = min(len(real), len(synthetic), max_samples)
    if size < MIN_SAMPLES:
        return float("nan")
    rng = np.random.default_rng(random_state)
    vectors = SampleVectors.fit(real)
    both = [data.take(rng.permutation(len(data))[:size]) for data in (real, synthetic)]
    metadata = torch.cat([torch.from_numpy(vectors.metadata(data)) for data in both])
    series = torch.cat([_blocks(vectors, data) for data in both])
    truth = torch.arange(2).repeat_interleave(size)
    tested = torch.arange(size).remainder(5).eq(0).repeat(2)
    with _seeded(random_state):
        judge = _Judge(metadata.shape[1], series.shape[2])

    def loss(chosen: Tensor) -> Tensor:
        return F.cross_entropy(judge(metadata[chosen], series[chosen]), truth[chosen])

    _train(judge, loss, torch.nonzero(~tested)[:, 0], n_steps=240, random_state=random_state)
    with torch.no_grad():
        right = judge(metadata[tested], series[tested]).argmax(dim=1) == truth[tested]
    return abs(float(right.double().mean()) - 0.5)


@takes_tables
def predictive_score(
    real: Sequences, synthetic: Sequences, *, max_samples: int = MAX_SAMPLES, random_state: int = 0
) -> float:
    """Return how far off a network is that learned from synthetic data to predict the next record of real data.

    A GRU reads up to `WINDOW` successive records of a sample, and says after each what the numeric measurements of the
    next will be. Missing values are not asked for.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    max_samples : int, default=1000
        Most samples of each; one window of each sample is used.
    random_state : int, default=0
        Seed of their choice, and of the network.

    Returns
    -------
    float
        Mean absolute error in real standard deviations, of the logarithm where values have a long tail. NaN for fewer
        than ten samples, or where there is nothing to predict.

    References
    ----------
    Yoon et al. (2019), as for `discriminative_score`.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> predictive_score(real, other, max_samples=20, **columns) > 0
    True
    """
    vectors = SampleVectors.fit(real)
    if min(len(real), len(synthetic)) < MIN_SAMPLES or not len(vectors.numeric_entries()):
        return float("nan")
    rng = np.random.default_rng(random_state)
    (records, known), (real_records, real_known) = (
        _windows(vectors, data.take(rng.permutation(len(data))[:max_samples]), rng) for data in (synthetic, real)
    )
    usable = torch.nonzero(known.flatten(1).any(dim=1))[:, 0]
    if not (len(usable) and real_known.any()):
        return float("nan")
    numbers = torch.from_numpy(vectors.numeric_entries().astype(np.int64))
    with _seeded(random_state):
        forecaster = _Forecaster(records.shape[2], len(numbers))

    def error(records: Tensor, known: Tensor) -> Tensor:
        wrong = (forecaster(records[:, :-1]) - records[:, 1:, numbers]).abs()
        return (wrong * known).sum() / known.sum().clamp(min=1)

    _train(forecaster, lambda chosen: error(records[chosen], known[chosen]), usable, 200, random_state)
    with torch.no_grad():
        return float(error(real_records, real_known))


class _Judge(nn.Module):
    """Two logits, of real and synthetic, from metadata (n, A) and series (n, blocks, D)."""

    def __init__(self, metadata: int, series: int) -> None:
        super().__init__()
        self.reader = nn.GRU(series, _HIDDEN, batch_first=True) if series else None
        self.head = nn.Sequential(
            nn.Linear(metadata + 2 * _HIDDEN * (series > 0), _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2)
        )

    def forward(self, metadata: Tensor, series: Tensor) -> Tensor:
        parts = [metadata]
        if self.reader is not None:
            states, last = self.reader(series)
            parts += [states.mean(dim=1), last[0]]
        logits: Tensor = self.head(torch.cat(parts, dim=1))
        return logits


class _Forecaster(nn.Module):
    """The next record's numbers (n, T, numbers) after each of the records (n, T, D)."""

    def __init__(self, entries: int, numbers: int) -> None:
        super().__init__()
        self.reader = nn.GRU(entries, _HIDDEN, batch_first=True)
        self.head = nn.Linear(_HIDDEN, numbers)

    def forward(self, records: Tensor) -> Tensor:
        predicted: Tensor = self.head(self.reader(records)[0])
        return predicted


def _blocks(vectors: SampleVectors, data: Sequences) -> Tensor:
    """Means and deviations of blocks of records, and the share of the block that has any: (n, blocks, 2 D + 1)."""
    records = vectors.records(data)
    if not (records.shape[1] and vectors.max_length):
        return torch.zeros(len(data), 0, 0)
    size = max(1, -(-vectors.max_length // MAX_BLOCKS))
    both = np.concatenate([records, records**2], axis=1)
    means, squares = np.split(block_means(both, data.lengths, vectors.max_length, size), 2, axis=2)
    starts = np.arange(means.shape[1]) * size
    share = np.clip((data.lengths[:, None] - starts) / size, 0, 1)[:, :, None]
    deviations = np.sqrt(np.maximum(squares - means**2, 0))
    return torch.from_numpy(np.concatenate([means, deviations, share], axis=2).astype(np.float32))


def _windows(vectors: SampleVectors, data: Sequences, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A window of each sample's records (n, W + 1, D), and which numbers of the next record are known (n, W, numbers).

    A window longer than the sample is filled up with 0, of which nothing is known.
    """
    width = min(WINDOW + 1, max(2, vectors.max_length))
    first = (rng.random(len(data)) * np.maximum(data.lengths - width + 1, 1)).astype(np.int64)
    place = first[:, None] + np.arange(width)
    inside = place < data.lengths[:, None]
    chosen = np.where(inside, data.offsets[:-1, None] + place, 0)
    present = np.stack([np.isfinite(numeric(data.measurements[name])) for name in vectors.numeric_names()], axis=1)
    records = vectors.records(data)
    if not data.n_records:
        return torch.zeros(len(data), width, records.shape[1]), torch.zeros(len(data), width - 1, present.shape[1])
    records = records[chosen] * inside[:, :, None]
    known = (present[chosen] & inside[:, :, None])[:, 1:]
    return torch.from_numpy(records.astype(np.float32)), torch.from_numpy(known.astype(np.float32))


def _train(
    network: nn.Module, loss: Callable[[Tensor], Tensor], samples: Tensor, n_steps: int, random_state: int
) -> None:
    """Take Adam's steps on random batches of the samples that `loss` is given."""
    order = torch.Generator().manual_seed(random_state)
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
    with _one_thread():
        for _ in range(n_steps):
            chosen = samples[torch.randperm(len(samples), generator=order)[:_BATCH]]
            optimizer.zero_grad()
            loss(chosen).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch computes on one thread: small steps gain little from more, and on busy cores these wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _seeded(random_state: int) -> Iterator[None]:
    """Torch's randomness begins at a seed, and is what it was before at the end."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        yield
