"""Training: batches without padding, samples held out, dropout, steps that go on bit for bit, what is kept."""

import itertools
import math

import numpy as np
import pytest
import torch
from known_tables import SIZES, drawn_batch, layout, network_of

from dgsynth.errors import DataError
from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout
from dgsynth.models.autoregressive.held_out import HeldOut, hold_out, is_due, parts
from dgsynth.models.autoregressive.learned import Learned
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.tokens import Token
from dgsynth.models.autoregressive.training import Dropout, Trainer, TrainingConfig
from dgsynth.training.validation import Validation

CPU = torch.device("cpu")
LENGTHS = [2, 5, 1, 4, 5, 3, 2, 2]
ORDERS = {"metadata_orders": 0.5, "record_orders": 0.5}


def rows(n):
    """Return the tokens of a table of so many rows, and its layout."""
    of = TokenLayout(((Token(2),), (Token(2),)), (), 0, False)
    tokens = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (n, 2), dtype=np.int32))
    return TokenBatch(tokens, torch.zeros(0, 0, dtype=torch.int32), torch.zeros(n, dtype=torch.int64)), of


# Batches


def test_a_batch_holds_record_after_record_the_longest_sample_first():
    of = layout()
    tokens, chosen = drawn_batch(of, LENGTHS), np.array([2, 6, 3, 0])
    batch = TokenData(tokens, of, CPU).batch(chosen)
    assert batch.order.tolist() == [2, 1, 3, 0] and batch.sizes.tolist() == [4, 3, 1, 1] and len(batch) == 4
    samples = chosen[batch.order]
    assert torch.equal(batch.metadata, tokens.metadata[samples].long())
    wanted = [
        [int(t == LENGTHS[i] - 1), *tokens.records[tokens.offsets[i] + t].tolist()]
        for t in range(4)
        for i in samples
        if t < LENGTHS[i]
    ]
    assert batch.records.tolist() == wanted
    row, step = batch.places
    assert row.tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 0] and step.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 3]


def test_a_batch_of_samples_of_one_length_tells_no_ends():
    of = layout(has_ends=False)
    batch = TokenData(drawn_batch(of, [5, 5, 5]), of, CPU).batch(np.array([1, 1]))
    assert batch.records.shape == (10, 3) and batch.sizes.tolist() == [2] * 5


def test_a_batch_of_rows_has_no_records():
    batch = TokenData(*rows(5), CPU).batch(np.array([4, 0]))
    assert batch.metadata.shape == (2, 2) and batch.records.shape == (0, 0) and len(batch.sizes) == 0


# Samples held out


def test_samples_are_trained_on_or_held_out():
    tokens, of = rows(200)
    tokens.metadata[:, 0] = torch.arange(200)
    train, held_out = hold_out(tokens, 0.1, 3, of)
    numbers = [part.metadata[:, 0].tolist() for part in (train, held_out)]
    assert [len(part) for part in numbers] == [180, 20]
    assert sorted(numbers[0] + numbers[1]) == list(range(200))
    again, other = (hold_out(tokens, 0.1, seed, of)[1].metadata[:, 0].tolist() for seed in (3, 4))
    assert again == numbers[1] and other != numbers[1]


def test_of_many_samples_a_part_tells_enough():
    tokens, of = rows(40_000)
    assert len(hold_out(tokens, 0.5, 0, of)[1]) == 2500
    of = layout(max_length=100)
    long = drawn_batch(of, [100] * 1000)
    assert len(hold_out(long, 0.5, 0, of)[1]) == 200


def test_something_must_be_left_to_train_on():
    tokens, of = rows(2)
    with pytest.raises(DataError, match="holds out 2 of 2 samples, which leaves none"):
        hold_out(tokens, 0.1, 0, of)


def test_the_score_is_the_mean_probability_of_a_token():
    tokens, of = rows(50)
    network = AutoregressiveNetwork.of_seed(of, SIZES, 0)
    for head in network.metadata.heads:
        torch.nn.init.zeros_(head)
    assert HeldOut(TokenData(tokens, of, CPU), (0.0, 0.0)).score(network) == pytest.approx(0.5)


def test_the_score_is_the_same_in_parts():
    of = layout(max_length=40)
    network, tokens = network_of(of), drawn_batch(of, [40] * 300)
    some = parts(tokens)
    assert [len(part) for part in some] == [150, 150] and np.concatenate(some).tolist() == list(range(300))
    batch = TokenData(tokens, of, CPU).batch(np.arange(300))
    with torch.no_grad():
        losses = torch.cat([part.flatten() for part in network.losses(batch, network.natural_order())])
    score = HeldOut(TokenData(tokens, of, CPU), (0.0, 0.0)).score(network)
    assert score == pytest.approx(math.exp(-losses.mean()), rel=1e-4)


def test_drawn_orders_count_in_the_score_as_much_as_in_training(monkeypatch):
    of = layout(max_length=8)
    network, data = network_of(of), TokenData(drawn_batch(of, [8] * 40), of, CPU)
    turned = tuple(ranks.flip(0) for ranks in network.natural_order())
    monkeypatch.setattr(network, "drawn_order", lambda rng: turned)
    natural, both, drawn = (HeldOut(data, (share, share)).score(network) for share in (0.0, 0.25, 1.0))
    assert natural != drawn
    assert math.log(both) == pytest.approx(0.75 * math.log(natural) + 0.25 * math.log(drawn), rel=1e-6)


