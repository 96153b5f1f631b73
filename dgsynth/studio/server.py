"""The server of the page: on this machine's own address only, and under a path that nobody can guess."""

from __future__ import annotations

import os
import secrets
import socket
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Timer

from dgsynth.errors import DataError

HOST = "127.0.0.1"

TABLE = "DGSYNTH_STUDIO_TABLE"
"""Environment variable with the path of the table that the page begins with."""

_SETTINGS = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "viewer",
    "global.developmentMode": False,
    "logger.level": "error",
    "runner.magicEnabled": False,
    "server.address": HOST,
    "server.allowedHosts": [HOST, "localhost"],
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.maxUploadSize": 1000,
}
"""Streamlit's, which come before those of files in the user's folder."""


def serve(table: Path | None, port: int | None, *, opens_browser: bool, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    table : path or None
        The table that the page begins with.
    port : int or None
        None takes a free one.
    opens_browser : bool
    say : callable
        Told the address.

    Raises
    ------
    DataError
        The port is taken, or may not be used.
    """
    with _bound(port) as listening:
        token = secrets.token_urlsafe(24)
        url = f"http://{HOST}:{listening.getsockname()[1]}/{token}/"
        if table is None:
            os.environ.pop(TABLE, None)
        else:
            os.environ[TABLE] = str(table.resolve())
        _run(listening, token, lambda: _begin(url, opens_browser, say))


def _bound(port: int | None) -> socket.socket:
    """Return a socket that is bound to a port of this machine's own address."""
    listening = socket.socket()
    if os.name == "posix":  # elsewhere it would share the port with a server that has it
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port or 0))
        listening.listen()
    except OSError as error:
        listening.close()
        raise DataError(
            f"port {port} can't be used: {error.strerror}; give another, or leave it out for a free one"
        ) from error
    return listening


def _begin(url: str, opens_browser: bool, say: Callable[[str], None]) -> None:
    say(f"The studio is at {url}\nOnly this machine reaches it, by this address. Ctrl-C ends it.")
    if opens_browser:
        Timer(0.1, webbrowser.open, [url]).start()  # what a terminal's browser takes is no concern of the server


def _run(listening: socket.socket, token: str, begin: Callable[[], None]) -> None:
    import streamlit
    import uvicorn
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Mount
    from streamlit.web.bootstrap import load_config_options

    load_config_options(_SETTINGS)
    page = streamlit.App(Path(__file__).with_name("script.py"), on_script_error=_say_error)
    page_lifespan = page.lifespan()

    @asynccontextmanager
    async def lifespan(served: object) -> AsyncIterator[None]:
        async with page_lifespan(served):
            begin()  # who comes at once waits at the socket, which listens already
            yield

    app = Starlette(
        routes=[Mount(f"/{token}", page)],  # anything else is not found, whatever it asks for
        # A page elsewhere, whose name was made to lead here, is refused by its name.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)],
        lifespan=lifespan,
    )

    settings = uvicorn.Config(
        app, log_level="error", access_log=False, ws="websockets-sansio", ws_max_size=2**28, timeout_graceful_shutdown=1
    )
    uvicorn.Server(settings).run(sockets=[listening])


def _say_error(error: Exception) -> bool:
    """Say in the page what went wrong, in the terminal where, and return that it was said."""
    import traceback

    import streamlit

    from dgsynth.studio.text import plain

    traceback.print_exception(error)
    streamlit.error(plain(f"Unexpected {type(error).__name__}: {error}. The terminal shows where."))
    return True
