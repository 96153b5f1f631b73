"""An encoder as plain values that JSON can hold, and back, every entry checked."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

from dgsynth.data.schema import Column, Label, Schema
from dgsynth.errors import DataError
from dgsynth.transforms.axis import Axis
from dgsynth.transforms.calendar import TICKS, Calendar, Months, Ticks
from dgsynth.transforms.calendar_state import calendar_from_dict, calendar_to_dict
from dgsynth.transforms.categorical import CategoricalTransform
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.decoding import ColumnTransform
from dgsynth.transforms.digits import Digits
from dgsynth.transforms.encoder import Encoder
from dgsynth.transforms.knots import Knots
from dgsynth.transforms.numbers import Terms
from dgsynth.transforms.ranges import RangeScale
from dgsynth.transforms.scaling import FeatureRange, Scaler
from dgsynth.transforms.steps import Starts, Step
from dgsynth.transforms.timestamps import TimestampTransform

_OF_AXIS = ("digits", "per_unit", "decimals", "last")


def encoder_to_dict(encoder: Encoder) -> dict[str, Any]:
    """Return the encoder as plain values; columns stand in the schema, and here only by their place."""
    plain: dict[str, Any] = {
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
    # Left out, as in files from before them, where there are none.
    if encoder.length_column is not None:
        plain["length_column"] = encoder.length_column.to_dict()
    if encoder.absences:
        plain["absences"] = [[name, column.to_dict()] for name, column in encoder.absences.items()]
    if encoder.range_scales:
        plain["range_scales"] = [None if scale is None else _range_to_dict(scale) for scale in encoder.range_scales]
    return plain


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
    absences = _absences(plain.get("absences", []), schema)
    metadata = [*schema.metadata, *starts, *absences.values(), *lengths]
    feature_range = _feature_range(plain["feature_range"])
    sample_len = _whole(plain["sample_len"], "sample_len", 1)
    if sample_len > max(schema.max_length, 1):
        raise DataError(f"sample_len {sample_len} is beyond the longest sample")
    encoder = Encoder(
        schema=schema,
        timestamps=timestamps,
        metadata=_transforms_from_dicts(plain["metadata"], metadata, feature_range),
        measurements=_transforms_from_dicts(plain["measurements"], [*schema.measurements, *gaps], feature_range),
        feature_range=feature_range,
        auto_normalize=_flag(plain["auto_normalize"], "auto_normalize"),
        sample_len=sample_len,
        missing_shares=_flag(plain.get("missing_shares", False), "missing_shares"),
        attain_range=_flag(plain.get("attain_range", False), "attain_range"),
        length_column=lengths[0] if lengths else None,
        absences=absences,
    )
    return replace(encoder, range_scales=_range_scales(plain.get("range_scales", []), encoder))


def transform_to_dict(transform: ColumnTransform) -> dict[str, Any]:
    """Return a column's transform as plain values; the column itself stands in the schema."""
    if isinstance(transform, CategoricalTransform):
        return {"kind": "categorical"}
    own: dict[str, Any] = {"kind": "continuous", "decimals": transform.decimals, "unit": transform.unit}
    if transform.terms != Terms.of_earlier(transform.column):
        own["terms"] = [transform.terms.origin, transform.terms.exponent]
    return own | _scaler_to_dict(transform.scaler)


def _scaler_to_dict(scaler: Scaler) -> dict[str, Any]:
    plain = {"low": scaler.low, "high": scaler.high, "log_unit": scaler.log_unit}
    # Left out, as in files from before them, where there are none.
    return plain if scaler.knots is None else {**plain, "knots": scaler.knots.to_dict()}


def _range_to_dict(scale: RangeScale) -> dict[str, Any]:
    return {"middle": _scaler_to_dict(scale.middle), "half_width": _scaler_to_dict(scale.half_width)}


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
    scaler = _scaler_from_dict(plain, feature_range, column)
    decimals = None if plain["decimals"] is None else _whole(plain["decimals"], "decimals", 0)
    return ContinuousTransform(column, scaler, decimals, _whole(plain["unit"], "unit", 1, 64), _terms(plain, column))


def _terms(plain: dict[str, Any], column: Column) -> Terms:
    if "terms" not in plain:
        return Terms.of_earlier(column)
    terms = Terms.of(column)
    if plain["terms"] != [terms.origin, terms.exponent]:
        raise DataError(f"column {column.name!r} is told in the terms {plain['terms']!r}, and not in its own")
    return terms


def _scaler_from_dict(plain: dict[str, Any], feature_range: FeatureRange, column: Column) -> Scaler:
    low, high = _number(plain["low"], "low"), _number(plain["high"], "high")
    log_unit = None if plain["log_unit"] is None else _number(plain["log_unit"], "log_unit")
    if low > high or (log_unit is not None and log_unit <= 0):
        raise DataError(f"column {column.name!r} is scaled from [{low}, {high}] with log_unit {log_unit}")
    knots = None if plain.get("knots") is None else Knots.from_dict(plain["knots"])
    return Scaler(low, high, log_unit, feature_range, knots)


def _range_scales(plain: list[Any], encoder: Encoder) -> tuple[RangeScale | None, ...]:
    columns = [transform.column for transform in encoder.normalized]
    if plain and len(plain) != len(columns):
        raise DataError(f"{len(plain)} scales of ranges are described for {len(columns)} measurements")
    scales: list[RangeScale | None] = []
    for scale, column in zip(plain, columns, strict=False):
        if scale is None:
            scales.append(None)
            continue
        middle = _scaler_from_dict(scale["middle"], encoder.feature_range, column)
        scales.append(RangeScale(middle, _scaler_from_dict(scale["half_width"], (0, 1), column)))
    return tuple(scales)


