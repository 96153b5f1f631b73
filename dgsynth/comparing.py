"""Synthesizers trained on the same data within the same time, and ranked comparison by comparison."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sklearn.base import clone

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError, DivergenceError
from dgsynth.evaluation import ranking, ranking_page
from dgsynth.evaluation.fidelity import MAX_SAMPLES, Scorer
from dgsynth.evaluation.fidelity_findings import size
from dgsynth.evaluation.output import json_text, plain, rows, write
from dgsynth.evaluation.tables import check_same_columns, read_like
from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.models.synthesizer import READING, Synthesizer
from dgsynth.training.callbacks import UNLIMITED, Callback, InterruptWatch, TimeLimit
from dgsynth.training.splitting import parted

MODELS = {
    "doppelganger": "DGSynthesizer",
    "autoregressive": "AutoregressiveSynthesizer",
    "hmm": "HMMSynthesizer",
    "ar": "ARSynthesizer",
    "rnn": "RNNSynthesizer",
    "naive-gan": "NaiveGANSynthesizer",
    "timegan": "TimeGANSynthesizer",
    "rcgan": "RCGANSynthesizer",
    "market-simulator": "MarketSimulator",
}
"""Short names of the synthesizers, and their classes."""


def new_model(name: str, **parameters: Any) -> Synthesizer:
    """Return the synthesizer of a short name, with its defaults but for what is given.

    Raises
    ------
    ValueError
        There is no such name.

    Examples
    --------
    >>> new_model("autoregressive", random_state=0)
    AutoregressiveSynthesizer(random_state=0)
    """
    from dgsynth.models import baselines

    if name not in MODELS:
        raise ValueError(f"there is no model {name!r}; the models are {', '.join(MODELS)}")
    own = {kind.__name__: kind for kind in (DGSynthesizer, AutoregressiveSynthesizer)}
    kind = own.get(MODELS[name]) or getattr(baselines, MODELS[name])
    model: Synthesizer = kind(**parameters)
    return model


def compare(
    models: Mapping[str, Synthesizer],
    X: Any,
    *,
    holdout: Any = None,
    holdout_fraction: float = 0.2,
    seconds: float | None = None,
    costly: bool = True,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
    **reading: Any,
) -> ModelRanking:
    """Return how synthesizers stand that are trained on the same samples and judged by others.

    Each is trained, makes as many samples as it is judged by (at most 5,000), and is compared with these; copies are
    sought among those that it was trained on.

    Parameters
    ----------
    models : mapping of str to Synthesizer
        They are cloned, not fitted.
    X : Sequences, or whatever `Sequences.from_any` takes with the keywords in `reading`
    holdout : the same, default=None
        Real samples to judge by; by default random ones of `X`, which then are not trained on.
    holdout_fraction : float in (0, 1), default=0.2
        Share of these.
    seconds : float, default=None
        Training of each ends after so much time, and not before, if its parameters allow: its epochs, steps or limit of
        time are set aside. By default they count.
    costly : bool, default=True
        Whether to train networks for the discriminative and the predictive score.
    random_state : int, default=0
        Seed of what is held out, of the models that have none, and of the samples made.
    progress : callable, default=None
        Told what is being done.
    **reading
        Keywords of `Sequences.from_any`, such as `sequence_key`, if the data are tables; by default as the models say.

    Returns
    -------
    ModelRanking
        A model that fails is named in its `failures`, with a warning: it can't learn the data, lacks a library or
        diverges. After a KeyboardInterrupt, with the models that were finished before.

    Raises
    ------
    DataError
        The data can't be read, or are not read alike by the models, or have too few samples to hold some out; or all
        models fail.
    KeyboardInterrupt
        Before any model was finished.

    References
    ----------
    Lin et al. (2020), Section 5: the comparison, and Table 4: training time.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> visits = make_web_traffic(60, 28, random_state=0)
    >>> models = {"gan": DGSynthesizer(max_steps=5), "likelihood": AutoregressiveSynthesizer(max_steps=5)}
    >>> ranking = compare(models, visits, costly=False, **columns)
    >>> sorted(ranking.tables)
    ['gan', 'likelihood']
    """
    reading = _reading(models, reading)
    data = X if isinstance(X, Sequences) else Sequences.from_any(X, **reading)
    training, judge = _split(data, holdout, holdout_fraction, random_state, reading)
    if progress is not None:
        progress("floors of the metrics")
    scorer = Scorer(judge, training=training, costly=costly, random_state=random_state)
    result = ModelRanking(judge, [size("trained on", training), size("judged by", judge)], seconds, random_state)
    for name, model in models.items():
        if progress is not None:
            progress(f"training {name}")
        try:
            fitted, run = _train(model, training, seconds, random_state)
            if run is None:
                result.interrupted = True
                break
            if progress is not None:
                progress(f"comparing {name}")
            result.add(name, scorer, fitted, run)
        except Exception as error:  # whatever is wrong with one model, the others are compared
            result.failures[name] = _reason(error)
            warnings.warn(f"{name} could not be compared: {result.failures[name]}", stacklevel=2)
        except KeyboardInterrupt:
            result.interrupted = True
            break
    if result.interrupted and not result.tables:
        raise KeyboardInterrupt
    if result.failures and not result.tables:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in result.failures.items())
        raise DataError(f"none of the models could be compared: {reasons}")
    return result


@dataclass(eq=False)
class ModelRanking:
    """What `compare` found.

    Attributes
    ----------
    real : Sequences
        What the models were judged by.
    facts : list of str
        What was compared.
    seconds : float or None
        Limit of the training of each.
    random_state : int
    tables : dict of str to DataFrame
        The fidelity table of each model; see `dgsynth.evaluation.fidelity_table`.
    made : dict of str to Sequences
        Its samples.
    runs : dict of str to dict
        Seconds of training, steps, and samples made per second.
    failures : dict of str to str
        Models that made nothing to compare, and why.
    interrupted : bool
        Whether the user ended it before all models were trained.
    """

    real: Sequences
    facts: list[str]
    seconds: float | None
    random_state: int = 0
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    made: dict[str, Sequences] = field(default_factory=dict)
    runs: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def add(self, name: str, scorer: Scorer, model: Synthesizer, run: dict[str, float]) -> None:
        """Sample a trained model, and judge the samples."""
        n_samples = min(len(self.real), MAX_SAMPLES)
        start = time.perf_counter()
        made = read_like(model.sample(n_samples, random_state=self.random_state), self.real.schema)
        speed = n_samples / (time.perf_counter() - start)
        check_same_columns(self.real, made, name)
        self.tables[name] = scorer.table(made)
        self.made[name] = made
        self.runs[name] = {**run, "samples_per_second": speed}

    @property
    def table(self) -> pd.DataFrame:
        """The models, the best first: what `dgsynth.evaluation.ranking.standings` says, and `runs`."""
        if not self.tables:
            return pd.DataFrame()
        return ranking.standings(self.tables).join(pd.DataFrame.from_dict(self.runs, orient="index"))

    @property
    def ranks(self) -> pd.DataFrame:
        """Rank of each model in each comparison; see `dgsynth.evaluation.ranking.rank_table`."""
        return ranking.rank_table(self._ordered())

    @property
    def values(self) -> pd.DataFrame:
        """Value of each comparison for each model, beside the floor."""
        return ranking.value_table(self._ordered())

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return one self-contained page, and write it to `path` if given; needs matplotlib."""
        made = {name: self.made[name] for name in self._ordered()}
        text = ranking_page.page(self.table, self._ordered(), self.failures, self._facts(), self.real, made)
        return text if path is None else write(path, text)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the numbers as JSON, and write them to `path` if given.

        Returns
        -------
        str
            ``{"compared": [...], "seconds": ..., "models": [{"model": ..., "score": ..., ...}, ...], "failures": {...},
            "metrics": [{"family": ..., "name": ..., "column": ..., "unit": ..., "floor": ..., "values": {...}}]}``.
        """
        metrics: list[dict[str, Any]] = []
        if self.tables:
            for row in rows(self.values):
                keys = {key: row[key] for key in ranking.KEYS}
                metrics.append({**keys, "values": {name: row[name] for name in self._ordered()}})
        content = {
            "compared": self.facts,
            "seconds": plain(self.seconds),
            "models": rows(self.table.reset_index()),
            "failures": self.failures,
            "metrics": metrics,
        }
        return json_text(content, path)

    def __str__(self) -> str:
        shown = self.table.round({"score": 2, "mean_excess": 2, "mean_rank": 2, "seconds": 1, "samples_per_second": 0})
        lines = [". ".join(self._facts()) + ".", "", shown.to_string() if len(shown) else "no model was compared"]
        lines += [f"{name} could not be compared: {reason}" for name, reason in self.failures.items()]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return ranking_page.fragment(self.table, self._ordered(), self.failures, self._facts())

    def _ordered(self) -> dict[str, pd.DataFrame]:
        """The fidelity tables, the best model's first."""
        return {name: self.tables[name] for name in self.table.index} if self.tables else {}

    def _facts(self) -> list[str]:
        limit = [] if self.seconds is None else [f"at most {self.seconds:g} s of training each"]
        return [*self.facts, *limit, *(["interrupted before all were trained"] if self.interrupted else [])]


