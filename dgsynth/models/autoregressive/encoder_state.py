"""A token encoder as plain values that JSON can hold, and back, every entry checked."""

from __future__ import annotations

from typing import Any

from dgsynth.data.schema import Column, Schema
from dgsynth.errors import DataError
from dgsynth.models.autoregressive.cells import Cells
from dgsynth.models.autoregressive.encoder import TokenEncoder
from dgsynth.models.autoregressive.relative import Range
from dgsynth.models.autoregressive.tokens import CategoryTokens, ColumnTokens, NumberTokens
from dgsynth.transforms.categorical import CategoricalTransform
from dgsynth.transforms.lengths import length_column
from dgsynth.transforms.state import timestamps_from_dict, timestamps_to_dict, transform_from_dict, transform_to_dict


def token_encoder_to_dict(encoder: TokenEncoder) -> dict[str, Any]:
    """Return the encoder as plain values; columns stand in the schema, and here only by their place."""
    return {
        "schema": encoder.schema.to_dict(),
        "timestamps": None if encoder.timestamps is None else timestamps_to_dict(encoder.timestamps),
        "metadata": [_tokens_to_dict(tokens) for tokens in encoder.metadata],
        "measurements": [_tokens_to_dict(tokens) for tokens in encoder.measurements],
        "ranges": [None if own is None else [_range_to_dict(part) for part in own.columns] for own in encoder.ranges],
        "length": None if encoder.length is None else _tokens_to_dict(encoder.length),
    }


def token_encoder_from_dict(plain: dict[str, Any]) -> TokenEncoder:
    """Return the encoder that `token_encoder_to_dict` described.

    Raises
    ------
    DataError, KeyError, TypeError or ValueError
        The description is malformed.
    """
    schema = Schema.from_dict(plain["schema"])
    timestamps = None if plain["timestamps"] is None else timestamps_from_dict(plain["timestamps"], schema)
    starts = [timestamps.start_column] if timestamps and timestamps.start_column else []
    gaps = [timestamps.gap_column] if timestamps and timestamps.gap_column else []
    measurements = _all_from_dicts(plain["measurements"], [*schema.measurements, *gaps])
    if len(plain["ranges"]) != len(measurements):
        raise DataError(f"{len(plain['ranges'])} ranges are described for {len(measurements)} measurements")
    ranges = tuple(None if own is None else _range_from_dicts(own) for own in plain["ranges"])
    for tokens, own in zip(measurements, ranges, strict=True):
        if own is not None and isinstance(tokens, CategoryTokens):
            raise DataError(f"column {tokens.column.name!r} is {tokens.column.kind}, and has no range of its own")
    metadata = _all_from_dicts(plain["metadata"], [*schema.metadata, *starts])
    length, column = plain["length"], length_column(schema)
    if (length is not None) != (column is not None and len(measurements) > 0):
        raise DataError("the tokens of a length are described where it doesn't vary, or none where it does")
    of_length = None if length is None or column is None else _tokens_from_dict(length, column)
    if isinstance(of_length, CategoryTokens):
        raise DataError("the length is described as a category")
    return TokenEncoder(schema, timestamps, metadata, measurements, ranges, of_length)


def _tokens_to_dict(tokens: ColumnTokens) -> dict[str, Any]:
    if isinstance(tokens, CategoryTokens):
        return {"kind": "categorical"}
    return {**transform_to_dict(tokens.transform), "cells": tokens.cells.to_dict()}


def _all_from_dicts(plain: list[dict[str, Any]], columns: list[Column]) -> tuple[ColumnTokens, ...]:
    if len(plain) != len(columns):
        raise DataError(f"the tokens of {len(plain)} columns are described for {len(columns)} columns")
    return tuple(_tokens_from_dict(tokens, column) for tokens, column in zip(plain, columns, strict=True))


def _tokens_from_dict(plain: dict[str, Any], column: Column) -> ColumnTokens:
    transform = transform_from_dict(plain, column, (0, 1))
    if isinstance(transform, CategoricalTransform):
        return CategoryTokens(column)
    return NumberTokens(transform, Cells.from_dict(plain["cells"]))


def _range_to_dict(tokens: NumberTokens) -> dict[str, Any]:
    return {"column": tokens.column.to_dict(), **_tokens_to_dict(tokens)}


def _range_from_dicts(plain: list[dict[str, Any]]) -> Range:
    middle, half_width = (_tokens_from_dict(part, Column.from_dict(part["column"])) for part in plain)
    if isinstance(middle, CategoryTokens) or isinstance(half_width, CategoryTokens):
        raise DataError("a range is described as a category")
    return Range(middle, half_width)
