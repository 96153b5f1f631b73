"""The data sets of the measurements: what models are trained on, and real samples that they never see."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from dgsynth import Sequences
from dgsynth.data import read_table
from dgsynth.data.paper import read_wikipedia
from dgsynth.data.simulate import make_cluster_tasks


@dataclass(frozen=True)
class Data:
    """Samples to train on (A in the paper's Figure 12), and others (A'), None where all are trained on."""

    train: Sequences
    held_out: Sequences | None = None


@cache
def data_set(name: str) -> Data:
    """Return the data set of a name in `READERS`."""
    return READERS[name]()


def data_folder() -> Path:
    """Return the folder of the real data, named by the environment; without it a run can't be made."""
    folder = os.environ.get("DGSYNTH_TEST_DATA")
    if not folder:
        print("skipped: DGSYNTH_TEST_DATA does not name the folder of the real data")
        sys.exit(0)
    return Path(folder)


def _wikipedia() -> Data:
    """2,016 complete pages of Wikipedia of four domains, 550 days."""
    return Data(read_wikipedia(data_folder() / "wwt" / "train_1_subset.csv.gz", progress=None))


def _mba() -> Data:
    """The paper's own 600 homes of the FCC, 56 records."""
    table = read_table(data_folder() / "mba" / "mba_train_long.csv.gz")
    return Data(Sequences.from_long(table, sequence_key="home", sequence_index="time"))


def _tasks() -> Data:
    """Simulated cluster tasks, 1 to 100 records: 5,000 to train on, and 5,000 others."""
    tables = (make_cluster_tasks(5000, max_length=100, random_state=seed) for seed in (0, 1))
    return Data(*(Sequences.from_long(table, sequence_key="task", sequence_index="time") for table in tables))


def _job_days() -> Sequences:
    """1,600 days of jobs on Google's cluster, 288 records."""
    table = pd.read_csv(data_folder() / "gcut_jobs" / "job_days_long.csv.gz")
    names = ["day", "scheduling_class", "final_event"]
    categorical = ["scheduling_class"]
    return Sequences.from_long(
        table, sequence_key="series", sequence_index="minute", metadata=names, categorical=categorical
    )


def _jobs_apart() -> Data:
    """Days of half of the jobs, and of the other half.

    Days stand job by job, in the order of their numbers as text: where that falls, or a class changes, is the next job.
    """
    data = _job_days()
    day, *classes = (data.metadata[name].astype(str) for name in ("day", "scheduling_class", "final_event"))
    is_next = day <= day.shift(fill_value="~")
    for column in classes:
        is_next |= column != column.shift()
    job = is_next.cumsum().to_numpy()
    jobs = np.random.default_rng(0).permutation(job.max()) + 1
    is_first = np.isin(job, jobs[: len(jobs) // 2])
    return Data(data.take(np.flatnonzero(is_first)), data.take(np.flatnonzero(~is_first)))


def _physionet() -> Data:
    """7,882 stays in intensive care (PhysioNet 2012), 1 to 49 records with missing values; halves."""
    folder = data_folder() / "physionet2012"
    vitals = pd.read_csv(folder / "hourly_vitals_long.csv.gz")
    patients = pd.read_csv(folder / "patients_meta.csv").drop(columns="set").rename(columns={"Weight": "StayWeight"})
    table = vitals.merge(patients.replace(-1, np.nan), on="RecordID", validate="many_to_one")  # -1 is unknown
    names = ["Age", "Gender", "Height", "StayWeight", "ICUType"]
    categorical = ["Gender", "ICUType"]
    return _halves(
        Sequences.from_long(
            table, sequence_key="RecordID", sequence_index="hour", metadata=names, categorical=categorical
        )
    )


def _halves(data: Sequences) -> Data:
    order, half = np.random.default_rng(0).permutation(len(data)), len(data) // 2
    return Data(data.take(np.sort(order[:half])), data.take(np.sort(order[half:])))


READERS: dict[str, Callable[[], Data]] = {
    "wikipedia": _wikipedia,
    "wikipedia half": lambda: _halves(_wikipedia().train),
    "mba": _mba,
    "tasks": _tasks,
    "jobs": lambda: _halves(_job_days()),
    "jobs apart": _jobs_apart,
    "physionet": _physionet,
}
