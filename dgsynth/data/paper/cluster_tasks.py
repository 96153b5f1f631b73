"""Google cluster usage traces of 2011: resource usage of tasks, in the shards of the trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.checks import Ints
from dgsynth.data.paper.raw import Paths, Progress, Smallest, chunks, count_line, files_of
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError

SOURCE = "the trace clusterdata-2011-2 is described, with its place of download, in the repository google/cluster-data"
WINDOW = 300_000_000
"""Length of a measurement period, in the trace's microseconds."""
ORIGIN = pd.Timestamp("2011-05-01 18:50")
"""Time zero of the trace, in the cell's local time: its second 600 is 19:00."""

MEASUREMENTS = {
    "cpu_rate": 5,
    "maximum_cpu_rate": 13,
    "sampled_cpu_usage": 19,
    "canonical_memory_usage": 6,
    "assigned_memory_usage": 7,
    "maximum_memory_usage": 10,
    "unmapped_page_cache": 8,
    "total_page_cache": 9,
    "local_disk_space_usage": 12,
}
"""The nine measurements of the paper, and their columns in task_usage."""

END_EVENTS = {2: "EVICT", 3: "FAIL", 4: "FINISH", 5: "KILL", 6: "LOST"}
"""Types of events in task_events after which a task does not run."""

_ROWS = 500_000
_TASK = ["job", "task"]
_USAGE = {"start": 0, "end": 1, "job": 2, "task": 3, **MEASUREMENTS}
_EVENTS = {"time": 0, "job": 2, "task": 3, "type": 5}


def read_cluster_tasks(
    usage: Paths,
    events: Paths,
    *,
    n_tasks: int | None = None,
    random_state: int = 0,
    progress: Progress | None = print,
) -> Sequences:
    """Return tasks of Google's cluster usage traces of 2011, which the repository google/cluster-data describes.

    The paper's filters, in this order: tasks without an end event, with gaps between their records, with an empty
    measurement, and those whose end event is not at the end of their last record are left out. A task that was started
    again counts as one, with its last end. The shards are read one after another, 500,000 rows at a time; memory holds
    about twice the records of the tasks that are kept.

    Parameters
    ----------
    usage : path, list of paths or folder
        Shards of task_usage, part-*.csv.gz.
    events : path, list of paths or folder
        Shards of task_events.
    n_tasks : int, default=None
        Draw so many tasks at random before the filters; the paper's filters left 100,000 of 112,372. None for all.
    random_state : int, default=0
        Seed of the draw.
    progress : callable, default=print
        Told how many tasks each filter leaves out; None for nobody.

    Returns
    -------
    Sequences
        Metadata end_event; the nine measurements, in the trace's units (a share of the largest machine), by windows of
        five minutes. Records that share a window are one: their mean weighted by duration, or their maximum.

    Raises
    ------
    FileNotFoundError
        A file isn't there.
    DataError
        A shard has another form, or no task is left.

    References
    ----------
    Lin et al. (2020), Appendix A and Table 6; Reiss, Wilkes, Hellerstein (2011): Google cluster-usage traces: format +
    schema.
    """
    usage_files, event_files = (files_of(paths, "part-*.csv*", SOURCE) for paths in (usage, events))
    drawn = Smallest(n_tasks, "priority")
    for file in usage_files:
        for chunk in chunks(file, _ROWS, header=None, usecols=list(_USAGE.values())):
            rows = chunk[list(_USAGE.values())].set_axis(list(_USAGE), axis=1)
            drawn.add(rows.assign(priority=_priority(rows, random_state)))
    records = drawn.rows().sort_values([*_TASK, "start"], ignore_index=True)
    is_first = (records[_TASK] != records[_TASK].shift()).any(axis=1)
    task = is_first.cumsum().to_numpy().astype(np.int64) - 1
    tasks = records.loc[is_first, _TASK].reset_index(drop=True)
    tasks = tasks.merge(_last_ends(event_files, tasks), how="left", on=_TASK)
    kept = _passing(records, task, tasks, progress)
    if not kept.any():
        raise DataError(
            f"no task of {len(tasks):,} passes the filters; give the shards of usage and events of one time"
        )
    return _sequences(records[kept[task]], tasks["type"].map(END_EVENTS).rename("end_event"), task[kept[task]])


