"""All transforms of a data set together: Sequences to EncodedBatch and back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch

from dgsynth.batch import EncodedBatch, Layout, Output
from dgsynth.data.schema import Column, Label, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.absence import absence_columns, absent, without
from dgsynth.transforms.cache_blocks import sample_blocks
from dgsynth.transforms.categorical import CategoricalTransform, check_size
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.decoding import ColumnTransform, column_slices, decode_columns
from dgsynth.transforms.filling import fill_missing
from dgsynth.transforms.given import as_columns
from dgsynth.transforms.lengths import Lengths, length_column
from dgsynth.transforms.normalization import attain, denormalize, fill_ranges, missing_share, normalize, sample_ranges
from dgsynth.transforms.ranges import RangeScale
from dgsynth.transforms.records import gather_records
from dgsynth.transforms.scaling import FeatureRange, Line, Scaling
from dgsynth.transforms.timestamps import Timestamps, TimestampTransform, with_gaps, with_starts

LengthsIn = Literal["flags", "metadata"]


@dataclass(frozen=True)
class EncoderOptions:
    """How columns are encoded, from the estimator's parameters of the same names.

    Attributes
    ----------
    sample_len : int
    auto_normalize : bool
    scaling : {"auto", "linear", "log"} or dict of column to one of these
    feature_range : (0, 1) or (-1, 1)
    timestamps : {"auto", "regular", "irregular"}
    attain_range : bool
    lengths : {"flags", "metadata"}
    """

    sample_len: int = 1
    auto_normalize: bool = True
    scaling: Scaling | Mapping[Label, Scaling] = "auto"
    feature_range: FeatureRange = (0, 1)
    timestamps: Timestamps = "auto"
    attain_range: bool = True
    lengths: LengthsIn = "flags"


@dataclass(frozen=True)
class Encoder:
    """Encodes Sequences of one schema, and decodes what the generators make.

    Attributes
    ----------
    schema : Schema
    timestamps : TimestampTransform or None
    metadata, measurements : tuple of transforms
        One per column; the start time and the inter-arrival time come last, where they are modelled, and behind the
        start time the length.
    feature_range : (0, 1) or (-1, 1)
    auto_normalize : bool
    sample_len : int
    missing_shares : bool
        Whether with the range of a measurement goes the share of the sample's values that are missing, if any can be.
        Files of models from before have none.
    attain_range : bool
        Whether decoded samples reach the range that was generated for them; those of models from before may not.
    length_column : Column or None
        The length as metadata, where it is modelled so.
    absences : dict of label to Column
        The hidden metadata that say of a measurement whether a sample lacks it altogether.
    range_scales : tuple of RangeScale or None
        What each normalized measurement's ranges are scaled by, None for those that stay as they are; empty where all
        do.
    """

    schema: Schema
    timestamps: TimestampTransform | None
    metadata: tuple[ColumnTransform, ...]
    measurements: tuple[ColumnTransform, ...]
    feature_range: FeatureRange
    auto_normalize: bool
    sample_len: int
    missing_shares: bool = True
    attain_range: bool = True
    length_column: Column | None = None
    absences: Mapping[Label, Column] = field(default_factory=dict)
    range_scales: tuple[RangeScale | None, ...] = ()

    @classmethod
    def fit(cls, sequences: Sequences, options: EncoderOptions) -> Encoder:
        """Return the encoder of `sequences`."""
        schema = sequences.schema
        _check_scaling(options.scaling, schema)
        timestamps = TimestampTransform.fit(sequences, options.timestamps) if sequences.timestamps is not None else None

        def transform(values: pd.Series, column: Column) -> ColumnTransform:
            if column.has_categories:
                check_size(column, len(values))
                return CategoricalTransform(column)
            scaling = _scaling(options.scaling, column.name)
            return ContinuousTransform.fit(values, column, scaling, options.feature_range)

        metadata = [transform(sequences.metadata[column.name], column) for column in schema.metadata]
        measurements = [transform(sequences.measurements[column.name], column) for column in schema.measurements]
        if timestamps is not None and timestamps.start_column is not None:
            metadata.append(transform(timestamps.starts(sequences), timestamps.start_column))
        absences = _absences(sequences) if options.auto_normalize else {}
        metadata += [CategoricalTransform(column) for column in absences.values()]
        of_length = length_column(schema) if options.lengths == "metadata" else None
        if of_length is not None:
            metadata.append(transform(pd.Series(sequences.lengths), of_length))
        if timestamps is not None and timestamps.gap_column is not None:
            measurements.append(transform(timestamps.gaps(sequences), timestamps.gap_column))
        encoder = cls(
            schema,
            timestamps,
            tuple(metadata),
            tuple(measurements),
            options.feature_range,
            options.auto_normalize,
            _sample_len(options.sample_len, schema.max_length),
            attain_range=options.attain_range,
            length_column=of_length,
            absences=absences,
        )
        return replace(encoder, range_scales=encoder._range_scales(sequences, options.scaling))

    @classmethod
    def of_schema(cls, schema: Schema, options: EncoderOptions) -> Encoder:
        """Return the encoder that a schema determines by itself, without data.

        Parameters
        ----------
        schema : Schema
            With all categories, ranges and lengths.
        options : EncoderOptions
            With a `scaling` of every numeric column other than "auto", which looks at values. Numbers are not rounded
            to the decimals or the grid of the data; timestamps are equally spaced over the index's range.

        Raises
        ------
        DataError
            The range of the sequence_index can't be divided into so many steps.
        """
        _check_scaling(options.scaling, schema)

        def transform(column: Column) -> ColumnTransform:
            if column.has_categories:
                return CategoricalTransform(column)
            return ContinuousTransform.of_column(column, _scaling(options.scaling, column.name), options.feature_range)

        index = schema.sequence_index
        of_length = length_column(schema) if options.lengths == "metadata" else None
        return cls(
            schema,
            None if index is None else TimestampTransform.of_range(index, schema.max_length),
            tuple(map(transform, [*schema.metadata, *([] if of_length is None else [of_length])])),
            tuple(map(transform, schema.measurements)),
            options.feature_range,
            options.auto_normalize,
            _sample_len(options.sample_len, schema.max_length),
            attain_range=options.attain_range,
            length_column=of_length,
        )

    @property
    def layout(self) -> Layout:
        """What the networks need to know about the data."""
        return Layout(
            metadata=_outputs(self.metadata),
            minmax=(
                *(output for _ in self.normalized for output in self._minmax_outputs),
                *(Output(1, "sigmoid") for transform in self.normalized if self._has_share(transform)),
            ),
            record=_outputs(self.measurements),
            max_length=self.schema.max_length,
            sample_len=self.sample_len,
            has_flags=not self.schema.fixed_length,
        )

    @property
    def metadata_columns(self) -> dict[Label, tuple[int, tuple[Output, ...]]]:
        """Return where each metadata column's encoding begins, and its outputs.

        A modelled start time goes by the name of the sequence_index.
        """
        starts = [where.start for where in column_slices(self.metadata)]
        return {t.column.name: (start, t.outputs) for t, start in zip(self.metadata, starts, strict=True)}

    @property
    def lengths(self) -> Lengths | None:
        """What reads lengths off metadata, where these have them."""
        transform = self.metadata[-1] if self.length_column is not None else None
        return (
            Lengths(transform, column_slices(self.metadata)[-1]) if isinstance(transform, ContinuousTransform) else None
        )

    def encode(
        self, sequences: Sequences, folder: str | os.PathLike[str] | None = None, *, each_alone: bool = False
    ) -> EncodedBatch:
        """Return encoded samples; their schema must be the encoder's.

        Parameters
        ----------
        sequences : Sequences
        folder : path-like, optional
            Where the records go to a file and are mapped from there, instead of being held in memory.
        each_alone : bool, default=False
            Whether nothing of a sample's encoding may depend on the others, as privacy needs it.

        Raises
        ------
        DataError
            A category is unknown, or a value is missing where none was.
        OSError
            The folder can't take the records.
        """
        ranges = np.empty((len(self.layout.minmax), len(sequences)))
        shape = (sequences.n_records, sum(output.dim for output in _outputs(self.measurements)))
        records = gather_records(self._record_blocks(sequences, ranges), shape, folder)
        return EncodedBatch(
            metadata=torch.from_numpy(self.encode_metadata(self.metadata_frame(sequences))),
            minmax=torch.from_numpy(self._minmax(ranges, each_alone)),
            records=torch.from_numpy(records),
            lengths=torch.from_numpy(sequences.lengths.astype(np.int64)),
        )

    def can_encode(self, sequences: Sequences) -> np.ndarray:
        """Return for each sample, bool of shape (n,), whether its length, categories and missing values are known."""
        known = sequences.lengths <= self.schema.max_length
        for column in self.schema.metadata:
            known &= _is_known(sequences.metadata[column.name], column)
        sample = np.repeat(np.arange(len(sequences)), sequences.lengths)
        for column in self.schema.measurements:
            known[sample[~_is_known(sequences.measurements[column.name], column)]] = False
        return known

    def encode_metadata(self, frame: pd.DataFrame) -> np.ndarray:
        """Return metadata of shape (n, A), float32.

        Parameters
        ----------
        frame : DataFrame with n rows
            Columns that it lacks are encoded as zeros.
        """
        encoded = np.zeros((len(frame), sum(output.dim for output in _outputs(self.metadata))), dtype=np.float32)
        for transform, columns in zip(self.metadata, column_slices(self.metadata), strict=True):
            if transform.column.name in frame:
                encoded[:, columns] = self._encode_metadata_column(frame[transform.column.name], transform)
        return encoded

    def check_metadata(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return given metadata as they are, in the columns' dtypes; see `as_column`.

        Raises
        ------
        DataError
            A value is of the wrong kind, unknown, missing where none was, or outside the learned range.
        """
        return as_columns(frame, [transform.column for transform in self.metadata])

    def decode_metadata(self, encoded: np.ndarray) -> pd.DataFrame:
        """Return encoded metadata (n, A) as a table, see `metadata_frame`."""
        own_lines = [None] * len(self.metadata)
        return decode_columns(self.metadata, encoded, own_lines, np.ones(len(encoded), dtype=np.int64))

    def decode(self, encoded: EncodedBatch, metadata: pd.DataFrame | None = None) -> Sequences:
        """Return generated samples in the terms of the schema.

        Parameters
        ----------
        encoded : EncodedBatch
        metadata : DataFrame of n rows, optional
            All that `decode_metadata` returns, where it is known and need not be decoded.
        """
        lengths = encoded.lengths.numpy()
        metadata = self.decode_metadata(encoded.metadata.numpy()) if metadata is None else metadata.copy()
        records = encoded.records.numpy()
        lines = self._lines(encoded.minmax.numpy(), records, lengths)
        measurements = decode_columns(self.measurements, records, lines, lengths)
        starts, gaps, stamps = None, None, None
        if self.timestamps is not None:
            if self.timestamps.start_column is not None:
                made = metadata.pop(self.timestamps.column.name)  # type: ignore[arg-type]
                starts = self.timestamps.settled(made, lengths)
            if self.timestamps.gap_column is not None:
                gaps = measurements.pop(self.timestamps.column.name).to_numpy(dtype=np.float64)  # type: ignore[arg-type]
            stamps = self.timestamps.decode(starts, gaps, lengths)
        if self.length_column is not None:
            metadata.pop(self.length_column.name)  # type: ignore[arg-type]
        for measurement, column in self.absences.items():
            is_absent = metadata.pop(column.name).to_numpy(dtype=bool)  # type: ignore[arg-type]
            measurements[measurement] = without(measurements[measurement], is_absent, lengths)
        return Sequences(metadata, measurements, lengths, stamps, self.schema)

    def metadata_frame(self, sequences: Sequences) -> pd.DataFrame:
        """Return all that is modelled as metadata: the columns, and behind them start time and length, if these are.

        The start time goes by the name of the sequence_index.
        """
        frame = with_starts(sequences, self.timestamps)
        for measurement, column in self.absences.items():
            frame[column.name] = absent(sequences, measurement)
        if self.length_column is not None:
            frame[self.length_column.name] = sequences.lengths
        return frame

    def columns_without_grid(self) -> set[Label]:
        """Return the columns whose numbers are so fine that two are hardly ever equal."""
        transforms = (*self.metadata, *self.measurements)
        return {t.column.name for t in transforms if isinstance(t, ContinuousTransform) and not t.grid}

    def extremes(self) -> Sequences:
        """Return two made-up samples, one as long as any and one as short as any."""
        layout, lengths = self.layout, torch.tensor([self.schema.max_length, self.schema.min_length])
        return self.decode(
            EncodedBatch(
                metadata=torch.zeros(2, layout.metadata_dim),
                minmax=torch.zeros(2, layout.minmax_dim),
                records=torch.zeros(int(lengths.sum()), sum(output.dim for output in layout.record)),
                lengths=lengths,
            )
        )

    @property
    def normalized(self) -> list[ContinuousTransform]:
        """The measurements whose range becomes metadata."""
        if not self.auto_normalize:
            return []
        return [transform for transform in self.measurements if isinstance(transform, ContinuousTransform)]

    @property
    def _scales(self) -> tuple[RangeScale | None, ...]:
        return self.range_scales or (None,) * len(self.normalized)

    def _range_scales(
        self, sequences: Sequences, scaling: Scaling | Mapping[Label, Scaling]
    ) -> tuple[RangeScale | None, ...]:
        """Return what the ranges of each normalized measurement are scaled by, where that is left to the data."""
        if not self.auto_normalize:
            return ()
        columns, scales = with_gaps(sequences, self.schema, self.timestamps), []
        for transform, values in zip(self.measurements, columns, strict=True):
            if isinstance(transform, ContinuousTransform):
                is_open = _scaling(scaling, transform.column.name) == "auto"
                ranges = _ranges(transform, values, sequences) if is_open else None
                scales.append(None if ranges is None else RangeScale.fit(*ranges, self.feature_range))
        return tuple(scales) if any(scales) else ()

    @property
    def _minmax_outputs(self) -> tuple[Output, Output]:
        """(max + min) / 2 lies in the feature range, (max - min) / 2 in [0, 1]."""
        return Output(1, "sigmoid" if self.feature_range[0] == 0 else "tanh"), Output(1, "sigmoid")

    def _has_share(self, transform: ContinuousTransform) -> bool:
        return self.missing_shares and transform.column.nullable

    def _encode_metadata_column(self, values: pd.Series, transform: ColumnTransform) -> np.ndarray:
        if isinstance(transform, CategoricalTransform):
            return transform.encode(values)
        scaled = transform.scale(values)
        is_missing = np.isnan(scaled)
        if is_missing.any() and not transform.column.nullable:
            raise DataError(
                f"column {transform.column.name!r} has missing values, and had none when the model was fitted"
            )
        middle = sum(self.feature_range) / 2
        return transform.join(np.where(is_missing, middle, scaled), is_missing)

    def _record_blocks(self, sequences: Sequences, ranges: np.ndarray) -> Iterator[np.ndarray]:
        """Yield records of whole samples, float32 of shape (rows, D), and note the samples' ranges on the way.

        `ranges` has shape (M, n): of each normalized measurement (max + min) / 2 and (max - min) / 2, and after all of
        these the shares of missing values.
        """
        columns, offsets = with_gaps(sequences, self.schema, self.timestamps), sequences.offsets
        middle = sum(self.feature_range) / 2
        for samples, rows in sample_blocks(sequences.lengths):
            within = offsets[samples.start : samples.stop + 1] - rows.start
            parts: list[np.ndarray] = []
            noted, shares = iter(ranges[:, samples]), iter(ranges[2 * len(self.normalized) :, samples])
            for transform, values in zip(self.measurements, columns, strict=True):
                block = values.iloc[rows]
                if isinstance(transform, CategoricalTransform):
                    parts.append(transform.encode(block))
                    continue
                scaled = transform.scale(block)
                if self.auto_normalize:
                    scaled, next(noted)[:], next(noted)[:] = normalize(scaled, within, self.feature_range)
                    if self._has_share(transform):
                        next(shares)[:] = missing_share(scaled, within)
                parts.append(transform.join(fill_missing(scaled, within, otherwise=middle), np.isnan(scaled)))
            yield np.concatenate(parts, axis=1) if parts else np.zeros((rows.stop - rows.start, 0), dtype=np.float32)

    def _minmax(self, ranges: np.ndarray, each_alone: bool) -> np.ndarray:
        """Return min/max metadata, float32 of shape (n, M), for ranges of shape (M, n)."""
        for k, scale in zip(range(0, len(ranges), 2), self._scales, strict=False):
            if scale is not None:
                ranges[k], ranges[k + 1] = scale.scale(ranges[k], ranges[k + 1])
            ranges[k], ranges[k + 1] = fill_ranges(ranges[k], ranges[k + 1], self.feature_range, each_alone)
        return np.ascontiguousarray(ranges.T, dtype=np.float32)

    def _lines(self, minmax: np.ndarray, records: np.ndarray, lengths: np.ndarray) -> list[Line | None]:
        """Return for each measurement what undoes its scaling sample by sample; None where its own will do."""
        ranges = iter(minmax.astype(np.float64).T)  # of each normalized measurement: (max + min) / 2, (max - min) / 2
        scales = iter(self._scales)
        starts = np.cumsum(lengths) - lengths
        start: float | np.ndarray
        stop: float | np.ndarray
        lines: list[Line | None] = []
        for transform, where in zip(self.measurements, column_slices(self.measurements), strict=True):
            if not self.auto_normalize or isinstance(transform, CategoricalTransform):
                lines.append(None)
                continue
            middle, half_width = next(ranges), next(ranges)
            if (scale := next(scales)) is not None:
                middle, half_width = scale.unscale(middle, half_width)
            start, stop = map(float, self.feature_range)
            if self.attain_range:
                spans = transform.spans(records[:, where], starts)
                half_width, start, stop = attain(half_width, *spans, self.feature_range)
            lines.append(denormalize(transform.scaler.line, middle, half_width, start, stop))
        return lines


