"""A fitted AutoregressiveSynthesizer as one .safetensors file: weights, and a JSON header with all the rest."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch

from dgsynth.models.autoregressive.encoder import TokenEncoder
from dgsynth.models.autoregressive.encoder_state import token_encoder_to_dict
from dgsynth.models.autoregressive.learned import Learned
from dgsynth.models.autoregressive.network import AutoregressiveNetwork, NetworkConfig
from dgsynth.models.autoregressive.training import LOSSES
from dgsynth.models.model_file import (
    check_suffix,
    damage_named,
    header_of,
    history_frame,
    model_of,
    scores_of,
    weights_digest,
)
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.tensor_file import load_weights, read_tensor_file, write_tensor_file

S = TypeVar("S", bound=Synthesizer)

_MOST_UNITS = 2**16


def save(model: Synthesizer, path: str | os.PathLike[str], learned: Learned, *, generator_only: bool = False) -> None:
    """Write a fitted model to `path`, which must end in .safetensors.

    What only the next training step needs, the optimizer's moments, is left out; with `generator_only` all is that
    samples don't need: the weights as trained, losses and validation scores.
    """
    check_suffix(path)
    header = {
        **header_of(model),
        "networks": asdict(learned.generator.config),
        "generator_only": generator_only or not len(learned.history),
    }
    tensors = {f"generator.{name}": tensor for name, tensor in learned.generator.state_dict().items()}
    if not header["generator_only"]:
        tensors |= {f"networks.{name}": tensor for name, tensor in learned.networks.state_dict().items()}
        tensors["history"] = torch.from_numpy(learned.history.to_numpy().copy())
        if learned.scores is not None:
            tensors["validation_scores"] = torch.tensor(learned.scores, dtype=torch.float64).reshape(-1, 3)
    write_tensor_file(path, "model", header, tensors)


def load(path: str | os.PathLike[str], cls: type[S]) -> tuple[S, Learned]:
    """Return the model in the file at `path`, and what it has learned, on the CPU.

    Raises
    ------
    FileNotFoundError
    ModelFileError
        The file is damaged, foreign, or of another format version.
    """
    header, tensors = read_tensor_file(path, "model")
    name = Path(path).name
    with damage_named(name):
        model = model_of(header, cls, name)
        assert isinstance(model.encoder_, TokenEncoder), "it is read as one"
        config, generator_only = network_config_of(header["networks"]), header["generator_only"] is True
        scores = scores_of(tensors)
        losses = torch.empty(0, len(LOSSES)) if generator_only else tensors.pop("history")
        history = history_frame(losses, LOSSES, 0 if generator_only else model.n_steps_)
        with torch.device("meta"):  # shapes only: what the header claims is compared before memory is taken
            generator, networks = (AutoregressiveNetwork(model.encoder_.layout, config) for _ in range(2))
    made = {key.removeprefix("generator."): tensors.pop(key) for key in list(tensors) if key.startswith("generator.")}
    load_weights(generator, made, name)
    if generator_only:
        networks = generator
    else:
        load_weights(networks, {key.removeprefix("networks."): tensor for key, tensor in tensors.items()}, name)
    state = {f"networks.{key}": tensor for key, tensor in networks.state_dict().items()}
    state |= {"step": torch.tensor(model.n_steps_), "seed": torch.tensor(model.seed_), "history": losses}
    learned = Learned(networks.eval(), generator.eval(), state, history, model.n_steps_, model.n_epochs_, scores)
    return model, learned


def digest(encoder: TokenEncoder, generator: AutoregressiveNetwork) -> str:
    """Return what a model's samples depend on beside the seed; see `weights_digest`."""
    described = {"encoder": token_encoder_to_dict(encoder), "networks": asdict(generator.config)}
    return weights_digest(described, dict(generator.state_dict()))


def network_config_of(plain: dict[str, Any]) -> NetworkConfig:
    """Return the configuration, every entry of a bearable size."""
    names = {field.name for field in fields(NetworkConfig)}
    if plain.keys() != names:
        raise ValueError(f"its networks are described by {sorted(plain)}, expected {sorted(names)}")
    for name, value in plain.items():
        if type(value) is not int or not 0 < value <= _MOST_UNITS:
            raise ValueError(f"{name} is {value!r}")
    return NetworkConfig(**plain)