def _absences(plain: list[Any], schema: Schema) -> dict[Label, Column]:
    names, columns = [name for name, _ in plain], [Column.from_dict(column) for _, column in plain]
    known = {column.name for column in schema.measurements if column.nullable and not column.has_categories}
    taken = [column.name for column in (*schema.columns, *columns)]
    fits = all(column.kind == "boolean" and column.categories == (False, True) for column in columns)
    if not fits or not set(names) <= known or len(set(taken)) < len(taken) or len(set(names)) < len(names):
        raise DataError(f"what samples lack altogether is described for {names!r}, which does not fit the schema")
    return dict(zip(names, columns, strict=True))


def timestamps_to_dict(timestamps: TimestampTransform) -> dict[str, Any]:
    """Return a transform of timestamps as plain values; the index itself stands in the schema."""

    def column(value: Column | None) -> dict[str, Any] | None:
        return None if value is None else value.to_dict()

    plain: dict[str, Any] = {
        "step_kind": timestamps.step_kind,
        "step": timestamps.step,
        "start": timestamps.start,
        "start_column": column(timestamps.start_column),
        "gap_column": column(timestamps.gap_column),
    }
    # Left out, as in files from before them, where there are none.
    if not isinstance(timestamps.calendar, Ticks):
        plain["calendar"] = calendar_to_dict(timestamps.calendar)
    if timestamps.starts_on is not None:
        plain["starts_on"] = calendar_to_dict(timestamps.starts_on.calendar) | {"unit": timestamps.starts_on.unit}
    return plain | {n: v for n in _OF_AXIS if (v := getattr(timestamps, n)) is not None}


def timestamps_from_dict(plain: dict[str, Any], schema: Schema) -> TimestampTransform:
    """Return what `timestamps_to_dict` described."""
    index = schema.sequence_index
    if index is None or plain["step_kind"] not in get_args(Step):
        raise DataError(f"timestamps of kind {plain['step_kind']!r} are described for the index {index!r}")
    start_column, gap_column = (
        None if plain[name] is None else Column.from_dict(plain[name]) for name in ("start_column", "gap_column")
    )
    if (plain["step_kind"] == "gaps") != (gap_column is not None):
        raise DataError("irregular timestamps, and only these, have a gap_column")
    number = _number if index.kind == "continuous" else _any_whole
    step, start = number(plain["step"], "step"), number(plain["start"], "start")
    if step <= 0:
        raise DataError(f"the step of timestamps must be positive, got {step}")
    axis = _axis(plain, index)
    return TimestampTransform(
        index,
        plain["step_kind"],
        step,
        start,
        start_column,
        gap_column,
        calendar=_calendar(plain, axis),
        starts_on=_starts_on(plain, axis),
        digits=axis.digits,
        per_unit=axis.per_unit,
        decimals=axis.decimals,
        last=None if plain.get("last") is None else _any_whole(plain["last"], "last"),
    )


def _axis(plain: dict[str, Any], index: Column) -> Axis:
    digits, per_unit, decimals = (plain.get(name) for name in ("digits", "per_unit", "decimals"))
    if digits is not None and (digits not in get_args(Digits) or index.kind != "integer"):
        raise DataError(f"dates written as {digits!r} are described for the index {index.name!r}")
    if per_unit is not None and (index.kind != "continuous" or not 1 <= _any_whole(per_unit, "per_unit") < 2**53):
        raise DataError(f"{per_unit!r} parts of a unit are described for the index {index.name!r}")
    if decimals is not None and (per_unit is None or not 0 <= _any_whole(decimals, "decimals") <= 18):
        raise DataError(f"{decimals!r} decimals are described for the index {index.name!r}")
    return Axis(index, digits, per_unit, decimals)


def _calendar(plain: dict[str, Any], axis: Axis) -> Calendar:
    """Return the calendar of timestamps; files from before there were some have months, by the clock of UTC."""
    if plain.get("calendar") is not None:
        return _on_axis(calendar_from_dict(plain["calendar"]), axis)
    if plain["step_kind"] in ("months", "month_ends"):
        return _on_axis(Months(None, "same" if plain["step_kind"] == "months" else "last"), axis)
    return TICKS


def _starts_on(plain: dict[str, Any], axis: Axis) -> Starts | None:
    if plain.get("starts_on") is None:
        return None
    described = dict(plain["starts_on"])
    unit = _whole(described.pop("unit"), "unit", 1)
    return Starts(_on_axis(calendar_from_dict(described), axis), unit)


def _on_axis(calendar: Calendar, axis: Axis) -> Calendar:
    if not axis.is_time and not isinstance(calendar, Ticks):
        raise DataError(f"a calendar is described for the index {axis.column.name!r}, which has no dates")
    return calendar


def _length_column(plain: dict[str, Any], schema: Schema) -> Column:
    column = Column.from_dict(plain)
    if column.kind != "integer" or column.nullable or column.name in {other.name for other in schema.columns}:
        raise DataError(f"the length of samples is described by column {column.name!r}, which is not one for lengths")
    return column


def _number(value: Any, name: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise DataError(f"{name} must be a finite number, got {value!r}")
    return float(value)


def _any_whole(value: Any, name: str, bits: int = 63) -> int:
    if type(value) is not int or abs(value) >= 2**bits:
        raise DataError(f"{name} must be a 64-bit integer, got {value!r}")
    return value


def _whole(value: Any, name: str, at_least: int, bits: int = 63) -> int:
    if _any_whole(value, name, bits) < at_least:
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
