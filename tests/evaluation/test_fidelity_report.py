"""The report says what the table says, holds all pictures, and lets no name of the data become markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dgsynth.errors import DataError
from dgsynth.evaluation import evaluate
from dgsynth.evaluation.wording import MEANINGS, title

pytestmark = pytest.mark.usefixtures("few_splits")

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
def report(tasks, few_splits):
    history = pd.DataFrame(
        {"step": [1, 2, 3], "generator_loss": [1.0, 0.5, 0.2], "discriminator_loss": [0.0, 0.1, 0.2]}
    )
    scores = pd.DataFrame({"run": 0, "step": [2, 3], "score": [0.4, 0.6]})
    model = SimpleNamespace(history_=history, validation_scores_=scores)
    downstream = {"target": "end_event", "forecast": "cpu_rate"}
    return evaluate(tasks(0), tasks(1), holdout=tasks(2), model=model, **downstream, costly=False)


@pytest.fixture(scope="module")
def hostile(build, few_splits):
    """A report on data whose names are markup and mathematics."""
    rng = np.random.default_rng(0)
    data = build(rng.standard_normal((20, 12)).tolist(), [HOSTILE, "b"] * 10)
    frame = pd.DataFrame({"key": np.repeat(np.arange(20), 12), "time": np.tile(np.arange(12), 20)})
    frame[HOSTILE] = data.measurements["x"].to_numpy()
    frame["$group"] = np.repeat(data.metadata["group"].to_numpy(dtype=object), 12)
    columns = {"metadata": ["$group"], "measurements": [HOSTILE]}
    named = type(data).from_long(frame, sequence_key="key", sequence_index="time", **columns)
    return evaluate(named, named, costly=False)


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
    assert list(metrics[0]) == ["family", "name", "column", "value", "floor", "unit", "excess", "light"]
    pd.testing.assert_frame_equal(pd.DataFrame(metrics), report.table, check_dtype=False)
    content = json.loads(text)
    assert content["verdict"] == report.verdict and content["score"] == report.score
    assert content["mean_excess"] == report.mean_excess
    assert [task["score_name"] for task in content["downstream"]] == ["accuracy", "R²"]


def test_json_gives_null_for_what_cannot_be_measured(build):
    metrics = json.loads(evaluate(build([[1.0], [1.0]]), build([[1.0], [1.0]]), costly=False).to_json())["metrics"]
    assert next(m for m in metrics if m["name"] == "autocorrelation_mse")["value"] is None


def test_page_has_verdict_all_rows_and_all_pictures(page, report):
    assert report.verdict in page.text
    assert all(_title(row) in page.text for row in report.table["name"])
    assert sum(attributes.get("class") == "what" for _, attributes in page.tags) == len(report.table)
    pictures = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    # Seven of each of the two measurements, their correlation, two pairs of columns, four of timestamps, the
    # metadata column, the lengths overall and by end event, two downstream tasks, and training.
    assert len(pictures) == 2 * 7 + 1 + 2 + 4 + 1 + 2 + 2 + 1
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
    assert hostile.verdict.startswith("The synthetic data are close to the real data in all ")
    assert "Beware of copied or memorised samples: duplicate share 1.000" in hostile.verdict
    assert hostile.score == 1


def test_verdict_names_what_is_furthest_off(tasks):
    real = tasks(0)
    report = evaluate(real, real.take(np.flatnonzero(real.metadata["end_event"] == "EVICT")), costly=False)
    assert "differ from the real data in: metadata" in report.verdict
    assert "of end_event, 0." in report.verdict and "where real data have 0.0" in report.verdict
    assert 'class="verdict off"' in report._repr_html_()


def test_text_has_verdict_table_and_rule(report):
    assert report.verdict in str(report) and "wasserstein_totals" in str(report)
    assert "1.5 times its floor" in str(report)
    assert f"of 1, mean excess: {report.mean_excess:.2f}" in str(report)


def test_same_seed_gives_the_same_table(report, tasks):
    again = evaluate(tasks(0), tasks(1), holdout=tasks(2), costly=False)
    pd.testing.assert_frame_equal(report.table, again.table)


def test_failed_write_leaves_the_old_file(report, tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        report.to_json(path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_plain_tables_are_judged_too(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"colour": rng.choice(["red", "blue"], 400, p=[0.8, 0.2]), "size": rng.normal(size=400)})
    even = table.assign(colour=rng.choice(["red", "blue"], 400))
    report = evaluate(table, even, costly=False)
    distance = report.table.set_index(["name", "column"])["value"]
    assert 0.15 < distance["total_variation", "colour"] < 0.45  # the truth is 0.3
    assert distance["wasserstein_values", "size"] == 0
    report.to_html(tmp_path / "report.html")
    assert "colour" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_large_data_say_what_part_is_compared(build, monkeypatch):
    monkeypatch.setattr("dgsynth.evaluation.fidelity.MAX_SAMPLES", 10)
    rng = np.random.default_rng(0)
    real, synthetic = (build(rng.standard_normal((size, 5)).tolist()) for size in (30, 8))
    report = evaluate(real, synthetic, costly=False)
    assert report.sizes[0].endswith("30 samples, 150 records (of which 10 random samples are compared)")
    assert report.sizes[1] == "synthetic: 8 samples, 40 records"


def test_holdout_must_have_the_columns(tasks, build):
    with pytest.raises(DataError, match="the holdout data lack column 'end_event'"):
        evaluate(tasks(0), tasks(1), holdout=build([[1.0, 2.0]]), costly=False)


def test_progress_is_told(tasks):
    told = []
    evaluate(tasks(0), tasks(1), costly=False, progress=told.append)
    assert {"Floors", "Metadata", "Copies and memorisation"} <= set(told)


def test_every_metric_has_a_meaning(report):
    assert set(report.table["name"]) <= MEANINGS.keys()


def test_lights_stand_in_words_beside_the_colours(page):
    assert "close" in page.text and "●" in page.text


def _title(name: str) -> str:
    words = title(name)
    return words[:1].upper() + words[1:]
