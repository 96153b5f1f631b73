"""Generation: sample i is always the same, as likely as the network says, and as was asked for."""

import itertools

import numpy as np
import pytest
import torch
from known_tables import drawn_batch, layout, network_of
from scipy.stats import chi2

from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout
from dgsynth.models.autoregressive.generation import BLOCK, Draw, Given, generate
from dgsynth.models.autoregressive.tokens import UNKNOWN, Token

TABLE = TokenLayout(((Token(3),), (Token(3, True), Token(2, True, (2, 1, 2))), (Token(2),)), (), 0, False)
COINS = TokenLayout(((Token(3),),), ((Token(2, n_positions=3),), (Token(2),)), 3, True, 1)
"""Up to three records of one column with two values, and a token that tells how many."""


@pytest.fixture(scope="module")
def network():
    return network_of(layout())


def assert_equal(one, other):
    for name in ("metadata", "records", "lengths"):
        assert torch.equal(getattr(one.tokens, name), getattr(other.tokens, name)), name
    assert torch.equal(one.of_metadata, other.of_metadata) and torch.equal(one.of_records, other.of_records)


def part(drawn, first, n):
    """Return some of the samples that were drawn."""
    offsets = drawn.tokens.offsets
    rows = slice(int(offsets[first]), int(offsets[first + n]))
    tokens = drawn.tokens.take(np.arange(first, first + n))
    return type(drawn)(tokens, drawn.of_metadata[first : first + n], drawn.of_records[rows])


def sample(tokens, i):
    """Return the records of a sample as lists."""
    first, last = tokens.offsets[i : i + 2].tolist()
    return tokens.records[first:last].tolist()


def log_likelihood(network, tokens, knows_length=True):
    """Return how likely samples are, or their records where these tell the length; the end of the longest is known."""
    batch = TokenData(tokens, network.layout, torch.device("cpu")).batch(np.arange(len(tokens)))
    with torch.no_grad():
        of_metadata, of_records = network.losses(batch, network.natural_order(), knows_length=knows_length)
    total = of_metadata.double().sum(1) * knows_length
    if network.record is not None:
        row, step = batch.places
        of_records[step == network.layout.max_length - 1, 0] = 0
        total.index_add_(0, row, of_records.double().sum(1))
    found = torch.empty(len(tokens), dtype=torch.float64)
    found[batch.order] = -total
    return found.numpy()


def test_a_sample_depends_on_its_number_alone(network):
    many = generate(network, Draw(3), 0, 1200)
    assert_equal(generate(network, Draw(3), 0, 10), part(many, 0, 10))
    for first, n in ((BLOCK - 7, 20), (500, 700), (1199, 1)):
        assert_equal(generate(network, Draw(3), first, n), part(many, first, n))
    assert len({tuple(row) for row in many.tokens.metadata.tolist()}) > 5


def test_another_seed_gives_other_samples(network):
    one, other = (generate(network, Draw(seed), 0, 50) for seed in (3, 4))
    assert not torch.equal(one.of_metadata, other.of_metadata)
    assert not torch.equal(one.tokens.metadata, other.tokens.metadata)


def test_samples_are_the_same_on_two_threads(network, two_threads):
    drawn = generate(network, Draw(3), 0, 600)
    torch.set_num_threads(1)
    assert_equal(generate(network, Draw(3), 0, 600), drawn)


def test_places_are_spread_evenly_in_their_cells(network):
    places = generate(network, Draw(3), 0, 2000).of_metadata
    assert (places > 0).all() and (places < 1).all()
    # The mean of 4,000 uniform numbers has a standard error of 0.0046.
    assert places.mean() == pytest.approx(0.5, abs=0.02)


