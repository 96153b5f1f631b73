import re
from pathlib import Path

import pytest

from dgsynth.constraints.grammar import parse
from dgsynth.errors import DataError

TEXT = (Path(__file__).parents[2] / "docs" / "CONSTRAINTS.md").read_text(encoding="utf-8")


def test_the_lines_of_the_document_run(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(block, {})
    assert "ordered <= shipped (by a transform)" in capsys.readouterr().out


@pytest.mark.parametrize("text", re.findall(r'--constraint "(.*?)"', TEXT))
def test_the_constraints_of_the_command_are_read(text):
    try:
        parse(text)
    except DataError as error:
        pytest.fail(str(error))
