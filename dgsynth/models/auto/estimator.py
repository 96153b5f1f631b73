"""AutoSynthesizer: the model that fits the data best, found by trying."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import Interval
from sklearn.utils._tags import Tags
from sklearn.utils.validation import check_is_fitted

from dgsynth.constraints.declared import Constraint
from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.data.schema import Schema
from dgsynth.errors import ModelFileError
from dgsynth.models.auto.candidates import candidates_for
from dgsynth.models.auto.choosing import TIME_LIMIT, choose
from dgsynth.models.auto.race import leaderboard
from dgsynth.models.parameters import POSITIVE, seed_of
from dgsynth.models.synthesizer import READING, Maker, Synthesizer
from dgsynth.training.callbacks import Callback
from dgsynth.transforms.timestamps import Timestamps

_TRAINING = ("max_steps", "callbacks", "device", "n_jobs", "random_state")
_SHARED = (*READING, "schema", "constraints", "timestamps", *_TRAINING)
"""Parameters that the candidates have too."""

_FEATURES = ("n_features_in_", "feature_names_in_")
"""What scikit-learn keeps of a table's columns."""


class AutoSynthesizer(Synthesizer):
    """Learns tables and time series by the model that does best on them, found by a race within a limit of time.

    The candidates are `AutoregressiveSynthesizer` and `DGSynthesizer` with their defaults, the latter with
    ``metadata_generator="gan"``, and where there are measurements with metadata, or with lengths that vary, with
    ``metadata_generator="autoregressive"`` too. A third of the time is for a race: each is trained on four fifths of
    the samples, for an equal share (one that ends by itself leaves its time to the rest), and scored by the others, at
    most 1,000. The highest score wins; of those within 0.01 of it, the one with the least mean excess. All the time
    that is left is for the winner, trained anew on all samples. With fewer than 20 samples there is no race: the first
    one is taken.

    Parameters
    ----------
    sequence_key, sequence_index, time_columns, metadata, measurements, categorical, schema, constraints, timestamps
        How a table is read, and what all records keep, as in `DGSynthesizer`.
    time_limit : float, default=300
        Seconds that `fit` takes at most, but for what lies between the steps of training: encoding and scoring, which
        take seconds, on large data tens of seconds. Training that no longer pays ends sooner where a model can tell.
        With None the race takes 100 seconds, and the winner is trained as long as its own parameters say.
    max_steps : int, default=None
        Steps that any of the trainings takes at most; None for as many as the time allows.
    callbacks : sequence of Callback, default=()
        Of every training: that of each candidate, and that of the winner.
    device : str, default="auto"
        "auto" is CUDA where there is one, else Apple's MPS, else the CPU.
    n_jobs : int, default=None
        CPU threads; None is torch's own choice, -1 all cores.
    random_state : int, RandomState or None, default=None
        Seed of what is held out, and of all models. How far these come within a limit of time depends on the machine
        all the same: `fit` is not reproducible.
    verbose : int, default=0
        1 shows which model is being trained, with the time, and says what was chosen and why.

    Attributes
    ----------
    best_ : Synthesizer
        The model that was chosen. What it has, this has too: `history_` or `n_steps_`, say, and `extend` and `impute`
        where it is an `AutoregressiveSynthesizer`.
    leaderboard_ : DataFrame
        The candidates, the best first: model, score (see `score`; missing where there is none), mean excess (lower is
        better; it decides where scores are within 0.01), seconds and steps of training in the race, and a remark: why
        it failed, or what it warned of.
    choice_ : str
        What was chosen and why, in a sentence.
    interrupted_ : bool
        Whether the user ended the race, or the training of the winner.
    schema_ : Schema
        What was learned about the table: columns, kinds, ranges, form.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"size": ["s", "m", "l"] * 5, "price": [1.0, 2.5, 4.0] * 5})
    >>> model = AutoSynthesizer(time_limit=1, random_state=0).fit(table)
    >>> model.choice_
    'autoregressive, without a race: 15 samples are fewer than the 20 that it takes to hold some out'
    >>> model.sample(2, random_state=1).columns.tolist()
    ['size', 'price']
    """

    best_: Synthesizer
    leaderboard_: pd.DataFrame
    choice_: str
    interrupted_: bool

    _parameter_constraints: dict[str, list[Any]] = {
        **Synthesizer._parameter_constraints,
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "max_steps": [POSITIVE, None],
    }

    def __init__(
        self,
        *,
        sequence_key: str | int | None = None,
        sequence_index: str | int | None = None,
        time_columns: Sequence[Any] | Mapping[Any, Sequence[Any]] | None = None,
        metadata: Sequence[Any] | None = None,
        measurements: Sequence[Any] | None = None,
        categorical: Sequence[Any] = (),
        schema: Schema | None = None,
        constraints: Sequence[Constraint | str] = (),
        timestamps: Timestamps = "auto",
        time_limit: float | None = TIME_LIMIT,
        max_steps: int | None = None,
        callbacks: Sequence[Callback] = (),
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.sequence_key = sequence_key
        self.sequence_index = sequence_index
        self.time_columns = time_columns
        self.metadata = metadata
        self.measurements = measurements
        self.categorical = categorical
        self.schema = schema
        self.constraints = constraints
        self.timestamps = timestamps
        self.time_limit = time_limit
        self.max_steps = max_steps
        self.callbacks = callbacks
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "best_" in vars(self)

    def __getattr__(self, name: str) -> Any:
        """Return what the model that was chosen has beyond what every synthesizer has."""
        if name.startswith("_") or name == "partial_fit":  # by which a model is trained that was not chosen yet
            raise AttributeError(f"{type(self).__name__} has no {name!r}; use that of best_, if it has one")
        if "best_" not in vars(self):
            raise NotFittedError(f"this {type(self).__name__} has no {name!r} before fit, which chooses a model")
        best = self.best_
        if not hasattr(best, name):
            raise AttributeError(f"the model that was chosen is a {type(best).__name__}, which has no {name!r}")
        return getattr(best, name)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the samples of `X` by the model that does best on them.

        Parameters
        ----------
        X : DataFrame, pyarrow Table, array of shape (n, T, K) or (n, m), list of arrays of shape (T_i, K), or Sequences
            A long table where `sequence_key` is set, a wide one where `time_columns` is; without either a
            table or 2-D array is fitted as metadata only, one sample per row.
        y : ignored

        Returns
        -------
        AutoSynthesizer
            Itself. After a KeyboardInterrupt too, with a warning: the best model so far.

        Warns
        -----
        UserWarning
            A candidate can't learn the data, or its training diverged.

        Raises
        ------
        DataError
            The data can't be used, or no candidate could learn them; a ValueError that says why.
        KeyboardInterrupt
            The user interrupted it before there was a model to keep.
        """
        self._validate_params()
        begin = time.monotonic()
        self._check_features(X)
        data = self._read(X, self.schema)
        self._warn_of_misreadings(X, data)
        if len(self.constraints):
            FittedConstraints.fit(data, self.constraints)  # refuses at once what each of the candidates would
        for name in ("best_", "leaderboard_", "choice_", "interrupted_"):
            self.__dict__.pop(name, None)
        self.schema_ = data.schema
        candidates = candidates_for(data.schema, {name: getattr(self, name) for name in _SHARED})
        left = None if self.time_limit is None else max(self.time_limit - (time.monotonic() - begin), 0.0)
        choice = choose(candidates, data, left, seed_of(self.random_state), shown=bool(self.verbose))
        for name in _FEATURES:
            if hasattr(self, name):
                setattr(choice.model, name, getattr(self, name))
        self.best_, self.leaderboard_ = choice.model, leaderboard(choice.entries)
        self.choice_, self.interrupted_ = choice.reason, choice.interrupted
        return self

    def sample(
        self,
        n_samples: int = 1,
        *,
        metadata: pd.DataFrame | Mapping[Any, Any] | None = None,
        lengths: int | Sequence[int] | np.ndarray | None = None,
        start: Any = None,
        step: Any = None,
        random_state: int | np.random.RandomState | None = None,
        **options: Any,
    ) -> Any:
        """Return new samples of the model that was chosen, in the form that `fit` was given.

        Parameters
        ----------
        n_samples, metadata, lengths, start, step, random_state
            As in `Synthesizer.sample`.
        **options
            What else the `sample` of the model takes: `temperature`, where it is an `AutoregressiveSynthesizer`.
        """
        check_is_fitted(self)
        asked = {"metadata": metadata, "lengths": lengths, "start": start, "step": step}
        return self.best_.sample(n_samples, **asked, random_state=random_state, **options)

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the model that was chosen to one .safetensors file, which `dgsynth.load` returns it from.

        Parameters
        ----------
        path : path-like
        **options
            Of the `save` of the model: `generator_only`.
        """
        check_is_fitted(self)
        self.best_.save(path, **options)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Raise ModelFileError: a file holds the model that was chosen, which `dgsynth.load` returns."""
        raise ModelFileError(
            f"{Path(path).name} holds the model that was chosen, not an {cls.__name__}; load it with dgsynth.load"
        )

    @property
    def n_weights_(self) -> int:
        """Weights that samples are made with."""
        return self.best_.n_weights_

    def _maker(self) -> Maker:
        return self.best_._maker()

    def _why_not_given(self, names: list[Any]) -> str | None:
        return self.best_._why_not_given(names)

    def _digest(self) -> str:
        return self.best_._digest()