def test_rows_are_as_frequent_as_the_network_says():
    network, n = network_of(TABLE), 20_000
    rows = [r for r in itertools.product(range(3), range(3), range(2), range(2)) if r[2] < (2, 1, 2)[r[1]]]
    tokens = torch.tensor(rows, dtype=torch.int32)
    nothing = torch.zeros(0, 0, dtype=torch.int32)
    wanted = n * np.exp(log_likelihood(network, TokenBatch(tokens, nothing, torch.zeros(len(rows), dtype=torch.int64))))
    assert wanted.sum() == pytest.approx(n)
    drawn = generate(network, Draw(1), 0, n).tokens.metadata
    found = np.array([(drawn == row).all(1).sum().item() for row in tokens])
    assert found.sum() == n
    is_large = wanted > 5
    statistic = ((found - wanted)[is_large] ** 2 / wanted[is_large]).sum()
    assert is_large.sum() > 5 and statistic < chi2.ppf(0.999, is_large.sum() - 1)
    assert wanted[is_large].max() > 5 * wanted[is_large].min()


@pytest.mark.parametrize("length_of", [lambda metadata, places: metadata[:, 0].long() + 1, None])
def test_series_are_as_frequent_as_the_network_says(length_of):
    network, n = network_of(COINS, seed=2), 10_000
    series = [s for length in (1, 2, 3) for s in itertools.product(range(2), repeat=length)]
    records = torch.tensor([[value] for one in series for value in one], dtype=torch.int32)
    lengths = torch.tensor([len(s) for s in series])
    tokens = TokenBatch(lengths[:, None].int() - 1, records, lengths)
    wanted = n * np.exp(log_likelihood(network, tokens, knows_length=length_of is not None))
    assert wanted.sum() == pytest.approx(n, rel=1e-5)
    drawn = generate(network, Draw(1, length_of=length_of), 0, n).tokens
    values, offsets = drawn.records[:, 0].tolist(), drawn.offsets.tolist()
    made = [tuple(values[begin:end]) for begin, end in itertools.pairwise(offsets)]
    found = np.array([made.count(one) for one in series])
    is_large = wanted > 5
    statistic = ((found - wanted)[is_large] ** 2 / wanted[is_large]).sum()
    assert found.sum() == n and is_large.sum() > 5 and statistic < chi2.ppf(0.999, is_large.sum() - 1)


def test_cold_samples_are_the_likeliest(network):
    drawn = generate(network, Draw(3, temperature=1e-4), 0, 40).tokens
    assert (drawn.metadata == drawn.metadata[0]).all() and (drawn.lengths == drawn.lengths[0]).all()
    with torch.no_grad():
        inputs = torch.zeros(1, 12)
        for j in range(3):
            best = network.metadata.logits(j, inputs[:, : 4 * j], drawn.metadata[:1, j - 1].long()).argmax()
            assert best == drawn.metadata[0, j]
            inputs[:, 4 * j : 4 * j + 4] = network.metadata.embedding[best + network.metadata.offsets[j]]


def test_a_higher_temperature_strays_further(network):
    best = generate(network, Draw(3, temperature=1e-4), 0, 1).tokens.metadata
    cool, plain, hot = (
        (generate(network, Draw(3, temperature=t), 0, 2000).tokens.metadata == best).all(1).double().mean()
        for t in (0.2, 1, 20)
    )
    # A share of 2,000 has a standard error of 0.007; with tokens at random the row would have 0.11.
    assert cool - 0.1 > plain > hot + 0.02 and hot < 0.15


@pytest.mark.parametrize("has_ends", [True, False])
def test_lengths_are_those_asked_for(has_ends):
    lengths = torch.tensor([1, 4, 9, 2])  # the longest that the network knows has 5 records
    drawn = generate(network_of(layout(has_ends=has_ends)), Draw(3, lengths=lengths), 0, 4)
    assert torch.equal(drawn.tokens.lengths, lengths) and len(drawn.tokens.records) == len(drawn.of_records) == 16


def test_lengths_are_drawn_up_to_the_longest_or_are_all_the_same(network):
    assert set(generate(network, Draw(3), 0, 400).tokens.lengths.tolist()) == {1, 2, 3, 4, 5}
    assert set(generate(network_of(layout(has_ends=False)), Draw(3), 0, 9).tokens.lengths.tolist()) == {5}


