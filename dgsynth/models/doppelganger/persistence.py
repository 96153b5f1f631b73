"""A fitted DGSynthesizer as one .safetensors file: weights, and a JSON header with all the rest."""

from __future__ import annotations

import os
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from dgsynth.kernels.packing import Precision
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.learned import Learned, Spent
from dgsynth.models.doppelganger.metadata_model import PREFIX, MetadataModel
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.settings import Settings, settings_from_dict, settings_to_dict
from dgsynth.models.doppelganger.training.losses import LOSSES
from dgsynth.models.model_file import (
    check_suffix,
    count,
    damage_named,
    header_of,
    history_frame,
    model_of,
    scores_of,
    weights_digest,
)
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.tensor_file import load_weights, read_tensor_file, write_tensor_file
from dgsynth.transforms.encoder import Encoder
from dgsynth.transforms.state import encoder_to_dict

S = TypeVar("S", bound=Synthesizer)

_MAX_SIZE = 2**20
_MAX_LAYERS = 64


def save(
    model: Synthesizer,
    path: str | os.PathLike[str],
    learned: Learned,
    settings: Settings,
    spent: Spent | None,
    privacy: PrivacyConfig | None,
    *,
    generator_only: bool = False,
) -> None:
    """Write a fitted model to `path`, which must end in .safetensors.

    The weights are those of the networks and, where they differ, of the generator; what only the next training
    step needs (the optimizers' moments, and the averaged weights where the generator has the best ones) is left out.
    With `generator_only` all is left out that samples don't need. Of a model that was trained with privacy, the
    discriminators' losses are left out, which no noise covers, and a seed that noise was drawn from.

    Parameters
    ----------
    model : Synthesizer
        With its parameters, schema, encoder and seed.
    path : path-like
    learned : Learned
    settings : dict of str to Setting
    spent : Spent or None
    privacy : PrivacyConfig or None
        What the model was trained with.
    generator_only : bool, default=False
    """
    check_suffix(path)
    generator_only = generator_only or learned.networks.discriminator is None
    header = {
        **_described(model, learned, is_seeded=spent is not None and privacy is not None and privacy.noise == "seeded"),
        "settings": settings_to_dict(settings),
        "generator_only": generator_only,
        "privacy_spent": None if spent is None else spent.to_dict(),
    }
    tensors = _generator_tensors(learned) if generator_only else _tensors(learned, is_private=spent is not None)
    if learned.metadata_model is not None:
        header["metadata_model"] = learned.metadata_model.to_dict()
        tensors |= learned.metadata_model.tensors()
    write_tensor_file(path, "model", header, tensors)


def _generator_tensors(learned: Learned) -> dict[str, Tensor]:
    return {f"networks.{name}": tensor for name, tensor in _generator_state(learned.generator).items()}


def _tensors(learned: Learned, *, is_private: bool) -> dict[str, Tensor]:
    tensors = {f"networks.{name}": tensor for name, tensor in learned.networks.state_dict().items()}
    if learned.generator is not learned.networks:
        tensors |= {f"averaged.{name}": tensor for name, tensor in _generators(learned.generator).items()}
    losses = learned.history.copy()
    if is_private:
        losses[[name for name in LOSSES if name != "generator_loss"]] = 0.0
    tensors["history"] = torch.from_numpy(losses.to_numpy().copy())
    if learned.scores is not None:
        tensors["validation_scores"] = torch.tensor(learned.scores, dtype=torch.float64).reshape(-1, 3)
    return tensors


def _described(model: Synthesizer, learned: Learned, *, is_seeded: bool) -> dict[str, Any]:
    header = {
        **header_of(model),
        "networks": learned.networks.config.to_dict(),
        # The seed of the last run, from which training goes on; another one than the model's after a restart.
        "run_seed": int(learned.training_state["seed"]),
        "n_restarts": learned.n_restarts,
    }
    if is_seeded:
        warnings.warn(
            "the noise of this model was drawn from random_state, and whoever guesses that can take it off again; its "
            "seed is left out of the file, but a model that is handed out should be fitted with noise='secure'",
            stacklevel=4,
        )
        header["seed"] = header["run_seed"] = 0
        header["parameters"] = {**header["parameters"], "random_state": None}
    return header


