"""The model that draws metadata: learned, trained on, and interrupted."""

import numpy as np
import pandas as pd
import pytest
import torch

from dgsynth.data.sequences import Sequences
from dgsynth.models.doppelganger import metadata_learning
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.metadata_learning import learn_metadata, metadata_model_of, train_on
from dgsynth.models.doppelganger.metadata_model import metadata_table
from dgsynth.training.callbacks import Callback
from dgsynth.transforms.encoder import Encoder, EncoderOptions

CPU = torch.device("cpu")


def small(n=60, share=0.5, seed=0):
    """Return the encoder of n samples of two records, and their metadata."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"home": np.arange(n), "kind": np.where(rng.random(n) < share, "a", "b"), "size": rng.random(n)}
    )
    series = Sequences.from_long(
        pd.concat([table, table]).sort_values("home").assign(load=1.0), sequence_key="home", metadata=["kind", "size"]
    )
    encoder = Encoder.fit(series, EncoderOptions())
    return encoder, encoder.metadata_frame(series)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setitem(metadata_learning.PARAMETERS, "max_steps", 10)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.tensors().items()}


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_hidden_columns_are_metadata_too():
    lengths = np.array([1, 3, 2])
    series = Sequences.from_arrays([np.zeros((length, 1)) for length in lengths])
    encoder = Encoder.fit(series, EncoderOptions(lengths="metadata"))
    table = metadata_table(encoder.metadata_frame(series), encoder)
    assert table.schema.names == ("length",) and table.metadata["length"].tolist() == [1, 3, 2]


def test_the_seed_and_the_data_determine_the_model():
    encoder, metadata = small()
    one, other, third = (weights(learn_metadata(metadata, encoder, seed, CPU)) for seed in (3, 3, 4))
    assert same(one, other) and not same(one, third)


@pytest.mark.parametrize("n", [2, 19, 20])
def test_few_samples_are_enough(n):
    encoder, metadata = small(n)
    made = learn_metadata(metadata, encoder, 0, CPU).draw(1, 0, 5)
    assert made.dtypes.equals(metadata.dtypes) and made["size"].between(0, 1).all()


def test_what_is_trained_on_stays_as_it_was_and_its_tokens_stay_too():
    encoder, metadata = small()
    model = learn_metadata(metadata, encoder, 0, CPU)
    before = weights(model)
    one, other = (train_on(model, metadata, encoder, 0, CPU, number=number, one_epoch=True) for number in (1, 2))
    assert same(weights(model), before) and one.encoder is model.encoder
    assert not same(weights(one), before) and not same(weights(one), weights(other))


def test_networks_that_generate_metadata_need_no_model():
    encoder, metadata = small()
    assert metadata_model_of(NetworkConfig(), metadata, encoder, 0, CPU) is None


def test_an_interrupt_is_not_taken_for_the_end():
    class Interrupt(Callback):
        def on_step_end(self, trainer):
            raise KeyboardInterrupt

    encoder, metadata = small()
    with pytest.raises(KeyboardInterrupt):
        learn_metadata(metadata, encoder, 0, CPU, [Interrupt()])
