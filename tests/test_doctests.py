"""What is public is in the reference of the site, and has an example in its docstring, which runs."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import dgsynth

API = Path(__file__).parent.parent / "docs" / "API.md"
PUBLIC = ("dgsynth", "dgsynth.baselines", "dgsynth.data", "dgsynth.evaluation")
MADE_BY_OTHERS = {
    "Callback",
    "DataError",
    "Disclosure",
    "DivergenceError",
    "ModelFileError",
    "ModelRanking",
    "PrivacyReport",
    "Progress",
    "TuningResult",
}
"""What a function returns or raises, whose example it is in, and the base of all callbacks."""
SLOW = {
    "dgsynth.comparing",
    "dgsynth.evaluation.downstream",
    "dgsynth.evaluation.fidelity",
    "dgsynth.evaluation.fidelity_report",
    "dgsynth.evaluation.learned",
    "dgsynth.tuning",
}
"""Modules whose examples take more than a second."""


def listed():
    """Return what the reference lists, as full names."""
    module, names = "", []
    for line in API.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        elif re.fullmatch(r"   [a-zA-Z][\w.]*", line):
            names.append(f"{module}.{line.strip()}")
    return names


def resolved(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def modules_with_examples():
    root = Path(dgsynth.__file__).parent
    paths = [path for path in sorted(root.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
    names = [".".join(["dgsynth", *path.relative_to(root).with_suffix("").parts]) for path in paths]
    return [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in names]


@pytest.mark.parametrize("module", modules_with_examples())
@pytest.mark.filterwarnings("ignore")
def test_examples_come_to_what_they_say(module):
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testmod(importlib.import_module(module), optionflags=options)
    assert tried and not failed


def test_the_reference_lists_all_that_is_public():
    public = {
        f"{module}.{name}"
        for module in PUBLIC
        for name in importlib.import_module(module).__all__
        if name != "__version__"
    }
    seen = {id(resolved(name)) for name in listed()}
    assert {name for name in public if id(resolved(name)) not in seen} == set()


def test_all_of_the_reference_but_pictures_has_examples():
    names = [name for name in listed() if "plots" not in name and name.rpartition(".")[2] not in MADE_BY_OTHERS]
    assert [name for name in names if ">>> " not in (inspect.getdoc(resolved(name)) or "")] == []
