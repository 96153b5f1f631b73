"""Pages of docs/ whose lines are to run."""

import re
from pathlib import Path

import pytest

PREPARING = Path(__file__).parent.parent / "docs" / "PREPARING.md"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_ten_shapes_are_taken_as_the_page_says():
    text = PREPARING.read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    assert sum(bool(re.match(r"\d+\. ", section)) for section in sections) == 10
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        names.pop("made", None)
        exec(block.replace("time_limit=60", "time_limit=60, max_steps=3, random_state=0"), names)
        assert "fit(" not in block or len(names["made"]) >= 10
