"""The autoregressive model and DoppelGANger beside mostlyai-engine, on series, as `dgsynth.evaluation` measures them.

All train for the same time on the same samples, with 2 threads on the CPU and their defaults; a fifth of the samples is
held out, to judge by. Records have their order and no timestamps, so that all learn the same. The peer learns metadata
by a model of their own, a fifth of the time. It has a Python of its own: see bench/judges.py.

    python bench/series.py --peer-python .venv-judge/bin/python --seconds 120

Of each family of comparisons the closeness is given, as `dgsynth.evaluation.fidelity.score` has it: 1 where all of
them are as close as real samples are to one another. Copies are no such family; the number of those comparisons that
are not close is given beside it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from _data import data_folder
from _peer_samples import mostlyai
from _runs import RESULTS, versions

from dgsynth import AutoregressiveSynthesizer, DGSynthesizer, Sequences
from dgsynth.evaluation.fidelity import LIGHTS, Scorer, mean_excess, score
from dgsynth.models.autoregressive.encoder import TokenEncoder
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.training import splitting
from dgsynth.training.callbacks import UNLIMITED, TimeLimit

THREADS = 2
PEER = "mostlyai-engine"
OURS: dict[str, Callable[..., Synthesizer]] = {
    "autoregressive": AutoregressiveSynthesizer,
    "autoregressive, absolute": partial(AutoregressiveSynthesizer, relative=False),
    "doppelganger": partial(DGSynthesizer, max_steps=UNLIMITED),
    "doppelganger, as in the paper": partial(DGSynthesizer, max_steps=UNLIMITED, preset="paper"),
}
"""The second is left out where nothing is coded within a range of the sample's own."""

VITALS = ["HR", "RespRate", "Temp", "GCS", "Urine"]


def main(python: str | None, names: list[str], models: list[str], seconds: float, seed: int, output: Path) -> None:
    torch.set_num_threads(THREADS)
    results: dict[str, Any] = {"threads": THREADS, "seconds": seconds, "seed": seed, "versions": versions(), "sets": {}}
    for name in names:
        train, judge = parted(SETS[name](), seed)
        scorer = Scorer(judge, training=train)
        results["sets"][name] = {"samples": [len(train), len(judge)], "models": {}}
        for model in models:
            if model == "autoregressive, absolute" and not any(TokenEncoder.fit(train).ranges):
                continue
            start = time.perf_counter()
            made = _made(model, train, len(judge), seconds, seed, python)
            table = scorer.table(made)
            families = {name: score(rows) for name, rows in table.groupby("family") if name != "copies"}
            found = {
                "seconds": time.perf_counter() - start,
                "score": score(table),
                "mean excess": mean_excess(table),
                "families": {name: round(value, 3) for name, value in families.items()},
                "not close": table["light"].isin(LIGHTS[1:]).groupby(table["family"]).sum().to_dict(),
            }
            results["sets"][name]["models"][model] = found
            print(name, model, json.dumps(found), flush=True)
        output.write_text(json.dumps(results, indent=1) + "\n")


def parted(data: Sequences, seed: int) -> tuple[Sequences, Sequences]:
    """Return four fifths of the samples, to train on, and the others, to judge by."""
    return splitting.parted(data, len(data) // 5, seed)


def _made(model: str, train: Sequences, n_samples: int, seconds: float, seed: int, python: str | None) -> Sequences:
    """Return samples of a model of that name, trained for so long."""
    if model == PEER:
        return mostlyai(str(python), train, n_samples, seconds, seed, THREADS)[0]
    common: dict[str, Any] = {"n_jobs": THREADS, "device": "cpu", "callbacks": [TimeLimit(seconds)]}
    made: Sequences = OURS[model](random_state=seed, **common).fit(train).sample(n_samples, random_state=seed)
    return made


def _long(path: str, key: str, metadata: list[str], measurements: list[str]) -> Sequences:
    table = pd.read_csv(data_folder() / path)
    table = table[[key, *metadata, *measurements]]
    return Sequences.from_long(table, sequence_key=key, metadata=metadata, measurements=measurements)


def _wikipedia() -> Sequences:
    table = pd.read_csv(data_folder() / "wwt" / "train_1_subset.csv.gz")
    days = list(table.columns[1:])
    parts = table["Page"].str.extract(r"_(?P<domain>[a-z]+\.wikipedia\.org)_(?P<access>[a-z-]+)_(?P<agent>[a-z-]+)$")
    long = pd.concat([parts, table[days]], axis=1).melt(
        id_vars=list(parts), value_vars=days, value_name="views", ignore_index=False
    )
    long = long.rename_axis("page").reset_index().drop(columns="variable")
    return Sequences.from_long(long, sequence_key="page", metadata=list(parts), measurements=["views"])


def _physionet() -> Sequences:
    folder = data_folder() / "physionet2012"
    vitals = pd.read_csv(folder / "hourly_vitals_long.csv.gz")[["RecordID", *VITALS]]
    patients = pd.read_csv(folder / "patients_meta.csv")[["RecordID", "Age", "Gender"]].head(2000)
    table = vitals.merge(patients, on="RecordID")
    return Sequences.from_long(
        table, sequence_key="RecordID", metadata=["Age", "Gender"], measurements=VITALS, categorical=["Gender"]
    )


SETS = {
    "mba": lambda: _long(
        "mba/mba_train_long.csv.gz",
        "home",
        ["isp", "technology", "state"],
        ["traffic_byte_counter", "ping_loss_rate"],
    ),
    "wikipedia": _wikipedia,
    "physionet": _physionet,
    "job-days": lambda: _long(
        "gcut_jobs/job_days_long.csv.gz", "series", ["scheduling_class", "final_event"], ["cpu", "memory"]
    ),
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="a Python that has mostlyai-engine")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--models", nargs="+", choices=[*OURS, PEER], default=[*OURS, PEER])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS / "series.json")
    arguments = parser.parse_args()
    models = [model for model in arguments.models if model != PEER or arguments.peer_python]
    main(arguments.peer_python, arguments.sets, models, arguments.seconds, arguments.seed, arguments.output)
