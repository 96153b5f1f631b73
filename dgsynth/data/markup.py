"""Tables as parts of a page, for notebooks."""

from __future__ import annotations

from html import escape

import pandas as pd

__all__ = ["escape", "table"]


def table(frame: pd.DataFrame, *, max_rows: int | None = None) -> str:
    """Return a table that scrolls sideways where there is no room for it, with rows left out of its middle."""
    html = frame.to_html(index=False, border=0, max_rows=max_rows, max_cols=20)
    return f'<div style="overflow-x: auto">{html}</div>'