def load(path: str | os.PathLike[str], cls: type[S]) -> tuple[S, Learned, Spent | None, Settings]:
    """Return the model in the file at `path`, what it has learned, on the CPU, what privacy has spent, and settings.

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
        assert isinstance(model.encoder_, Encoder), "it is read as one"
        layout = model.encoder_.layout
        config = _network_config(header["networks"])
        run_seed = count({"run_seed": model.seed_, **header}, "run_seed")
        generator_only = header.get("generator_only", False) is True
        scores = scores_of(tensors)
        n_restarts = 0 if scores is None else count(header, "n_restarts")
        losses = torch.empty(0, len(LOSSES)) if generator_only else tensors.pop("history")
        history = history_frame(losses, LOSSES, 0 if generator_only else model.n_steps_)
        plain = header.get("privacy_spent")
        spent = None if plain is None else Spent.from_dict(plain)
        settings = settings_from_dict(header.get("settings", {}))  # files from before it have none
        metadata_model = None
        if config.metadata_generator == "autoregressive":
            metadata_model = MetadataModel.from_dict(header["metadata_model"], model.encoder_)
    if metadata_model is not None:
        drawing = {key: tensors.pop(key) for key in list(tensors) if key.startswith(PREFIX)}
        metadata_model = metadata_model.with_weights(drawing, name)
    with torch.device("meta"):  # shapes only: what the header claims is compared before memory is taken
        networks = DoppelGANger(layout, config)
    if generator_only:
        networks.drop_discriminators()
    # The best weights are no average that training could go on with: that begins anew from the networks' own.
    has_best = scores is not None
    training_state = {key: t for key, t in tensors.items() if not (has_best and key.startswith("averaged."))}
    averaged = {key.removeprefix("averaged."): tensors.pop(key) for key in list(tensors) if key.startswith("averaged.")}
    load_weights(networks, {key.removeprefix("networks."): tensor for key, tensor in tensors.items()}, name)
    generator = networks
    if averaged:
        with torch.device("meta"):
            generator = DoppelGANger(layout, config)
        load_weights(generator, {**networks.state_dict(), **averaged}, name)
    numbers = {"step": torch.tensor(model.n_steps_), "seed": torch.tensor(run_seed)}
    training_state = {**training_state, **numbers, "history": losses}
    steps = model.n_steps_, model.n_epochs_
    kept = networks.eval(), generator.eval(), training_state, history, *steps, scores, n_restarts, metadata_model
    return model, Learned(*kept), spent, settings


def digest(
    encoder: Encoder, generator: DoppelGANger, precision: Precision, metadata_model: MetadataModel | None = None
) -> str:
    """Return what a model's samples depend on beside the seed; see `weights_digest`."""
    described = {
        "encoder": encoder_to_dict(encoder),
        "networks": generator.config.to_dict(),
        "precision": precision,
    }
    if metadata_model is None:
        return weights_digest(described, _generators(generator))
    described["metadata_model"] = metadata_model.to_dict()
    return weights_digest(described, _generators(generator) | metadata_model.tensors())


def _generators(networks: DoppelGANger) -> dict[str, Tensor]:
    """Return the floating-point tensors of the generators, under their names in the whole."""
    return {name: tensor for name, tensor in _generator_state(networks).items() if tensor.is_floating_point()}


def _generator_state(networks: DoppelGANger) -> dict[str, Tensor]:
    names = tuple(f"{name}." for name in networks.generator_modules())
    return {name: tensor for name, tensor in networks.state_dict().items() if name.startswith(names)}


def _network_config(plain: dict[str, Any]) -> NetworkConfig:
    """Return the configuration, every entry of its type and of a bearable size."""
    types, plain = get_type_hints(NetworkConfig), {"metadata_generator": "gan", **plain}
    if plain.keys() != types.keys():
        raise ValueError(f"its networks are described by {sorted(plain)}, expected {sorted(types)}")
    values = {field.name: _checked(plain[field.name], types[field.name], field.name) for field in fields(NetworkConfig)}
    if values["lstm_layers"] > _MAX_LAYERS:
        raise ValueError(f"it has {values['lstm_layers']} LSTM layers; at most {_MAX_LAYERS} are read")
    return NetworkConfig(**values)


def _checked(value: Any, kind: Any, name: str) -> Any:
    if kind is int and type(value) is int and 0 < value <= _MAX_SIZE:
        return value
    if kind is bool and type(value) is bool:
        return value
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    if get_origin(kind) is tuple and isinstance(value, list) and len(value) <= _MAX_LAYERS:
        return tuple(_checked(item, int, name) for item in value)
    raise ValueError(f"{name} is {value!r}")
