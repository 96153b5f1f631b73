"""The network of a row: what each token depends on, and that all ways to compute a likelihood agree."""

import itertools

import numpy as np
import pytest
import torch
from known_tables import drawn_tokens, shaken
from torch.nn.functional import cross_entropy

from dgsynth.models.autoregressive.row_network import RowNetwork
from dgsynth.models.autoregressive.tokens import Token

COLUMNS = ((Token(3),), (Token(3, True), Token(4, True, (4, 1, 2))), (Token(2),))
COLUMN_OF = np.array([0, 1, 1, 2])
ORDERS = [list(order) for order in itertools.permutations(range(3))]


@pytest.fixture
def row():
    torch.manual_seed(0)
    return shaken(RowNetwork(COLUMNS, 2, 4, 8))


@torch.no_grad()
def losses_of(row, tokens, rank):
    return row.losses(tokens, torch.cat([torch.ones(len(tokens), 2), row.embed(tokens)], dim=1), torch.tensor(rank))


def all_rows():
    """Return every row of tokens that the columns can have."""
    rows = itertools.product(range(3), range(3), range(4), range(2))
    return torch.tensor([row for row in rows if row[2] < COLUMNS[1][1].widths[row[1]]])


@pytest.mark.parametrize("rank", ORDERS, ids=str)
def test_the_probabilities_of_all_rows_add_up_to_one(row, rank):
    likelihood = (-losses_of(row, all_rows(), rank).double().sum(1)).exp()
    assert likelihood.sum().item() == pytest.approx(1, abs=1e-5)
    assert likelihood.std() > 0.01


@pytest.mark.parametrize("rank", ORDERS, ids=str)
@pytest.mark.parametrize("token", range(4))
def test_a_token_depends_on_no_column_after_it(row, rank, token):
    tokens = drawn_tokens(COLUMNS, 50, np.random.default_rng(0)).long()
    tokens[:, 1], changed = 0, tokens.clone()
    changed[:, 1] = 0  # under which the fine token can have all of its values
    changed[:, token] = (tokens[:, token] + 1) % row.tokens[token].size
    if token == 1:
        tokens[:, 2], changed[:, 2] = 0, 0
    ranks = np.array(rank)[COLUMN_OF]
    is_later = (ranks > ranks[token]) | ((ranks == ranks[token]) & (np.arange(4) > token))
    before, after = losses_of(row, tokens, rank), losses_of(row, changed, rank)
    same = (before == after).all(0).numpy()
    assert same[~is_later & (np.arange(4) != token)].all() and not same[is_later].any()


def test_one_token_after_another_has_the_losses_of_all_at_once(row):
    tokens = all_rows()
    wanted = losses_of(row, tokens, [0, 1, 2])
    inputs = torch.cat([torch.ones(len(tokens), 2), row.embed(tokens)], dim=1)
    for j in range(4):
        logits = row.logits(j, inputs[:, : 2 + 4 * j], tokens[:, j - 1])
        torch.testing.assert_close(cross_entropy(logits, tokens[:, j], reduction="none"), wanted[:, j])


def test_it_begins_with_the_frequencies_of_the_tokens():
    row = RowNetwork(COLUMNS, 0, 4, 8)
    for head in row.heads:
        torch.nn.init.zeros_(head)
    tokens = drawn_tokens(COLUMNS, 300, np.random.default_rng(0))
    row.begin_with(tokens)
    with torch.no_grad():
        found = [row.logits(j, torch.zeros(3, 0), torch.arange(3)).softmax(1) for j in range(4)]
    for j in (0, 1, 3):
        size = row.tokens[j].size
        share = (torch.bincount(tokens[:, j], minlength=size) + 0.5) / (300 + size / 2)
        torch.testing.assert_close(found[j][0], share)
    np.testing.assert_array_equal(found[2] > 0, [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]])
    under = tokens[tokens[:, 1] == 0, 2]
    torch.testing.assert_close(found[2][0], (torch.bincount(under, minlength=4) + 0.5) / (len(under) + 2))