def _priority(rows: pd.DataFrame, seed: int) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) for each row that depends on seed, job and task alone, and looks random."""
    mixed = np.full(len(rows), seed % 2**32, dtype=np.uint64)
    for name in _TASK:
        mixed = _mix(mixed ^ rows[name].to_numpy(dtype=np.int64).astype(np.uint64))
    return (mixed >> np.uint64(11)) / 2.0**53


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014), on a counter that begins at x."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _last_ends(files: list[Path], tasks: pd.DataFrame) -> pd.DataFrame:
    """Return time and type of the last end event of each task that has one."""
    wanted = pd.MultiIndex.from_frame(tasks)
    ends = pd.DataFrame({name: pd.Series(dtype=np.int64) for name in _EVENTS})
    for file in files:
        for chunk in chunks(file, _ROWS, header=None, usecols=list(_EVENTS.values())):
            rows = chunk[list(_EVENTS.values())].set_axis(list(_EVENTS), axis=1)
            rows = rows[rows["type"].isin(END_EVENTS)]
            rows = rows[pd.MultiIndex.from_frame(rows[_TASK]).isin(wanted)]
            ends = pd.concat([ends, rows]).sort_values("time", kind="stable").drop_duplicates(_TASK, keep="last")
    return ends


def _passing(
    records: pd.DataFrame, task: Ints, tasks: pd.DataFrame, progress: Progress | None
) -> npt.NDArray[np.bool_]:
    """Return which tasks pass the four filters."""
    first = np.flatnonzero(np.diff(task, prepend=-1))
    last = np.append(first[1:], len(task)) - 1
    start, end = records["start"].to_numpy(), records["end"].to_numpy()
    has_gap = np.append((task[1:] == task[:-1]) & (start[1:] != end[:-1]), False)
    is_empty = records[list(MEASUREMENTS)].isna().any(axis=1).to_numpy()
    filters = {
        "have no end event": tasks["time"].isna().to_numpy(),
        "have gaps between their records": np.logical_or.reduceat(has_gap, first),
        "have an empty measurement": np.logical_or.reduceat(is_empty, first),
        "end at another time than their last record": tasks["time"].to_numpy() != end[last],
    }
    kept = np.ones(len(tasks), dtype=np.bool_)
    for what, fails in filters.items():
        if progress is not None:
            progress(count_line(int((kept & fails).sum()), len(tasks), f"tasks {what}"))
        kept &= ~fails
    if progress is not None:
        progress(f"{kept.sum():,} of {len(tasks):,} tasks kept")
    return kept


def _sequences(records: pd.DataFrame, end_event: pd.Series[str], task: Ints) -> Sequences:
    """Return the samples of records in windows of five minutes."""
    seconds = (records["end"] - records["start"]).clip(lower=1)
    groups = [task, (records["start"] // WINDOW).rename("window")]
    mean = [name for name in MEASUREMENTS if not name.startswith("maximum")]
    weighted = records[mean].mul(seconds, axis=0).groupby(groups).sum().div(seconds.groupby(groups).sum(), axis=0)
    largest = records[[name for name in MEASUREMENTS if name not in mean]].groupby(groups).max()
    long = weighted.join(largest)[list(MEASUREMENTS)].reset_index(names=["task", "window"])
    long.insert(1, "time", ORIGIN + pd.to_timedelta(long.pop("window") * WINDOW, unit="us"))
    long.insert(2, "end_event", end_event.to_numpy()[long["task"]])
    return Sequences.from_long(
        long, sequence_key="task", sequence_index="time", metadata=["end_event"], measurements=list(MEASUREMENTS)
    )
