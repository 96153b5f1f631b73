"""What the files of all synthesizers have in common: the parts of the header, and how they are read without trust."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import sklearn
import torch
from torch import Tensor

from dgsynth.constraints.declared import Constraint
from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.data.schema import Schema
from dgsynth.errors import DataError, ModelFileError
from dgsynth.kernels import library_status
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.privacy.config import PrivacyConfig

MODEL_SUFFIX = ".safetensors"

_NOT_SAVED = ("callbacks", "checkpoint_dir", "encoded_dir")
"""Parameters that belong to one run on one machine; a file that names a folder to write to is not listened to."""

_FEATURES = ("n_features_in_", "feature_names_in_")
"""What scikit-learn keeps of a table's columns."""

S = TypeVar("S", bound=Synthesizer)


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Raise ValueError where a model can't go to a file of that name."""
    if Path(path).suffix != MODEL_SUFFIX:
        raise ValueError(f"a model is saved to a {MODEL_SUFFIX} file, got {str(path)!r}; name it so")


def header_of(model: Synthesizer) -> dict[str, Any]:
    """Return what the header says of any fitted synthesizer."""
    constraints = model._fitted_constraints()
    return {
        "synthesizer": type(model).__name__,
        "parameters": to_plain({k: v for k, v in model.get_params(deep=False).items() if k not in _NOT_SAVED}),
        "encoder": model._encoder_to_dict(),
        **({} if constraints is None else {"constraints": constraints.to_dict()}),
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
    model = cls(**{name: value for name, value in from_plain(header["parameters"]).items() if name not in _NOT_SAVED})
    model._validate_params()
    model.encoder_ = model._encoder_from_dict(header["encoder"])
    if "constraints" in header:
        model.constraints_ = FittedConstraints.from_dict(header["constraints"], model.encoder_.schema)
    model.schema_ = model._codec().schema
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
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, DataError, RuntimeError) as error:
        raise ModelFileError(f"{name} is damaged: {type(error).__name__}: {error}") from error


def history_frame(losses: Tensor, names: Sequence[str], n_steps: int) -> pd.DataFrame:
    """Return losses by step, of shape (n_steps, len(names)), as a table."""
    if losses.shape != (n_steps, len(names)):
        raise ValueError("its history does not have one row for each step")
    return pd.DataFrame(losses.numpy(), columns=list(names), index=pd.RangeIndex(1, n_steps + 1, name="step"))


def scores_frame(scores: Sequence[tuple[int, int, float]]) -> pd.DataFrame:
    """Return what validation has found as a table."""
    columns = {"run": "int64", "step": "int64", "score": "float64"}
    return pd.DataFrame(scores, columns=list(columns)).astype(columns)


def scores_of(tensors: dict[str, Tensor]) -> list[tuple[int, int, float]] | None:
    """Take what validation had found out of the tensors, and return it; None where there was none."""
    scores = tensors.pop("validation_scores", None)
    if scores is None:
        return None
    if scores.ndim != 2 or scores.shape[1] != 3:
        raise ValueError("its validation scores are not rows of run, step and score")
    return [(int(run), int(step), float(score)) for run, step, score in scores.tolist()]


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


def count(header: dict[str, Any], key: str) -> int:
    """Return a whole number of the header, which must be in [0, 2**63)."""
    if type(header[key]) is not int or not 0 <= header[key] < 2**63:
        raise ValueError(f"{key} is {header[key]!r}")
    return header[key]


def to_plain(value: Any) -> Any:
    """Return a parameter as JSON can hold it; dicts become lists of pairs, since their keys need not be text."""
    if isinstance(value, Schema):
        return {"schema": value.to_dict()}
    if isinstance(value, Constraint):
        return {"constraint": value.to_dict()}
    if isinstance(value, PrivacyConfig):
        return {"privacy": asdict(value)}
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
    if isinstance(value, dict) and "privacy" in value:
        return PrivacyConfig(**value["privacy"])
    if isinstance(value, dict) and "constraint" in value:
        return Constraint.from_dict(value["constraint"])
    if isinstance(value, dict) and "tuple" in value:
        return tuple(from_plain(item) for item in value["tuple"])
    if isinstance(value, dict):
        return {from_plain(key): from_plain(item) for key, item in value["pairs"]}
    return value


def _restore_features(model: Synthesizer, features: dict[str, Any]) -> None:
    if "n_features_in_" in features:
        model.n_features_in_ = count(features, "n_features_in_")
    if "feature_names_in_" in features:
        names = features["feature_names_in_"]
        if not isinstance(names, list) or len(names) != model.n_features_in_ or {*map(type, names)} != {str}:
            raise ValueError(f"feature_names_in_ is {names!r}")
        model.feature_names_in_ = np.array(names, dtype=object)
