"""Tensors with a JSON header in one .safetensors file: written whole or not at all, read without trust."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dgsynth.errors import ModelFileError, check_place

FORMAT_VERSION = 1
_KEY = "dgsynth"
_MAX_HEADER_BYTES = 64 * 2**20


def write_tensor_file(
    path: str | os.PathLike[str], kind: str, header: dict[str, Any], tensors: dict[str, Tensor]
) -> None:
    """Write `tensors` and `header` to `path`; a file of that name is replaced only once the new one is whole.

    Parameters
    ----------
    path : path-like
    kind : str
        What the file is, "model" or "checkpoint"; asked for again when it is read.
    header : dict
        Anything that JSON can hold.
    tensors : dict of str to Tensor

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    """
    path = Path(path)
    check_place(path)
    text = json.dumps({"kind": kind, "format_version": FORMAT_VERSION, **header}, allow_nan=False)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        temporary.touch()  # with the permissions that a new file has here; safetensors would make it private
        mode = temporary.stat().st_mode
        save_file(on_cpu, temporary, {_KEY: text})
        temporary.chmod(mode)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_tensor_file(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the header and the tensors of a file; nothing in it is ever executed.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ModelFileError
        The file is truncated, not of this kind or format version, or holds numbers that are not finite.
    """
    path = Path(path)
    with _opened(path) as file:
        header = _parse_header((file.metadata() or {}).get(_KEY), path, kind)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ModelFileError(f"{path.name} is damaged: {name!r} holds numbers that are not finite")
    return header, tensors


def read_header(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Return the header of a file without reading its tensors; raises what `read_tensor_file` raises."""
    path = Path(path)
    with _opened(path) as file:
        return _parse_header((file.metadata() or {}).get(_KEY), path, kind)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{path.name} is damaged or not a .safetensors file: {error}") from error


def _parse_header(text: str | None, path: Path, kind: str) -> dict[str, Any]:
    if text is None:
        raise ModelFileError(f"{path.name} is a .safetensors file, but not one of dgsynth's")
    if len(text) > _MAX_HEADER_BYTES:
        raise ModelFileError(
            f"{path.name} has a header of {len(text)} characters; at most {_MAX_HEADER_BYTES} are read"
        )
    try:
        header = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelFileError(f"{path.name} has a header that is not JSON: {error}") from error
    if not isinstance(header, dict) or header.get("kind") != kind:
        found = header.get("kind") if isinstance(header, dict) else None
        raise ModelFileError(f"{path.name} is not a dgsynth {kind} (its kind is {found!r})")
    if header.get("format_version") != FORMAT_VERSION:
        raise ModelFileError(
            f"{path.name} has format version {header.get('format_version')!r}; this dgsynth reads {FORMAT_VERSION}"
        )
    return header


def load_weights(module: torch.nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Put `tensors` into `module`, which must have exactly these names, shapes and types.

    Raises
    ------
    ModelFileError
        A tensor is missing, is too many, or has another shape or type.
    """
    expected = module.state_dict()
    for name in sorted(expected.keys() ^ tensors.keys()):
        raise ModelFileError(f"{source} is damaged: tensor {name!r} is {'missing' if name in expected else 'unknown'}")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            raise ModelFileError(
                f"{source} is damaged: tensor {name!r} is {tensor.dtype} {tuple(tensor.shape)}, "
                f"expected {expected[name].dtype} {tuple(expected[name].shape)}"
            )
    module.load_state_dict(tensors, assign=True)
