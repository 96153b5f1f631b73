"""Data sets of the original DoppelGANger project: an .npz file and two pickled lists of outputs.

A pickle can call anything that its reader can import. The two lists are therefore read by an unpickler that knows the
few names which they need, and gives stand-ins for them; what else a file asks for is refused before it is loaded.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import zipfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.column import Column, Label
from dgsynth.data.inference import infer_column
from dgsynth.data.parts import frame_of
from dgsynth.data.schema import Form, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError

MAX_PICKLE_BYTES = 2**20
"""Size limit of a list of outputs; those of the paper have some hundred bytes."""

MAX_DIM = 2**20

_OPCODES = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET NONE NEWTRUE "
    "NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE "
    "BINUNICODE SHORT_BINUNICODE EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS EMPTY_TUPLE "
    "TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD"
)
"""Opcodes that plain objects and enums need."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Block:
    """Columns of an array that encode one value."""

    name: str
    columns: slice
    is_discrete: bool
    is_signed: bool  # scaled to [-1, 1] rather than [0, 1]


def read_original(
    path: str | os.PathLike[str],
    attribute_outputs: str | os.PathLike[str] | None = None,
    feature_outputs: str | os.PathLike[str] | None = None,
) -> Sequences:
    """Return a data set in the files of the original DoppelGANger project.

    Parameters
    ----------
    path : path
        An .npz file with data_feature (N, T, D), data_attribute (N, A), data_gen_flag (N, T) and perhaps
        data_feature_min and data_feature_max, one each per measurement; or a folder that holds data_train.npz.
    attribute_outputs, feature_outputs : path, default=None
        The pickled lists of outputs; None for data_attribute_output.pkl and data_feature_output.pkl beside the .npz.

    Returns
    -------
    Sequences
        Metadata attribute_0, attribute_1, ... and measurements feature_0, feature_1, ... Discrete ones are integers
        from 0, as categories; continuous ones float64, their scaling undone where the file has their ranges.

    Raises
    ------
    FileNotFoundError
        A file isn't there.
    DataError
        A file is damaged, asks for a class that is none of the project's, or doesn't fit the others.
    """
    path = Path(path)
    path = path / "data_train.npz" if path.is_dir() else path
    attributes = _read_blocks(Path(attribute_outputs or path.parent / "data_attribute_output.pkl"), "attribute")
    features = _read_blocks(Path(feature_outputs or path.parent / "data_feature_output.pkl"), "feature")
    arrays = _read_arrays(path)
    _check_width(arrays["data_attribute"], attributes, "data_attribute")
    _check_width(arrays["data_feature"], features, "data_feature")
    lengths = _lengths(arrays["data_gen_flag"])
    records = arrays["data_feature"][np.arange(arrays["data_feature"].shape[1]) < lengths[:, None]]

    ranges = _ranges(arrays, features)
    metadata = [_decode(arrays["data_attribute"], block, None) for block in attributes]
    measurements = [_decode(records, block, ranges.get(block.name)) for block in features]
    schema = Schema(
        tuple(column for _, column in metadata),
        tuple(column for _, column in measurements),
        min_length=int(lengths.min()),
        max_length=int(lengths.max()),
        form=Form("long", "sequences"),
    )
    return Sequences(_frame(metadata, len(lengths)), _frame(measurements, len(records)), lengths, None, schema)


def _frame(columns: list[tuple[pd.Series[Any], Column]], rows: int) -> pd.DataFrame:
    by_name: dict[Label, Any] = {column.name: values for values, column in columns}
    return frame_of(by_name, rows)


