"""The data sets of the board: what models are trained on, what judges compare with, and which judges these are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from _data import Data, data_folder
from series import SETS as SERIES
from series import parted

from dgsynth import Sequences, windows
from dgsynth.data.simulate import make_cluster_tasks, make_web_traffic
from dgsynth.evaluation.tables import read_like

WINDOW = 24
N_SINES = 10_000

FIDELITY, DISTANCES, QA, WINDOWS = "fidelity", "distances", "mostlyai-qa", "windows"
"""The judges, of whom bench/board/_judges.py tells."""


@dataclass(frozen=True)
class DataSet:
    """How samples are read, by a seed that parts them, the names of their judges, and what they are."""

    read: Callable[[int], Data]
    judges: tuple[str, ...]
    text: str


def _held_out(read: Callable[[], Sequences], text: str) -> DataSet:
    """Return a data set of which a fifth is held out at random, another one for each seed."""
    return DataSet(lambda seed: Data(*parted(read(), seed)), (FIDELITY, DISTANCES), text)


def _web_traffic() -> Sequences:
    table = make_web_traffic(1000, random_state=5).drop(columns="date")
    return Sequences.from_long(table, sequence_key="page", metadata=["domain", "access", "agent"])


def _cluster_tasks() -> Sequences:
    table = make_cluster_tasks(2000, max_length=100, random_state=5).drop(columns="time")
    return Sequences.from_long(table, sequence_key="task")


def _records(seed: int) -> Data:
    train, holdout = (pd.read_csv(data_folder() / "records" / f"groups_{part}.csv.gz") for part in ("train", "holdout"))
    data = Sequences.from_long(train, sequence_key="group_id")
    return Data(data, read_like(holdout, data.schema, sequence_key="group_id"))


def _adult(seed: int) -> Data:
    train, test = (pd.read_csv(data_folder() / "tables" / f"adult_{part}.csv.gz") for part in ("train", "test"))
    data = Sequences.from_table(train)
    return Data(data, read_like(test, data.schema))


def _series_windows(name: str, is_reversed: bool, seed: int) -> Data:
    """All windows of a long series, each column of which is scaled to [0, 1]."""
    table = pd.read_csv(data_folder() / "windows" / f"{name}.csv.gz").select_dtypes("number")
    table = (table - table.min()) / (table.max() - table.min())
    cut = windows(table[::-1] if is_reversed else table, WINDOW)
    return Data(Sequences.from_long(cut, sequence_key="window", measurements=list(table.columns)))


def _sines(seed: int) -> Data:
    """Sines of five frequencies and phases a sample, the same ones for each seed."""
    frequency, phase = np.random.default_rng(0).uniform(0, 0.1, (2, N_SINES, 1, 5))
    waves = np.sin(frequency * np.arange(WINDOW)[:, None] + phase)
    return Data(Sequences.from_arrays((waves + 1) / 2, measurement_names=[f"wave {i}" for i in range(5)]))


SETS = {
    "mba": _held_out(SERIES["mba"], "Measuring Broadband America: 600 homes, 56 records of 2 measurements, metadata."),
    "wikipedia": _held_out(SERIES["wikipedia"], "Wikipedia's page views: 2,175 pages, 550 days, metadata."),
    "physionet": _held_out(
        SERIES["physionet"],
        "Stays in intensive care: 2,000 patients, 1 to 49 hours of 5 vitals, many missing; metadata.",
    ),
    "job-days": _held_out(
        SERIES["job-days"], "Days of jobs on Google's cluster: 1,600 of 288 records of 2 measurements, metadata."
    ),
    "web-traffic": _held_out(
        _web_traffic, "Simulated page views (`make_web_traffic`): 1,000 pages, 550 days, metadata."
    ),
    "cluster-tasks": _held_out(
        _cluster_tasks, "Simulated tasks (`make_cluster_tasks`): 2,000 of 1 to 100 records of 9 measurements, metadata."
    ),
    "records": DataSet(
        _records,
        (FIDELITY, DISTANCES, QA),
        "Records of the MOSTLY AI Prize 2025: 20,000 groups of 5 to 10 records of 10 columns, and as many held out.",
    ),
    "adult": DataSet(
        _adult, (FIDELITY, DISTANCES, QA), "UCI Adult: a table of 24,403 rows of 15 columns, and as many held out."
    ),
    "stocks": DataSet(
        partial(_series_windows, "stocks", True),
        (WINDOWS,),
        "Google's stock, 3,685 days of 6 columns, in windows of 24 days. As in TimeGAN's protocol the series is turned "
        "round: the newest day comes first. Published (discriminative / predictive): Diffusion-TS 0.067 / 0.036, "
        "TimeGAN 0.102 / 0.038, TimeVAE 0.145 / 0.039.",
    ),
    "etth1": DataSet(
        partial(_series_windows, "etth1", False),
        (WINDOWS,),
        "A transformer's load and temperature (ETTh1), 17,420 hours of 7 columns, in windows of 24 hours, the oldest "
        "first. Published (discriminative / predictive): Diffusion-TS 0.061 / 0.119, TimeGAN 0.114 / 0.124, TimeVAE "
        "0.209 / 0.126.",
    ),
    "sines": DataSet(
        _sines,
        (WINDOWS,),
        "TimeGAN's sines: 10,000 samples of 24 records of 5 measurements, (1 + sin(frequency t + phase)) / 2 with "
        "frequency and phase uniform in [0, 0.1]. Published (discriminative / predictive): Diffusion-TS "
        "0.006 / 0.093, TimeGAN 0.011 / 0.093, TimeVAE 0.041 / 0.093.",
    ),
}
