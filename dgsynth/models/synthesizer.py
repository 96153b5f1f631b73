"""What all synthesizers have in common: how they read tables, and the samples that they give back."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils._param_validation import StrOptions
from sklearn.utils._tags import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from dgsynth.constraints.codec import ConstrainedCodec
from dgsynth.constraints.declared import Constraint
from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.data.checks import as_labels, check_frame
from dgsynth.data.misreadings import warn_of_misreadings
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.models.asked import Asked
from dgsynth.models.constrained import ConstrainedMaker
from dgsynth.models.parameters import at_least_one, seed_of
from dgsynth.models.shown import Shown
from dgsynth.sampling.formats import table_format
from dgsynth.sampling.stream import Chunk, Run, interrupted_seed, write_samples
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
    """Makes samples number `first` to `first + n_samples - 1` of a seed; can travel to other processes.

    `condition` holds some of the metadata, checked, a row for every sample, which has these values exactly; see
    `Asked.condition`.
    """

    def __call__(
        self,
        seed: int,
        first: int,
        n_samples: int,
        condition: pd.DataFrame | None = None,
        lengths: torch.Tensor | None = None,
    ) -> Sequences: ...


@dataclass(frozen=True, eq=False)
class ReadTable:
    """A table that was read before, as `fit` takes it too: unlike those of Sequences, samples come in its form."""

    sequences: Sequences


class Synthesizer(Shown):
    """Base of the synthesizers: a table in, and as many samples as wanted out, in the same form.

    A subclass fits `schema_` and `encoder_`, and says how samples are made and files are written.
    """

    constraints: Sequence[Constraint | str]

    schema_: Schema
    encoder_: Codec
    constraints_: FittedConstraints | None
    acceptance_rate_: float
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
        "constraints": ["array-like", tuple],
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
        start: Any = None,
        step: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Return new samples in the form that `fit` was given.

        Parameters
        ----------
        n_samples : int, default=1
            May be left out where `metadata`, `start` or `lengths` has a row or value for every sample.
        metadata : DataFrame, Arrow table, or dict of column to value or values, optional
            All or some of the metadata columns: one row for every sample, or one for all of them. The samples have
            these values exactly, also where the data had none between two others. The other columns are generated to
            fit, by rejection; there a number counts as met within 1 % of its range. With the column of the
            sequence_key the samples have these keys; that of the sequence_index is taken as `start`.
        lengths : int or array of shape (n_samples,), optional
            Records per sample, also beyond the longest sample learned. By default the model says.
        start : date, number or text, or array of shape (n_samples,), optional
            The sequence_index of each sample's first record, also outside what was learned; the others go on from
            there. Where samples differ in their start the rest is made to fit the nearest that was learned.
        step : Timedelta, text such as "15min", "1D", "B" or "MS", or number, optional
            Time between records, in the place of that of the data, where these keep one. Days, business days and
            months are those of the column's time zone.
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
            A column or value that is given is not known, can't be held by its dtype, or makes a combination that the
            model next to never does; or the records have no constant step.
        """
        asked = self._asked(n_samples, metadata, lengths, start, step)
        return self._made(self._maker(), random_state, asked)

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
        real, made = self._real_and_made(X, SCORE_SEED, _MAX_SCORED)
        return scorer(real)(made)

    def iter_samples(
        self,
        n_samples: int | None = None,
        chunk_size: int = 10_000,
        *,
        metadata: pd.DataFrame | Mapping[Any, Any] | None = None,
        lengths: int | Sequence[int] | np.ndarray | None = None,
        start: Any = None,
        step: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Iterator[Any]:
        """Yield the samples of `sample`, called with the same arguments, in chunks.

        Parameters
        ----------
        n_samples : int
            May be left out where `metadata`, `start` or `lengths` has a row or value for every sample.
        chunk_size : int, default=10_000
        metadata, lengths, start, step, random_state
            As in `sample`.

        Yields
        ------
        DataFrame, array, list, Table or Sequences
            `chunk_size` samples each, fewer in the last.
        """
        asked = self._asked(n_samples, metadata, lengths, start, step)
        chunk_size = at_least_one(chunk_size, "chunk_size")
        maker, seed = self._maker(), seed_of(random_state)
        for first in range(0, asked.n_samples, chunk_size):
            part = asked.part(first, min(chunk_size, asked.n_samples - first))
            yield make(maker, seed, first, part).restore(first_key=first)
        self._note_acceptance(maker)

    def sample_to(
        self,
        path: str | os.PathLike[str],
        n_samples: int | None = None,
        *,
        metadata: pd.DataFrame | Mapping[Any, Any] | None = None,
        lengths: int | Sequence[int] | np.ndarray | None = None,
        start: Any = None,
        step: Any = None,
        format: str | None = None,
        chunk_size: int = 10_000,
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        """Write the samples of `sample`, called with the same arguments, to a file, holding one chunk at a time.

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
            May be left out where `metadata`, `start` or `lengths` has a row or value for every sample.
        metadata, lengths, start, step
            As in `sample`.
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
            The model was fitted on arrays, the format is unknown, parts of another call lie beside the file, or what is
            asked of the samples can't be; see `sample`.

        Notes
        -----
        The dtypes are those that the model learned, in every row group. Generated keys of dtype category become text.
        Parquet keeps no datetimes in seconds; they come back in milliseconds.
        """
        asked = self._asked(n_samples, metadata, lengths, start, step)
        chunk_size, path = at_least_one(chunk_size, "chunk_size"), Path(path)
        template = table_template(self._codec(), asked.n_samples if asked.keys is None else 0)
        name, writer = table_format(path, format, self._codec(), template)
        seed = interrupted_seed(path) if random_state is None else None
        seed = seed_of(random_state) if seed is None else seed
        run = Run(self._run_digest(), seed, asked.n_samples, chunk_size, name, asked.digest())
        maker = self._maker()

        def chunk(first: int, count: int) -> Chunk:
            return partial(make, maker, seed, first, asked.part(first, count))

        write_samples(path, chunk, run, writer, n_jobs=n_jobs, progress=bool(self.verbose))
        self._note_acceptance(maker)

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

    def _real_and_made(self, X: Any, seed: int, most: int) -> tuple[Sequences, Sequences]:
        from dgsynth.evaluation.tables import check_same_columns, read_like

        if isinstance(X, np.ndarray):
            self._check_features(X, reset=False)
        real = read_like(X, self.schema_, **self._roles())
        made = self._maker()(seed, 0, min(len(real), most))
        check_same_columns(made, real, "given")
        return real, made

    def _asked(self, n_samples: int | None, metadata: Any, lengths: Any, start: Any, step: Any) -> Asked:
        """Return what the arguments of `sample` ask, checked."""
        check_is_fitted(self)
        asked = Asked.of(self._codec(), n_samples, metadata, lengths, start, step)
        names, start_name = self._learned_metadata(asked.metadata), asked.told[len(asked.metadata.columns) :]
        if (why_not := self._why_not_given(list(names))) is not None:
            raise DataError(why_not)
        constraints = self._fitted_constraints()
        if constraints is not None and (asked.starts is not None or asked.is_stepped):
            constraints.check_free_times()
        if self._why_not_given([*names, *start_name]) is not None:
            return replace(asked, is_start_told=False)  # the samples are moved to their starts all the same
        return asked

    def _why_not_given(self, names: list[Any]) -> str | None:
        """Return why samples can't be made for these given metadata columns; None where they can."""
        return None

    def _learned_metadata(self, given: pd.DataFrame) -> pd.DataFrame:
        """Return given metadata, checked, as they are learned."""
        constraints = self._fitted_constraints()
        return given if constraints is None else constraints.given(given)

    def _made(self, maker: Maker, random_state: Any, asked: Asked) -> Any:
        """Return all that is asked, by the model's own maker or another, in the form that `fit` was given."""
        made = make(maker, seed_of(random_state), 0, asked)
        self._note_acceptance(maker)
        return made.restore()

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

    def _constrain(self, sequences: Sequences, *, goes_on: bool = False) -> Sequences:
        """Return samples as they are learned: what `constraints` tie together gives way to what they leave open."""
        if not goes_on:
            given = self.constraints
            self.constraints_ = FittedConstraints.fit(sequences, given) if len(given) else None
        constraints = self._fitted_constraints()
        if constraints is None:
            return sequences
        if not goes_on:
            if self.verbose:
                print("\n".join(f"constraint {text}" for text in constraints.texts), file=sys.stderr)
            return constraints.forward(sequences)
        constraints.check(sequences)
        return Sequences.from_any(constraints.forward(sequences), schema=self.encoder_.schema)

    def _fitted_constraints(self) -> FittedConstraints | None:
        """Return the constraints of a fitted model; files of earlier versions have none."""
        return getattr(self, "constraints_", None)

    def _codec(self) -> Codec:
        """Return the encoder as those take it who see the table."""
        constraints = self._fitted_constraints()
        return self.encoder_ if constraints is None else ConstrainedCodec(self.encoder_, constraints)

    def _constrained(self, maker: Maker) -> Maker:
        """Return what makes samples that keep the constraints, from what makes them as they are learned."""
        constraints = self._fitted_constraints()
        return maker if constraints is None else ConstrainedMaker(maker, constraints)

    def _note_acceptance(self, maker: Maker) -> None:
        """Keep, and where `verbose` tell, which share of the samples drawn kept the constraints."""
        if not isinstance(maker, ConstrainedMaker):
            return
        self.acceptance_rate_ = maker.acceptance_rate
        if self.verbose and maker.n_kept < maker.n_drawn:
            text = f"{maker.acceptance_rate:.1%} of {maker.n_drawn:,} samples drawn kept the constraints"
            print(f"{text}; the others were drawn again", file=sys.stderr)

    def _run_digest(self) -> str:
        """Return what tells all that the samples depend on beside the seed, the constraints among it."""
        constraints, digest = self._fitted_constraints(), self._digest()
        if constraints is None:
            return digest
        return hashlib.blake2b(f"{digest} {json.dumps(constraints.to_dict())}".encode(), digest_size=16).hexdigest()

    def _warn_of_misreadings(self, X: Any, sequences: Sequences) -> None:
        """Warn of what `fit` has probably not read as it was meant; of a table that was read before it was said."""
        if not isinstance(X, ReadTable):
            declared = () if self.schema is None else self.schema.names
            warn_of_misreadings(sequences, X, {*as_labels(self.categorical, "categorical"), *declared})

    def _roles(self) -> dict[str, Any]:
        """What says how a table is read."""
        return {name: getattr(self, name) for name in READING}


def make(maker: Maker, seed: int, first: int, asked: Asked) -> Sequences:
    """Return samples number `first` and following of a seed, with all that is asked of them."""
    return asked.put_into(maker(seed, first, asked.n_samples, asked.condition, asked.forced_lengths))


def scorer(real: Sequences) -> Callable[[Sequences], float]:
    """Return what scores samples by real ones; see `Synthesizer.score`."""
    # Not at the head of the file: whoever neither scores nor validates does not wait for the import.
    from dgsynth.evaluation.fidelity import Scorer

    return Scorer(real)
