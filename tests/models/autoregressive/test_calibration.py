"""Biases that make tokens as frequent as they are in the data."""

import numpy as np
import torch

from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.calibration import calibrate
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout
from dgsynth.models.autoregressive.network import AutoregressiveNetwork, NetworkConfig
from dgsynth.models.autoregressive.tokens import Token

CPU = torch.device("cpu")
LAYOUT = TokenLayout(
    ((Token(3),), (Token(4, True), Token(5, True, (5, 2, 1, 4)))), ((Token(2, n_positions=6),), (Token(6),)), 6, True
)


def tokens(n=300):
    rng = np.random.default_rng(0)
    coarse = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    fine = (rng.random(n) * np.array([5, 2, 1, 4])[coarse]).astype(int)
    lengths = rng.integers(1, 7, n)
    metadata = np.stack([rng.choice(3, n, p=[0.7, 0.2, 0.1]), coarse, fine], axis=1).astype(np.int32)
    records = rng.choice(6, (lengths.sum(), 1), p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05]).astype(np.int32)
    return TokenBatch(*map(torch.from_numpy, (metadata, records, lengths)))


def untrained():
    network, generator = AutoregressiveNetwork.of_seed(LAYOUT, NetworkConfig(4, 8, 8, 8, 4, 4), 0), torch.Generator()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator.manual_seed(1)))
    return network


def distance(network, data):
    """Return the largest distance of a predicted frequency from the one that occurs."""
    with torch.no_grad():
        pairs = network.frequencies(data.batch(np.arange(len(data))))
    return max(float((predicted - found).abs().max() / found.sum()) for predicted, found in pairs)


def test_frequencies_become_those_of_the_data():
    network, data = untrained(), TokenData(tokens(), LAYOUT, CPU)
    assert distance(network, data) > 0.1
    calibrate(network, data)
    assert distance(network, data) < 0.02


def test_what_cannot_be_stays_impossible_and_only_biases_change():
    network, data = untrained(), TokenData(tokens(), LAYOUT, CPU)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    calibrate(network, data)
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    # Whether a sample ends is known from its length.
    assert changed == {name for name in before if ".biases." in name} - {"record.biases.0"}
    assert (network.metadata.biases[2][1, 2:] < -1e8).all() and network.metadata.biases[2].isfinite().all()


def test_of_many_samples_a_part_is_looked_at(monkeypatch):
    monkeypatch.setattr("dgsynth.models.autoregressive.calibration._MOST", 100)
    network, data = untrained(), TokenData(tokens(), LAYOUT, CPU)
    before = distance(network, data)
    calibrate(network, data)
    assert 0.02 < distance(network, data) < before / 2
