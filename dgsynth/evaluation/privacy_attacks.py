"""Attacks on the privacy of training data: was a sample trained on, and what can be told of one that is half known.

Success is measured on samples that were trained on (members) and as many that were not (nonmembers), of the same law.
An attacker who learns nothing is right in half of the cases, but for chance, which the confidence intervals tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from dgsynth.data.schema import Column, Label
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.evaluation.columns import numeric
from dgsynth.evaluation.neighbours import nearest_samples
from dgsynth.evaluation.vectors import SampleVectors

Doubles = npt.NDArray[np.float64]
Access = Literal["whole model", "samples only"]

MAX_ATTACKED = 2000
"""Most samples of each kind that are attacked."""

FEWEST = 10
FALSE_POSITIVES = 0.1
"""The share of nonmembers taken for members at which the share of members found is told."""

N_NEIGHBOURS = 5
N_AROUND = 10
TOLERANCE = 0.1
"""A guessed number is right within this share of the members' range."""


class HasDiscriminator(Protocol):
    """A model whose discriminator scores samples."""

    def discriminator_scores(self, X: Any) -> Doubles: ...


@dataclass(frozen=True)
class AttackResult:
    """How well an attacker told members from nonmembers.

    Attributes
    ----------
    name : str
    access : {"whole model", "samples only"}
        What the attacker holds.
    success_rate : float
        Share of right guesses among equally many of both, the half with the higher scores being guessed to be members.
    low, high : float
        Of the success rate, with 95 % confidence (Wilson).
    auc : float
        Area under the curve of true by false positives.
    true_positive_rate : float
        Share of members found where a tenth of nonmembers is taken for members.
    n_samples : int
        Members and nonmembers together.
    """

    name: str
    access: Access
    success_rate: float
    low: float
    high: float
    auc: float
    true_positive_rate: float
    n_samples: int


@dataclass(frozen=True)
class AttributeInference:
    """How well an attacker told one metadata column of samples that are known otherwise.

    Attributes
    ----------
    column : str or int
    members, nonmembers : float
        Share of right guesses of each.
    low, high : float
        Of their difference, with 95 % confidence.
    baseline : float
        Share of right guesses of nonmembers by the most frequent value, or the mean, of the synthetic samples.
    n_samples : int
    """

    column: Label
    members: float
    nonmembers: float
    low: float
    high: float
    baseline: float
    n_samples: int

    @property
    def difference(self) -> float:
        """What the training data tell beyond the law that they follow."""
        return self.members - self.nonmembers


def membership_inference(
    model: HasDiscriminator, members: Sequences, nonmembers: Sequences, *, random_state: int = 0
) -> AttackResult:
    """Return how well the discriminator's score tells members from nonmembers, for an attacker with the whole model.

    Parameters
    ----------
    model : fitted DGSynthesizer
    members, nonmembers : Sequences
        Samples that it was trained on, and others of the same law.
    random_state : int, default=0

    References
    ----------
    Hayes, Melis, Danezis, De Cristofaro: LOGAN. PoPETs 2019. Lin et al. (2020), Section 6.2 and Figure 15.
    """
    rng = np.random.default_rng(random_state)
    scores = [np.asarray(model.discriminator_scores(data)) for data in _equally_many(members, nonmembers, rng)]
    return attack_result("discriminator", "whole model", scores[0], scores[1], rng)


def membership_inference_from_samples(
    synthetic: Sequences,
    members: Sequences,
    nonmembers: Sequences,
    method: Literal["nearest", "density"] = "nearest",
    *,
    random_state: int = 0,
) -> AttackResult:
    """Return how well synthetic samples alone tell members from nonmembers.

    Parameters
    ----------
    synthetic, members, nonmembers : Sequences
    method : {"nearest", "density"}, default="nearest"
        A sample is taken for a member the sooner, the nearer the nearest synthetic one is; or the more synthetic ones
        lie within a radius, which is the median distance of the attacked samples to their tenth nearest.
    random_state : int, default=0

    References
    ----------
    Chen, Yu, Zhang, Fritz: GAN-Leaks. CCS 2020 ("nearest"). Hilprecht, Haerterich, Bernau: Monte Carlo and
    Reconstruction Membership Inference Attacks against Generative Models. PoPETs 2019 ("density").
    """
    rng = np.random.default_rng(random_state)
    vectors = SampleVectors.fit(synthetic)
    attacked = _equally_many(members, nonmembers, rng)
    if method == "nearest":
        nearest = [nearest_samples(synthetic, data, 1, vectors)[0][:, 0] for data in attacked]
        return attack_result("nearest synthetic sample", "samples only", -nearest[0], -nearest[1], rng)
    tenth = [nearest_samples(synthetic, data, N_AROUND, vectors)[0][:, -1] for data in attacked]
    radius = float(np.sqrt(np.median(np.concatenate(tenth))))
    counts = [_counts_within(radius, synthetic, data, vectors) for data in attacked]
    return attack_result("synthetic samples around", "samples only", counts[0], counts[1], rng)


