"""Arrays: (n, T, K), ragged lists of (T_i, K), and (n, m) tables of metadata only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.validation import check_array

from dgsynth.data.checks import Ints, as_labels, check_categorical, check_disjoint, check_frame
from dgsynth.data.column import Label
from dgsynth.data.parts import Parts, choose_labels, frame_of, make_schema, read_columns
from dgsynth.data.samples import Samples
from dgsynth.data.schema import Form, Schema
from dgsynth.data.wide import read_table_rows
from dgsynth.errors import DataError

Array = npt.NDArray[Any]


def read_arrays(
    measurements: Any,
    *,
    metadata: Any,
    lengths: Any,
    categorical: Any,
    measurement_names: Any,
    schema: Schema | None,
) -> Parts:
    """Return the parts of a 3-D array or a list of arrays; see `Sequences.from_arrays`."""
    records, sizes, form = _records(measurements, lengths)
    if metadata is not None:  # arrays alone can't give it back
        form = replace(form, container="sequences")
    names = _measurement_names(measurement_names, records.shape[1], schema)
    frame = frame_of({name: _series(records[:, k]) for k, name in enumerate(names)}, len(records))
    meta_frame = _metadata_frame(metadata, len(sizes))
    meta_names = choose_labels(meta_frame.columns, schema, "metadata") or ()
    check_disjoint({"metadata": meta_names, "measurement_names": names})
    numeric = as_labels(categorical, "categorical")
    check_categorical(numeric, {*meta_names, *names})
    first = np.cumsum(sizes) - sizes

    def place(i: int) -> str:
        sample = int(np.searchsorted(first, i, side="right")) - 1
        return f"sample {sample}, record {i - first[sample]}"

    known = (None, None) if schema is None else (schema.metadata, schema.measurements)
    meta, meta_columns = read_columns(meta_frame, meta_names, numeric, known[0], _sample)
    values, value_columns = read_columns(frame, names, numeric, known[1], place)
    made = make_schema(meta_columns, value_columns, sizes, form, schema, _sample)
    return Parts(meta, values, sizes, None, made, None)


def read_matrix(matrix: Any, *, metadata: Any, categorical: Any, schema: Schema | None) -> Parts:
    """Return the parts of a 2-D array or array-like, each row a sample of metadata; see `Sequences.from_table`."""
    array = _checked_matrix(matrix)
    frame = frame_of({k: _series(array[:, k]) for k in range(array.shape[1])}, len(array))
    parts = read_table_rows(frame, metadata=metadata, categorical=categorical, schema=schema)
    form = replace(parts.schema.form, container="numpy", dtype=_dtype_name(array.dtype))
    return parts._replace(schema=replace(parts.schema, form=form))


def write_array(sequences: Samples) -> Array:
    """Return the measurements as an array (n, T, K); see `Sequences.to_array`."""
    width = int(sequences.lengths.max(initial=0))
    records = _matrix(sequences.measurements, sequences.schema.form.dtype)
    is_record = np.arange(width) < sequences.lengths[:, None]
    if not is_record.all():
        records = records.astype(_paddable(records.dtype))
    shape = (len(sequences), width, records.shape[1])
    if is_record.all():
        return records.reshape(shape)
    padded = np.full(shape, _missing(records.dtype), dtype=records.dtype)
    padded[is_record] = records
    return padded


def write_list(sequences: Samples) -> list[Array]:
    """Return the measurements of each sample as an array (T_i, K); see `Sequences.to_list`."""
    records = _matrix(sequences.measurements, sequences.schema.form.dtype)
    if sequences.schema.form.is_flat:
        records = records[:, 0]
    return [part.copy() for part in np.split(records, sequences.offsets[1:-1])] if len(sequences) else []


def write_matrix(table: pd.DataFrame, dtype: str | None) -> Array:
    """Return a table as a 2-D array of the NumPy dtype it came in, or a wider one where that can't hold it."""
    return _matrix(table, dtype)


