"""Reproduce the paper's experiments: train what is missing while there is time, draw what there is, write the page.

    PYTHONPATH=bench python bench/paper/run.py --hours 1 --workers 2

What was trained is kept in bench/cache/paper, and not made again; an interrupted DoppelGANger goes on where it stopped.
gretel's DGAN takes part where DGSYNTH_PEERS_PYTHON names a Python that has it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path

import page
from _data import data_folder
from _measuring import is_recorded
from _training import Run, facts_of, runs, train

LONG = ("figure_15", "figure_16")
"""Experiments on privacy, which train models of their own."""


def main(hours: float, workers: int, only: list[str]) -> None:
    data_folder()  # ends here without it
    end = time.monotonic() + 3600 * hours
    train_all(end, workers, only)
    for name in page.ORDER:
        _script(name)
    for name in LONG:
        if time.monotonic() < end:
            _script(name, end - time.monotonic())
    page.main()


def train_all(end: float, workers: int, only: list[str]) -> None:
    """Train what is missing, and begin nothing after the end."""
    wanted = [run for run in runs() if all(word in str(run) for word in only)]
    missing = [run for run in wanted if facts_of(run) is None and not is_recorded(run)]
    print(f"{len(missing)} of {len(wanted)} runs are missing", flush=True)
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported there
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: dict[Future[None], Run] = {}
        while running or (missing and time.monotonic() < end):
            while missing and len(running) < workers and time.monotonic() < end:
                run = missing.pop(0)
                running[pool.submit(train, run)] = run
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                run, error = running.pop(future), future.exception()
                print(f"{time.strftime('%H:%M:%S')} {run}: {'done' if error is None else error}", flush=True)
    if missing:
        print(f"the time is over; {len(missing)} runs are left for the next call", flush=True)


def _path(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.py")


def _script(name: str, seconds: float | None = None) -> None:
    command = [sys.executable, str(_path(name))]
    try:
        subprocess.run(command, timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        print(f"{name}: the time is over; the next call goes on")
    except subprocess.CalledProcessError as error:
        print(f"{name}: failed with status {error.returncode}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", default=[], help="train only runs whose name contains these words")
    arguments = parser.parse_args()
    main(arguments.hours, arguments.workers, arguments.only)
