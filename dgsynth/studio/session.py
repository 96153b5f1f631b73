"""What belongs to one tab of the browser: its table, its training and what came of it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pandas as pd

from dgsynth.data.io import read_table, write_table
from dgsynth.data.misreadings import warn_of_misreadings
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation.fidelity_report import FidelityReport, evaluate
from dgsynth.loading import load
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.studio.columns import LEFT_OUT, Layout, declared, described, kept, parted
from dgsynth.studio.job import Job
from dgsynth.studio.task import Task

T = TypeVar("T")

MOST_COMPARED = 1000
"""Samples that are made to be compared, at most: more of them tell little more."""

_HEARING = threading.Lock()
"""Python's warnings are caught for the whole process, one tab at a time."""


def heard(call: Callable[[], T]) -> tuple[T, list[str]]:
    """Return what a call returns, and what it warned of."""
    with _HEARING, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, list(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, UserWarning)))


@dataclass(frozen=True, eq=False)
class Table:
    """A table that was opened: where it lies, how it was read, its rows, and what reading it warned of."""

    path: Path
    reading: dict[str, Any]
    frame: pd.DataFrame
    warnings: list[str]

    @classmethod
    def of(cls, path: Path, reading: dict[str, Any]) -> Table:
        """Return the table of a file, read by the keywords of `read_table`; raise DataError if it can't be."""
        return cls(path, reading, *heard(lambda: read_table(path, **reading)))


@dataclass(frozen=True, eq=False)
class Columns:
    """A table's columns as they were chosen: their schema, the samples that it reads, and what that warned of."""

    layout: Layout
    left_out: list[str]
    schema: Schema
    samples: Sequences
    warnings: list[str]

    @classmethod
    def of(cls, table: Table, layout: Layout, chosen: pd.DataFrame, inferred: Schema) -> Columns:
        """Return what was chosen of a table; raise DataError if it can't be so."""
        frame = layout.cut(table.frame)
        schema = declared(frame, layout, inferred, chosen)
        samples = Sequences.from_any(kept(frame, chosen), schema=schema)
        _, warned = heard(lambda: warn_of_misreadings(samples))
        left_out = chosen.loc[chosen["role"] == LEFT_OUT, "name"].tolist()
        return cls(layout, left_out, schema, samples, warned)


@dataclass(frozen=True, eq=False)
class Result:
    """A trained model, and how close its samples come to real ones."""

    model: Synthesizer
    report: FidelityReport
    pictures: dict[Any, list[tuple[str, bytes]]] = field(default_factory=dict)
    """By column, with their captions; drawn once."""

    @classmethod
    def of(cls, job: Job) -> Result:
        """Return what came of a training that is done."""
        task, model = job.task, load(job.output)
        frame = task.layout.cut(read_table(task.table, **task.reading)).drop(columns=task.left_out)
        holdout = None
        if task.holds_out:
            frame, holdout = parted(frame, task.layout, task.random_state)
        real = Sequences.from_any(frame, schema=Schema.from_dict(task.schema))
        made = model.sample(min(len(real), MOST_COMPARED), random_state=task.random_state)
        report, _ = heard(lambda: evaluate(real, made, holdout=holdout, model=model, costly=False, **task.layout.roles))
        return cls(model, report)


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples that were asked for, as a file, and the first of them."""

    name: str
    content: bytes
    head: pd.DataFrame


@dataclass
class Session:
    """One tab."""

    folder: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(prefix="dgsynth-studio-"))
    table: Table | None = None
    job: Job | None = None
    result: Result | None = None
    samples: Samples | None = None
    number: int = 0
    """Of tables that were opened; a part of the keys of what belongs to a table."""
    source: Path | None = None
    """The file that is to be open."""
    given: Any = None
    """Which of the files that were handed over this tab has taken."""
    _layouts: dict[Layout, tuple[Schema, pd.DataFrame]] = field(default_factory=dict)
    _columns: tuple[Any, Columns] | None = None

    def path(self, name: str, kind: str = "made") -> Path:
        """Return where a file of this tab lies: one that was made, or one that was given, which may have any name."""
        folder = Path(self.folder.name) / kind
        folder.mkdir(exist_ok=True)
        return folder / Path(name).name

    def close(self) -> None:
        """End what is going on, and leave nothing behind."""
        self._drop_training()
        self.folder.cleanup()

    def open(self, reading: dict[str, Any]) -> None:
        """Open the source, unless it is, so read; raise DataError or OSError if it can't be, with none open then."""
        if self.source is None or (self.table is not None and self.table.reading == reading):
            return
        self._drop_training()
        self.table, self._columns = None, None
        self._layouts.clear()
        self.number += 1
        self.table = Table.of(self.source, reading)

    def take(self, source: Path) -> None:
        """Let a file be opened."""
        self._drop_training()
        self.table, self.source = None, source

    def take_given(self, name: str, content: bytes) -> None:
        """Let a file be opened that was handed over."""
        path = self.path(name, "given")
        path.write_bytes(content)
        self.take(path)

    def take_simulated(self) -> None:
        """Let simulated web traffic be opened."""
        path = self.path("web-traffic.csv")
        write_table(make_web_traffic(500, 60, random_state=0), path)
        self.take(path)

    def inferred(self, layout: Layout) -> tuple[Schema, pd.DataFrame]:
        """Return what is inferred of the table in a layout, as a schema and a row for each column."""
        assert self.table is not None, "it is open"
        if layout not in self._layouts:
            schema = Schema.infer(layout.cut(self.table.frame), **layout.roles)
            self._layouts[layout] = schema, described(schema)
        return self._layouts[layout]

    def columns(self, layout: Layout, chosen: pd.DataFrame) -> Columns:
        """Return what was chosen; raise DataError if it can't be so."""
        assert self.table is not None, "it is open"
        key = layout, tuple(chosen["role"]), tuple(chosen["kind"])
        if self._columns is None or self._columns[0] != key:
            self._columns = key, Columns.of(self.table, layout, chosen, self.inferred(layout)[0])
        return self._columns[1]

    def train(self, task: Task) -> None:
        """Begin a training, in the place of the last one."""
        self._drop_training()
        self.job = Job(task, self.path("model.safetensors"))

    def judge(self) -> None:
        """Judge the model whose training is done."""
        assert self.job is not None, "there was a training"
        self.result = Result.of(self.job)

    def sample(self, model: Synthesizer, n: int, metadata: dict[str, Any], seed: int, format: str) -> None:
        """Make samples, and a file of them; raise DataError where what is asked of them can't be."""
        path = self.path(f"synthetic.{format}")
        frame = model.sample(n, metadata=metadata or None, random_state=seed)
        write_table(frame, path)
        self.samples = Samples(path.name, path.read_bytes(), frame.head(20))

    def _drop_training(self) -> None:
        if self.job is not None:
            self.job.cancel()
        self.job = self.result = self.samples = None
