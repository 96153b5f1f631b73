"""The storeys of docs/ARCHITECTURE.md, enforced on the source text."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dgsynth"
FILES = sorted(PACKAGE.rglob("*.py"))

STOREYS = {
    "errors": 0,
    "batch": 0,
    "generation_flag": 0,
    "progress": 0,
    "tensor_file": 1,
    "data": 1,
    "kernels": 1,
    "transforms": 2,
    "privacy": 2,
    "versions": 2,
    "constraints": 3,
    "training": 4,
    "evaluation": 4,
    "sampling": 4,
    "models": 5,
    "models.autoregressive": 6,
    "models.doppelganger": 7,
    "models.auto": 8,
    "models.baselines": 8,
    "baselines": 9,
    "comparing": 9,
    "disclosure": 9,
    "loading": 9,
    "oversampling": 9,
    "tuning": 9,
    "face": 10,
    "__init__": 10,
    "studio": 10,
    "cli": 11,
    "__main__": 12,
}
"""Storey of each place: a file or folder of dgsynth/, or a family of models; one that is not listed fails a test."""

MOST_LINES = 500

WITHOUT_PANDAS = ("kernels", "training", "models/doppelganger/networks", "models/doppelganger/training")


def place(file: Path) -> str:
    """Return the place of STOREYS that holds `file`: a family of models before the folder of all of them."""
    first, *rest = (part.removesuffix(".py") for part in file.relative_to(PACKAGE).parts)
    family = f"{first}.{rest[0]}" if rest else first
    return family if family in STOREYS else first


def module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(node: ast.ImportFrom, file: Path) -> str:
    if node.level == 0:
        return node.module or ""
    package = (module_name(file) if file.name == "__init__.py" else module_name(file).rpartition(".")[0]).split(".")
    return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])


def imports(file: Path, tree: ast.AST | None = None, *, at_import: bool = False) -> Iterator[str]:
    """Yield the modules that `file` imports, those for types too; `at_import`: only those that run at its import."""
    for node in ast.iter_child_nodes(tree or ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, file)
            # `from dgsynth.evaluation import plots` names a file, `from dgsynth import load` the package's face.
            named = {f"{source}.{alias.name}" for alias in node.names}
            yield from (name if name in known_modules() else source for name in named)
        elif at_import and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or guards_types(node)):
            continue
        else:
            yield from imports(file, node, at_import=at_import)


def guards_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


@cache
def known_modules() -> dict[str, Path]:
    return {module_name(file): file for file in FILES}


def test_every_place_has_a_storey():
    assert {place(file) for file in FILES} <= STOREYS.keys()


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_imports_only_from_lower_storeys_or_own_place(file):
    own = place(file)
    modules = known_modules()
    for name in imports(file):
        if name == "dgsynth" or name not in modules:
            continue
        target = place(modules[name])
        # The files directly in dgsynth/ are one place on each storey.
        beside = STOREYS[target] == STOREYS[own] and (PACKAGE / f"{own}.py").exists()
        assert target == own or beside or STOREYS[target] < STOREYS[own], (
            f"{own} (storey {STOREYS[own]}) imports {name}"
        )


@pytest.mark.parametrize("file", [f for f in FILES if place(f) not in ("__init__", "cli")], ids=module_name)
def test_no_file_imports_from_the_face_of_the_package(file):
    # `from dgsynth import DGSynthesizer` would load every storey from within one of them.
    assert "dgsynth" not in set(imports(file))


def test_no_files_import_each_other_in_a_circle():
    # Every import counts: those for types, and those inside functions, too.
    graph = {module_name(f): {m for m in imports(f) if m in known_modules()} - {module_name(f)} for f in FILES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(FILES)


def test_circles_are_found_where_they_hide(tmp_path):
    (tmp_path / "one.py").write_text("if TYPE_CHECKING:\n    from dgsynth.errors import DataError\n")
    (tmp_path / "two.py").write_text("def f():\n    import dgsynth.batch\n")
    assert set(imports(tmp_path / "one.py")) == {"dgsynth.errors"}
    assert set(imports(tmp_path / "two.py")) == {"dgsynth.batch"}


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_no_file_is_too_long(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("folder", WITHOUT_PANDAS)
def test_pandas_stops_at_the_transforms(folder):
    for file in (PACKAGE / folder).rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(file)} & {"pandas", "pyarrow"}, file


def test_matplotlib_only_in_figures():
    users = {str(f.relative_to(PACKAGE)) for f in FILES if any(n.split(".")[0] == "matplotlib" for n in imports(f))}
    assert users <= {"evaluation/figures.py"}


def test_command_line_loads_nothing_heavy_by_itself():
    for file in (PACKAGE / "cli").rglob("*.py"):
        others = {name for name in imports(file, at_import=True) if not name.startswith("dgsynth.cli.")}
        assert not {name.split(".")[0] for name in others} & {"dgsynth", "torch", "pandas", "numpy", "sklearn"}, file


STATEMENTS = {
    "import dgsynth": {"torch", "pandas", "sklearn"},
    "from dgsynth import DGSynthesizer, Schema, Sequences, load": {"matplotlib", "dgsynth.evaluation"},
    "import dgsynth.evaluation": {"matplotlib"},
}
"""What each of some imports, made in this order, must not load."""


@pytest.fixture(scope="module")
def loaded():
    """Return by statement the modules that are loaded after it; one process makes all, since torch takes its time."""
    program = "import json, sys; print(json.dumps({s: exec(s) or list(sys.modules) for s in json.loads(sys.argv[1])}))"
    command = [sys.executable, "-c", program, json.dumps(list(STATEMENTS))]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_import_loads_no_more_than_it_needs(statement, loaded):
    assert "dgsynth" in loaded[statement]
    assert not STATEMENTS[statement] & set(loaded[statement])
