"""Training with whatever kernels are loaded, held against the references at every one of 100 steps."""

import pytest
import torch

from dgsynth.kernels import critic, lstm_sequence, normalized_mlp
from dgsynth.models.doppelganger.config import NetworkConfig, TrainingConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.training.batching import TrainingData

TOLERANCE = 1e-3
"""Of the largest gradient of a tensor; a unit within rounding of zero may be on in one and off in the other."""


def assert_near(made, wanted):
    for ours, reference in zip(made, wanted, strict=True):
        error = (ours - reference).abs().max() / reference.abs().max().clamp(min=1e-6)
        assert error < TOLERANCE


def flat(gradients):
    return [tensor for made in gradients for tensor in (made if isinstance(made, list) else [made])]


@pytest.fixture
def compared(monkeypatch):
    """Compare scores, norms, records and gradients with the references wherever they are made; list which."""
    ops, compared = torch.ops.dgsynth, []
    names = ("critic_loss", "critic_step_", "critic_slope", "lstm_sequence", "normalized_mlp")
    names += ("lstm_sequence_backward", "normalized_mlp_backward")
    made = {name: getattr(ops, name) for name in names}

    def watched(name, reference, outputs):
        def call(*arguments):
            result = made[name](*arguments)
            assert_near(outputs(result), outputs(reference(*arguments)))
            compared.append(name)
            return result

        return call

    def step(*arguments):
        real, fake, mixing, weights, biases, _, _, _, penalty_weight, *_, of_real, of_fake, tail = arguments
        operands = real, fake, mixing, weights, biases, penalty_weight
        wanted = critic.loss_reference(*operands)
        assert_near(flat(made["critic_loss"](*operands, of_real, of_fake, tail)), flat(wanted))
        losses = made["critic_step_"](*arguments)
        assert_near([losses], wanted[:1])
        compared.append("critic_step_")
        return losses

    monkeypatch.setattr(ops, "critic_step_", step)
    monkeypatch.setattr(ops, "critic_slope", watched("critic_slope", critic.slope_reference, lambda made: made))
    monkeypatch.setattr(ops, "lstm_sequence", watched("lstm_sequence", lstm_sequence.reference, lambda made: made[:1]))
    monkeypatch.setattr(
        ops, "normalized_mlp", watched("normalized_mlp", normalized_mlp.reference, lambda made: made[:1])
    )
    for module in (lstm_sequence, normalized_mlp):
        name = f"{module.__name__.rpartition('.')[2]}_backward"
        monkeypatch.setattr(ops, name, watched(name, module.backward_reference, flat))
    return compared


def test_losses_and_gradients_agree_with_the_references_over_100_steps(encoded, layout, compared):
    torch.manual_seed(0)
    networks = DoppelGANger(layout, NetworkConfig(lstm_units=20, discriminator_units=(30, 30)))
    Trainer(networks, TrainingData(encoded, layout, torch.device("cpu")), TrainingConfig(batch_size=8), 0).run(100)
    assert len(compared) == 100 * (
        2 + 2 + 2 + 4
    )  # two critics, their slopes; of the passes and of two MLPs outputs and gradients
