"""A training in a process of its own, as the page follows it: one at a time, the others wait for their turn."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dgsynth.studio.task import Task

State = Literal["waiting", "running", "done", "failed", "cancelled"]

_TURN = threading.Lock()
"""Held by the job that trains: two at once would take each other's time, by which trainings are limited."""


@dataclass
class Run:
    """What is known of one training of a job.

    Attributes
    ----------
    title : str
    measure : {"score", "likelihood"}
        What the scores are of held-out samples.
    losses : list of dict of str to float
        With the "step", as they came.
    scores : list of (step, score)
    """

    title: str
    measure: str
    losses: list[dict[str, float]] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)


class Job:
    """A training in the background.

    Parameters
    ----------
    task : Task
    output : path
        Where the model goes.

    Attributes
    ----------
    state : {"waiting", "running", "done", "failed", "cancelled"}
    runs : list of Run
        Trainings so far: several where models race.
    warnings : list of str
    error : str
        Why it failed.
    choice : str
        Which model was chosen and why.
    """

    def __init__(self, task: Task, output: Path) -> None:
        self.task, self.output = task, output
        self.state: State = "waiting"
        self.runs: list[Run] = []
        self.warnings: list[str] = []
        self.error = self.choice = ""
        self._began: float | None = None
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._wait_and_train, daemon=True).start()

    @property
    def elapsed(self) -> float:
        """Seconds since training began; 0 before it did."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    def stop(self) -> None:
        """End training after its step, and keep the model as it stands."""
        if self._process is not None and self._process.stdin is not None:
            try:
                print("stop", file=self._process.stdin, flush=True)
            except OSError:  # it has ended by itself
                return

    def cancel(self) -> None:
        """End training at once; nothing is kept."""
        with self._lock:
            self._cancelled.set()
            if self._process is not None:
                self._process.kill()

    def _wait_and_train(self) -> None:
        while not _TURN.acquire(timeout=0.1):
            if self._cancelled.is_set():
                self.state = "cancelled"
                return
        try:
            self._train()
        finally:
            _TURN.release()

    def _train(self) -> None:
        with self._lock:
            if self._cancelled.is_set():
                self.state = "cancelled"
                return
            command = [sys.executable, "-m", "dgsynth.studio.worker"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        self.state, outcome = "running", "failed"
        with self._process as process:
            assert process.stdin is not None and process.stdout is not None, "they are pipes"
            print(json.dumps({**asdict(self.task), "output": str(self.output)}), file=process.stdin, flush=True)
            for line in process.stdout:
                outcome = self._heed(**json.loads(line))
            process.wait()
        if self._cancelled.is_set():
            self.state = "cancelled"
        elif outcome == "done":
            self.state = "done"
        else:
            self.error = self.error or "the process that trained was ended from outside; take a smaller table"
            self.state = "failed"

    def _heed(self, event: str, **content: Any) -> str:
        """Take note of an event, and return its name."""
        if event == "begun":
            self._began = time.monotonic()
        elif event == "progress":
            self._note(**content)
        elif event == "warning":
            self.warnings.append(content["text"])
        elif event == "failed":
            self.error = content["text"]
        elif event == "done":
            self.choice = content["choice"]
        return event

    def _note(self, title: str, measure: str, step: int, losses: dict[str, float], scores: list[Any]) -> None:
        last = self.runs[-1] if self.runs else None
        # One that goes back has begun anew, or is the next part of the same training.
        if last is None or (last.title, last.measure) != (title, measure) or step < last.losses[-1]["step"]:
            self.runs.append(Run(title, measure))
        run = self.runs[-1]
        run.losses.append({"step": step, **losses})
        run.scores = [(step, score) for step, score in scores]
