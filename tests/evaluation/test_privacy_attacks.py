"""Attacks succeed where there is something to find, and only there."""

import numpy as np
import pandas as pd
import pytest

from dgsynth import DGSynthesizer
from dgsynth.data.sequences import Sequences
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError
from dgsynth.evaluation.columns import totals
from dgsynth.evaluation.privacy_attacks import (
    attack_result,
    attribute_inference,
    membership_inference,
    membership_inference_from_samples,
)

COLUMNS = {"sequence_key": "page", "sequence_index": "date"}


def pages(n, seed):
    return Sequences.from_long(make_web_traffic(n, 20, random_state=seed), **COLUMNS)


MEMBERS, NONMEMBERS, FRESH = pages(150, 0), pages(150, 1), pages(600, 2)


class Rigged:
    """A discriminator that gives members what `score` says, and others 0."""

    def __init__(self, score):
        self._score = score

    def discriminator_scores(self, X):
        return self._score * np.isin(totals(X, "views"), totals(MEMBERS, "views"))


def test_a_discriminator_that_knows_its_samples_gives_them_away():
    found = membership_inference(Rigged(1.0), MEMBERS, pages(150, 7))
    assert found.success_rate > 0.9 and found.low > 0.85 and found.auc > 0.9
    assert found.n_samples == 300 and found.access == "whole model"


def test_a_discriminator_that_knows_nothing_is_chance():
    found = membership_inference(Rigged(0.0), MEMBERS, NONMEMBERS)
    assert found.low <= 0.5 <= found.high and 0.4 < found.auc < 0.6


@pytest.mark.parametrize(("method", "copies"), [("nearest", 1), ("density", 10)])
def test_copies_give_their_originals_away(method, copies):
    found = membership_inference_from_samples(Sequences.concat([MEMBERS] * copies), MEMBERS, NONMEMBERS, method)
    assert found.success_rate > 0.95


@pytest.mark.parametrize("method", ["nearest", "density"])
def test_fresh_samples_of_the_same_law_give_nothing_away(method):
    found = membership_inference_from_samples(FRESH, MEMBERS, NONMEMBERS, method)
    assert found.low <= 0.5 <= found.high


def test_the_interval_covers_chance_as_often_as_it_says():
    """Of 400 attacks by chance about 20 have an interval without 0.5; 36 would be four standard errors off."""
    rng = np.random.default_rng(0)
    results = [attack_result("", "samples only", rng.random(50), rng.random(50), rng) for _ in range(400)]
    assert sum(not result.low <= 0.5 <= result.high for result in results) < 36


def test_perfect_scores_find_all():
    rng = np.random.default_rng(0)
    found = attack_result("", "samples only", np.ones(50), np.zeros(50), rng)
    assert (found.success_rate, found.auc, found.true_positive_rate) == (1.0, 1.0, 1.0)


def with_secret(data, seed):
    """Add a column that nothing else tells."""
    metadata = data.metadata.assign(secret=np.random.default_rng(seed).choice(["a", "b", "c", "d"], len(data)))
    arrays = data.measurements["views"].to_numpy(dtype=float).reshape(len(data), -1, 1)
    return Sequences.from_arrays(arrays, metadata=metadata, measurement_names=["views"])


def test_a_secret_is_told_of_copies_and_not_of_others():
    members, others = with_secret(MEMBERS, 0), with_secret(NONMEMBERS, 1)
    repeated = Sequences.concat([members] * 5)  # so that all five neighbours are copies
    found = attribute_inference(repeated, members, others, "secret")
    assert found.members > 0.95 and found.nonmembers < 0.4 and found.low > 0.4


def test_the_law_of_the_data_is_no_breach():
    members, others, fresh = with_secret(MEMBERS, 0), with_secret(NONMEMBERS, 1), with_secret(FRESH, 2)
    for column in ("secret", "agent"):
        found = attribute_inference(fresh, members, others, column)
        assert found.low <= 0 <= found.high


def test_a_number_is_told_within_a_tenth_of_its_range():
    table = pd.DataFrame({"age": np.linspace(0, 100, 101), "twin": np.linspace(0, 1, 101)})
    data = Sequences.from_table(table)
    found = attribute_inference(data, data, data, "age")
    assert found.members == 1.0 and found.baseline == pytest.approx(0.2, abs=0.03)


def test_what_can_not_be_attacked_is_refused():
    with pytest.raises(DataError, match=r"needs at least 10 samples .* got 5 and 150"):
        membership_inference(Rigged(1.0), pages(5, 0), NONMEMBERS)
    with pytest.raises(DataError, match="'planet' is not among the metadata columns"):
        attribute_inference(FRESH, MEMBERS, NONMEMBERS, "planet")
    lonely = Sequences.from_table(pd.DataFrame({"kind": ["a", "b"] * 10}))
    with pytest.raises(DataError, match="nothing is known of a sample beside 'kind'"):
        attribute_inference(lonely, lonely, lonely, "kind")


@pytest.mark.slow
def test_a_model_that_was_trained_too_long_on_few_samples_gives_them_away():
    train, other = (make_web_traffic(30, 20, random_state=seed) for seed in (0, 1))
    model = DGSynthesizer(**COLUMNS, max_steps=1000, random_state=0).fit(train)
    members, nonmembers = (Sequences.from_long(data, **COLUMNS) for data in (train, other))
    assert membership_inference(model, members, nonmembers).success_rate > 0.6
