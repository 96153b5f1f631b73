"""Sequences to tokens and back: what the network sees of a data set, and all that it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dgsynth.data.parts import frame_of
from dgsynth.data.schema import Column, Label, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.models.autoregressive.relative import Range, is_relative
from dgsynth.models.autoregressive.tokens import UNKNOWN, CategoryTokens, ColumnTokens, NumberTokens, Token
from dgsynth.transforms.given import as_columns
from dgsynth.transforms.lengths import length_column
from dgsynth.transforms.timestamps import Timestamps, TimestampTransform, with_gaps, with_starts

MOST_POSITIONS = 1024


@dataclass(frozen=True)
class TokenLayout:
    """All that the network needs to know about the data.

    Attributes
    ----------
    metadata, record : tuple of tuple of Token
        Of each column its one or two tokens; a record's first "column" is whether the sample ends with it, where
        lengths vary: told before the others, what is wrong with these doesn't reach it.
    max_length : int
        Records of the longest sample; 0 where there are none.
    has_ends : bool
    n_length : int
        Tokens of the metadata, the last ones, that say how long the sample is.
    """

    metadata: tuple[tuple[Token, ...], ...]
    record: tuple[tuple[Token, ...], ...]
    max_length: int
    has_ends: bool
    n_length: int = 0

    @property
    def has_records(self) -> bool:
        return self.max_length > 0 and len(self.record) > 0


@dataclass(frozen=True)
class TokenBatch:
    """Samples as tokens, their records ragged.

    Attributes
    ----------
    metadata : int32 Tensor of shape (n, A)
    records : int32 Tensor of shape (sum of lengths, D)
        One after another; without the token that says where a sample ends.
    lengths : int64 Tensor of shape (n,)
    """

    metadata: Tensor
    records: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return self.lengths.shape[0]

    def take(self, samples: np.ndarray) -> TokenBatch:
        """Return the samples of the given numbers, in that order."""
        index, offsets = torch.from_numpy(samples), self.offsets
        lengths = self.lengths[index]
        within = torch.arange(int(lengths.sum())) - torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
        rows = torch.repeat_interleave(offsets[index], lengths) + within
        return TokenBatch(self.metadata[index], self.records[rows], lengths)

    @property
    def offsets(self) -> Tensor:
        """Where each sample's records begin, and the end of the last: int64 of shape (n + 1,)."""
        return torch.nn.functional.pad(self.lengths.cumsum(0), (1, 0))


