"""What all synthesizers have in common: how they read tables, and the samples that they give back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions
from sklearn.utils._tags import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from dgsynth.data.checks import as_labels, check_frame
from dgsynth.data.column import short
from dgsynth.data.misreadings import warn_of_misreadings
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.models.parameters import at_least_one, seed_of
from dgsynth.sampling.formats import table_format
from dgsynth.sampling.stream import Run, interrupted_seed, write_samples
from dgsynth.sampling.template import table_template
from dgsynth.transforms.codec import Codec
from dgsynth.transforms.encoder import Encoder
from dgsynth.transforms.state import encoder_from_dict, encoder_to_dict

_MAX_SCORED = 5000
"""Most samples that are made for a score."""

SCORE_SEED = 0
"""Of the samples that are scored: always from the same noise, so that scores differ by the weights alone."""

READING = ("sequence_key", "sequence_index", "time_columns", "metadata", "measurements", "categorical")
"""Parameters that say how a table is read."""


class Maker(Protocol):
    """Makes samples number `first` to `first + n_samples - 1` of a seed; can travel to other processes."""

    def __call__(
        self,
        seed: int,
        first: int,
        n_samples: int,
        condition: Any = None,
        lengths: torch.Tensor | None = None,
    ) -> Sequences: ...


@dataclass(frozen=True, eq=False)
class ReadTable:
    """A table that was read before, as `fit` takes it too: unlike those of Sequences, samples come in its form."""

    sequences: Sequences


class Synthesizer(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of the synthesizers: a table in, and as many samples as wanted out, in the same form.

    A subclass fits `schema_` and `encoder_`, and says how samples are made and files are written.
    """

    schema_: Schema
    encoder_: Codec
    seed_: int
    n_steps_: int
    n_epochs_: int
    n_features_in_: int
    feature_names_in_: np.ndarray

    _parameter_constraints: dict[str, list[Any]] = {
        "sequence_key": [str, Integral, "array-like", None],  # several columns are told how to become one
        "sequence_index": [str, Integral, "array-like", None],
        "time_columns": ["array-like", dict, None],
        "metadata": ["array-like", None],
        "measurements": ["array-like", None],
        "categorical": ["array-like", tuple],
        "schema": [Schema, None],
        "timestamps": [StrOptions({"auto", "regular", "irregular"})],
        "scaling": [StrOptions({"auto", "linear", "log"}), dict],
        "callbacks": ["array-like", tuple],
        "device": [str],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = self.random_state is None
        return tags

    def sample(
        self,
        n_samples: int = 1,
        *,
        metadata: pd.DataFrame | Mapping[Any, Any] | None = None,
        lengths: int | Sequence[int] | np.ndarray | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Return new samples in the form that `fit` was given.

        Parameters
        ----------
        n_samples : int, default=1
            May be left out where `metadata` has a row for every sample.
        metadata : DataFrame or dict of column to value or values, optional
            All or some of the metadata columns: one row for every sample, or one for all of them. The other
            columns are generated to fit, by rejection; a number counts as met within 1 % of its range.
        lengths : int or array of shape (n_samples,), optional
            Records per sample, also beyond the longest sample learned. By default the model says.
        random_state : int, RandomState or None
            Sample i depends on the model, this and i alone, so that `sample(10, random_state=7)` are the first
            ten of `sample(1000, random_state=7)`. None draws fresh randomness.

        Returns
        -------
        DataFrame, array, list, Table or Sequences

        Raises
        ------
        NotFittedError
        DataError
            `metadata` names an unknown column or value, or a combination that the model next to never makes.
        """
        return self._sampled(None, n_samples, metadata, lengths, random_state)

    def score(self, X: Any, y: Any = None) -> float:
        """Return how close new samples come to real ones: one number in (0, 1], higher is better.

        As many samples are made as `X` has, at most 5,000, always from the same noise. They are compared with `X` by
        all metrics of `dgsynth.evaluation` that train nothing, each relative to its floor, which is what random halves
        of `X` differ by: see `dgsynth.evaluation.score`. 1 is as close to `X` as its halves are to each other.

        Parameters
        ----------
        X : DataFrame, array, list, Table or Sequences
            Real samples in the form that `fit` was given, better others than those. In `GridSearchCV` and
            `cross_val_score` arrays, lists and wide tables are split into samples; of a long table the rows would be,
            so give ``cv=GroupKFold()`` and ``groups=X[sequence_key]``.
        y : ignored

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
        DataError
            `X` lacks a column, holds one of another kind, or has no samples.

        References
        ----------
        Lin et al. (2020), Section 5.2, for most of the metrics; the aggregation is this library's own.
        """
        check_is_fitted(self)
        from dgsynth.evaluation.tables import check_same_columns, read_like

        if isinstance(X, np.ndarray):
            self._check_features(X, reset=False)
        real = read_like(X, self.schema_, **self._roles())
        made = self._maker()(SCORE_SEED, 0, min(len(real), _MAX_SCORED))
        check_same_columns(made, real, "given")
        return scorer(real)(made)

    def iter_samples(
        self,
        n_samples: int,
        chunk_size: int = 10_000,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> Iterator[Any]:
        """Yield the samples of `sample(n_samples, random_state=random_state)` in chunks.

        Parameters
        ----------
        n_samples, chunk_size : int
        random_state : int, RandomState or None

        Yields
        ------
        DataFrame, array, list, Table or Sequences
            `chunk_size` samples each, fewer in the last.
        """
        check_is_fitted(self)
        n_samples, chunk_size = at_least_one(n_samples, "n_samples"), at_least_one(chunk_size, "chunk_size")
        maker, seed = self._maker(), seed_of(random_state)
        for first in range(0, n_samples, chunk_size):
            chunk = maker(seed, first, min(chunk_size, n_samples - first))
            yield chunk.restore(first_key=first)

    def sample_to(
        self,
        path: str | os.PathLike[str],
        n_samples: int,
        *,
        format: str | None = None,
        chunk_size: int = 10_000,
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        """Write the samples of `sample(n_samples, random_state=random_state)` to a file, holding one chunk at a time.

        The file appears under its name once it is whole. Finished chunks are kept beside it, in the folder
        `.{name}.parts`: a call that was interrupted or killed goes on from there when it is made again, and the file
        is the same, byte for byte. With `random_state=None` it goes on with the seed of the interrupted call. Parts
        of a call with another model or other arguments are neither mixed in nor deleted, but refused. Two calls
        must not write the same file at once.

        Parameters
        ----------
        path : path-like
            A file that is there is replaced.
        n_samples : int
        format : {"parquet", "csv", "csv.gz"}, optional
            By default what the name ends in.
        chunk_size : int, default=10_000
            Samples made at a time, and in Parquet the samples of a row group.
        n_jobs : int, default=1
            Processes that make chunks; -1 as many as there are cores. The file is the same for any number.
        random_state : int, RandomState or None

        Raises
        ------
        NotFittedError
        FileNotFoundError
            There is no such folder.
        DataError
            The model was fitted on arrays, the format is unknown, or parts of another call lie beside the file.

        Notes
        -----
        The dtypes are those that the model learned, in every row group. Generated keys of dtype category become text.
        Parquet keeps no datetimes in seconds; they come back in milliseconds.
        """
        check_is_fitted(self)
        n_samples, chunk_size = at_least_one(n_samples, "n_samples"), at_least_one(chunk_size, "chunk_size")
        path = Path(path)
        template = table_template(self.encoder_, n_samples)
        name, writer = table_format(path, format, self.encoder_, template)
        seed = interrupted_seed(path) if random_state is None else None
        seed = seed_of(random_state) if seed is None else seed
        run = Run(self._digest(), seed, n_samples, chunk_size, name)
        write_samples(path, self._maker(), run, writer, n_jobs=n_jobs, progress=bool(self.verbose))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one .safetensors file; see `load`."""
        raise NotImplementedError

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the model in a file that `save` wrote; nothing in the file is executed."""
        raise NotImplementedError

    @property
    def n_weights_(self) -> int:
        """Numbers that samples are made with."""
        raise NotImplementedError

    def _maker(self) -> Maker:
        """Return what makes samples of the fitted model."""
        raise NotImplementedError

    def _encoder_to_dict(self) -> dict[str, Any]:
        """Return the encoder as plain values that JSON can hold."""
        assert isinstance(self.encoder_, Encoder), "another one has its own description"
        return encoder_to_dict(self.encoder_)

    def _encoder_from_dict(self, plain: dict[str, Any]) -> Codec:
        """Return the encoder that `_encoder_to_dict` described; see `encoder_from_dict`."""
        return encoder_from_dict(plain)

    def _digest(self) -> str:
        """Return what tells all that the samples depend on beside the seed."""
        raise NotImplementedError

    def _sampled(self, maker: Maker | None, n_samples: int, metadata: Any, lengths: Any, random_state: Any) -> Any:
        """Return what `sample` does, by the model's own maker or another."""
        check_is_fitted(self)
        frame = None if metadata is None else self._metadata_frame(metadata)
        n_samples = _count(n_samples, frame)
        rows = _rows(frame, n_samples)
        condition = None if rows is None else self._condition(rows)
        maker = self._maker() if maker is None else maker
        return maker(seed_of(random_state), 0, n_samples, condition, lengths_of(lengths, n_samples)).restore()

    def _check_features(self, X: Any, *, reset: bool = True) -> None:
        """Have scikit-learn keep the number and the names of the columns of a table; without `reset` compare them.

        It knows names of text alone: labels of which only some are text are compared as text.
        """
        if isinstance(X, pd.DataFrame):
            check_frame(X)
            if any(isinstance(label, str) for label in X.columns):
                X = X.set_axis([str(label) for label in X.columns], axis=1)
                check_frame(X)
        elif not isinstance(X, np.ndarray) or X.ndim != 2:
            return
        validate_data(self, X, reset=reset, skip_check_array=True)

    def _read(self, X: Any, schema: Schema | None) -> Sequences:
        if isinstance(X, ReadTable):
            return X.sequences
        return Sequences.from_any(X, **self._roles(), schema=schema)

    def _warn_of_misreadings(self, X: Any, sequences: Sequences) -> None:
        """Warn of what `fit` has probably not read as it was meant; of a table that was read before it was said."""
        if not isinstance(X, ReadTable):
            declared = () if self.schema is None else self.schema.names
            warn_of_misreadings(sequences, X, {*as_labels(self.categorical, "categorical"), *declared})

    def _roles(self) -> dict[str, Any]:
        """What says how a table is read."""
        return {name: getattr(self, name) for name in READING}

    def _metadata_frame(self, metadata: pd.DataFrame | Mapping[Any, Any]) -> pd.DataFrame:
        """Return given metadata as a frame whose columns the model knows."""
        if not isinstance(metadata, pd.DataFrame):
            values = {name: value if np.ndim(value) else [value] for name, value in metadata.items()}
            rows = max((len(value) for value in values.values()), default=0)
            metadata = pd.DataFrame({n: list(v) * rows if len(v) == 1 else list(v) for n, v in values.items()})
        known = self.encoder_.metadata_columns
        for name in metadata.columns:
            if name not in known:
                raise DataError(f"metadata names column {name!r}; the model's metadata columns are {list(known)}")
        if metadata.empty:
            raise DataError("metadata is empty; give at least one column and one row, or leave it out")
        return self.encoder_.check_metadata(metadata.reset_index(drop=True))

    def _condition(self, metadata: pd.DataFrame) -> Any:
        """Return what given metadata, checked, are to what makes samples."""
        raise NotImplementedError


def scorer(real: Sequences) -> Callable[[Sequences], float]:
    """Return what scores samples by real ones; see `Synthesizer.score`."""
    # Not at the head of the file: whoever neither scores nor validates does not wait for the import.
    from dgsynth.evaluation.fidelity import Scorer

    return Scorer(real)


def _count(n_samples: int, metadata: pd.DataFrame | None) -> int:
    """Return how many samples are asked for: as many as `metadata` has rows where only these say."""
    n_samples, rows = at_least_one(n_samples, "n_samples"), 1 if metadata is None else len(metadata)
    if rows > 1 and n_samples not in (1, rows):
        raise DataError(f"metadata has {rows} rows for {n_samples} samples; give one row, or one for every sample")
    return max(n_samples, rows)


def _rows(metadata: pd.DataFrame | None, n_samples: int) -> pd.DataFrame | None:
    """Return one row for every sample."""
    if metadata is None or len(metadata) == n_samples:
        return metadata
    return metadata.loc[np.zeros(n_samples, dtype=int)].reset_index(drop=True)


def lengths_of(lengths: int | Sequence[int] | np.ndarray | None, n_samples: int) -> torch.Tensor | None:
    """Return how many records each sample is asked to have, int64 of shape (n_samples,); None where none is asked."""
    if lengths is None:
        return None
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu" or (array < 1).any() or array.shape not in ((), (n_samples,)):
        raise ValueError(
            f"lengths must be an int, or {n_samples} ints, of at least 1, got {short(lengths)}; give such, or none"
        )
    return torch.from_numpy(np.broadcast_to(array, n_samples).astype(np.int64))
