"""Private training: what is released is counted, samples do not touch each other, and audits find no contradiction."""

import math

import pytest
import torch
from scipy import stats

from dgsynth.batch import EncodedBatch, Layout, Output
from dgsynth.models.doppelganger.config import NetworkConfig, TrainingConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.private import PrivateTrainer
from dgsynth.privacy.accountant import Budget, Releases
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.training.batching import TrainingData

pytest.importorskip("opacus", exc_type=ImportError)
pytestmark = pytest.mark.usefixtures("reckoned_once")

SMALL = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (16, 16)}


def make(encoded, layout, *, n_samples=24, privacy=None, seed=5, **config):
    networks = DoppelGANger.of_seed(layout, NetworkConfig(**SMALL), 0)
    data = TrainingData(encoded, layout, torch.device("cpu"))
    given = {"noise_multiplier": 1.0, "delta": 1e-3, "noise": "seeded"} if privacy is None else privacy
    training = TrainingConfig(**{"batch_size": 8, **config})
    return PrivateTrainer(networks, data, training, seed, [], PrivacyConfig(**given), n_samples)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("variant", [{}, {"discriminator_rounds": 3}, {"generator_averaging": 0.9}])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(encoded, layout, variant):
    whole, stopped, resumed = (make(encoded, layout, **variant) for _ in range(3))
    whole.run(7)
    stopped.run(3)
    resumed.restore(stopped.state())
    resumed.run(4)
    assert_same(whole.state(), resumed.state())


def test_a_budget_planned_for_all_steps_goes_on_as_planned(encoded, layout):
    privacy = {"epsilon": 3.0, "delta": 1e-3, "noise": "seeded", "accountant": "rdp"}
    whole, stopped, resumed = (make(encoded, layout, privacy=privacy) for _ in range(3))
    whole.run(7)
    stopped._plan(7)
    for _ in range(3):
        stopped._take_step()
        stopped.step += 1
    state = stopped.state()
    assert stopped.epsilon < whole.epsilon <= 3.0
    state["history"] = torch.zeros(3, 5, dtype=torch.float64)
    resumed.restore(state)
    resumed.run(4)
    assert resumed.ledger == whole.ledger
    assert_same(
        {n: t for n, t in whole.state().items() if n != "history"},
        {n: t for n, t in resumed.state().items() if n != "history"},
    )


def test_every_round_of_the_discriminators_is_counted(encoded, layout):
    trainer = make(encoded, layout, discriminator_rounds=3)
    trainer.run(5)
    assert trainer.ledger == [Releases(1.0, 8 / 24, 15)]
    assert trainer.epsilon == Budget(1e-3).epsilon([Releases(1.0, 8 / 24, 15)])


@pytest.mark.slow
def test_training_on_spends_the_rest_of_a_raised_budget(encoded, layout):
    privacy = {"delta": 1e-3, "accountant": "rdp"}
    first = make(encoded, layout, privacy={"epsilon": 1.0, **privacy})
    first.run(10)
    second = make(encoded, layout, privacy={"epsilon": 2.0, **privacy})
    second.restore(first.state())
    second.run(10)
    assert [releases.updates for releases in second.ledger] == [10, 10]
    assert 1.8 < second.epsilon <= 2.0


def test_beginning_anew_forgets_nothing_that_was_released(encoded, layout):
    trainer = make(encoded, layout)
    trainer.run(4)
    trainer.restart(1)
    assert trainer.step == 0 and trainer.ledger[-1].updates == 4


def test_the_number_of_samples_is_not_read_off_the_data(encoded, layout):
    trainer = make(encoded, layout, n_samples=80)
    assert trainer.sample_rate == 0.1 and trainer.steps_per_epoch == 10


def test_an_empty_batch_is_noise_alone(encoded, layout):
    trainer = make(encoded, layout, n_samples=10**6)
    before = {name: tensor.clone() for name, tensor in trainer.state().items()}
    trainer.run(2)
    assert trainer.history.values()[:, :4].count_nonzero() == 0
    assert not torch.equal(
        before["networks.discriminator.mlp.0.weight"], trainer.state()["networks.discriminator.mlp.0.weight"]
    )
    assert all(torch.isfinite(tensor).all() for tensor in trainer.state().values())


