"""What commands print. Names of columns and categories come from strangers' files: control characters are escaped."""

from __future__ import annotations

import os
import re
import sys

import typer

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # all but tabs and ends of lines


def say(text: str) -> None:
    """Print what was asked for, on stdout."""
    typer.echo(escaped(text))


def tell(text: str) -> None:
    """Print what goes on meanwhile on stderr, where it does not mix with what was asked for."""
    typer.echo(escaped(text), err=True)


def escaped(text: str) -> str:
    """Return the text with what would steer a terminal, or turn the order of letters, written as in Python."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shows_bars() -> bool:
    """Return whether bars of progress can be drawn: where stderr is a terminal that can go back in a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