def _records(measurements: Any, lengths: Any) -> tuple[Array, Ints, Form]:
    """Return all records (sum of lengths, K), the lengths (n,) and the form."""
    if isinstance(measurements, list | tuple) and not _is_regular_nested(measurements):
        if lengths is not None:
            raise DataError("lengths goes with a 3-D array; each array of a list has its own length, leave lengths out")
        return _records_of_list(measurements)
    array = _as_array(measurements)
    if array.ndim != 3:
        shaped = {1: "X[None, :, None]", 2: "X[:, :, None]"}.get(array.ndim, "X.reshape(*X.shape[:2], -1)")
        raise DataError(
            f"an array of samples must have 3 dimensions, (n, T, K), got shape {array.shape}; give it these, for "
            f"instance with {shaped}"
        )
    _check_dtype(array)
    if 0 in array.shape:
        raise DataError(
            f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required in each dimension; "
            "give at least one sample."
        )
    form = Form("array", "numpy", dtype=_dtype_name(array.dtype))
    sizes = _as_lengths(lengths, len(array), array.shape[1])
    if (sizes == array.shape[1]).all():
        return array.reshape(-1, array.shape[2]), sizes, form
    return array[np.arange(array.shape[1]) < sizes[:, None]], sizes, form


def _records_of_list(arrays: Sequence[Any]) -> tuple[Array, Ints, Form]:
    if len(arrays) == 0:
        raise DataError("Found array with 0 sample(s) while a minimum of 1 is required: the list is empty.")
    parts = [_as_array(part) for part in arrays]
    is_flat = all(part.ndim == 1 for part in parts)
    parts = [part[:, None] if part.ndim == 1 else part for part in parts]
    for i, part in enumerate(parts):
        _check_dtype(part)
        if part.ndim != 2 or part.shape[1] != parts[0].shape[1] or part.shape[1] == 0:
            raise DataError(
                f"sample {i} has shape {part.shape}, and sample 0 {parts[0].shape}; give every array of the list the "
                "shape (T_i, K) with the same K"
            )
        if len(part) == 0:
            raise DataError(f"sample {i} has no records; leave it out")
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    is_masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    records = _joined_masked(parts) if is_masked else np.concatenate(parts)
    return records, sizes, Form("list", "list", dtype=_dtype_name(records.dtype), is_flat=is_flat)


def _is_regular_nested(values: Sequence[Any]) -> bool:
    """Whether nested plain lists stand for a 3-D array; a list of arrays stays one, whatever its lengths."""
    if any(hasattr(value, "ndim") for value in values):
        return False
    try:
        return np.asarray(values).ndim == 3
    except ValueError:
        return False


def _as_lengths(lengths: Any, n_samples: int, width: int) -> Ints:
    if lengths is None:
        return np.full(n_samples, width, dtype=np.int64)
    given = np.asarray(lengths)
    if given.shape != (n_samples,) or given.dtype.kind not in "iu":
        raise DataError(
            f"lengths must be {n_samples} integers, one per sample, got {given.dtype} of shape {given.shape}; "
            "give the records of each sample, or leave lengths out"
        )
    wrong = np.flatnonzero((given < 1) | (given > width))
    if len(wrong):
        raise DataError(f"lengths[{wrong[0]}] is {given[wrong[0]]}; give each sample from 1 to {width} records")
    return given.astype(np.int64)


def _measurement_names(given: Any, k: int, schema: Schema | None) -> tuple[Label, ...]:
    if given is None:
        names: tuple[Label, ...] = tuple(range(k)) if schema is None else tuple(schema.measurement_names)
    else:
        names = as_labels(given, "measurement_names")
        choose_labels(names, schema, "measurements", "measurement_names")
    if len(names) != k:
        source = "the schema has" if given is None else "measurement_names has"
        raise DataError(f"the arrays hold {k} measurements, but {source} {len(names)}; give one name for each")
    return names


