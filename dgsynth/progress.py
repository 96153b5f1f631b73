"""Progress bars: of text on terminals and in files, widgets in notebooks where ipywidgets is installed."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # that ipywidgets is missing, where a bar of text will do
    from tqdm.auto import tqdm


class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
    """A bar on standard error, as wide as there is room.

    Parameters
    ----------
    **keywords
        Those of tqdm.
    """

    def __init__(self, **keywords: Any) -> None:
        super().__init__(dynamic_ncols=True, mininterval=0.5, file=sys.stderr, **keywords)

    def expect(self, total: float | None) -> None:
        """Set how far it will go."""
        self.total = total
        if total and (widget := getattr(self, "container", None)) is not None:
            widget.children[1].max = total  # which tqdm sets at the beginning alone

    def finish(self) -> None:
        """Close it as whole, also where the end came sooner than was expected; `close` alone tells of a failure."""
        if self.total is not None:
            self.expect(self.n)
        self.close()
