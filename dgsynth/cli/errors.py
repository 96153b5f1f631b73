"""What is said of errors and warnings, and the exit codes."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from dgsynth.cli.terminal import tell
from dgsynth.cli.wording import in_options

OTHER_ERROR = 1
USAGE_ERROR = 2
INTERRUPTED = 130


def fail(message: str, code: int) -> NoReturn:
    """Say in one line what is wrong, and exit."""
    tell(f"error: {' '.join(message.split())}")
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
    tell(f"warning: {' '.join(in_options(str(message)).split())}")
