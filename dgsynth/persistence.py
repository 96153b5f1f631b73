"""A fitted model as one .safetensors file: weights, and a JSON header with all the rest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
import sklearn
import torch
from torch import Tensor

from dgsynth.config import NetworkConfig
from dgsynth.data.schema import Schema
from dgsynth.errors import DataError, ModelFileError
from dgsynth.kernels import library_status
from dgsynth.networks import DoppelGANger
from dgsynth.tensor_file import load_weights, read_tensor_file, write_tensor_file
from dgsynth.training.history import LOSSES
from dgsynth.transforms.state import encoder_from_dict, encoder_to_dict

if TYPE_CHECKING:
    from dgsynth.estimator import Synthesizer
    from dgsynth.synthesizer import DGSynthesizer

S = TypeVar("S", bound="Synthesizer")

MODEL_SUFFIX = ".safetensors"
_MAX_SIZE = 2**20
_MAX_LAYERS = 64
_NOT_SAVED = ("callbacks", "checkpoint_dir", "encoded_dir")
"""Parameters that belong to one run on one machine."""

_FEATURES = ("n_features_in_", "feature_names_in_")
"""What scikit-learn keeps of a table's columns."""


def save(model: DGSynthesizer, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to `path`, which must end in .safetensors.

    The weights are those of `networks_` and, where they differ, of `generator_`; what only the next training
    step needs (the optimizers' moments, and the averaged weights where `generator_` has the best ones) is left out.
    """
    check_suffix(path)
    tensors = {f"networks.{name}": tensor for name, tensor in model.networks_.state_dict().items()}
    if model.generator_ is not model.networks_:
        tensors |= {f"averaged.{name}": tensor for name, tensor in _generators(model.generator_).items()}
    tensors["history"] = torch.from_numpy(model.history_.to_numpy().copy())
    if hasattr(model, "validation_scores_"):
        tensors["validation_scores"] = torch.from_numpy(model.validation_scores_.to_numpy(np.float64).copy())
    header = {
        **header_of(model),
        "networks": asdict(model.networks_.config),
        # The seed of the last run, from which training goes on; another one than the model's after a restart.
        "run_seed": int((model._training_state or {}).get("seed", model.seed_)),
        "n_restarts": getattr(model, "n_restarts_", 0),
    }
    write_tensor_file(path, "model", header, tensors)


def load(path: str | os.PathLike[str], cls: type[DGSynthesizer]) -> DGSynthesizer:
    """Return the model in the file at `path`, on the CPU.

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
        encoder = model.encoder_
        config = _network_config(header["networks"])
        run_seed = count({"run_seed": model.seed_, **header}, "run_seed")
        validated = _restore_scores(model, header, tensors)
        history = tensors.pop("history")
        model.history_ = history_frame(history, LOSSES, model.n_steps_)
    with torch.device("meta"):  # shapes only: what the header claims is compared before memory is taken
        model.networks_ = DoppelGANger(encoder.layout, config)
    # The best weights are no average that training could go on with: that begins anew from the networks' own.
    training_state = {key: t for key, t in tensors.items() if not (validated and key.startswith("averaged."))}
    averaged = {key.removeprefix("averaged."): tensors.pop(key) for key in list(tensors) if key.startswith("averaged.")}
    load_weights(model.networks_, {key.removeprefix("networks."): tensor for key, tensor in tensors.items()}, name)
    model.generator_ = model.networks_
    if averaged:
        with torch.device("meta"):
            model.generator_ = DoppelGANger(encoder.layout, config)
        load_weights(model.generator_, {**model.networks_.state_dict(), **averaged}, name)
    numbers = {"step": torch.tensor(model.n_steps_), "seed": torch.tensor(run_seed)}
    model._training_state = {**training_state, **numbers, "history": history}
    model.networks_.eval()
    model.generator_.eval()
    model._sampling = {}
    return model


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Raise ValueError where a model can't go to a file of that name."""
    if Path(path).suffix != MODEL_SUFFIX:
        raise ValueError(f"a model is saved to a {MODEL_SUFFIX} file, got {str(path)!r}")


def header_of(model: Synthesizer) -> dict[str, Any]:
    """Return what the header says of any fitted synthesizer."""
    return {
        "synthesizer": type(model).__name__,
        "parameters": to_plain({k: v for k, v in model.get_params(deep=False).items() if k not in _NOT_SAVED}),
        "encoder": encoder_to_dict(model.encoder_),
        "seed": model.seed_,
        "n_steps": model.n_steps_,
        "n_epochs": model.n_epochs_,
        "features": {name: to_plain(getattr(model, name)) for name in _FEATURES if hasattr(model, name)},
        "versions": {"torch": torch.__version__, "scikit-learn": sklearn.__version__},
    }


def model_of(header: dict[str, Any], cls: type[S], name: str) -> S:
    """Return a synthesizer with what `header_of` said of it.

    Raises
    ------
    ModelFileError
        The file is that of another class.
    KeyError, TypeError, ValueError, AttributeError or OverflowError
        The header is damaged; see `damage_named`.
    """
    found = synthesizer_of(header)
    if found != cls.__name__:
        raise ModelFileError(f"{name} holds a {found}, not a {cls.__name__}; load it with dgsynth.load")
    model = cls(**from_plain(header["parameters"]))
    model._validate_params()
    model.encoder_ = encoder_from_dict(header["encoder"])
    model.schema_ = model.encoder_.schema
    model.seed_, model.n_steps_, model.n_epochs_ = (count(header, key) for key in ("seed", "n_steps", "n_epochs"))
    _restore_features(model, header.get("features", {}))
    return model


def synthesizer_of(header: dict[str, Any]) -> str:
    """Return the name of the class whose model a file holds; files from before there were several name none."""
    return str(header.get("synthesizer", "DGSynthesizer"))


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Turn what a damaged header raises into a ModelFileError that names the file."""
    try:
        yield
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, DataError) as error:
        raise ModelFileError(f"{name} is damaged: {type(error).__name__}: {error}") from error


def history_frame(losses: Tensor, names: Sequence[str], n_steps: int) -> pd.DataFrame:
    """Return losses by step, of shape (n_steps, len(names)), as a table."""
    if losses.shape != (n_steps, len(names)):
        raise ValueError("its history does not have one row for each step")
    return pd.DataFrame(losses.numpy(), columns=list(names), index=pd.RangeIndex(1, n_steps + 1, name="step"))


def weights_digest(described: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """Return 32 hex digits that tell what samples depend on beside the seed: versions, a description, weights."""
    versions = {"torch": torch.__version__, "pandas": pd.__version__, "pyarrow": pa.__version__}
    # The kernels' numbers are rounded in another way.
    described = {**described, "versions": versions, "has_kernels": bool(library_status()["path"])}
    digest = hashlib.blake2b(json.dumps(described).encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def digest(model: DGSynthesizer) -> str:
    """Return what a model's samples depend on beside the seed; see `weights_digest`."""
    described = {
        "encoder": encoder_to_dict(model.encoder_),
        "networks": asdict(model.generator_.config),
        "precision": model.precision,
    }
    return weights_digest(described, _generators(model.generator_))


def _restore_features(model: Synthesizer, features: dict[str, Any]) -> None:
    if "n_features_in_" in features:
        model.n_features_in_ = count(features, "n_features_in_")
    if "feature_names_in_" in features:
        names = features["feature_names_in_"]
        if not isinstance(names, list) or len(names) != model.n_features_in_ or {*map(type, names)} != {str}:
            raise ValueError(f"feature_names_in_ is {names!r}")
        model.feature_names_in_ = np.array(names, dtype=object)


def _restore_scores(model: DGSynthesizer, header: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
    """Take over what validation had found, and return whether there is such."""
    scores = tensors.pop("validation_scores", None)
    if scores is None:
        return False
    if scores.ndim != 2 or scores.shape[1] != 3:
        raise ValueError("its validation scores are not rows of run, step and score")
    rows = [(int(run), int(step), float(score)) for run, step, score in scores.tolist()]
    model._keep_scores(rows, count(header, "n_restarts"))
    return True


def _generators(networks: DoppelGANger) -> dict[str, Tensor]:
    """Return the floating-point tensors of the generators, under their names in the whole."""
    names = tuple(f"{name}." for name in networks.generator_modules())
    state = networks.state_dict()
    return {name: tensor for name, tensor in state.items() if name.startswith(names) and tensor.is_floating_point()}


def _network_config(plain: dict[str, Any]) -> NetworkConfig:
    """Return the configuration, every entry of its type and of a bearable size."""
    types = get_type_hints(NetworkConfig)
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


def count(header: dict[str, Any], key: str) -> int:
    """Return a whole number of the header, which must be in [0, 2**63)."""
    if type(header[key]) is not int or not 0 <= header[key] < 2**63:
        raise ValueError(f"{key} is {header[key]!r}")
    return header[key]


def to_plain(value: Any) -> Any:
    """Return a parameter as JSON can hold it; dicts become lists of pairs, since their keys need not be text."""
    if isinstance(value, Schema):
        return {"schema": value.to_dict()}
    if isinstance(value, dict):
        return {"pairs": [[to_plain(key), to_plain(item)] for key, item in value.items()]}
    if isinstance(value, str | bool | int | float | None):
        return value
    if hasattr(value, "tolist"):  # numpy scalars and arrays, pandas indexes
        return to_plain(value.tolist())
    if isinstance(value, tuple):
        return {"tuple": [to_plain(item) for item in value]}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return None  # a RandomState, say: what it has drawn is in the weights


def from_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if isinstance(value, dict) and "schema" in value:
        return Schema.from_dict(value["schema"])
    if isinstance(value, dict) and "tuple" in value:
        return tuple(from_plain(item) for item in value["tuple"])
    if isinstance(value, dict):
        return {from_plain(key): from_plain(item) for key, item in value["pairs"]}
    return value