def test_validations_come_every_25_steps_and_then_after_a_twentieth_more():
    due = [step for step in range(1, 3000) if is_due(step)]
    assert due[:3] == [25, 50, 75] and 500 in due
    for step, following in itertools.pairwise(due):
        assert following - step == 25 if step < 500 else 0 <= following - 1.05 * step < 1


# Dropout


def test_dropout_leaves_out_its_share_of_the_units():
    drop = Dropout(0.25, 0, CPU).of_step(np.random.default_rng(0))
    mask = drop((300, 400))
    assert mask.shape == (300, 400) and set(mask.unique().tolist()) == {0, np.float32(1 / 0.75)}
    # 120,000 units: the standard error of the share is 0.00125.
    assert (mask == 0).float().mean().item() == pytest.approx(0.25, abs=0.005)
    assert not torch.equal(drop((300, 400)), mask)


def test_dropout_is_determined_by_the_step():
    dropout = Dropout(0.5, 7, CPU)
    one, other, third = (dropout.of_step(np.random.default_rng(seed))((20, 30)) for seed in (1, 1, 2))
    assert torch.equal(one, other) and not torch.equal(one, third)


def test_masks_may_be_larger_than_the_pool():
    shape = (2**11 + 1, 2**10)
    mask = Dropout(0.5, 0, CPU).of_step(np.random.default_rng(0))(shape)
    assert mask.shape == shape and mask.mean().item() == pytest.approx(1, abs=0.01)


def test_without_dropout_there_are_no_masks():
    assert Dropout(0.0, 0, CPU).of_step(np.random.default_rng(0)) is None


# Steps


def trainer(seed=0, **changes):
    of = layout()
    config = TrainingConfig(
        **{"batch_size": 3, "learning_rate": 0.01, "dropout": 0.2, "state_dropout": 0.5, **ORDERS, **changes}
    )
    return Trainer(
        AutoregressiveNetwork.of_seed(of, SIZES, 0), TokenData(drawn_batch(of, LENGTHS), of, CPU), config, seed
    )


def assert_same_state(one, other):
    assert one.state().keys() == other.state().keys()
    for name, tensor in one.state().items():
        assert torch.equal(tensor, other.state()[name]), name


def test_training_lowers_the_losses():
    run = trainer(dropout=0.0, batch_size=8, metadata_orders=0.0, record_orders=0.0)
    run.run(60)
    losses = run.history.values()
    assert losses.shape == (60, 2) and (losses[-1] < 0.7 * losses[0]).all()


def test_training_goes_on_bit_for_bit():
    whole, first, second = trainer(), trainer(), trainer()
    whole.run(7)
    first.run(3)
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    second.run(4)
    assert whole.step == second.step == 7
    assert_same_state(whole, second)


def test_another_seed_trains_otherwise():
    one, other = trainer(), trainer(seed=1)
    one.run(2)
    other.run(2)
    assert not torch.equal(one.networks.record.first, other.networks.record.first)


def test_orders_are_drawn_in_their_share_of_the_steps(monkeypatch):
    seen = []
    real = AutoregressiveNetwork.loss

    def loss(network, batch, ranks, *rest):
        seen.append(tuple(rank.tolist() for rank in ranks))
        return real(network, batch, ranks, *rest)

    monkeypatch.setattr(AutoregressiveNetwork, "loss", loss)
    trainer(metadata_orders=0.0, record_orders=0.0).run(6)
    assert set(map(repr, seen)) == {"([0, 1], [0, 1, 2])"}
    for name, part, least, most in (("metadata_orders", 0, 8, 32), ("record_orders", 1, 1, 18)):
        seen.clear()
        trainer(**{**dict.fromkeys(ORDERS, 0.0), name: 1.0}).run(40)
        orders = [order[part] for order in seen]
        # In 40 draws one of two orders is likely to come between 8 and 32 times, one of six between 1 and 18 times.
        natural = sum(order == sorted(order) for order in orders)
        assert least <= natural <= most and all(order[1 - part] == sorted(order[1 - part]) for order in seen)


def test_products_in_bfloat16_have_nearly_the_same_losses():
    exact, rounded = trainer(dropout=0.0), trainer(dropout=0.0, precision="bfloat16")
    exact.run(1)
    rounded.run(1)
    assert not torch.equal(exact.history.values(), rounded.history.values())
    torch.testing.assert_close(exact.history.values(), rounded.history.values(), rtol=0.02, atol=0)


# What is kept


def test_samples_are_made_with_averaged_weights():
    run = trainer()
    run.run(4)
    learned = Learned.of(run, None)
    for name, weight in learned.generator.state_dict().items():
        assert ".biases." in name or torch.equal(weight, run.average.tensors[f"networks.{name}"]), name
    assert not torch.equal(learned.generator.record.first, learned.networks.record.first)
    assert (learned.n_steps, learned.n_epochs, len(learned.history), learned.scores) == (4, 2, 4, None)


def test_samples_are_made_with_the_best_weights_of_a_validation():
    scores, run, kept = [0.2, 0.8, 0.5], trainer(), {}
    validation = Validation(lambda networks: scores.pop(0), 2, 5, collapse_below=0.0, unjudged=0.0)
    run.callbacks.append(validation)
    run.run(4)
    kept = {name: tensor.clone() for name, tensor in run.average.tensors.items()}
    run.run(2)
    learned = Learned.of(run, validation)
    for name, weight in learned.generator.state_dict().items():
        assert ".biases." in name or torch.equal(weight, kept[f"networks.{name}"]), name
    assert [score for _, _, score in learned.scores] == [0.2, 0.8, 0.5] and learned.n_steps == 6
