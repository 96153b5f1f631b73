"""`dgsynth studio`: a page in the browser to train, look and download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgsynth.cli.options import table_argument
from dgsynth.cli.outputs import need_matplotlib


def studio(
    data: Annotated[Path | None, table_argument("DATA", "Table to begin with.")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=65535, help="Port to serve at. Default: a free one.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.", show_default=False)
    ] = True,
) -> None:
    """Open a page in the browser to train, look and download.

    It is served on 127.0.0.1, under a random path; no data leave the machine.

    \b
    dgsynth studio visits.csv
    dgsynth studio --no-browser --port 8501
    """
    need_matplotlib()
    _need_streamlit()
    if data is not None and not data.exists():
        raise FileNotFoundError(f"there is no file {data}; check the path")
    from dgsynth.studio.server import serve

    serve(data, port, opens_browser=browser, say=typer.echo)


def _need_streamlit() -> None:
    from importlib.util import find_spec

    if find_spec("streamlit") is None:
        raise ImportError("the studio needs streamlit; install it with: pip install 'dgsynth[studio]'")