def test_lengths_that_are_drawn_say_where_samples_end():
    of = layout(lengths=True)
    drawn = generate(network_of(of), Draw(3, length_of=lambda metadata, places: metadata[:, -1].long() + 1), 0, 300)
    assert torch.equal(drawn.tokens.lengths, drawn.tokens.metadata[:, -1].long() + 1)
    assert set(drawn.tokens.lengths.tolist()) == {1, 2, 3, 4, 5}


def test_samples_are_the_same_whether_those_that_have_ended_are_left_out(network, monkeypatch):
    drawn = generate(network, Draw(3), 0, BLOCK)
    monkeypatch.setattr("dgsynth.models.autoregressive.generation._FEWEST", BLOCK)
    assert_equal(generate(network, Draw(3), 0, BLOCK), drawn)
    given = drawn_batch(layout(), [1] * BLOCK)
    draw = Draw(3, Given(given.metadata, given.records, given.lengths))
    whole = generate(network, draw, 0, BLOCK)
    monkeypatch.setattr("dgsynth.models.autoregressive.generation._FEWEST", 64)
    assert_equal(generate(network, draw, 0, BLOCK), whole)


def test_given_records_are_kept_and_others_come_after_them(network):
    given = drawn_batch(layout(), [2, 1, 4, 5, 1])
    drawn = generate(network, Draw(3, Given(given.metadata, given.records, given.lengths)), 0, 5).tokens
    assert torch.equal(drawn.metadata, given.metadata)
    for i, length in enumerate(given.lengths.tolist()):
        assert sample(drawn, i)[:length] == sample(given, i)
    assert (drawn.lengths >= given.lengths).all() and (drawn.lengths > given.lengths).any()
    assert drawn.lengths.max() == 5


def test_given_records_can_go_on_to_a_given_length(network):
    given, lengths = drawn_batch(layout(), [2, 1, 4]), torch.tensor([2, 8, 5])
    drawn = generate(network, Draw(3, Given(given.metadata, given.records, given.lengths), lengths), 0, 3).tokens
    assert torch.equal(drawn.lengths, lengths)
    assert [sample(drawn, i)[:n] for i, n in enumerate([2, 1, 4])] == [sample(given, i) for i in range(3)]


def test_only_what_is_unknown_is_drawn(network):
    given = drawn_batch(layout(), [3] * 200)
    metadata, records = given.metadata.clone(), given.records.clone()
    metadata[:, 1:], records[::2, 0] = UNKNOWN, UNKNOWN
    drawn = generate(network, Draw(3, Given(metadata, records, given.lengths), given.lengths), 0, 200).tokens
    assert (drawn.metadata >= 0).all() and (drawn.records >= 0).all()
    assert torch.equal(drawn.metadata[:, 0], given.metadata[:, 0])
    assert torch.equal(drawn.records[:, 1:], given.records[:, 1:])
    assert torch.equal(drawn.records[1::2, 0], given.records[1::2, 0])
    assert set(drawn.records[::2, 0].tolist()) == {0, 1, 2}


def test_what_is_forbidden_is_not_drawn(network):
    forbidden = ([0, None, None], [None, 2, None, None])
    drawn = generate(network, Draw(3, forbidden=forbidden), 0, 400).tokens
    assert set(drawn.metadata[:, 0].tolist()) == {1, 2} and set(drawn.records[:, 0].tolist()) == {0, 1}


def test_what_the_network_can_not_make_is_never_made(network):
    drawn = generate(network, Draw(3), 0, 2000).tokens
    assert (drawn.metadata[:, 2] < torch.tensor([2, 1, 2])[drawn.metadata[:, 1].long()]).all()
    assert (drawn.records[:, 2] < torch.tensor([3, 1, 2, 3])[drawn.records[:, 1].long()]).all()
