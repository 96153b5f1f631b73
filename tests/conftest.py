"""How the tests run in parallel, what makes many of them quick, and a small data set of encoded samples."""

import os

import pytest

MAX_WORKERS = 8
"""With more, starting them takes longer than the tests that they take over."""

# Each process computes on one thread, and so do those that the tests start: threads that spin while they wait for each
# other take the cores from the other workers. OpenMP reads this when torch is imported, so torch must not be imported
# above. A test of what several threads do sets their number itself; those then wait asleep.
for name, value in {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}.items():
    os.environ.setdefault(name, value)


def pytest_xdist_auto_num_workers(config):
    """Return how many workers `-n auto` is: none for files and tests by name, else one for each core."""
    names = config.getoption("file_or_dir")
    if names and all(".py" in name for name in names):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_WORKERS) if cores > 1 else 0


@pytest.fixture
def two_threads():
    """Let torch compute on two threads, until the test sets another number; then on as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def few_splits():
    """Average the floors of a score over three splits of the real data, which takes less time than ten."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dgsynth.evaluation.fidelity.N_SPLITS", 3)
        yield


@pytest.fixture
def layout():
    from dgsynth.batch import Layout, Output

    return Layout((Output(3, "softmax"),), (Output(1, "sigmoid"),) * 2, (Output(1, "sigmoid"),), 10, 4, True)


@pytest.fixture
def encoded():
    import torch

    from dgsynth.batch import EncodedBatch

    random = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 11, (24,), generator=random)
    metadata = torch.eye(3)[torch.randint(0, 3, (24,), generator=random)]
    records = torch.rand(int(lengths.sum()), 1, generator=random)
    return EncodedBatch(metadata, torch.rand(24, 2, generator=random), records, lengths)
