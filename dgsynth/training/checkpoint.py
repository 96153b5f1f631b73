"""Checkpoints: all that a run needs to go on bit for bit after it was killed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgsynth.errors import ModelFileError
from dgsynth.tensor_file import read_tensor_file, write_tensor_file
from dgsynth.training.callbacks import Callback, Training
from dgsynth.training.state import without_prefix
from dgsynth.training.validation import Validation

FILE_NAME = "checkpoint.safetensors"
SECONDS_BETWEEN = 30.0
_VALIDATION = "validation."


class Checkpoint(Callback):
    """Writes the state of training to a directory every half minute and at the end.

    Parameters
    ----------
    directory : path-like
        Made where it does not exist. The file in it is replaced only by a whole one.
    identity : dict
        What must be the same for a run to continue: see `run_identity`.
    seconds_between : float
    validation : Validation, optional
        What it has found travels with the state. It must come before the checkpoint among the trainer's callbacks.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        identity: dict[str, Any],
        seconds_between: float = SECONDS_BETWEEN,
        *,
        validation: Validation | None = None,
    ) -> None:
        self.path = Path(directory) / FILE_NAME
        self.identity = identity
        self.seconds_between = seconds_between
        self.validation = validation
        self._last_write = time.monotonic()

    def resume(self, trainer: Training) -> bool:
        """Bring `trainer` to the state of the checkpoint, and return whether there is one.

        Raises
        ------
        ModelFileError
            The checkpoint is damaged, or belongs to a run with other data or parameters.
        """
        if not self.path.exists():
            return False
        header, tensors = read_tensor_file(self.path, "checkpoint")
        for name, value in self.identity.items():
            found = header.get("identity", {}).get(name)
            if found != value:
                raise ModelFileError(
                    f"the checkpoint in {self.path.parent} belongs to another run: {name} is {found!r} there and "
                    f"{value!r} here; fit with the same parameters and data, or choose another checkpoint_dir"
                )
        _check_like(tensors, trainer.state(), self.path)
        if self.validation is not None:
            found = without_prefix(tensors, _VALIDATION)
            _check_validation(found, trainer, self.path)
            self.validation.restore(found)
        trainer.restore(tensors)
        return True

    def on_fit_begin(self, trainer: Training) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def on_step_end(self, trainer: Training) -> None:
        if time.monotonic() - self._last_write >= self.seconds_between:
            self._write(trainer)

    def on_fit_end(self, trainer: Training) -> None:
        # An interrupt may have come in the middle of a step; the last whole state is in the file already.
        if trainer.completed:
            self._write(trainer)

    def _write(self, trainer: Training) -> None:
        tensors = trainer.state()
        if self.validation is not None:
            tensors |= {_VALIDATION + name: tensor for name, tensor in self.validation.state().items()}
        write_tensor_file(self.path, "checkpoint", {"identity": self.identity}, tensors)
        self._last_write = time.monotonic()


def checkpoint_seed(directory: str | os.PathLike[str]) -> int | None:
    """Return the seed of the run whose checkpoint is in `directory`, None where there is none."""
    path = Path(directory) / FILE_NAME
    if not path.exists():
        return None
    header, _ = read_tensor_file(path, "checkpoint")
    seed = header.get("identity", {}).get("seed")
    if not isinstance(seed, int):
        raise ModelFileError(f"{path} is damaged: it has no seed")
    return seed


def run_identity(data: Sequence[Tensor], settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return all that the numbers of a run depend on, but for its length.

    Parameters
    ----------
    data : sequence of Tensor
        All that is trained on.
    settings : dict
        What the model is built and trained by; values that JSON can hold, or tuples of them.
    seed : int
    """
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    return {**plain, "seed": seed, "data": _digest(data)}


def _digest(data: Sequence[Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for tensor in data:
        digest.update(repr(tuple(tensor.shape)).encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _check_like(tensors: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> None:
    """Refuse a checkpoint whose tensors are not those that the trainer needs."""
    for name, tensor in expected.items():
        if name not in ("history", "ledger") and (
            name not in tensors or tensors[name].shape != tensor.shape or tensors[name].dtype != tensor.dtype
        ):
            raise ModelFileError(f"{path} is damaged: tensor {name!r} is missing or of another shape")
    if "ledger" in expected and ("ledger" not in tensors or tensors["ledger"].shape[1:] != (3,)):
        raise ModelFileError(f"{path} is damaged: its ledger of what privacy has spent is missing or of another shape")
    if "history" not in tensors or not torch.equal(torch.tensor(len(tensors["history"])), tensors["step"]):
        raise ModelFileError(f"{path} is damaged: its history does not have one row for each step")


def _check_validation(found: dict[str, Tensor], trainer: Training, path: Path) -> None:
    """Refuse a checkpoint that lacks what validation had found."""
    run, scores = found.get("run"), found.get("scores")
    if run is None or run.ndim or scores is None or scores.ndim != 2 or scores.shape[1] != 3:
        raise ModelFileError(f"{path} is damaged: what validation has found is missing or of another shape")
    if len(scores):
        _check_like(without_prefix(found, "best."), trainer.state(), path)