def test_secure_noise_does_not_come_from_the_seed(encoded, layout):
    privacy = {"noise_multiplier": 1.0, "delta": 1e-3}
    one, other = (make(encoded, layout, privacy=privacy) for _ in range(2))
    one.run(1)
    other.run(1)
    name = "networks.discriminator.mlp.0.weight"
    assert not torch.equal(one.state()[name], other.state()[name])


def test_the_generator_sees_no_real_sample(encoded, layout):
    """With the discriminators held still, two data sets lead to the same generators, statistics of BatchNorm too."""
    others = EncodedBatch(
        encoded.metadata.flip(0), encoded.minmax.flip(0), encoded.records.flip(0), encoded.lengths.flip(0)
    )
    states = []
    for data in (encoded, others):
        trainer = make(data, layout)
        for optimizer in trainer.discriminator_optimizers:
            optimizer.rates = (0.0, *optimizer.rates[1:])
        trainer.run(3)
        states.append({name: t for name, t in trainer.networks.state_dict().items() if "discriminator" not in name})
    assert_same(*states)


CANARY = torch.full((1, 3), 10.0)
"""Far from what generated samples are, so that its gradient is much the same in every run."""
NOISE, STEPS, RUNS = 1.5, 2, 1500


def observe(trainer, direction):
    """Return what an attacker who sees all noisy gradients knows of the canary: their sum along its own gradient."""
    seen = []
    for optimizer in trainer.discriminator_optimizers:
        taken = optimizer.step

        def spy(gradients, taken=taken):
            seen.append(torch.cat([g.flatten() for g in gradients]))
            taken(gradients)

        optimizer.step = spy
    trainer.run(STEPS)
    if direction is None:
        return torch.stack(seen).sum(dim=0)
    return float(torch.stack(seen).sum(dim=0) @ direction)


def audit(noise):
    """Return a lower bound of epsilon, right with 95 %, from many runs with and without one sample."""
    layout = Layout((Output(1, "sigmoid"),) * 3, (), (), 0, 1, False)
    other = torch.full((1, 3), 0.25)

    def trainer(with_canary, seed, multiplier):
        rows = torch.cat([other, CANARY]) if with_canary else other
        lengths = torch.zeros(len(rows), dtype=torch.int64)
        encoded = EncodedBatch(rows, rows[:, :0], torch.zeros(0, 0), lengths)
        privacy = {"noise_multiplier": multiplier, "delta": 1e-3, "noise": "seeded"}
        return make(encoded, layout, n_samples=2, batch_size=2, privacy=privacy, seed=seed)

    seeds = range(-20, 0)
    quiet = [sum(observe(trainer(inside, seed % 2**62, 1e-6), None) for seed in seeds) for inside in (True, False)]
    direction = quiet[0] - quiet[1]
    direction = direction / direction.norm()
    told = [torch.tensor([observe(trainer(inside, 1 + i, noise), direction) for i in range(RUNS)]) for inside in (1, 0)]
    half = RUNS // 2  # a threshold is chosen by one half of the runs and judged by the other
    bounds = {
        threshold: math.log(max(_lower(told[0][:half] > threshold), 1e-9) / _upper(told[1][:half] > threshold))
        for threshold in torch.cat(told)[::50].tolist()
    }
    best = max(bounds, key=bounds.get)
    return math.log(max(_lower(told[0][half:] > best) - 1e-3, 1e-9) / _upper(told[1][half:] > best))


def _lower(hits):
    return float(stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(0.95, "exact").low)


def _upper(hits):
    return float(stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(0.95, "exact").high)


@pytest.mark.slow
def test_an_audit_does_not_contradict_the_claimed_epsilon():
    """And would, were the noise a third of what is claimed: the audit can tell."""
    claimed = Budget(1e-3).epsilon([Releases(NOISE, 1.0, STEPS)])
    assert 0.2 * claimed < audit(NOISE) <= claimed
    assert audit(NOISE / 3) > claimed
