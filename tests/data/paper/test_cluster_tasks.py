"""Tasks are read from shards of the form of Google's task_usage and task_events, and pass the paper's four filters."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.paper import read_cluster_tasks
from dgsynth.data.paper.cluster_tasks import MEASUREMENTS
from dgsynth.errors import DataError

SECOND = 1_000_000
EVICT, FAIL, FINISH, KILL, SUBMIT, SCHEDULE = 2, 3, 4, 5, 0, 1


def usage(job, task, start, end, value=0.5, **fields):
    """Return one line of task_usage, times in seconds; `fields` by column number, as f5=0.1."""
    row = [start * SECOND, end * SECOND, job, task, 4155527081, *[value] * 13, 1, value]
    row[17], row[18] = 0, 1  # sample portion and aggregation type
    for name, given in fields.items():
        row[int(name[1:])] = given
    return ",".join("" if cell is None else str(cell) for cell in row)


def event(job, task, time, kind):
    return f"{time * SECOND},,{job},{task},4155527081,{kind},user,2,9,0.0125,0.0159,0.0004,0"


@pytest.fixture
def write(tmp_path):
    """Function: folders of shards of the given lines, as many shards as lists of lines."""

    def make(usage_shards, event_shards):
        for folder, shards in (("task_usage", usage_shards), ("task_events", event_shards)):
            (tmp_path / folder).mkdir(exist_ok=True)
            for i, lines in enumerate(shards):
                with gzip.open(tmp_path / folder / f"part-{i:05}-of-00500.csv.gz", "wt") as file:
                    file.write("".join(f"{line}\n" for line in lines))
        return tmp_path / "task_usage", tmp_path / "task_events"

    return make


def test_records_of_a_task_are_joined_across_shards_and_end_with_its_event(write):
    paths = write(
        [
            [usage(7, 0, 620, 900, 0.1), usage(7, 1, 600, 900, 0.9)],
            [usage(7, 0, 900, 1200, 0.2), usage(7, 0, 1200, 1230)],
        ],
        [[event(7, 0, 610, SUBMIT), event(7, 0, 620, SCHEDULE), event(7, 0, 1230, FAIL)], [event(7, 1, 900, KILL)]],
    )
    tasks = read_cluster_tasks(*paths, progress=None)
    assert tasks.metadata["end_event"].tolist() == ["FAIL", "KILL"]
    assert tasks.lengths.tolist() == [3, 1]
    assert tasks.schema.measurement_names == list(MEASUREMENTS)
    np.testing.assert_allclose(tasks.measurements["cpu_rate"], [0.1, 0.2, 0.5, 0.9])
    assert tasks.timestamps.tolist()[:3] == list(pd.date_range("2011-05-01 19:00", periods=3, freq="5min"))


def test_every_measurement_is_read_from_its_column(write):
    columns = {"f5": 1, "f6": 2, "f7": 3, "f8": 4, "f9": 5, "f10": 6, "f12": 7, "f13": 8, "f19": 9}
    paths = write([[usage(1, 0, 600, 900, **columns)]], [[event(1, 0, 900, FINISH)]])
    record = read_cluster_tasks(*paths, progress=None).measurements.iloc[0]
    assert record.to_dict() == {
        "cpu_rate": 1,
        "canonical_memory_usage": 2,
        "assigned_memory_usage": 3,
        "unmapped_page_cache": 4,
        "total_page_cache": 5,
        "maximum_memory_usage": 6,
        "local_disk_space_usage": 7,
        "maximum_cpu_rate": 8,
        "sampled_cpu_usage": 9,
    }


def test_records_of_one_window_become_one(write):
    paths = write(
        [[usage(1, 0, 600, 800, 0.4), usage(1, 0, 800, 900, 0.1), usage(1, 0, 900, 1200, 0.3)]],
        [[event(1, 0, 1200, FINISH)]],
    )
    records = read_cluster_tasks(*paths, progress=None).measurements
    np.testing.assert_allclose(records["cpu_rate"], [0.3, 0.3])  # (200 * 0.4 + 100 * 0.1) / 300
    np.testing.assert_allclose(records["maximum_cpu_rate"], [0.4, 0.3])


def test_a_task_that_was_started_again_has_its_last_end(write):
    lines = [usage(1, 0, 600, 900), usage(1, 0, 900, 1000)]
    paths = write([lines], [[event(1, 0, 900, EVICT), event(1, 0, 900, SUBMIT), event(1, 0, 1000, FINISH)]])
    assert read_cluster_tasks(*paths, progress=None).metadata["end_event"].tolist() == ["FINISH"]


def test_the_four_filters_are_counted_in_the_papers_order(write, capsys):
    lines = [
        usage(1, 0, 600, 900),  # passes
        usage(2, 0, 600, 900),  # no end event, and an empty measurement
        *(usage(3, 0, 600, 900), usage(3, 0, 901, 1200)),  # a gap
        usage(4, 0, 600, 900, f9=None),  # an empty measurement, and another end
        usage(5, 0, 600, 900),  # another end
        usage(6, 0, 600, 900, f11=None),  # passes: disk I/O time is none of the nine
    ]
    ends = [event(1, 0, 900, KILL), event(3, 0, 1200, KILL), event(4, 0, 800, KILL), event(5, 0, 800, KILL)]
    tasks = read_cluster_tasks(*write([lines], [[*ends, event(6, 0, 900, KILL), event(2, 0, 900, SCHEDULE)]]))
    assert len(tasks) == 2
    assert capsys.readouterr().out.splitlines() == [
        "1 (16.67%) tasks have no end event",
        "1 (16.67%) tasks have gaps between their records",
        "1 (16.67%) tasks have an empty measurement",
        "1 (16.67%) tasks end at another time than their last record",
        "2 of 6 tasks kept",
    ]


def test_a_draw_keeps_all_records_of_its_tasks_whatever_the_pieces(write, monkeypatch):
    n, lengths = 300, 1 + np.arange(300) % 5
    by_time = sorted((step, task) for task in range(n) for step in range(lengths[task]))
    lines = [usage(task // 10, task % 10, 600 + 300 * step, 900 + 300 * step, task) for step, task in by_time]
    events = [event(task // 10, task % 10, 600 + 300 * lengths[task], FINISH) for task in range(n)]
    paths = write([lines[:400], lines[400:]], [events])

    def drawn(seed):
        tasks = read_cluster_tasks(*paths, n_tasks=30, random_state=seed, progress=None)
        values = tasks.measurements["cpu_rate"].to_numpy(dtype=int)
        np.testing.assert_array_equal(values, np.repeat(values[tasks.offsets[:-1]], tasks.lengths))
        np.testing.assert_array_equal(tasks.lengths, lengths[values[tasks.offsets[:-1]]])
        return values[tasks.offsets[:-1]]

    at_once = [drawn(seed) for seed in range(20)]
    monkeypatch.setattr("dgsynth.data.paper.cluster_tasks._ROWS", 11)
    np.testing.assert_array_equal(drawn(4), at_once[4])
    assert {len(tasks) for tasks in at_once} == {30}
    # 600 draws of numbers 0 to 299: the mean is normal with a standard deviation of 3.4.
    assert abs(np.concatenate(at_once).mean() - 149.5) < 12


def test_what_can_not_be_read_is_named(write, tmp_path):
    usages, events = write([[usage(1, 0, 600, 900)]], [[event(2, 0, 900, FINISH)]])
    with pytest.raises(DataError, match="no task of 1 passes the filters"):
        read_cluster_tasks(usages, events, progress=None)
    with pytest.raises(FileNotFoundError, match="google/cluster-data"):
        read_cluster_tasks(tmp_path / "nowhere.csv.gz", events, progress=None)
    with pytest.raises(DataError, match="can't be read"):
        read_cluster_tasks(events, events, progress=None)
    (usages / "part-00000-of-00500.csv.gz").write_bytes(b"\x1f\x8bdamaged")
    with pytest.raises(DataError, match="can't be read"):
        read_cluster_tasks(usages, events, progress=None)
