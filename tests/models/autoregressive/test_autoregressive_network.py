"""The network of samples: what metadata and records depend on, and that all ways to compute a likelihood agree."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from known_tables import SIZES, drawn_batch, layout, network_of
from torch.nn.functional import cross_entropy

from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.encoder import MOST_POSITIONS, TokenBatch
from dgsynth.models.autoregressive.network import AutoregressiveNetwork


def samples_of(of, lengths, seed=0):
    """Return all samples of a batch as the network takes them, and the tokens that they are made of."""
    tokens = drawn_batch(of, lengths, seed)
    return TokenData(tokens, of, torch.device("cpu")).batch(np.arange(len(lengths))), tokens


@pytest.mark.parametrize("metadata", [True, False])
@torch.no_grad()
def test_samples_side_by_side_have_the_losses_of_each_alone(metadata):
    of = layout(metadata=metadata)
    network, lengths = network_of(of), [2, 5, 1, 4, 5, 3]
    batch, tokens = samples_of(of, lengths)
    of_metadata, of_records = network.losses(batch, network.natural_order())
    rows = batch.places[0]
    for row, sample in enumerate(batch.order.tolist()):
        alone = TokenData(tokens.take(np.array([sample])), of, torch.device("cpu")).batch(np.arange(1))
        wanted = network.losses(alone, network.natural_order())
        torch.testing.assert_close(of_metadata[row : row + 1], wanted[0])
        torch.testing.assert_close(of_records[rows == row], wanted[1])


@torch.no_grad()
def test_a_record_depends_on_no_later_one_and_on_no_other_sample():
    of = layout()
    network, lengths = network_of(of), [5, 3, 4]
    batch, tokens = samples_of(of, lengths)
    rows, steps = batch.places
    changed = tokens.records.clone()
    changed[2, 0] = (changed[2, 0] + 1) % 3  # the third record of the first sample
    other = TokenData(TokenBatch(tokens.metadata, changed, tokens.lengths), of, torch.device("cpu")).batch(np.arange(3))
    before, after = (network.losses(part, network.natural_order())[1] for part in (batch, other))
    is_first = batch.order[rows] == 0
    same = (before == after).all(1)
    assert same[~is_first | (steps < 2)].all() and not same[is_first & (steps >= 2)].any()


@torch.no_grad()
def test_records_depend_on_metadata_and_metadata_on_no_record():
    of = layout()
    network = network_of(of)
    tokens = samples_of(of, [3, 3])[1]
    metadata, records = tokens.metadata.clone(), tokens.records.clone()
    metadata[:, 0], records[:, 0] = (metadata[:, 0] + 1) % 3, (records[:, 0] + 1) % 3
    data = [
        TokenData(TokenBatch(a, b, tokens.lengths), of, torch.device("cpu")).batch(np.arange(2))
        for a, b in ((tokens.metadata, tokens.records), (metadata, tokens.records), (tokens.metadata, records))
    ]
    plain, other_metadata, other_records = (network.losses(part, network.natural_order()) for part in data)
    assert not (plain[1] == other_metadata[1])[:, 1:].any() and (plain[0] == other_records[0]).all()


@pytest.mark.parametrize("has_ends", [True, False])
@pytest.mark.parametrize("metadata", [True, False])
@torch.no_grad()
def test_generation_step_by_step_has_the_losses_of_all_records_at_once(metadata, has_ends):
    of = layout(metadata=metadata, has_ends=has_ends)
    network, n, length = network_of(of), 4, 5
    batch = samples_of(of, [length] * n)[0]
    wanted = network.losses(batch, network.natural_order())[1].view(length, n, -1)
    records = batch.records.view(length, n, -1)
    state = network.initial_state(n)
    summary = network.summarize(batch.metadata)
    assert (summary is None) is not metadata
    for t in range(length):
        context = network.context(state, summary, t, batch.lengths)
        inputs = torch.cat([context, network.record.embed(records[t])], dim=1)
        before = network.record.bias_rows(records[t], network.position(torch.full((n,), t)))
        for j in range(has_ends, records.shape[2]):
            known = inputs[:, : context.shape[1] + 4 * j]
            logits = network.record.logits(j, known, before[:, j])
            found = cross_entropy(logits, records[t][:, j], reduction="none")
            torch.testing.assert_close(found, wanted[t, :, j])
        state = network.advance(state, summary, t, records[t])


@pytest.mark.parametrize("knows_length", [True, False])
@pytest.mark.parametrize("metadata", [True, False])
def test_the_loss_is_the_sum_of_the_losses(metadata, knows_length):
    of = layout(metadata=metadata)
    network = network_of(of)
    batch, _ = samples_of(of, [2, 5, 1])
    ranks = network.drawn_order(np.random.default_rng(3))
    told = {"knows_length": knows_length}
    for one, parts in zip(network.loss(batch, ranks, **told), network.losses(batch, ranks, **told), strict=True):
        torch.testing.assert_close(one, parts.sum())


def test_orders_are_drawn_that_of_the_end_too():
    network = network_of(layout())
    drawn = [network.drawn_order(np.random.default_rng(seed)) for seed in range(20)]
    assert {tuple(of_metadata.tolist()) for of_metadata, _ in drawn} == {(0, 1), (1, 0)}
    assert {tuple(of_record.tolist()) for _, of_record in drawn} == set(itertools.permutations(range(3)))
    assert [rank.tolist() for rank in network.natural_order()] == [[0, 1], [0, 1, 2]]


@torch.no_grad()
def test_records_are_told_the_length_or_not():
    of = layout(lengths=True)
    network = network_of(of)
    tokens = samples_of(of, [4, 4])[1]
    told = TokenBatch(torch.tensor([[0, 0, 0, 3]] * 2, dtype=torch.int32), tokens.records, tokens.lengths)
    data = TokenData(told, of, torch.device("cpu")).batch(np.arange(2))
    longer = replace(data, lengths=data.lengths + 1)
    known = [network.losses(batch, network.natural_order())[1] for batch in (data, longer)]
    assert (known[0][:, 0] == 0).all() and not (known[0] == known[1])[:, 1:3].any()
    hidden = [network.losses(batch, network.natural_order(), knows_length=False)[1] for batch in (data, longer)]
    assert torch.equal(*hidden) and (hidden[0][:, :3] > 0).all()
    # Nor do its tokens reach the records by another way.
    other = replace(data, metadata=torch.tensor([[0, 0, 0, 1]] * 2))
    assert torch.equal(network.losses(other, network.natural_order())[1], known[0])


def test_ends_begin_with_the_frequency_of_ends_at_their_position():
    network = network_of(layout(metadata=False))
    network.begin_with(drawn_batch(network.layout, [2, 5, 1]))
    wanted = [[2.5 / 4, 1.5 / 4], [0.5, 0.5], [0.75, 0.25], [0.75, 0.25], [0.25, 0.75]]
    torch.testing.assert_close(network.record.biases[0].softmax(1), torch.tensor(wanted))


def test_a_seed_determines_the_weights_and_leaves_the_randomness_of_others_alone():
    before = torch.get_rng_state()
    one, other, third = (AutoregressiveNetwork.of_seed(layout(), SIZES, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name])
    assert not torch.equal(one.lstm.weight_ih_l0, third.lstm.weight_ih_l0)


@torch.no_grad()
def test_positions_of_long_samples_are_shared_and_never_run_out():
    network = network_of(layout(max_length=3000))
    assert network.n_positions == MOST_POSITIONS
    state, summary = network.initial_state(1), network.summarize(torch.zeros(1, 3, dtype=torch.int64))
    first, second, third, last, beyond = (network.context(state, summary, t) for t in (0, 1, 3, 2999, 9999))
    assert first.equal(second) and not first.equal(third) and last.equal(beyond)