@dataclass(frozen=True, eq=False)
class TokenEncoder:
    """Encodes Sequences of one schema as tokens, and decodes what the network draws.

    Attributes
    ----------
    schema : Schema
    timestamps : TimestampTransform or None
    metadata : tuple of ColumnTokens
        One per column; the start time comes last, where it is modelled. Behind them come the tokens of `ranges`.
    measurements : tuple of ColumnTokens
        The inter-arrival time comes last, where it is modelled.
    ranges : tuple of (Range or None)
        Of each of `measurements`: the range of a sample's own that its values are coded in, if they are.
    length : NumberTokens, optional
        Of the number of a sample's records, where it varies: the last of the metadata.
    """

    schema: Schema
    timestamps: TimestampTransform | None
    metadata: tuple[ColumnTokens, ...]
    measurements: tuple[ColumnTokens, ...]
    ranges: tuple[Range | None, ...]
    length: NumberTokens | None = None

    @classmethod
    def fit(
        cls,
        sequences: Sequences,
        timestamps: Timestamps = "auto",
        relative: bool | str = "auto",
        rare: int = 0,
    ) -> TokenEncoder:
        """Return the encoder of `sequences`.

        Parameters
        ----------
        sequences : Sequences
        timestamps : {"auto", "regular", "irregular"}, default="auto"
        relative : {"auto"} or bool, default="auto"
            Whether numeric measurements are coded within each sample's range; see `is_relative`.
        rare : int, default=0
            Values that a cell of numbers holds at least.
        """
        schema = sequences.schema
        stamps = None if sequences.timestamps is None else TimestampTransform.fit(sequences, timestamps)

        def tokens(values: pd.Series, column: Column) -> ColumnTokens:
            return CategoryTokens(column) if column.has_categories else NumberTokens.fit(values, column, rare)

        metadata = [tokens(sequences.metadata[column.name], column) for column in schema.metadata]
        if stamps is not None and stamps.start_column is not None:
            metadata.append(tokens(stamps.starts(sequences), stamps.start_column))
        measurements: list[ColumnTokens] = []
        ranges: list[Range | None] = []
        for column in schema.measurements:
            values = sequences.measurements[column.name]
            made, own = tokens(values, column), None
            if isinstance(made, NumberTokens) and (
                is_relative(made, values, sequences.lengths) if relative == "auto" else relative
            ):
                made, own = Range.fit(values, column, sequences.offsets, rare)
            measurements.append(made)
            ranges.append(own)
        if stamps is not None and stamps.gap_column is not None:
            measurements.append(tokens(stamps.gaps(sequences), stamps.gap_column))
            ranges.append(None)
        length, hidden = None, length_column(schema)
        if hidden is not None and measurements:
            length = NumberTokens.fit(pd.Series(sequences.lengths), hidden, rare)
        return cls(schema, stamps, tuple(metadata), tuple(measurements), tuple(ranges), length)

    @property
    def metadata_columns(self) -> dict[Label, ColumnTokens]:
        """The columns of the metadata by name; a modelled start time goes by the name of the sequence_index."""
        return {column.column.name: column for column in self.metadata}

    @property
    def all_metadata(self) -> tuple[ColumnTokens, ...]:
        """All whose tokens are metadata: the columns, then the ranges, then the length."""
        of_ranges = (column for own in self.ranges if own for column in own.columns)
        return (*self.metadata, *of_ranges, *([] if self.length is None else [self.length]))

    @property
    def layout(self) -> TokenLayout:
        """What the network needs to know about the data."""
        has_ends = not self.schema.fixed_length
        ends = [(Token(2, n_positions=n_positions(self.schema.max_length)),)] if has_ends else []  # [goes on, ends]
        return TokenLayout(
            tuple(column.tokens for column in self.all_metadata),
            (*ends, *(c.tokens for c in self.measurements)),
            self.schema.max_length,
            has_ends,
            0 if self.length is None else len(self.length.tokens),
        )

    def first_token(self, name: Label) -> int:
        """Return where the tokens of a metadata column begin."""
        names = list(self.metadata_columns)
        return sum(len(column.tokens) for column in self.metadata[: names.index(name)])

    @property
    def missing_tokens(self) -> tuple[list[int | None], list[int | None]]:
        """Of each token of the metadata and of a record, the value that says that the column's is missing."""
        has_ends = [None] if self.layout.has_ends else []
        return _missing(self.all_metadata), [*has_ends, *_missing(self.measurements)]

    def encode(self, sequences: Sequences, unknown: bool = False, unknown_ranges: bool = False) -> TokenBatch:
        """Return samples as tokens; their columns must be the encoder's.

        Parameters
        ----------
        sequences : Sequences
        unknown : bool, default=False
            Whether what is missing becomes `UNKNOWN`, to be drawn, and not the token that says so.
        unknown_ranges : bool, default=False
            Whether the range of a sample without any value does: of the beginning of a longer one.

        Raises
        ------
        DataError
            A category is unknown, or a value is missing where none was.
        """
        frame = with_starts(sequences, self.timestamps)
        metadata = [column.encode(frame[column.column.name], unknown) for column in self.metadata]
        records = []
        for column, own, values in zip(
            self.measurements, self.ranges, with_gaps(sequences, self.schema, self.timestamps), strict=True
        ):
            if own is None:
                records.append(column.encode(values, unknown))
                continue
            assert isinstance(column, NumberTokens), "only numbers have a range"
            of_sample, of_record = own.encode(values, column, sequences.offsets, unknown, unknown_ranges)
            metadata.append(of_sample)
            records.append(of_record)
        lengths = torch.from_numpy(sequences.lengths.astype(np.int64))
        metadata.append(self.encode_lengths(lengths).numpy())
        return TokenBatch(_joined(metadata, len(sequences)), _joined(records, sequences.n_records), lengths)

    def encode_metadata(self, frame: pd.DataFrame) -> Tensor:
        """Return the tokens of given metadata (n, A), `UNKNOWN` for columns that the frame lacks."""
        tokens = np.full((len(frame), sum(map(len, self.layout.metadata))), UNKNOWN, dtype=np.int32)
        for name in frame.columns:
            column, first = self.metadata_columns[name], self.first_token(name)
            tokens[:, first : first + len(column.tokens)] = column.encode(frame[name])
        return torch.from_numpy(tokens)

    def encode_lengths(self, lengths: Tensor) -> Tensor:
        """Return the last tokens of the metadata of samples of known lengths (n,), int32 of shape (n, 0 to 2)."""
        if self.length is None:
            return torch.zeros(len(lengths), 0, dtype=torch.int32)
        return torch.from_numpy(self.length.encode(pd.Series(lengths.numpy())))

    def length_of(self, metadata: Tensor, places: Tensor) -> Tensor:
        """Return the lengths of samples with metadata (n, A), int64 of shape (n,).

        Parameters
        ----------
        metadata : int32 Tensor of shape (n, A)
        places : float64 Tensor of shape (n, metadata columns)
            See `decode`.
        """
        if self.length is None:
            return torch.full((len(metadata),), self.schema.max_length)
        tokens = metadata[:, -len(self.length.tokens) :].numpy()
        return torch.from_numpy(self.length.decode(tokens, places[:, -1].numpy()).to_numpy(dtype=np.int64).copy())

    def log_density(self, sequences: Sequences, tokens: TokenBatch) -> np.ndarray:
        """Return for each sample the logarithm of how likely its numbers are given their tokens, float64 of shape (n,).

        Numbers within a range of their sample's own are left out.
        """
        frame = with_starts(sequences, self.timestamps)
        found = np.zeros(len(sequences))
        parts = _split(tokens.metadata.numpy(), [column.tokens for column in self.all_metadata])
        for column, part in zip(self.metadata, parts, strict=False):
            found += column.log_density(frame[column.column.name], part)
        if self.length is not None:
            found += self.length.log_density(pd.Series(sequences.lengths), parts[-1])
        sample = np.repeat(np.arange(len(sequences)), sequences.lengths)
        parts = _split(tokens.records.numpy(), [column.tokens for column in self.measurements])
        for column, own, values, part in zip(
            self.measurements, self.ranges, with_gaps(sequences, self.schema, self.timestamps), parts, strict=True
        ):
            if own is None:
                found += np.bincount(sample, column.log_density(values, part), minlength=len(sequences))
        return found

    def check_metadata(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return given metadata as they are, in the columns' dtypes; see `as_column`.

        Raises
        ------
        DataError
            A value is of the wrong kind, unknown, missing where none was, or outside the learned range.
        """
        return as_columns(frame, [tokens.column for tokens in self.metadata])

    def columns_without_grid(self) -> set[Label]:
        """Return the columns whose numbers are so fine that two are hardly ever equal."""
        columns = (*self.metadata, *self.measurements)
        return {c.column.name for c in columns if isinstance(c, NumberTokens) and not c.transform.grid}

    def extremes(self) -> Sequences:
        """Return two made-up samples, one as long as any and one as short as any."""
        layout, lengths = self.layout, torch.tensor([self.schema.max_length, self.schema.min_length])
        rows, n_metadata = int(lengths.sum()), sum(map(len, layout.metadata))
        n_tokens = sum(len(column.tokens) for column in self.measurements)
        tokens = TokenBatch(
            torch.zeros(2, n_metadata, dtype=torch.int32), torch.zeros(rows, n_tokens, dtype=torch.int32), lengths
        )
        return self.decode(tokens, np.full((2, len(layout.metadata)), 0.5), np.full((rows, len(layout.record)), 0.5))

    def decode(
        self, batch: TokenBatch, of_metadata: np.ndarray, of_records: np.ndarray, known: Known | None = None
    ) -> Sequences:
        """Return tokens as samples in the terms of the schema.

        Parameters
        ----------
        batch : TokenBatch
        of_metadata : float64 array of shape (n, metadata columns, ranges included)
        of_records : float64 array of shape (sum of lengths, measurements)
            Random numbers in (0, 1): the place of each number in its cell.
        known : Known, optional
            Values to be put in their places as they are.
        """
        lengths = batch.lengths.numpy()
        values, ranges = self._decoded_metadata(batch, of_metadata)
        measured = {}
        record_parts = _split(batch.records.numpy(), [column.tokens for column in self.measurements])
        for j, (column, own, part) in enumerate(zip(self.measurements, self.ranges, record_parts, strict=True)):
            name, places = column.column.name, of_records[:, j]
            if own is None:
                measured[name] = column.decode(part, places)
            else:
                assert isinstance(column, NumberTokens), "only numbers have a range"
                measured[name] = own.decode(next(ranges), next(ranges), column, part, places, lengths)
        if known is not None:
            known.put_back(values, measured, lengths)
        starts = gaps = stamps = None
        if self.timestamps is not None:
            if self.timestamps.start_column is not None:
                starts = values.pop(self.timestamps.column.name)
            if self.timestamps.gap_column is not None:
                gaps = measured.pop(self.timestamps.column.name).to_numpy(dtype=np.float64)
            stamps = self.timestamps.decode(starts, gaps, lengths)
            if known is not None and known.timestamps is not None and known.lengths is not None:
                stamps = self.timestamps.continued(stamps, lengths, known.timestamps, known.lengths)
        metadata, measurements = frame_of(values, len(lengths)), frame_of(measured, int(lengths.sum()))
        return Sequences(metadata, measurements, lengths, stamps, self.schema)

    def _decoded_metadata(
        self, batch: TokenBatch, places: np.ndarray
    ) -> tuple[dict[Label, pd.Series], Iterator[np.ndarray]]:
        """Return the columns of the metadata, and the numbers of the ranges in their order."""
        parts = _split(batch.metadata.numpy(), [column.tokens for column in self.all_metadata])
        of_ranges = [column for own in self.ranges if own for column in own.columns]
        n = len(self.metadata)
        values = {c.column.name: c.decode(part, places[:, i]) for i, (c, part) in enumerate(zip(self.metadata, parts))}
        numbers = (c.draw(part, places[:, n + i])[0] for i, (c, part) in enumerate(zip(of_ranges, parts[n:])))
        return values, numbers


@dataclass(frozen=True, eq=False)
class Known:
    """Values of samples to be made that are known, and stay as they are.

    Attributes
    ----------
    metadata : DataFrame of n rows
        Some of the columns, a modelled start time by the name of the sequence_index. What is missing is not known.
    measurements : DataFrame of sum(lengths) rows, or None
        Of the first records of each sample.
    lengths : int64 array of shape (n,), or None
    timestamps : Series of shape (sum(lengths),), or None
    """

    metadata: pd.DataFrame
    measurements: pd.DataFrame | None = None
    lengths: np.ndarray | None = None
    timestamps: pd.Series | None = None

    @classmethod
    def all_of(cls, sequences: Sequences, encoder: TokenEncoder) -> Known:
        """Return all that samples hold."""
        metadata = with_starts(sequences, encoder.timestamps)
        return cls(metadata, sequences.measurements, sequences.lengths, sequences.timestamps)

    def put_back(self, metadata: dict[Label, pd.Series], measured: dict[Label, pd.Series], lengths: np.ndarray) -> None:
        """Put the known values into decoded columns."""
        for name in self.metadata.columns:
            metadata[name] = _replaced(metadata[name], np.arange(len(lengths)), self.metadata[name])
        if self.measurements is None or self.lengths is None:
            return
        rows = first_rows(lengths, self.lengths)
        for name in self.measurements.columns:
            measured[name] = _replaced(measured[name], rows, self.measurements[name])


def n_positions(max_length: int) -> int:
    """Return how many places in a sample are told apart; of longer samples several records share one."""
    return min(max_length, MOST_POSITIONS)


def first_rows(lengths: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return where the `first` records of each sample are among records of `lengths`."""
    begins = np.repeat(np.cumsum(lengths) - lengths, first)
    return begins + np.arange(first.sum()) - np.repeat(np.cumsum(first) - first, first)


def _replaced(values: pd.Series, rows: np.ndarray, known: pd.Series) -> pd.Series:
    """Return values with the known ones at their rows, but for those that are missing."""
    is_known = known.notna().to_numpy()
    made = values.astype(object) if values.dtype != known.dtype and not _are_numbers(values, known) else values.copy()
    given = known[is_known]
    if _are_numbers(made, given):  # checked before: what is given is a value of the column
        made.iloc[rows[is_known]] = given.astype(made.dtype).array
    else:
        made.iloc[rows[is_known]] = given.to_numpy() if made.dtype != known.dtype else given.array
    return made.astype(values.dtype)


def _are_numbers(*parts: pd.Series) -> bool:
    return all(pd.api.types.is_numeric_dtype(part.dtype) for part in parts)


def _missing(columns: Sequence[ColumnTokens]) -> list[int | None]:
    return [column.missing if first else None for column in columns for first in (True, False)[: len(column.tokens)]]


def _joined(parts: Sequence[np.ndarray], rows: int) -> Tensor:
    return torch.from_numpy(np.concatenate(parts, axis=1) if parts else np.zeros((rows, 0), dtype=np.int32))


def _split(tokens: np.ndarray, columns: Sequence[tuple[Token, ...]]) -> list[np.ndarray]:
    ends = np.cumsum([len(column) for column in columns])
    return np.split(tokens, ends[:-1], axis=1) if len(columns) else []
