"""What long commands tell on stderr while they work."""

from __future__ import annotations

import typer


def tell(text: str) -> None:
    """Print a line on stderr, where it does not mix with what is asked for."""
    typer.echo(text, err=True)
