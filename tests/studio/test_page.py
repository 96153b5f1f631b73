"""The page without a browser: what Streamlit makes of the script."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dgsynth.data.simulate import make_web_traffic
from dgsynth.studio import server

pytestmark = pytest.mark.slow

streamlit = pytest.importorskip("streamlit", reason="streamlit is not installed")
testing = pytest.importorskip("streamlit.testing.v1")

SCRIPT = Path(server.__file__).with_name("script.py")


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Return a function that opens the page with a table in a file, given by its text or as a frame."""

    def opened(table: str | pd.DataFrame, name: str = "visits.csv"):
        path = tmp_path / name
        path.write_text(table if isinstance(table, str) else table.to_csv(index=False))
        monkeypatch.setenv(server.TABLE, str(path))
        streamlit.cache_resource.clear()  # what belongs to the tab; all tests are the same tab
        page = testing.AppTest.from_file(str(SCRIPT), default_timeout=60).run()
        assert not page.exception
        return page

    return opened


def texts(elements) -> list[str]:
    return [element.value.replace("\\", "") for element in elements]


def test_the_table_of_the_command_line_is_open_with_a_layout_guessed(opened):
    page = opened(make_web_traffic(20, 14, random_state=0))
    assert [page.selectbox(key="key-1").value, page.selectbox(key="index-1").value] == ["page", "date"]
    assert "**20 samples of 14 records**" in texts(page.markdown)


def test_plain_rows_are_samples_too(opened):
    page = opened(make_web_traffic(20, 14, random_state=0))
    page.selectbox(key="index-1").set_value("")
    page.selectbox(key="key-1").set_value("").run()
    assert not page.exception
    assert "**280 samples, each a row**" in texts(page.markdown)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n", "no rows"),
        ("", "is empty"),
        ("a,b\n1,2\n1,2,3\n", "Row #3"),
    ],
    ids=["no rows", "nothing", "ragged"],
)
def test_a_file_that_is_no_table_is_told_in_a_box(opened, text, told):
    page = opened(text)
    assert len(page.error) == 1
    assert told in texts(page.error)[0]


def test_columns_that_make_no_samples_are_told_in_a_box(opened):
    page = opened(make_web_traffic(20, 14, random_state=0))
    page.selectbox(key="key-1").set_value("").run()  # and the index is left without a key
    assert not page.exception
    assert "sequence_key" in texts(page.error)[0]
    page.selectbox(key="key-1").set_value("page").run()
    assert not page.error


def test_a_file_is_read_as_it_is_said_to_be_written(opened):
    page = opened("a,b\n1;2\n3;4,5\n")
    assert len(page.error) == 1
    page.text_input[0].set_value(";").run()
    assert not page.exception


def test_names_are_no_markup(opened):
    frame = make_web_traffic(20, 14, random_state=0).rename(columns={"agent": "<script>x</script>", "access": "**b**"})
    page = opened(frame, "<b>_x_.csv")
    shown = [element.value for element in (*page.markdown, *page.caption)]
    assert "**\\<b\\>\\_x\\_\\.csv**, 280 rows, 6 columns" in shown
    assert not any("<script>" in text or "<b>" in text for text in shown)
