from __future__ import annotations

import subprocess
import sys

import pytest

import dgsynth


def test_all_that_is_offered_is_there():
    names: dict[str, object] = {}
    exec("from dgsynth import *", names)
    assert {*dgsynth.__all__} <= {*dir(dgsynth)} and {*dgsynth.__all__} <= {*names}
    assert dgsynth.DGSynthesizer.__name__ == "DGSynthesizer"


def test_other_names_are_refused_as_of_any_module():
    with pytest.raises(AttributeError, match="module 'dgsynth' has no attribute 'DGSynthesiser'"):
        dgsynth.DGSynthesiser  # noqa: B018


@pytest.mark.slow
def test_a_module_is_there_as_soon_as_it_is_asked_for():
    program = "import dgsynth; print(dgsynth.errors.DataError.__name__)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "DataError\n"