def _read_arrays(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; check the path")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name.startswith("data_")}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, AttributeError) as error:
        raise DataError(f"{path.name} is no .npz file of plain arrays: {error}") from error
    for name, ndim in (("data_feature", 3), ("data_attribute", 2), ("data_gen_flag", 2)):
        if name not in arrays:
            raise DataError(f"{path.name} lacks the array {name}; it has {', '.join(sorted(arrays)) or 'none'}")
        if arrays[name].ndim != ndim or arrays[name].dtype.kind not in "biuf":
            raise DataError(f"{name} must be a numeric array of {ndim} dimensions, got shape {arrays[name].shape}")
    shape = arrays["data_feature"].shape
    if arrays["data_gen_flag"].shape != shape[:2] or len(arrays["data_attribute"]) != shape[0] or 0 in shape:
        raise DataError(
            f"the arrays of {path.name} don't fit together: data_feature {shape}, data_attribute "
            f"{arrays['data_attribute'].shape}, data_gen_flag {arrays['data_gen_flag'].shape}"
        )
    return arrays


def _lengths(flags: Array) -> npt.NDArray[np.int64]:
    """Return the number of active records of each sample; `flags` of shape (N, T) are ones, then zeros."""
    is_active = flags > 0.5
    lengths = is_active.sum(axis=1).astype(np.int64)
    wrong = np.flatnonzero((is_active != (np.arange(flags.shape[1]) < lengths[:, None])).any(axis=1) | (lengths == 0))
    if len(wrong):
        raise DataError(
            f"data_gen_flag of sample {wrong[0]} must be ones followed by zeros, at least one of them a one"
        )
    return lengths


def _check_width(array: Array, blocks: list[_Block], name: str) -> None:
    width = blocks[-1].columns.stop if blocks else 0
    if array.shape[-1] != width:
        raise DataError(
            f"{name} has {array.shape[-1]} columns, but its outputs add up to {width}; use files of one set"
        )


def _ranges(arrays: dict[str, Array], features: list[_Block]) -> dict[str, tuple[float, float]]:
    """Return the minimum and maximum by name of the continuous measurements, where the file has them."""
    if "data_feature_min" not in arrays or "data_feature_max" not in arrays:
        return {}
    low, high = arrays["data_feature_min"].ravel(), arrays["data_feature_max"].ravel()
    continuous = [block for block in features if not block.is_discrete]
    blocks = features if len(low) == len(features) else continuous
    if len(low) != len(blocks) or len(high) != len(blocks):
        raise DataError(
            f"data_feature_min and data_feature_max have {len(low)} and {len(high)} entries for "
            f"{len(continuous)} continuous measurements; they need one for each"
        )
    return {block.name: (float(a), float(b)) for block, a, b in zip(blocks, low, high, strict=True)}


def _decode(encoded: Array, block: _Block, limits: tuple[float, float] | None) -> tuple[pd.Series[Any], Column]:
    """Return the values that columns of `encoded`, shape (rows, width), stand for."""
    part = encoded[:, block.columns]
    if block.is_discrete:
        if not (np.isclose(part.sum(axis=1), 1) & np.isclose(part.max(axis=1), 1)).all():
            raise DataError(f"{block.name} is discrete, but not each of its rows is one-hot; check the outputs")
        categories = tuple(range(part.shape[1]))
        return pd.Series(part.argmax(axis=1)).astype("int64"), Column(
            block.name, "categorical", "int64", categories=categories
        )
    values = part[:, 0].astype(np.float64)
    if limits is not None:
        low, high = limits
        values = ((values + 1) / 2 if block.is_signed else values) * (high - low) + low
    series = pd.Series(values)
    return series, infer_column(series, block.name)


def _read_blocks(path: Path, stem: str) -> list[_Block]:
    """Return what the pickled list of outputs at `path` says; the flag, if listed, has no columns in the arrays."""
    outputs = [output for output in _read_outputs(path) if not output["is_gen_flag"]]
    ends = np.cumsum([output["dim"] for output in outputs], dtype=int).tolist()
    blocks = []
    for i, (output, end) in enumerate(zip(outputs, ends, strict=True)):
        is_discrete = output["type_"] == "DISCRETE"
        where = slice(end - output["dim"], end)
        if is_discrete or output["dim"] == 1:
            blocks.append(_Block(f"{stem}_{i}", where, is_discrete, output["normalization"] == "MINUSONE_ONE"))
            continue
        for j, column in enumerate(range(where.start, where.stop)):  # a vector of continuous values
            one = slice(column, column + 1)
            blocks.append(_Block(f"{stem}_{i}_{j}", one, False, output["normalization"] == "MINUSONE_ONE"))
    return blocks


def _read_outputs(path: Path) -> list[dict[str, Any]]:
    """Return the fields of each output of a pickled list, checked."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; check the path")
    with path.open("rb") as file:
        data = file.read(MAX_PICKLE_BYTES + 1)
    if len(data) > MAX_PICKLE_BYTES:
        raise DataError(f"{path.name} is longer than {MAX_PICKLE_BYTES} bytes; a list of outputs is not")
    _check_opcodes(data, path.name)
    unpickler = _OutputUnpickler(data, path.name)
    try:
        outputs = unpickler.load()
    except DataError:
        raise
    except Exception as error:  # a crafted pickle can raise nearly anything, and none of it means more than this
        raise DataError(f"{path.name} is no pickled list of outputs: {type(error).__name__}") from error
    if not isinstance(outputs, list):
        raise DataError(f"{path.name} holds {type(outputs).__name__}; expected a list of outputs")
    return [_fields(output, unpickler.names, path.name) for output in outputs]


def _check_opcodes(data: bytes, name: str) -> None:
    """Refuse opcodes that outputs don't need, and memo indices that would take memory for nothing."""
    allowed = frozenset(_OPCODES.split())
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in allowed:
                raise DataError(f"{name} is refused: a list of outputs doesn't need the pickle opcode {opcode.name}")
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= len(data):
                raise DataError(f"{name} is refused: its memo index {argument} is beyond its length")
    except DataError:
        raise
    except Exception as error:  # pickletools raises whatever the damaged bytes lead to
        raise DataError(f"{name} is no pickled list of outputs: {type(error).__name__}") from error


def _fields(output: Any, names: dict[tuple[str, str], Any], file: str) -> dict[str, Any]:
    if type(output) is not names["output", "Output"]:
        raise DataError(f"{file} lists {type(output).__name__}; expected outputs only")
    fields = vars(output)
    dim = fields.get("dim")
    if type(dim) is not int or not 0 < dim <= MAX_DIM:
        raise DataError(f"{file} has an output whose dim is no number from 1 to {MAX_DIM}")
    if type(fields.get("type_")) is not names["output", "OutputType"]:
        raise DataError(f"{file} has an output without a type_")
    normalization = fields.get("normalization")
    if normalization is not None and type(normalization) is not names["output", "Normalization"]:
        raise DataError(f"{file} has an output whose normalization is neither ZERO_ONE nor MINUSONE_ONE")
    return {
        "dim": dim,
        "type_": fields["type_"].value,
        "normalization": None if normalization is None else normalization.value,
        "is_gen_flag": fields.get("is_gen_flag") in (True, 1),
    }


class _OutputUnpickler(pickle.Unpickler):
    """Gives stand-ins for the few names that lists of outputs need, and refuses every other.

    The stand-ins are made anew for each file: one that writes to their attributes changes nothing for the next.
    """

    def __init__(self, data: bytes, file: str) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._file = file
        self.names = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.names[module, name]
        except KeyError:
            raise DataError(
                f"{self._file} is refused: it asks for {module}.{name}, and may only ask for Output, OutputType and "
                "Normalization of the original project"
            ) from None


def _stand_ins() -> dict[tuple[str, str], Any]:
    class Output:
        pass

    class OutputType(Enum):
        CONTINUOUS = "CONTINUOUS"
        DISCRETE = "DISCRETE"

    class Normalization(Enum):
        ZERO_ONE = "ZERO_ONE"
        MINUSONE_ONE = "MINUSONE_ONE"

    def reconstruct(cls: Any, base: Any, state: Any) -> Any:
        if cls is not Output or base is not object or state is not None:
            raise DataError("a list of outputs is refused: it rebuilds an object that is no Output")
        return Output()

    def member(cls: Any, name: Any) -> Any:
        if cls not in (OutputType, Normalization) or type(name) is not str or name not in cls.__members__:
            raise DataError("a list of outputs is refused: its getattr asks for more than a member of its enums")
        return cls[name]

    names: dict[tuple[str, str], Any] = {
        ("output", "Output"): Output,
        ("output", "OutputType"): OutputType,
        ("output", "Normalization"): Normalization,
    }
    for module in ("copy_reg", "copyreg"):
        names[module, "_reconstructor"] = reconstruct
    for module in ("__builtin__", "builtins"):
        names[module, "object"] = object
        names[module, "getattr"] = member  # how some versions of Python write the members of enums
    return names
