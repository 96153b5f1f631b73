"""Tables and numbers of the written pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def finite(values: Sequence[float | None]) -> list[float]:
    """Return the values that are numbers."""
    return [value for value in values if value is not None and math.isfinite(value)]


def cell(values: Sequence[float | None]) -> str:
    """Return the median of the values, with their range if there are several."""
    numbers = finite(values)
    if not numbers:
        return "none" if values else ""
    median = number(float(np.median(numbers)))
    return median if len(numbers) == 1 else f"{median} ({number(min(numbers))} to {number(max(numbers))})"


def number(value: float | None) -> str:
    """Return a number with two or three digits that count, whole ones from 10 on."""
    if value is None or not math.isfinite(value):
        return ""
    if value != 0 and abs(value) < 0.1:
        digits = 1 - math.floor(math.log10(abs(value)))
        return f"{value:.{digits}f}"
    if 0 < abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"
