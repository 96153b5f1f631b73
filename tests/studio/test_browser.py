"""The studio as a person meets it: the command, and a browser that clicks."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pandas as pd
import pytest

from dgsynth import load
from dgsynth.data.simulate import make_web_traffic
from dgsynth.studio.text import plain

pytestmark = pytest.mark.slow

pytest.importorskip("streamlit", reason="streamlit is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no chromium on the path", allow_module_level=True)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OWN = re.compile(r"(http|ws)://127\.0\.0\.1:|data:|blob:")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("studio") / "visits.csv"
    make_web_traffic(40, 14, random_state=0).rename(columns={"agent": "<b>*agent*"}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def studio(table):
    """Return the address of a studio that is open with the table."""
    command = [sys.executable, "-m", "dgsynth", "studio", str(table), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield re.search(r"http://\S+", process.stdout.readline())[0]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode in (0, 130)
    assert "Traceback" not in err


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser, studio):
    """Return a function that opens a tab of its own; no tab may ask anything of another machine, nor fail."""
    contexts, foreign, broken = [], [], []

    def tab():
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 1000}))
        page = contexts[-1].new_page()
        page.set_default_timeout(90_000)  # a machine may have other things to do
        page.on("request", lambda request: None if OWN.match(request.url) else foreign.append(request.url))
        page.on("websocket", lambda opened: None if OWN.match(opened.url) else foreign.append(opened.url))
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(studio)
        page.get_by_text("40 samples of 14 records").wait_for()
        return page

    yield tab
    for context in contexts:
        context.close()
    assert (foreign, broken) == ([], [])


def choose(page, label: str, option: str) -> None:
    """Choose an option; its list closes when the page around it moves, and is opened again then."""
    box = page.get_by_role("combobox", name=label)
    for _ in range(20):
        box.scroll_into_view_if_needed()
        box.fill(option)
        try:
            return page.get_by_role("option", name=option).first.click(timeout=2000)
        except playwright.TimeoutError:
            continue
    raise AssertionError(f"{label} has no {option}")


def train(page, steps: int, model: str | None = None) -> None:
    page.get_by_role("button", name="Train", exact=True).wait_for()
    if model is not None:
        choose(page, "Model", model)
    page.get_by_role("spinbutton", name="Steps at most").fill(str(steps))
    page.get_by_role("button", name="Train", exact=True).click()


def downloaded(page, name: str):
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return download.value.path()


def upload(page, name: str, text: str) -> None:
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def test_from_a_table_to_samples_model_and_report(tab, table):
    page = tab()
    upload(page, "pages.csv", table.read_text())
    page.get_by_text("pages.csv, 560 rows, 6 columns").wait_for()
    page.get_by_text("40 samples of 14 records").wait_for()
    train(page, 30, "Autoregressive")
    page.get_by_text("Take with you").wait_for()
    assert 0 < float(page.get_by_test_id("stMetricValue").inner_text()) <= 1
    page.locator("img").nth(2).wait_for()
    choose(page, "Given metadata", "<b>*agent*")
    page.keyboard.press("Escape")
    choose(page, plain("<b>*agent*"), "spider")
    page.get_by_role("spinbutton", name="Samples").fill("5")
    page.get_by_role("button", name="Make samples").click()
    samples = pd.read_csv(downloaded(page, "Download synthetic.csv"))
    assert list(samples.columns) == list(pd.read_csv(table).columns)
    assert samples["page"].nunique() == 5
    assert set(samples["<b>*agent*"]) == {"spider"}
    model = downloaded(page, "Download the model")
    named = shutil.copy(model, table.with_name("model.safetensors"))
    assert load(named).n_steps_ >= 30
    assert "Fidelity report" in downloaded(page, "Download the report").read_text(encoding="utf-8")


def test_a_table_that_is_wrong_is_told_and_the_next_is_taken(tab, table):
    page = tab()
    upload(page, "ragged.csv", "a,b\n1,2\n1,2,3\n")
    box = page.get_by_test_id("stAlert")
    box.wait_for()
    assert "ragged.csv can't be read as .csv" in box.inner_text()
    assert "Traceback" not in page.content()
    upload(page, "empty.csv", "a,b\n")
    page.get_by_text("no rows below its header").wait_for()
    upload(page, "visits.csv", table.read_text())
    page.get_by_text("40 samples of 14 records").wait_for()
    assert page.get_by_test_id("stAlert").count() == 0


def test_trainings_of_two_tabs_wait_for_each_other_and_make_room(tab):
    first, second = tab(), tab()
    train(first, 10**6)
    first.get_by_text("Losses by step").wait_for()
    train(second, 10**6)
    second.get_by_text("waits for its turn").wait_for()
    first.get_by_role("button", name="Cancel").dispatch_event("click")  # the losses above it grow, and move it
    first.get_by_text("Training was cancelled").wait_for()
    assert first.get_by_text("Take with you").count() == 0
    second.get_by_text("Losses by step").wait_for()
    train(first, 10**6)
    first.get_by_text("waits for its turn").wait_for()
    second.context.close()  # and with the tab ends its training
    first.get_by_text("Losses by step").wait_for()


def answer(studio: str, path: str, host: str | None = None) -> int:
    parts = urlsplit(studio)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", path, headers={"Host": host or parts.netloc})
    return connection.getresponse().status


@pytest.mark.parametrize(
    "path", ["/", "/_stcore/health", "/_stcore/stream", "/static/", "/wrong/", "/wrong/_stcore/health"]
)
def test_without_the_token_nothing_is_found(studio, path):
    assert answer(studio, path) == 404


def test_another_host_name_is_refused_with_the_token_too(studio):
    path = urlsplit(studio).path
    assert answer(studio, path) == 200
    for place in (path, f"{path}_stcore/health", f"{path}_stcore/stream"):
        assert answer(studio, place, "evil.example") == 400


def test_no_other_address_of_this_machine_answers(studio):
    port = urlsplit(studio).port
    with socket.socket() as other, pytest.raises(OSError):
        other.settimeout(2)
        other.connect(("127.0.0.2", port))