def attribute_inference(
    synthetic: Sequences, members: Sequences, nonmembers: Sequences, column: Label, *, random_state: int = 0
) -> AttributeInference:
    """Return how well a metadata column is told from the nearest synthetic samples, all else of a sample being known.

    The five nearest vote; of a number their mean is taken, which is right within a tenth of the members' range. What is
    told of nonmembers as well follows from the law of the data, and is no breach of a training sample's privacy.

    Parameters
    ----------
    synthetic, members, nonmembers : Sequences
    column : str or int
        Of the metadata.
    random_state : int, default=0

    Raises
    ------
    DataError
        There is no such column, or nothing beside it.
    """
    if column not in members.schema.metadata_names:
        raise DataError(f"{column!r} is not among the metadata columns; name one of {members.schema.metadata_names}")
    rng = np.random.default_rng(random_state)
    described = members.schema.column(column)
    known = _without(synthetic, column, members)
    vectors = SampleVectors.fit(known)
    attacked = _equally_many(members, nonmembers, rng)
    answers, tolerance = _values(synthetic, described), _tolerance(members, described)
    rates = []
    for data in attacked:
        places = nearest_samples(known, _without(data, column, members), N_NEIGHBOURS, vectors)[1]
        truth = _values(data, described)
        rates.append(float(_is_right(_guess(answers[places], described), truth, tolerance).mean()))
    usual = _guess(answers[None], described)
    baseline = float(_is_right(usual, _values(attacked[1], described), tolerance).mean())
    n = len(attacked[0])
    difference = rates[0] - rates[1]
    width = 1.96 * np.sqrt(sum(rate * (1 - rate) / n for rate in rates))
    return AttributeInference(column, rates[0], rates[1], difference - width, difference + width, baseline, 2 * n)


def attack_result(
    name: str, access: Access, of_members: Doubles, of_nonmembers: Doubles, rng: np.random.Generator
) -> AttackResult:
    """Return what guesses by scores come to; equal scores are ordered by chance.

    Parameters
    ----------
    name, access : str
    of_members, of_nonmembers : float64 arrays of shape (n,)
    rng : Generator
    """
    n = len(of_members)
    order = np.lexsort((rng.random(2 * n), np.concatenate([of_members, of_nonmembers])))
    rank = np.empty(2 * n, dtype=np.int64)
    rank[order] = np.arange(2 * n)
    right = int((rank[:n] >= n).sum() + (rank[n:] < n).sum())
    interval = stats.binomtest(right, 2 * n).proportion_ci(0.95, method="wilson")
    auc = float(stats.mannwhitneyu(rank[:n], rank[n:]).statistic / n**2)
    threshold = np.quantile(rank[n:], 1 - FALSE_POSITIVES)
    found = float((rank[:n] > threshold).mean())
    return AttackResult(name, access, right / (2 * n), float(interval.low), float(interval.high), auc, found, 2 * n)


def _equally_many(members: Sequences, nonmembers: Sequences, rng: np.random.Generator) -> list[Sequences]:
    size = min(len(members), len(nonmembers), MAX_ATTACKED)
    if size < FEWEST:
        raise DataError(
            f"an attack needs at least {FEWEST} samples that were trained on and as many that were not, got "
            f"{len(members)} and {len(nonmembers)}"
        )
    return [data.take(rng.permutation(len(data))[:size]) for data in (members, nonmembers)]


def _counts_within(radius: float, synthetic: Sequences, data: Sequences, vectors: SampleVectors) -> Doubles:
    queries = torch.from_numpy(vectors.whole(data))
    counts = torch.zeros(len(data))
    for chunk in vectors.whole_chunks(synthetic):
        counts += (torch.cdist(queries, torch.from_numpy(chunk)) <= radius).sum(dim=1)
    return counts.numpy().astype(np.float64)


def _without(data: Sequences, column: Label, like: Sequences) -> Sequences:
    """Return the samples without a metadata column, with the other columns of `like`."""
    schema = like.schema
    others = tuple(other for other in schema.metadata if other.name != column)
    if not others and not schema.measurements:
        raise DataError(f"nothing is known of a sample beside {column!r}, from which that could be told")
    names = [other.name for other in others]
    return Sequences(data.metadata[names], data.measurements, data.lengths, None, replace(schema, metadata=others))


def _values(data: Sequences, column: Column) -> npt.NDArray[Any]:
    values = data.metadata[column.name]
    return values.astype(str).to_numpy(dtype=object) if column.has_categories else numeric(values)


def _tolerance(members: Sequences, column: Column) -> float:
    return 0.0 if column.has_categories else TOLERANCE * float(np.ptp(numeric(members.metadata[column.name])))


def _guess(answers: npt.NDArray[Any], column: Column) -> npt.NDArray[Any]:
    """Return one answer for each row of answers: the most frequent, the first of equals, or the mean."""
    if not column.has_categories:
        return np.asarray(np.nanmean(answers, axis=1))
    values, codes = np.unique(answers.astype(str), return_inverse=True)
    counts = (codes.reshape(answers.shape)[..., None] == np.arange(len(values))).sum(axis=1)
    return np.asarray(values[counts.argmax(axis=1)], dtype=object)


def _is_right(guess: npt.NDArray[Any], truth: npt.NDArray[Any], tolerance: float) -> npt.NDArray[np.bool_]:
    if truth.dtype == object:
        return np.asarray(guess == truth, dtype=np.bool_)
    return np.asarray(np.abs(guess - truth) <= tolerance, dtype=np.bool_)
