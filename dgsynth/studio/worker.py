"""The process that trains: a task on standard input, then perhaps "stop"; events on standard output, a line each.

It ends with the server, whose end closes standard input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any

from dgsynth.studio.columns import Layout
from dgsynth.studio.task import Task


def main() -> None:
    """Train what standard input asks for."""
    lines, sys.stdout = sys.stdout, sys.stderr  # nothing that libraries print gets between the events

    def tell(event: str, **content: Any) -> None:
        print(json.dumps({"event": event, **content}), file=lines, flush=True)

    def heed() -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                stopped.set()
        os._exit(1)

    asked = json.loads(sys.stdin.readline())
    output, stopped = Path(asked.pop("output")), threading.Event()
    threading.Thread(target=heed, daemon=True).start()
    warnings.showwarning = lambda message, *_, **__: tell("warning", text=str(message))
    try:
        Task(**{**asked, "layout": Layout(**asked["layout"])}).train(output, stopped, tell)
    except KeyboardInterrupt:
        tell("failed", text="training was stopped before there was a model to keep; give it more time")
    except (ValueError, TypeError, ArithmeticError, OSError, MemoryError) as error:
        tell("failed", text=str(error) or "there is not enough memory; take a smaller table")
    except Exception as error:
        traceback.print_exc()
        tell("failed", text=f"unexpected {type(error).__name__}: {error}; the terminal shows where")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # without waiting for the thread that reads