def _metadata_frame(metadata: Any, n_samples: int) -> pd.DataFrame:
    """Return metadata as a frame; the columns of an array are called metadata_0, metadata_1, ..."""
    if metadata is None:
        return frame_of({}, n_samples)
    if not isinstance(metadata, pd.DataFrame):
        if isinstance(metadata, str) or np.ndim(metadata) != 2:
            raise DataError(
                "metadata of arrays must be a DataFrame or a 2-D array with one row per sample, "
                f"got {type(metadata).__name__}; make one of it, for instance with pd.DataFrame"
            )
        array = _checked_matrix(metadata)
        metadata = frame_of({f"metadata_{k}": _series(array[:, k]) for k in range(array.shape[1])}, len(array))
    check_frame(metadata)
    if len(metadata) != n_samples:
        raise DataError(f"metadata has {len(metadata)} rows for {n_samples} samples; give one row for each")
    return metadata.reset_index(drop=True)


def _series(values: Array) -> pd.Series[Any]:
    """Return a column, which may share its memory; one of Python objects takes the dtype that all of them have.

    What is masked is missing: of whole numbers and booleans in their nullable dtypes.
    """
    if isinstance(values, np.ma.MaskedArray):
        mask, series = np.ma.getmaskarray(values), _series(values.data)
        nullable = mask.any() and series.dtype.kind in "biu"
        return (series.convert_dtypes() if nullable else series).mask(mask)
    if values.dtype.kind == "O":
        series = pd.Series(values, dtype=object)
        inferred = series.infer_objects()
        # Text stays as it is: the text dtype of pandas 3 would turn None into NaN.
        return series if pd.api.types.is_string_dtype(inferred.dtype) else inferred
    return pd.Series(values.astype(object)) if values.dtype.kind == "U" else pd.Series(values, copy=False)


def _as_array(values: Any) -> Array:
    """Return an array, with its mask where it has one."""
    return values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)


def _joined_masked(parts: Sequence[Any]) -> Array:
    joined: Array = np.ma.concatenate(parts)  # type: ignore[no-untyped-call]  # NumPy has no types for it
    return joined


def _checked_matrix(values: Any) -> Array:
    """Return a 2-D array, checked by scikit-learn, with its mask where it has one."""
    if isinstance(values, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in values):
        values = _joined_masked([np.ma.asarray(row)[None] for row in values])
    array = check_array(values, dtype=None, ensure_all_finite=False)
    return np.ma.array(array, mask=values.mask) if isinstance(values, np.ma.MaskedArray) else array


def _check_dtype(array: Array) -> None:
    if array.dtype.kind == "c":
        raise DataError("Complex data not supported: split it into its real and imaginary parts first")
    if array.dtype.kind not in "biufMUO":
        remedy = "np.timedelta64(1, 's')"
        remedy = f"with X / {remedy}" if array.dtype.kind == "m" else "to numbers or text, with X.astype"
        raise DataError(f"arrays of dtype {array.dtype} can't be modelled; convert them first, {remedy}")


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "object" if dtype.kind == "O" or dtype.itemsize > 4 * 9999 else dtype.str


def _matrix(frame: pd.DataFrame, dtype: str | None) -> Array:
    """Return the columns side by side in the NumPy dtype of that name, or in the one that pandas finds for them."""
    if dtype is None:
        return frame.to_numpy()
    wanted = np.dtype(dtype)
    if wanted.kind == "O":
        return frame.astype(object).to_numpy()
    if wanted.kind in "biu" and frame.isna().to_numpy().any():
        return frame.to_numpy(dtype=_paddable(wanted), na_value=np.nan)
    return frame.to_numpy(dtype=wanted)


def _paddable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype that can hold missing values beside those of `dtype`."""
    if dtype.kind in "fMO":
        return dtype
    return np.dtype(np.float64) if dtype.kind in "iu" else np.dtype(object)


def _missing(dtype: np.dtype[Any]) -> Any:
    return {"f": np.nan, "M": np.datetime64("NaT")}.get(dtype.kind)


def _sample(i: int) -> str:
    return f"sample {i}"
