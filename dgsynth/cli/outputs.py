"""What commands write: output paths and folders, checked before any work, and reports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer

from dgsynth.cli.terminal import say

TABLE_SUFFIXES = (".csv", ".csv.gz", ".parquet")
MODEL_SUFFIXES = (".safetensors",)
REPORT_SUFFIXES = (".html",)
JSON_SUFFIXES = (".json",)
STDOUT = Path("-")


def prepare_output(path: Path, suffixes: tuple[str, ...], option: str = "--output") -> None:
    """Check that `path` can be written, and create its folder."""
    if not path.name.endswith(suffixes):
        raise typer.BadParameter(f"{path} must end in {' or '.join(suffixes)}", param_hint=option)
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file", param_hint=option)
    make_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Create the folder if it is not there, and check that files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"can't create the folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"can't write into the folder {folder}")


def interrupted_output(path: Path) -> Path:
    """Return where the model goes instead, if its training was interrupted."""
    return path.with_suffix(f".interrupted{path.suffix}")


def prepare_reports(page: Path | None, numbers: Path | None, quiet: bool) -> None:
    """Check that the report's page and its numbers can be written, and that one of them or the screen is wanted."""
    if page is None and numbers is None and quiet:
        raise typer.BadParameter("nothing to do: give --output or --json, or leave out --quiet")
    if page is not None:
        prepare_output(page, REPORT_SUFFIXES)
        need_matplotlib()
    prepare_json(numbers)


def write_reports(report: Any, page: Path | None, numbers: Path | None, quiet: bool) -> None:
    """Write the report's page and its numbers where they are wanted, and print it."""
    if page is not None:
        report.to_html(page)
    write_json(report.to_json(), numbers)
    if not quiet and numbers != STDOUT:
        say(str(report))


def prepare_json(path: Path | None) -> None:
    """Check that the JSON can be written where it is wanted; "-" is stdout, which then has nothing else."""
    if path not in (None, STDOUT):
        prepare_output(path, JSON_SUFFIXES, "--json")


def write_json(text: str, path: Path | None) -> None:
    """Write a JSON document to a file, or to stdout, if it is wanted."""
    if path == STDOUT:
        typer.echo(text)
    elif path is not None:
        path.write_text(text.rstrip() + "\n", encoding="utf-8")


def need_matplotlib() -> None:
    """Check that there is matplotlib, without loading it."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise ImportError("the report needs matplotlib; install it with: pip install 'dgsynth[plot]'")
