"""Trained once, kept as samples: the runs of the experiments, and where their samples lie."""

from __future__ import annotations

import json
import os
import shutil
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _data import data_set
from _peer_samples import gretel
from _runs import AS_GIVEN, CACHE, versions
from _settings import GRETEL, N_TRAIN, OURS, PLANS, SEEDS

from dgsynth import DGSynthesizer, Sequences
from dgsynth.comparing import new_model
from dgsynth.training.callbacks import UNLIMITED, TimeLimit

SAMPLES = CACHE / "paper"
PARTS = ("metadata", "measurements")
HAS_PEERS = bool(os.environ.get("DGSYNTH_PEERS_PYTHON"))


@dataclass(frozen=True)
class Run:
    """A model of a data set, trained from one seed."""

    data: str
    model: str
    seed: int

    @property
    def path(self) -> Path:
        return SAMPLES / f"{self}.npz"

    @property
    def settings(self) -> dict[str, Any]:
        return PLANS[self.data].settings(self.model)

    def __str__(self) -> str:
        return f"{self.model} on {self.data}, seed {self.seed}"


def runs() -> list[Run]:
    """Return all runs of the plans, in the order in which they are made: ours and the first seed first."""
    ours = [Run(data, OURS, seed) for seed in SEEDS for data in PLANS]
    others = [Run(data, model, seed) for seed in SEEDS for data, plan in PLANS.items() for model in plan.others]
    variants = [
        Run(data, model, seed)
        for data, plan in PLANS.items()
        for seed in SEEDS[: plan.variant_seeds]
        for model in plan.variants
    ]
    usable = [run for run in (*ours, *others, *variants) if run.model != GRETEL or HAS_PEERS]
    return sorted(usable, key=lambda run: (run.seed > 0 and run.model != OURS, run.seed))


def train(run: Run) -> None:
    """Train a model, and keep its samples."""
    plan, start = PLANS[run.data], time.perf_counter()
    real, checkpoints = data_set(run.data).train, SAMPLES / run.path.stem
    SAMPLES.mkdir(parents=True, exist_ok=True)
    if run.model == GRETEL:
        samples, facts = _gretel(run, real)
    else:
        parameters = plan.parameters(run.model)
        if parameters is None:
            model = new_model(run.model, random_state=run.seed, n_jobs=1, callbacks=[TimeLimit(plan.seconds)])
            if "max_steps" in model.get_params():
                model.set_params(max_steps=UNLIMITED)
        else:
            n_train = parameters.pop(N_TRAIN, len(real))
            if n_train < len(real):
                real = real.take(np.random.default_rng(run.seed).permutation(len(real))[:n_train])
            given = {**AS_GIVEN, **parameters}
            model = DGSynthesizer(random_state=run.seed, n_jobs=1, checkpoint_dir=checkpoints, **given)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(real)
        facts = {"seconds": time.perf_counter() - start, "steps": model.n_steps_}
        samples = model.sample(plan.n_synthetic, random_state=1)
    _save(run, samples, {**facts, "settings": run.settings, "versions": versions()})
    shutil.rmtree(checkpoints, ignore_errors=True)


def _gretel(run: Run, real: Sequences) -> tuple[Sequences, dict[str, Any]]:
    """Return samples of gretel's DGAN, which another Python trains."""
    python, settings = os.environ["DGSYNTH_PEERS_PYTHON"], dict(run.settings)
    seconds, n_samples = settings.pop("seconds"), settings.pop("n_synthetic")
    return gretel(python, real, n_samples, seconds, run.seed, 1, **settings)


def _save(run: Run, samples: Sequences, facts: dict[str, Any]) -> None:
    columns = {f"{part}.{name}": _plain(values) for part in PARTS for name, values in getattr(samples, part).items()}
    temporary = run.path.with_name(f".{run.path.name}")
    np.savez_compressed(temporary, lengths=samples.lengths, facts=json.dumps(facts), **columns)
    os.replace(temporary, run.path)


def _plain(values: pd.Series) -> np.ndarray:
    """Return numbers as they are, and all else as text."""
    is_number = isinstance(values.dtype, np.dtype) and values.dtype.kind in "ifb"
    return values.to_numpy() if is_number else values.astype(str).to_numpy(dtype=str)


def facts_of(run: Run) -> dict[str, Any] | None:
    """Return seconds, steps, settings and versions of a run whose samples are here, made with the settings of now."""
    if not run.path.exists():
        return None
    with np.load(run.path) as file:
        facts: dict[str, Any] = json.loads(str(file["facts"]))
    return facts if facts["settings"] == run.settings else None


def load(run: Run) -> Sequences:
    """Return the samples of a run that are here; their schema is that of the real data."""
    schema = data_set(run.data).train.schema
    with np.load(run.path) as file:
        metadata, measurements = (
            pd.DataFrame({column.name: file[f"{part}.{column.name}"] for column in getattr(schema, part)})
            for part in PARTS
        )
        return Sequences(metadata, measurements, file["lengths"], None, schema)