def _reading(models: Mapping[str, Synthesizer], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a table is read: as is given, and else as the models say, who must agree."""
    said = {name: _said(model) for name, model in models.items()}
    reading = dict(given)
    for role in READING:
        others = {name: roles.get(role) for name, roles in said.items() if role not in given}
        if len(set(map(repr, others.values()))) > 1:
            told = ", ".join(f"{value!r} for {name}" for name, value in others.items())
            raise DataError(
                f"the models would read the table differently: {role} is {told}; give {role}= to compare, which goes "
                "for all of them"
            )
        value = next(iter(others.values()), None)
        if value is not None:
            reading[role] = value
    return reading


def _said(model: Synthesizer) -> dict[str, Any]:
    """Return the roles of columns that a model was given."""
    roles = {name: getattr(model, name, None) for name in READING}
    return {name: value for name, value in roles.items() if value is not None and value != ()}


def _reason(error: Exception) -> str:
    """Return why a model failed, with the kind of an error that was not to be expected."""
    expected = isinstance(error, DataError | DivergenceError | ImportError)
    return str(error) if expected else f"unexpected {type(error).__name__}: {error}"


def _train(
    model: Synthesizer, training: Sequences, seconds: float | None, random_state: int
) -> tuple[Synthesizer, dict[str, float] | None]:
    """Return a trained clone, with what its training took; None where the user interrupted it."""
    watch = InterruptWatch()
    limits: Sequence[Callback] = [] if seconds is None else [TimeLimit(seconds)]
    parameters = model.get_params(deep=False)
    fitted = clone(model).set_params(callbacks=[*parameters["callbacks"], watch, *limits])
    unread = type(model)().get_params(deep=False)
    fitted.set_params(**{name: unread[name] for name in _said(model)})  # of Sequences there is nothing left to read
    if parameters["random_state"] is None:
        fitted.set_params(random_state=random_state)
    if seconds is not None:
        limits_of_its_own = {"max_steps": UNLIMITED, "time_limit": seconds}
        fitted.set_params(**{name: value for name, value in limits_of_its_own.items() if name in parameters})
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="training was interrupted")
        fitted.fit(training)
    run = {"seconds": time.perf_counter() - start, "steps": fitted.n_steps_}
    return fitted, None if watch.interrupted else run


def _split(
    data: Sequences, holdout: Any, fraction: float, random_state: int, reading: dict[str, Any]
) -> tuple[Sequences, Sequences]:
    """Return the samples to train on, and those to judge by."""
    if holdout is not None:
        judge = read_like(holdout, data.schema, "holdout", **reading)
        check_same_columns(data, judge, "holdout")
        return data, judge
    n_held_out = max(2, round(fraction * len(data)))
    if not 0 < fraction < 1 or n_held_out >= len(data):
        raise DataError(
            f"holdout_fraction={fraction:g} of {len(data)} samples leaves too few to judge by or to train on; give "
            "more samples, or a fraction between 0 and 1"
        )
    return parted(data, n_held_out, random_state)
