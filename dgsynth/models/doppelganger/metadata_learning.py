"""How the model that draws metadata is learned: as `AutoregressiveSynthesizer` learns a table, with its defaults."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.encoder import TokenEncoder
from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
from dgsynth.models.autoregressive.held_out import hold_out, validation_of
from dgsynth.models.autoregressive.learned import Learned
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.parameters import network_config, training_config
from dgsynth.models.autoregressive.training import Trainer
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.metadata_model import MetadataModel, metadata_table
from dgsynth.training.callbacks import OPEN_END, Callback
from dgsynth.transforms.encoder import Encoder

PARAMETERS = AutoregressiveSynthesizer().get_params(deep=False)
"""What it is built and trained by."""

FEWEST_VALIDATED = 20
"""Of fewer samples none are held out."""

_STEPS = 300
"""So many are taken then."""

_SHARE = 0.2
"""Of the time of a fit, where a callback limits it."""


def metadata_model_of(
    networks: NetworkConfig,
    metadata: pd.DataFrame,
    encoder: Encoder,
    seed: int,
    device: torch.device,
    callbacks: Sequence[Callback] = (),
    before: MetadataModel | None = None,
    number: int = 0,
) -> MetadataModel | None:
    """Return what draws metadata for the networks; None where they generate them, or there are none.

    Parameters
    ----------
    networks : NetworkConfig
    metadata, encoder, seed, device, callbacks
        As in `learn_metadata`.
    before : MetadataModel, optional
        Trained on for an epoch, by a part of the data, instead of a new one.
    number : int, default=0
        Tells such trainings apart.

    Raises
    ------
    DivergenceError
        The loss stopped being finite.
    KeyboardInterrupt
        The user interrupted it.
    """
    if networks.metadata_generator == "gan":
        return None
    if before is None:
        return learn_metadata(metadata, encoder, seed, device, callbacks)
    return train_on(before, metadata, encoder, seed, device, number=number, one_epoch=True, callbacks=callbacks)


def learn_metadata(
    metadata: pd.DataFrame, encoder: Encoder, seed: int, device: torch.device, callbacks: Sequence[Callback] = ()
) -> MetadataModel:
    """Return a model of a table of metadata.

    Parameters
    ----------
    metadata : DataFrame
        With all columns of `Encoder.metadata_frame`.
    encoder : Encoder
        Of the samples.
    seed : int
        Of the fit; the model's own is another one, which this one determines.
    device : torch.device
        Where it is trained.
    callbacks : sequence of Callback, default=()

    Raises
    ------
    DivergenceError
        The loss stopped being finite.
    KeyboardInterrupt
        The user interrupted it.
    """
    table, own_seed = metadata_table(metadata, encoder), _seed(seed, 0)
    tokens = TokenEncoder.fit(table)
    network = AutoregressiveNetwork.of_seed(tokens.layout, network_config(PARAMETERS), own_seed)
    network.begin_with(tokens.encode(table))
    return train_on(MetadataModel(tokens, network), metadata, encoder, seed, device, callbacks=callbacks)


def train_on(
    model: MetadataModel,
    metadata: pd.DataFrame,
    encoder: Encoder,
    seed: int,
    device: torch.device,
    *,
    number: int = 0,
    max_steps: int | None = None,
    one_epoch: bool = False,
    callbacks: Sequence[Callback] = (),
) -> MetadataModel:
    """Return a model that begins as `model`, which stays as it is, and learns a table of metadata.

    Parameters
    ----------
    model : MetadataModel
    metadata, encoder, seed, device, callbacks
        As in `learn_metadata`.
    number : int, default=0
        Tells trainings of the same seed apart.
    max_steps : int, optional
        By default training ends when held-out rows no longer become likelier.
    one_epoch : bool, default=False
        Whether all rows are trained on, once, instead.

    Raises
    ------
    DivergenceError
        The loss stopped being finite.
    KeyboardInterrupt
        The user interrupted it.
    """
    tokens, layout = model.encoder.encode(metadata_table(metadata, encoder)), model.encoder.layout
    own_seed, validation = _seed(seed, number), None
    if len(tokens) >= FEWEST_VALIDATED and not one_epoch:
        tokens, held_out = hold_out(tokens, PARAMETERS["validation_fraction"], own_seed, layout)
        config = training_config(PARAMETERS, tokens)
        validation = validation_of(TokenData(held_out, layout, device), config, PARAMETERS["n_iter_no_change"])
    network, data = copy.deepcopy(model.network).to(device), TokenData(tokens, layout, device)
    trainer = Trainer(network, data, training_config(PARAMETERS, tokens), own_seed, callbacks)
    trainer.share *= _SHARE
    trainer.callbacks += [] if validation is None else [validation]
    steps = max_steps or PARAMETERS["max_steps"] or (_STEPS if validation is None else OPEN_END)
    trainer.run(trainer.steps_per_epoch if one_epoch else steps)
    learned = Learned.of(trainer, validation, callbacks=callbacks)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return MetadataModel(model.encoder, learned.generator)


def _seed(seed: int, number: int) -> int:
    """Return 63 random bits, other ones than those of the networks' own steps."""
    entropy = np.random.SeedSequence([seed, number], spawn_key=(1,))
    return int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))
