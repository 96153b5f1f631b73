from __future__ import annotations

import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.data.simulate import make_cluster_tasks, make_web_traffic


@pytest.fixture(scope="session")
def traffic():
    """Function: simulated web traffic of 120 pages x 120 days by random_state."""
    return lambda random_state: Sequences.from_long(
        make_web_traffic(120, 120, random_state=random_state), sequence_key="page", sequence_index="date"
    )


@pytest.fixture(scope="session")
def tasks():
    """Function: simulated cluster tasks, two measurements of them, by random_state."""

    def make(random_state: int) -> Sequences:
        columns = ["task", "time", "end_event", "cpu_rate", "canonical_memory_usage"]
        frame = make_cluster_tasks(200, max_length=80, random_state=random_state)[columns]
        return Sequences.from_long(frame, sequence_key="task", sequence_index="time")

    return make


@pytest.fixture(scope="session")
def build():
    """Function: Sequences from lists of values and a metadata value of each sample."""

    def make(series: list[list[object]], group: list[object] | None = None, **keywords: object) -> Sequences:
        group = ["a"] * len(series) if group is None else group
        frame = pd.DataFrame(
            {
                "key": [i for i, values in enumerate(series) for _ in values],
                "time": [t for values in series for t in range(len(values))],
                "group": [group[i] for i, values in enumerate(series) for _ in values],
                "x": [value for values in series for value in values],
            }
        )
        columns = {"sequence_key": "key", "sequence_index": "time", "metadata": ["group"], "measurements": ["x"]}
        return Sequences.from_long(frame, **columns, **keywords)

    return make
