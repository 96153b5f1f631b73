"""What is said of errors and warnings, and the exit codes."""

from __future__ import annotations

import re
import shlex
import sys
from ast import literal_eval
from dataclasses import fields
from typing import Any, NoReturn

import typer

from dgsynth.cli.options import ReadingOptions, RoleOptions

OTHER_ERROR = 1
USAGE_ERROR = 2
INTERRUPTED = 130

_TEXT = r"('[^']*'|\"[^\"]*\")"
_PARAMETERS = [field.name for group in (ReadingOptions, RoleOptions) for field in fields(group)]


def fail(message: str, code: int) -> NoReturn:
    """Say in one line what is wrong, and exit."""
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)


def explain(error: Exception) -> tuple[str, int]:
    """Return what to say about an error, and the exit code."""
    if hasattr(error, "format_message"):  # of the command line itself: unknown option, missing argument
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        return error.format_message().rstrip(".") + hint, USAGE_ERROR
    if isinstance(error, OSError) and error.strerror:
        bad_input = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
        return f"{error.filename}: {error.strerror}", USAGE_ERROR if bad_input else OTHER_ERROR
    if isinstance(error, ValueError | TypeError | FileNotFoundError):
        return in_options(getattr(error, "command", None) or str(error)), USAGE_ERROR
    if isinstance(error, ArithmeticError | ImportError | OSError):
        return str(error), OTHER_ERROR
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)", OTHER_ERROR


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Say a warning in one line; takes the place of `warnings.showwarning`."""
    typer.echo(f"warning: {' '.join(in_options(str(message)).split())}", err=True)


def in_options(message: str) -> str:
    """Return what the package says of its parameters with the command's options in their place."""

    def option(found: re.Match[str]) -> str:
        return f"--{found[1].replace('_', '-')} {shlex.quote(literal_eval(found[2]))}"

    message = re.sub(rf"(?:for instance )?with frame\[{_TEXT}\] = ([^;]*)", _conversion_option, message)
    message = re.sub(rf"dtypes={{{_TEXT}: '(\w+)'}}", _dtype_option, message)
    message = re.sub(rf"\b(missing)=\[{_TEXT}\]", option, message)
    message = re.sub(rf"\b({'|'.join(_PARAMETERS)})={_TEXT}", option, message)
    message = re.sub(rf"\b({'|'.join(_PARAMETERS)})=(?=\W)", lambda found: f"--{found[1].replace('_', '-')}", message)
    message = message.replace(" with schema.with_column", " in the schema's file")
    words = "|".join(name for name in _PARAMETERS if "_" in name)
    return re.sub(rf"(?<![\w'\"-])({words})(?![\w'\"])", lambda found: f"--{found[1].replace('_', '-')}", message)


def _dtype_option(found: re.Match[str]) -> str:
    return f"--dtype {shlex.quote(f'{literal_eval(found[1])}={found[2]}')}"


def _conversion_option(found: re.Match[str]) -> str:
    """Return the option for a line of Python that converts a column."""
    kinds = {"to_datetime": "date", "to_numeric": "number", "astype(float)": "number", "astype('Int64')": "integer"}
    kind = next((kind for name, kind in kinds.items() if name in found[2]), "text")
    return f"with dtypes={{{found[1]}: '{kind}'}}"
