"""The best sample_len, epochs and seed for a data set: models trained on a part of it, scored by the rest."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError, DivergenceError
from dgsynth.evaluation.fidelity import MAX_SAMPLES, Scorer, score
from dgsynth.evaluation.season import seasons
from dgsynth.evaluation.tables import READING, read_like
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.training.callbacks import InterruptWatch
from dgsynth.training.splitting import parted

PASSES = (100, 50, 25)
"""Passes of the LSTM over the longest sample to try; the paper advises about 50."""

EQUAL = 0.01
"""Scores that differ by less count as equal; the lower autocorrelation MSE decides."""


@dataclass(frozen=True, eq=False)
class TuningResult:
    """What `tune` found.

    Attributes
    ----------
    table : DataFrame
        One row per candidate: sample_len, epochs (missing where the model counts steps), seed, steps, score (as that
        of `DGSynthesizer.score`, of samples from other noise; 0 where training diverged), autocorrelation_mse (mean
        over the measurements, as in the paper's Figure 4) and seconds of training so far.
    best : int
        Row of the table that was chosen.
    best_model : DGSynthesizer
        The model of that row, trained on all samples but those held out.
    autocorrelation_floor : float
        What two halves of the samples held out differ by in autocorrelation_mse.
    interrupted : bool
        Whether the user ended it before all candidates were trained.
    """

    table: pd.DataFrame
    best: int
    best_model: DGSynthesizer
    autocorrelation_floor: float
    interrupted: bool = False

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters to set for a model like the best one, with `set_params`."""
        row: dict[Any, Any] = self.table.iloc[self.best].to_dict()
        params = {"sample_len": int(row["sample_len"]), "random_state": int(row["seed"])}
        return params if pd.isna(row["epochs"]) else params | {"epochs": int(row["epochs"]), "max_steps": None}

    @property
    def best_score(self) -> float:
        """The score of the chosen row."""
        return float(self.table["score"].to_numpy()[self.best])

    def __str__(self) -> str:
        table = self.table.dropna(axis=1, how="all").round({"score": 3, "autocorrelation_mse": 5, "seconds": 1})
        table.insert(0, "", np.where(table.index == self.best, "*", ""))
        return (
            f"{table.to_string(index=False)}\n\n* chosen: the highest score, and of those within {EQUAL:g} of it the "
            f"lowest autocorrelation MSE (floor {self.autocorrelation_floor:.2g})."
        )


def tune(
    model: DGSynthesizer,
    X: Any,
    *,
    sample_len: Sequence[int] | None = None,
    epochs: Sequence[int] | None = None,
    n_seeds: int = 1,
    validation_fraction: float = 0.2,
    random_state: int = 0,
    progress: Callable[[str], None] | None = None,
) -> TuningResult:
    """Return the best of some models, each trained on a part of the samples and scored by the rest.

    Parameters
    ----------
    model : DGSynthesizer
        All other parameters; it is cloned, not fitted.
    X : DataFrame, array, list, Table or Sequences
        As `fit` takes it.
    sample_len : sequence of int, default=None
        Candidates; by default those of `sample_len_candidates`.
    epochs : sequence of int, default=None
        Candidates; training goes on from one to the next, with a constant learning rate unless the model names another
        schedule. By default the model's own epochs or max_steps.
    n_seeds : int, default=1
        Each is trained from so many seeds, `random_state` and the next ones.
    validation_fraction : float in (0, 1), default=0.2
        Share of the samples held out.
    random_state : int, default=0
        Seed of which these are, and first seed of the models.
    progress : callable, default=None
        Told of every candidate once it is scored.

    Returns
    -------
    TuningResult
        If it is interrupted, of the candidates that were scored before.

    Raises
    ------
    DataError
        The data can't be used, or have too few samples to hold some out.
    DivergenceError
        Training diverged with every candidate.
    KeyboardInterrupt
        It was interrupted before any candidate was scored.

    References
    ----------
    Lin et al. (2020), Section 4.1 and Figure 4: batch generation.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> visits = make_web_traffic(60, 28, random_state=0)
    >>> result = tune(DGSynthesizer(**columns, max_steps=5), visits, sample_len=[4, 7])
    >>> result.best_params["sample_len"] in (4, 7)
    True
    """
    roles = {name: getattr(model, name) for name in READING if name != "schema"}
    data = Sequences.from_any(X, **roles, schema=model.schema)
    train, held_out = _split(data, validation_fraction, random_state)
    lengths = sorted(set(sample_len)) if sample_len is not None else sample_len_candidates(data)
    stages = sorted(set(epochs)) if epochs is not None else [None]
    seeds = range(random_state, random_state + n_seeds)
    if not (lengths and stages and len(seeds)) or any(n is not None and n < 1 for n in (*lengths, *stages)):
        raise ValueError(
            f"sample_len={lengths}, epochs={stages} and n_seeds={n_seeds} must name numbers from 1 on; give such"
        )
    if model.checkpoint_dir is not None:
        raise ValueError("tune trains several models, and keeps no checkpoints of them; leave out checkpoint_dir")
    scorer = Scorer(held_out)
    rows: list[dict[str, Any]] = []
    models: dict[int, DGSynthesizer] = {}
    failure = None
    watch = InterruptWatch()
    for chosen, seed in product(lengths, seeds):
        if watch.interrupted:
            break
        candidate = clone(model).set_params(sample_len=chosen, random_state=seed, warm_start=True)
        if epochs is not None and model.learning_rate_schedule == "auto":
            candidate.set_params(learning_rate_schedule="constant")
        candidate.set_params(callbacks=[*model.callbacks, watch])
        try:
            for row in _stages(candidate, train, held_out, scorer, stages, watch):
                said = f"score {row['score']:.3f} after {row['steps']} steps"
                models[len(rows)] = copy.deepcopy(candidate).set_params(warm_start=False, callbacks=model.callbacks)
                rows.append({"sample_len": chosen, "seed": seed, **row})
                # The choice can come back to an earlier row, but only to one whose score still is about the highest.
                models = {place: kept for place, kept in models.items() if place in _near(rows).index}
                if progress is not None:
                    progress(f"sample_len={chosen}, seed {seed}: {said}")
        except KeyboardInterrupt:  # not in training, where fit takes it
            watch.interrupted = True
        except DivergenceError as error:
            failure = error
            rows.append({"sample_len": chosen, "seed": seed, "score": 0.0})
            if progress is not None:
                progress(f"sample_len={chosen}, seed {seed}: {error}")
    if not models:
        raise failure if failure is not None else KeyboardInterrupt
    columns = ["sample_len", "epochs", "seed", "steps", "score", "autocorrelation_mse", "seconds"]
    table = pd.DataFrame(rows, columns=columns)
    best = _best(rows)
    floor = _autocorrelation(scorer.table(held_out), "floor")
    return TuningResult(table, best, models[best], floor, watch.interrupted)


def sample_len_candidates(data: Sequences) -> list[int]:
    """Return values of sample_len to try: those with about 100, 50 and 25 passes, and whole periods where there are.

    A period is one of `seasons`, at most a fifth of the longest sample. Its multiple nearest to 50 passes is tried, and
    twice that.

    Parameters
    ----------
    data : Sequences

    Returns
    -------
    list of int
        Ascending, from 1 to the longest length.

    Examples
    --------
    >>> sample_len_candidates(Sequences.from_arrays(np.zeros((4, 200, 1))))
    [2, 4, 8]
    """
    longest = max(1, int(data.lengths.max(initial=1)))
    found = {max(1, -(-longest // passes)) for passes in PASSES}
    for period in seasons(data, longest // 5):
        whole = period * max(1, round(longest / 50 / period))
        found |= {whole, min(2 * whole, longest)}
    return sorted(found)


def _split(data: Sequences, fraction: float, random_state: int) -> tuple[Any, Sequences]:
    """The samples to train on, in the form that the data came in, and those held out."""
    n_held_out = max(2, round(fraction * len(data)))
    if not 0 < fraction < 1 or n_held_out >= len(data):
        raise DataError(
            f"validation_fraction={fraction:g} of {len(data)} samples leaves too few to hold out or to train on; "
            "give more samples, or a fraction between 0 and 1"
        )
    train, held_out = parted(data, n_held_out, random_state)
    # Metadata that were given beside arrays belong to all samples: there the samples are learned as they are.
    restored = train if data.schema.form.layout in ("array", "list") and data.schema.metadata else train.restore()
    return restored, held_out


def _stages(
    candidate: DGSynthesizer,
    train: Any,
    held_out: Sequences,
    scorer: Scorer,
    stages: Sequence[int | None],
    watch: InterruptWatch,
) -> Iterator[dict[str, Any]]:
    """Train from stage to stage, and yield what each comes to; end where training was interrupted."""
    done, seconds = 0, 0.0
    for stage in stages:
        if stage is not None:
            candidate.set_params(epochs=stage - done, max_steps=None)
            done = stage
        start = time.perf_counter()
        candidate.fit(train)
        seconds += time.perf_counter() - start
        if watch.interrupted:
            return
        if stage is not None:
            candidate.set_params(epochs=stage)
        made = candidate.sample(min(len(held_out), MAX_SAMPLES), random_state=0)
        table = scorer.table(read_like(made, held_out.schema))
        row = {"epochs": stage, "steps": candidate.n_steps_, "score": score(table), "seconds": seconds}
        yield row | {"autocorrelation_mse": _autocorrelation(table, "value")}


def _autocorrelation(table: pd.DataFrame, column: str) -> float:
    return float(table.loc[table["name"] == "autocorrelation_mse", column].mean())


def _best(rows: list[dict[str, Any]]) -> int:
    """Index of the row to choose: of those with about the highest score the lowest autocorrelation MSE."""
    by = ["autocorrelation_mse", "score"]
    return int(_near(rows).sort_values(by, ascending=[True, False], na_position="last", kind="stable").index[0])


def _near(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows with about the highest score."""
    table = pd.DataFrame(rows)
    return table[(table["score"] >= table["score"].max() - EQUAL) & (table["score"] > 0)]
