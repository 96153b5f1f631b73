"""The last steps, small ones without dropout, in which trained weights settle."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

from dgsynth.errors import DivergenceError
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.training import SETTLING, Trainer
from dgsynth.training.callbacks import Callback
from dgsynth.training.state import sampled_networks
from dgsynth.training.validation import restart_seed

_SLOWER = 0.1
"""Learning rate, in those of training."""

_STATE_DROPOUT = 0.5
"""The same of the share of the LSTM's output that a step leaves out."""


def settle(
    network: AutoregressiveNetwork, trainer: Trainer, n_steps: int, callbacks: Sequence[Callback]
) -> AutoregressiveNetwork:
    """Return a trained network after some more steps, slow ones that leave out no hidden unit.

    Dropout keeps the likelihood of held-out samples up, and blurs what is drawn: of records that follow one another
    too few are alike. These steps take the blur away, and end before the likelihood suffers.

    Parameters
    ----------
    network : AutoregressiveNetwork
        It stays as it is.
    trainer : Trainer
        What has trained it.
    n_steps : int
    callbacks : sequence of Callback
        Of these steps alone.
    """
    config = replace(
        trainer.config,
        learning_rate=_SLOWER * trainer.config.learning_rate,
        dropout=0.0,
        state_dropout=_STATE_DROPOUT * trainer.config.state_dropout,
    )
    slow = Trainer(copy.deepcopy(network), trainer.data, config, restart_seed(trainer.seed, 1), callbacks)
    slow.share = SETTLING * trainer.share
    try:
        slow.run(n_steps)
    except DivergenceError:  # what was trained before is sound
        return network
    trainer.interrupted = slow.interrupted
    return sampled_networks(slow.networks, slow.state())
