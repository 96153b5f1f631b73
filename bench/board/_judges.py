"""The judges of the board: each says in numbers what it thinks of samples, and what real ones come to with it.

A judge is made once for the data and the seed that parts them. `real` is what nobody can be expected to beat: for the
library's families and the distances a random part of the training samples, as large as the holdout; for mostlyai-qa the
holdout itself; for windows two real halves, and what a network learns from real windows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np
from _data import Data
from _distances import distances
from _peer_samples import KEY, is_table, long_table
from _runs import run_script
from _sets import DISTANCES, FIDELITY, QA, SETS, WINDOWS
from _windows import REPEATS, discriminative_score, halves, predictive_score, windows_of

from dgsynth import Sequences
from dgsynth.evaluation.fidelity import LIGHTS, Scorer, mean_excess, score

Numbers = dict[str, float]


class Judge(Protocol):
    versions: dict[str, str]
    """Of what judged, where that is not dgsynth."""

    def __call__(self, made: Sequences) -> Numbers:
        """Return the numbers of a model's samples."""
        ...

    def real(self) -> Numbers:
        """Return those of real samples."""
        ...


def judges(name: str, data: Data, seed: int, qa_python: str | None, threads: int) -> dict[str, Judge]:
    """Return the judges of a data set."""
    makers = {
        FIDELITY: lambda: _Fidelity(data, seed),
        DISTANCES: lambda: _Distances(data, seed),
        QA: lambda: _Qa(data, str(qa_python), threads),
        WINDOWS: lambda: _Windows(data, seed),
    }
    return {judge: makers[judge]() for judge in SETS[name].judges}


def _real_part(data: Data, seed: int) -> Sequences:
    """Return random training samples, as many as there are held out."""
    return data.train.take(np.random.default_rng(seed).permutation(len(data.train))[: len(_holdout(data))])


def _holdout(data: Data) -> Sequences:
    assert data.held_out is not None, "such a judge is for data with a holdout"
    return data.held_out


class _Fidelity:
    """The library's own families: score, mean excess, the closeness of each, and how many copies are not close."""

    def __init__(self, data: Data, seed: int) -> None:
        self.versions: dict[str, str] = {}
        self.part = _real_part(data, seed)
        self.scorer = Scorer(_holdout(data), training=data.train)

    def __call__(self, made: Sequences) -> Numbers:
        table = self.scorer.table(made)
        families = {str(name): score(rows) for name, rows in table.groupby("family", sort=False) if name != "copies"}
        copies = table["light"].isin(LIGHTS[1:]) & (table["family"] == "copies")
        return {"score": score(table), "mean excess": mean_excess(table), **families, "copies": int(copies.sum())}

    def real(self) -> Numbers:
        numbers = self(self.part)
        del numbers["copies"]  # the part is one of the training samples
        return numbers


class _Distances:
    """The plain distances of bench/board/_distances.py."""

    def __init__(self, data: Data, seed: int) -> None:
        self.versions: dict[str, str] = {}
        self.holdout, self.part = _holdout(data), _real_part(data, seed)

    def __call__(self, made: Sequences) -> Numbers:
        return distances(self.holdout, made)

    def real(self) -> Numbers:
        return self(self.part)


class _Qa:
    """mostlyai-qa's accuracies, by a Python that has it."""

    def __init__(self, data: Data, python: str, threads: int) -> None:
        self.versions: dict[str, str] = {}
        self.data, self.python, self.threads = data, python, str(threads)

    def __call__(self, made: Sequences) -> Numbers:
        environment = {"OMP_NUM_THREADS": self.threads, "LOKY_MAX_CPU_COUNT": self.threads}
        key = [] if is_table(made) else [KEY]
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{name}.parquet" for name in ("made", "train", "holdout")]
            first_key = 0  # the judge joins tables, and must not take samples of two for one
            for part, path in zip((made, self.data.train, _holdout(self.data)), paths, strict=True):
                table = part.metadata if is_table(part) else long_table(part, first_key)
                table.to_parquet(path, index=False)
                first_key += len(part)
            found = run_script(self.python, "_judge.py", *paths, *key, **environment)
        self.versions = {"mostlyai-qa": found["versions"]["mostlyai-qa"]}
        return {name: value for name, value in found["scores"].items() if value is not None}

    def real(self) -> Numbers:
        return self(_holdout(self.data))


class _Windows:
    """Discriminative and predictive score of windows, by five networks each: mean and spread."""

    def __init__(self, data: Data, seed: int) -> None:
        self.versions: dict[str, str] = {}
        self.seed, self.length = seed, int(data.train.lengths.max())
        self.windows = windows_of(data.train, self.length)

    def __call__(self, made: Sequences) -> Numbers:
        windows = windows_of(made, self.length)
        seeds = range(REPEATS * self.seed, REPEATS * (self.seed + 1))
        return {
            **_summary("discriminative", [discriminative_score(self.windows, windows, seed) for seed in seeds]),
            **_summary("predictive", [predictive_score(self.windows, windows, seed) for seed in seeds]),
        }

    def real(self) -> Numbers:
        seeds = range(REPEATS * self.seed, REPEATS * (self.seed + 1))
        apart = [discriminative_score(*halves(self.windows, seed), seed) for seed in seeds]
        learned = [predictive_score(self.windows, self.windows, seed) for seed in seeds]
        return {**_summary("discriminative", apart), **_summary("predictive", learned)}


def _summary(name: str, scores: list[float]) -> Numbers:
    return {name: float(np.mean(scores)), f"{name}, spread": float(np.std(scores))}
