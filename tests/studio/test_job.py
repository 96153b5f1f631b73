from __future__ import annotations

import time

import pytest

from dgsynth.data.schema import Schema
from dgsynth.data.simulate import make_web_traffic
from dgsynth.loading import load
from dgsynth.studio import job as jobs
from dgsynth.studio.columns import Layout
from dgsynth.studio.job import Job
from dgsynth.studio.task import Task

pytestmark = pytest.mark.slow


@pytest.fixture
def task(tmp_path):
    """Return a function that makes a task of a small table."""
    frame = make_web_traffic(30, 14, random_state=0)
    frame.to_csv(tmp_path / "visits.csv", index=False)

    def task(model="doppelganger", **changes):
        given = {
            "time_limit": 600.0,
            "max_steps": 20,
            "holds_out": True,
            "random_state": 0,
            "left_out": [],
            "reading": {},
        }
        schema = Schema.infer(frame, sequence_key="page", sequence_index="date").to_dict()
        layout = Layout("page", "date")
        return Task(
            **{
                "table": str(tmp_path / "visits.csv"),
                "layout": layout,
                "schema": schema,
                "model": model,
                **given,
                **changes,
            }
        )

    return task


def wait(until, seconds=60.0):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_training_tells_its_losses_and_leaves_a_model(task, tmp_path):
    job = Job(task("autoregressive", max_steps=30), tmp_path / "model.safetensors")
    wait(lambda: job.is_over)
    assert (job.state, job.error) == ("done", "")
    assert job.runs[0].losses[-1]["step"] == 30
    assert [step for step, _ in job.runs[0].scores] == [25, 30]
    assert load(job.output).sample(2, random_state=0)["page"].nunique() == 2


def test_what_is_stopped_is_kept_and_the_next_waits_until_it_is_cancelled(task, tmp_path):
    first = Job(task(max_steps=10**6), tmp_path / "first.safetensors")
    wait(lambda: first.runs and first.runs[-1].measure == "score")  # its metadata alone would be no model
    second = Job(task(), tmp_path / "second.safetensors")
    time.sleep(0.3)
    assert (first.state, second.state) == ("running", "waiting")
    second.cancel()
    wait(lambda: second.is_over)
    first.stop()
    wait(lambda: first.is_over)
    assert (first.state, second.state) == ("done", "cancelled")
    assert 0 < load(first.output).n_steps_ < 10**6
    assert not second.output.exists()


def test_a_training_that_is_cancelled_ends_at_once_and_makes_room(task, tmp_path):
    job = Job(task(max_steps=10**6), tmp_path / "model.safetensors")
    wait(lambda: job._process is not None)
    job.cancel()
    wait(lambda: job.is_over, seconds=5)
    assert job.state == "cancelled"
    assert not job.output.exists()
    wait(lambda: not jobs._TURN.locked(), seconds=5)


def test_a_training_that_fails_says_why_in_the_words_of_the_library(task, tmp_path):
    broken = {**task().schema, "min_length": 5, "max_length": 6}
    job = Job(task(schema=broken), tmp_path / "model.safetensors")
    wait(lambda: job.is_over)
    assert job.state == "failed"
    assert "records" in job.error
