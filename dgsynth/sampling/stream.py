"""Writing samples to one file in chunks, so that an interrupted call goes on where it stopped.

Beside the target `name` lies, while it is being made, the folder `.name.parts`: a manifest that says which run the
parts belong to, and one part for every finished chunk. Every file in it appears whole or not at all. When all parts are
there they are joined, the joined file takes the target's name, and the folder goes; the manifest last, so that a folder
which holds parts can always be told to be of one run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError, check_place
from dgsynth.progress import Bar
from dgsynth.sampling.formats import TableFormat

Chunk = Callable[[], Sequences]
"""Makes the samples of one chunk; can travel to other processes, and holds what is asked of these samples alone."""

_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Run:
    """What the bytes of a file depend on.

    Attributes
    ----------
    model : str
        Digest of all that the samples depend on beside the seed.
    seed : int
    n_samples, chunk_size : int
    format : str
    asked : str
        Digest of what is asked of the samples: metadata, keys, lengths, starts, step; empty where nothing is. The
        manifests of earlier versions have none.
    """

    model: str
    seed: int
    n_samples: int
    chunk_size: int
    format: str
    asked: str = ""

    @property
    def n_chunks(self) -> int:
        return -(-self.n_samples // self.chunk_size)

    def count(self, number: int) -> int:
        """Return how many samples the chunk has."""
        return min(self.chunk_size, self.n_samples - number * self.chunk_size)


def interrupted_seed(path: Path) -> int | None:
    """Return the seed of the interrupted run that left parts for `path`, None where there is none."""
    folder = _parts_folder(path)
    return _read_manifest(folder).seed if _parts(folder) else None


def write_samples(
    path: Path,
    chunk: Callable[[int, int], Chunk],
    run: Run,
    table_format: TableFormat,
    *,
    n_jobs: int = 1,
    progress: bool = False,
) -> None:
    """Write the samples of `run` to `path`, going on from the parts that an interrupted call left.

    Parameters
    ----------
    path : Path
        A file that is there is replaced.
    chunk : callable
        Returns what makes samples number `first` to `first + count - 1`, given first and count.
    run : Run
    table_format : TableFormat
    n_jobs : int, default=1
        Processes.
    progress : bool, default=False
        Whether to show a bar.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    DataError
        The parts beside the file are those of another run.
    """
    check_place(path)
    folder = _parts_folder(path)
    _claim(folder, run)
    with Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered") as workers:

        def make(numbers: Iterable[int], note: str, bar: Any = None) -> None:
            firsts = ((i, i * run.chunk_size) for i in numbers)
            parts = ((i, first, chunk(first, run.count(i))) for i, first in firsts)
            for count in workers(delayed(_make_part)(folder, *part, table_format, note) for part in parts):
                if bar is not None:
                    bar.update(count)

        done = {number for number, _ in _parts(folder)}
        initial = sum(run.count(number) for number in done)
        with Bar(total=run.n_samples, initial=initial, desc="sampling", unit="sample", disable=not progress) as bar:
            make([number for number in range(run.n_chunks) if number not in done], "", bar)
        note = table_format.common_note([note for _, note in _parts(folder)])
        right = {number for number, found in _parts(folder) if found == note}
        make([number for number in range(run.n_chunks) if number not in right], note)
    joined = folder / "joined.tmp"
    table_format.join([folder / _part_name(number, note) for number in range(run.n_chunks)], joined)
    _settle(joined, path)
    _remove(folder)


def _make_part(folder: Path, number: int, first: int, chunk: Chunk, table_format: TableFormat, note: str) -> int:
    """Write one part, and return how many samples it has."""
    samples = chunk()
    temporary = folder / f"{number}.{os.getpid()}.tmp"
    try:
        note = table_format.write_part(samples, first, temporary, note=note)
        _settle(temporary, folder / _part_name(number, note))
    finally:
        temporary.unlink(missing_ok=True)
    return len(samples)


def _settle(temporary: Path, path: Path) -> None:
    """Give a file its final name once it is on the disk."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _parts_folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.parts")


def _part_name(number: int, note: str) -> str:
    return f"{number:09d}-{note}.part"


def _parts(folder: Path) -> list[tuple[int, str]]:
    """Return number and note of the parts; a number has two where the first was too coarse."""
    names = sorted(file.stem.partition("-") for file in folder.glob("*.part"))
    return [(int(number), note) for number, _, note in names]


def _claim(folder: Path, run: Run) -> None:
    """Make sure that the folder is there and belongs to `run`."""
    if _parts(folder):
        found, wanted = asdict(_read_manifest(folder)), asdict(run)
        for name, value in wanted.items():
            if found[name] != value:
                differs = f"{name} is {found[name]!r} there and {value!r} here"
                if name == "asked":
                    differs = "metadata, lengths, start or step are not what they are here"
                raise DataError(
                    f"{folder} holds the parts of another, interrupted call: {differs}; repeat that call to finish it, "
                    "or delete the folder"
                )
    folder.mkdir(exist_ok=True)
    for leftover in folder.glob("*.tmp"):
        leftover.unlink(missing_ok=True)
    temporary = folder / "manifest.tmp"
    temporary.write_text(json.dumps(asdict(run)), encoding="utf-8")
    _settle(temporary, folder / _MANIFEST)


def _read_manifest(folder: Path) -> Run:
    try:
        return Run(**json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{folder} holds parts, but no manifest that says of which call; delete the folder") from error


def _remove(folder: Path) -> None:
    for pattern in ("*.part", "*.tmp", _MANIFEST):
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)
    folder.rmdir()
