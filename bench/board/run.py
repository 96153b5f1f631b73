"""All models side by side: each trained for the same time on the same data, judged alike, and written to docs/BOARD.md.

    PYTHONPATH=bench python bench/board/run.py --hours 8 --mostlyai-python .venv-judge/bin/python
    PYTHONPATH=bench python bench/board/run.py --sets mba stocks --models auto doppelganger --seconds 60 --seeds 0

A run is a model, a data set, the seconds of training and a seed. Its numbers are an entry of bench/results/board.json,
and what is there is not run again; Ctrl-C loses only the run that is going on. A model that can't take the data, or
fails, is an entry that says so; `--again` runs these once more. Short runs come first, then first seeds.

Models and judges of others have a Python of their own, without which they are left out: `--mostlyai-python` has
mostlyai-engine and mostlyai-qa (bench/judges.py says how it is made), `--gretel-python` gretel-synthetics
(bench/paper/_gretel.py), `--sdv-python` SDV (bench/_par.py). By default they are what DGSYNTH_MOSTLYAI_PYTHON and, for
the other two, DGSYNTH_PEERS_PYTHON name. Sets that mostlyai-qa judges wait for it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import page
import torch
from _data import Data, data_folder
from _entries import REAL, Entry, Run, put, read, run_of
from _judges import Judge, judges
from _models import MODELS, OURS, make
from _runs import RESULTS, versions
from _sets import QA, SETS

SECONDS, SEEDS = (60.0, 300.0, 1800.0), (0, 1, 2)


def main(asked: argparse.Namespace, pythons: dict[str, str | None]) -> None:
    data_folder()  # ends here without it
    torch.set_num_threads(asked.threads)
    end = time.monotonic() + 3600 * asked.hours
    entries = {run_of(entry): entry for entry in read(asked.output)}
    missing = [
        run for run in planned(asked, pythons) if run not in entries or (asked.again and "reason" in entries[run])
    ]
    hours = sum(run.seconds for run in missing) / 3600
    print(f"{len(missing)} runs are missing, {hours:.1f} hours of training", flush=True)
    if without := sorted(name for name, python in pythons.items() if not python):
        print(f"left out, for want of a Python: {', '.join(without)}", flush=True)
    try:
        for run in missing:
            if time.monotonic() + run.seconds > end:
                continue
            found = carried_out(run, asked.threads, pythons)
            put(asked.output, run, found)
            print(f"{time.strftime('%H:%M:%S')} {run}: {found.get('reason', 'done')}", flush=True)
    except KeyboardInterrupt:
        print("stopped; the next call goes on with the run that was going on")
    page.main(asked.output, asked.page)


def planned(asked: argparse.Namespace, pythons: dict[str, str | None]) -> Iterator[Run]:
    """Yield all runs that can be made here, in their order; real data come once for each seed."""
    usable = [model for model in asked.models if model in OURS or pythons[model]]
    names = [name for name in asked.sets if QA not in SETS[name].judges or pythons[QA]]
    for i, seconds in enumerate(sorted(asked.seconds)):
        for seed in asked.seeds:
            for name in names:
                if i == 0:
                    yield Run(name, REAL, 0.0, seed)
                yield from (Run(name, model, seconds, seed) for model in usable)


def carried_out(run: Run, threads: int, pythons: dict[str, str | None]) -> Entry:
    """Return the entry of a run: what it took, what the judges say and what it was made with, or why there is none."""
    data, by_name = judged(run.data, run.seed, threads, pythons[QA])
    real = data.train if data.held_out is None else data.held_out
    entry: Entry = {"samples": [len(data.train), len(real)], "threads": threads, "versions": versions()}
    try:
        samples = None
        if run.model != REAL:
            made = make(run.model, data.train, len(real), run.seconds, run.seed, threads, pythons.get(run.model))
            samples, entry = made.samples, entry | made.facts
        entry["judges"], entry["judging, s"] = {}, {}
        for name, judge in by_name.items():
            start = time.perf_counter()
            entry["judges"][name] = judge.real() if samples is None else judge(samples)
            entry["judging, s"][name] = time.perf_counter() - start
            entry["versions"] |= judge.versions
        return entry
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return {**entry, "reason": lines[-1]}


@lru_cache(maxsize=1)
def judged(name: str, seed: int, threads: int, qa_python: str | None) -> tuple[Data, dict[str, Judge]]:
    """Return the data of a set and their judges, which successive runs share."""
    data = SETS[name].read(seed)
    return data, judges(name, data, seed, qa_python, threads)


if __name__ == "__main__":
    environment = {name: os.environ.get(f"DGSYNTH_{name}_PYTHON") for name in ("MOSTLYAI", "PEERS")}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0, help="nothing is begun that would be trained beyond them")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--seconds", nargs="+", type=float, default=SECONDS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="make runs anew that failed")
    parser.add_argument("--mostlyai-python", default=environment["MOSTLYAI"])
    parser.add_argument("--gretel-python", default=environment["PEERS"])
    parser.add_argument("--sdv-python", default=environment["PEERS"])
    parser.add_argument("--output", type=Path, default=RESULTS / "board.json")
    parser.add_argument("--page", type=Path, default=page.PAGE)
    arguments = parser.parse_args()
    pythons = {
        QA: arguments.mostlyai_python,
        "mostlyai-engine": arguments.mostlyai_python,
        "gretel": arguments.gretel_python,
        "sdv-par": arguments.sdv_python,
    }
    main(arguments, pythons)