def _ranges(transform: ContinuousTransform, values: pd.Series, sequences: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Return the range that each sample has of a scaled measurement; see `sample_ranges`."""
    middle, half_width = np.empty((2, len(sequences)))
    for samples, rows in sample_blocks(sequences.lengths):
        within = sequences.offsets[samples.start : samples.stop + 1] - rows.start
        middle[samples], half_width[samples] = sample_ranges(transform.scale(values.iloc[rows]), within)
    return middle, half_width


def _absences(sequences: Sequences) -> dict[Label, Column]:
    """Return the hidden columns for numeric measurements, which have no range where they are missing."""
    columns = [column for column in sequences.schema.measurements if not column.has_categories]
    return absence_columns(sequences, columns, {column.name for column in sequences.schema.columns})


def _is_known(values: pd.Series, column: Column) -> np.ndarray:
    is_missing = values.isna().to_numpy()
    if not column.has_categories:
        return ~is_missing | column.nullable
    is_category = values.astype(object).isin(list(column.categories or ())).to_numpy()
    return np.where(is_missing, column.nullable, is_category)


def _outputs(transforms: Sequence[ColumnTransform]) -> tuple[Output, ...]:
    return tuple(output for transform in transforms for output in transform.outputs)


def _scaling(scaling: Scaling | Mapping[Label, Scaling], name: Label) -> Scaling:
    return scaling if isinstance(scaling, str) else scaling.get(name, "auto")


def _check_scaling(scaling: Scaling | Mapping[Label, Scaling], schema: Schema) -> None:
    if isinstance(scaling, str):
        return
    for name, choice in scaling.items():
        if name not in schema.names:
            raise DataError(f"scaling names column {name!r}, which is not there; name some of {list(schema.names)}")
        if choice not in get_args(Scaling):
            raise DataError(f"scaling of column {name!r} must be one of {get_args(Scaling)}, got {choice!r}; give that")


def _sample_len(sample_len: int, max_length: int) -> int:
    return min(sample_len, max(max_length, 1))
