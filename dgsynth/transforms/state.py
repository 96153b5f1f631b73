"""An encoder as plain values that JSON can hold, and back, every entry checked."""

from __future__ import annotations

import math
from typing import Any, get_args

from dgsynth.data.schema import Column, Schema
from dgsynth.errors import DataError
from dgsynth.transforms.categorical import CategoricalTransform
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.decoding import ColumnTransform
from dgsynth.transforms.encoder import Encoder
from dgsynth.transforms.scaling import FeatureRange, Scaler
from dgsynth.transforms.timestamps import Step, TimestampTransform


def encoder_to_dict(encoder: Encoder) -> dict[str, Any]:
    """Return the encoder as plain values; columns stand in the schema, and here only by their place."""
    plain = {
        "schema": encoder.schema.to_dict(),
        "timestamps": None if encoder.timestamps is None else timestamps_to_dict(encoder.timestamps),
        "metadata": [transform_to_dict(transform) for transform in encoder.metadata],
        "measurements": [transform_to_dict(transform) for transform in encoder.measurements],
        "feature_range": list(encoder.feature_range),
        "auto_normalize": encoder.auto_normalize,
        "sample_len": encoder.sample_len,
        "missing_shares": encoder.missing_shares,
        "attain_range": encoder.attain_range,
    }
    # Left out, as in files from before it, where there is none.
    return plain if encoder.length_column is None else {**plain, "length_column": encoder.length_column.to_dict()}


def encoder_from_dict(plain: dict[str, Any]) -> Encoder:
    """Return the encoder that `encoder_to_dict` described.

    Raises
    ------
    DataError, KeyError, TypeError or ValueError
        The description is malformed.
    """
    schema = Schema.from_dict(plain["schema"])
    timestamps = None if plain["timestamps"] is None else timestamps_from_dict(plain["timestamps"], schema)
    starts = [timestamps.start_column] if timestamps and timestamps.start_column else []
    gaps = [timestamps.gap_column] if timestamps and timestamps.gap_column else []
    lengths = [] if plain.get("length_column") is None else [_length_column(plain["length_column"], schema)]
    feature_range = _feature_range(plain["feature_range"])
    sample_len = _whole(plain["sample_len"], "sample_len", 1)
    if sample_len > max(schema.max_length, 1):
        raise DataError(f"sample_len {sample_len} is beyond the longest sample")
    return Encoder(
        schema=schema,
        timestamps=timestamps,
        metadata=_transforms_from_dicts(plain["metadata"], [*schema.metadata, *starts, *lengths], feature_range),
        measurements=_transforms_from_dicts(plain["measurements"], [*schema.measurements, *gaps], feature_range),
        feature_range=feature_range,
        auto_normalize=_flag(plain["auto_normalize"], "auto_normalize"),
        sample_len=sample_len,
        missing_shares=_flag(plain.get("missing_shares", False), "missing_shares"),
        attain_range=_flag(plain.get("attain_range", False), "attain_range"),
        length_column=lengths[0] if lengths else None,
    )


def transform_to_dict(transform: ColumnTransform) -> dict[str, Any]:
    """Return a column's transform as plain values; the column itself stands in the schema."""
    if isinstance(transform, CategoricalTransform):
        return {"kind": "categorical"}
    scaler = transform.scaler
    return {
        "kind": "continuous",
        "low": scaler.low,
        "high": scaler.high,
        "log_unit": scaler.log_unit,
        "decimals": transform.decimals,
        "unit": transform.unit,
    }


def _transforms_from_dicts(
    plain: list[dict[str, Any]], columns: list[Column], feature_range: FeatureRange
) -> tuple[ColumnTransform, ...]:
    if len(plain) != len(columns):
        raise DataError(f"{len(plain)} transforms are described for {len(columns)} columns")
    return tuple(
        transform_from_dict(description, column, feature_range)
        for description, column in zip(plain, columns, strict=True)
    )


def transform_from_dict(plain: dict[str, Any], column: Column, feature_range: FeatureRange) -> ColumnTransform:
    """Return what `transform_to_dict` described."""
    is_categorical = column.has_categories
    if plain["kind"] != ("categorical" if is_categorical else "continuous"):
        raise DataError(f"column {column.name!r} is {column.kind}, but its transform is {plain['kind']!r}")
    if is_categorical:
        return CategoricalTransform(column)
    low, high = _number(plain["low"], "low"), _number(plain["high"], "high")
    log_unit = None if plain["log_unit"] is None else _number(plain["log_unit"], "log_unit")
    if low > high or (log_unit is not None and log_unit <= 0):
        raise DataError(f"column {column.name!r} is scaled from [{low}, {high}] with log_unit {log_unit}")
    decimals = None if plain["decimals"] is None else _whole(plain["decimals"], "decimals", 0)
    scaler = Scaler(low, high, log_unit, feature_range)
    return ContinuousTransform(column, scaler, decimals, _whole(plain["unit"], "unit", 1))


def timestamps_to_dict(timestamps: TimestampTransform) -> dict[str, Any]:
    """Return a transform of timestamps as plain values; the index itself stands in the schema."""

    def column(value: Column | None) -> dict[str, Any] | None:
        return None if value is None else value.to_dict()

    return {
        "step_kind": timestamps.step_kind,
        "step": timestamps.step,
        "start": timestamps.start,
        "start_column": column(timestamps.start_column),
        "gap_column": column(timestamps.gap_column),
    }


def timestamps_from_dict(plain: dict[str, Any], schema: Schema) -> TimestampTransform:
    """Return what `timestamps_to_dict` described."""
    index = schema.sequence_index
    if index is None or plain["step_kind"] not in get_args(Step):
        raise DataError(f"timestamps of kind {plain['step_kind']!r} are described for the index {index!r}")
    columns = [None if plain[n] is None else Column.from_dict(plain[n]) for n in ("start_column", "gap_column")]
    if (plain["step_kind"] == "gaps") != (columns[1] is not None):
        raise DataError("irregular timestamps, and only these, have a gap_column")
    number = _number if index.kind == "continuous" else _any_whole
    step, start = number(plain["step"], "step"), number(plain["start"], "start")
    if step <= 0:
        raise DataError(f"the step of timestamps must be positive, got {step}")
    return TimestampTransform(index, plain["step_kind"], step, start, *columns)


def _length_column(plain: dict[str, Any], schema: Schema) -> Column:
    column = Column.from_dict(plain)
    if column.kind != "integer" or column.nullable or column.name in {other.name for other in schema.columns}:
        raise DataError(f"the length of samples is described by column {column.name!r}, which is not one for lengths")
    return column


def _number(value: Any, name: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise DataError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def _any_whole(value: Any, name: str) -> int:
    if type(value) is not int or abs(value) >= 2**63:
        raise DataError(f"{name} must be a 64-bit integer, got {value!r}")
    return value


def _whole(value: Any, name: str, at_least: int) -> int:
    if _any_whole(value, name) < at_least:
        raise DataError(f"{name} must be at least {at_least}, got {value!r}")
    return int(value)


def _flag(value: Any, name: str) -> bool:
    if type(value) is not bool:
        raise DataError(f"{name} must be true or false, got {value!r}")
    return value


def _feature_range(value: Any) -> FeatureRange:
    if value not in ([0, 1], [-1, 1]):
        raise DataError(f"feature_range must be [0, 1] or [-1, 1], got {value!r}")
    return value[0], value[1]
