"""The notebooks of docs/ run as a newcomer runs them, with widgets and without."""

import base64
import time
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "docs" / "notebooks"

pytestmark = pytest.mark.slow


def run(name, folder):
    """Return the outputs and the widgets of a notebook, which is run in a kernel of its own in a folder."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient").NotebookClient
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "notebooks are kept without outputs"
    client(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()  # an error in a cell raises
    kept = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {"state": {}})
    return [output for cell in notebook.cells for output in cell.get("outputs", ())], list(kept["state"].values())


def data(outputs, kind):
    return [output["data"][kind] for output in outputs if kind in output.get("data", {})]


def stderr(outputs):
    return "".join(output["text"] for output in outputs if output.get("name") == "stderr")


@pytest.mark.parametrize(
    "name, texts, n_figures, n_bars, files",
    [
        (
            "series",
            ["dgsynth-learned", "Settings chosen by the data"],
            2,
            4,
            ["visits.safetensors", "synthetic.parquet"],
        ),
        ("table", ["dgsynth-learned", "The race"], 1, 3, []),
        ("judging", ["Fidelity report", "Privacy report"], 4, 0, ["report.html", "privacy.html"]),
    ],
)
def test_notebook_runs_and_shows_what_it_should(name, texts, n_figures, n_bars, files, tmp_path):
    pytest.importorskip("ipywidgets")
    outputs, widgets = run(name, tmp_path)
    pages = "".join(data(outputs, "text/html"))
    assert all(text in pages for text in texts)
    pictures = data(outputs, "image/png")
    assert len(pictures) == n_figures
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert "Warning" not in stderr(outputs) and "%|" not in stderr(outputs)
    bars = [widget["state"] for widget in widgets if widget["model_name"] == "FloatProgressModel"]
    assert len(bars) == len(data(outputs, "application/vnd.jupyter.widget-view+json")) == n_bars
    assert all(bar["bar_style"] == "success" and bar["value"] >= bar["max"] for bar in bars)
    assert all((tmp_path / file).exists() for file in files)


def test_without_widgets_there_are_bars_of_text_and_no_warning(tmp_path, monkeypatch):
    (tmp_path / "ipywidgets.py").write_text("raise ImportError('not installed')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    begin = time.monotonic()
    outputs, widgets = run("series", tmp_path)
    seconds = time.monotonic() - begin
    assert not widgets
    assert "100%|" in stderr(outputs) and "Warning" not in stderr(outputs) and "IProgress" not in stderr(outputs)
    # A bar is drawn twice a second at most, and not at each of the 300 steps.
    assert sum(output["output_type"] == "stream" for output in outputs) < 20 + 2 * seconds
