"""The report says what the table says, holds all pictures, and lets no name of the data become markup."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from dgsynth import Sequences
from dgsynth.evaluation import evaluate

HOSTILE = "<script>alert('x')</script>&\"$a_b$"


class Page(HTMLParser):
    """Collects the tags, their attributes and the text of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def report(tasks):
    history = pd.DataFrame(
        {"step": [1, 2, 3], "generator_loss": [1.0, 0.5, 0.2], "discriminator_loss": [0.0, 0.1, 0.2]}
    )
    return evaluate(tasks(0), tasks(1), history=history)


@pytest.fixture(scope="module")
def hostile(build):
    """A report on data whose names are markup and mathematics."""
    rng = np.random.default_rng(0)
    data = build(rng.standard_normal((20, 12)).tolist(), [HOSTILE, "b"] * 10)
    frame = pd.DataFrame({"key": np.repeat(np.arange(20), 12), "time": np.tile(np.arange(12), 20)})
    frame[HOSTILE] = data.measurements["x"].to_numpy()
    frame["$group"] = np.repeat(data.metadata["group"].to_numpy(dtype=object), 12)
    columns = {"metadata": ["$group"], "measurements": [HOSTILE]}
    named = type(data).from_long(frame, sequence_key="key", sequence_index="time", **columns)
    return evaluate(named, named)


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    report.to_html(path)
    return Page(path.read_text(encoding="utf-8"))


def test_json_holds_the_table(report, tmp_path):
    path = tmp_path / "report.json"
    text = report.to_json(path)
    assert path.read_text(encoding="utf-8") == text
    metrics = json.loads(text)["metrics"]
    assert list(metrics[0]) == ["name", "column", "value", "floor", "unit"]
    pd.testing.assert_frame_equal(pd.DataFrame(metrics), report.table, check_dtype=False)


def test_json_gives_null_for_what_cannot_be_measured(build):
    metrics = json.loads(evaluate(build([[1.0], [1.0]]), build([[1.0], [1.0]])).to_json())["metrics"]
    assert next(m for m in metrics if m["name"] == "autocorrelation_mse")["value"] is None


def test_page_has_verdict_all_rows_and_all_pictures(page, report):
    assert report.verdict in page.text
    assert sum(tag == "tr" for tag, _ in page.tags) == 1 + len(report.table)
    pictures = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    # Four of each of the two measurements, the metadata column, the lengths and the losses.
    assert len(pictures) == 2 * 4 + 1 + 1 + 1
    assert all(source.startswith("data:image/png;base64,") for source in pictures)


def test_page_loads_nothing_from_elsewhere(page):
    links = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert links and all(link.startswith("data:") for link in links)


def test_names_of_the_data_are_escaped(hostile, tmp_path):
    hostile.to_html(tmp_path / "report.html")
    for text in ((tmp_path / "report.html").read_text(encoding="utf-8"), hostile._repr_html_()):
        page = Page(text)
        assert not [tag for tag, _ in page.tags if tag == "script"]
        assert HOSTILE in page.text


def test_verdict_on_the_same_data_is_close(hostile):
    assert hostile.verdict == "The synthetic data are close to the real data by all 5 distances."
    assert "verdict off" not in hostile._repr_html_()


def test_verdict_names_what_is_furthest_off(tasks):
    real = tasks(0)
    report = evaluate(real, real.take(np.flatnonzero(real.metadata["end_event"] == "EVICT")))
    assert "Furthest off: metadata total variation of end_event, 0.9" in report.verdict
    assert "verdict off" in report._repr_html_()


def test_text_has_verdict_table_and_rule(report):
    assert report.verdict in str(report) and "wasserstein_totals" in str(report)
    assert "1.5 times the floor" in str(report)


def test_same_seed_gives_the_same_table(report, tasks):
    pd.testing.assert_frame_equal(report.table, evaluate(tasks(0), tasks(1)).table)


def test_failed_write_leaves_the_old_file(report, tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        report.to_json(path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_evaluation_loads_no_matplotlib():
    program = "import sys, dgsynth.evaluation; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_plain_tables_are_judged_too(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"colour": rng.choice(["red", "blue"], 400, p=[0.8, 0.2]), "size": rng.normal(size=400)})
    even = table.assign(colour=rng.choice(["red", "blue"], 400))
    report = evaluate(Sequences.from_any(table), Sequences.from_any(even))
    distance = report.table.set_index("column")["value"]
    assert 0.15 < distance["colour"] < 0.45  # the truth is 0.3
    assert distance["size"] == 0
    report.to_html(tmp_path / "report.html")
    assert "colour" in (tmp_path / "report.html").read_text(encoding="utf-8")
