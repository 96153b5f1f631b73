"""What pictures are drawn on: figures of no window, alone or several in one; the only file that imports matplotlib.

matplotlib's global state is left alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import cast

import numpy as np

try:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.figure import SubFigure
    from matplotlib.gridspec import GridSpec
    from matplotlib.scale import SymmetricalLogTransform
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter
except ImportError as error:  # pragma: no cover
    raise ImportError("pictures need matplotlib; install it with: pip install 'dgsynth[plot]'") from error

__all__ = [
    "INK",
    "AutoDateLocator",
    "Axes",
    "Axis",
    "ConciseDateFormatter",
    "Figure",
    "FuncFormatter",
    "MaxNLocator",
    "NullFormatter",
    "PercentFormatter",
    "Picture",
    "SymmetricalLogTransform",
    "canvas",
    "new_axes",
    "short",
    "style",
    "together",
]

INK, _FAINT = "#333333", "#e6e6e6"
_DPI = 100
_WIDTH, _CAPTION = 6.4, 0.35
"""Inches."""

Picture = tuple[str, Callable[[], "Figure"]]
"""A caption, and what draws the picture below it."""


class Figure(MatplotlibFigure):
    """A figure that a notebook shows, also where pyplot was never imported."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return twice the pixels that it is shown on, for screens that have them."""
        buffer = io.BytesIO()
        with np.errstate(over="ignore"):  # numbers next to the largest leave an axis no room for a margin
            self.savefig(buffer, format="png", dpi=2 * _DPI)
        width, height = (round(_DPI * inches) for inches in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height}


def together(pictures: Sequence[Picture]) -> Figure:
    """Return pictures in one figure, two in a row, with their captions; one alone as it is.

    Parameters
    ----------
    pictures : non-empty sequence of (str, callable)
    """
    if len(pictures) == 1:
        return pictures[0][1]()
    n_rows = -(-len(pictures) // 2)
    figure = Figure(layout="constrained")
    grid = GridSpec(n_rows, 2, figure=figure)
    heights = [0.0] * n_rows
    for number, (caption, draw) in enumerate(pictures):
        place = _Place(figure.add_subfigure(grid[divmod(number, 2)]))
        token = _place.set(place)
        try:
            draw()
        finally:
            _place.reset(token)
        place.part.suptitle(short(caption, 60), x=0.01, ha="left", fontsize=10, color=INK, parse_math=False)
        heights[number // 2] = max(heights[number // 2], place.height + _CAPTION)
    grid.set_height_ratios(heights)
    figure.set_size_inches(2 * _WIDTH, sum(heights))
    return figure


@dataclass
class _Place:
    """Part of a figure, and the height in inches that what is drawn there would have alone."""

    part: SubFigure
    height: float = 0.0


_place: ContextVar[_Place | None] = ContextVar("_place", default=None)


def canvas(height: float) -> Figure:
    """Return a new figure, or the place that `together` has for it."""
    place = _place.get()
    if place is None:
        return Figure(figsize=(_WIDTH, height), layout="constrained")
    place.height = height
    return cast(Figure, place.part)


def new_axes(height: float = 3.2) -> tuple[Figure, Axes]:
    figure = canvas(height)
    axes = figure.subplots()
    style(axes)
    return figure, axes


def style(axes: Axes) -> None:
    axes.grid(True, color=_FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.tick_params(colors=INK, labelsize=9, length=3, color="#bbbbbb")
    axes.xaxis.label.set(color=INK, fontsize=9.5, parse_math=False)
    axes.yaxis.label.set(color=INK, fontsize=9.5, parse_math=False)


def short(name: object, width: int = 28) -> str:
    text = " ".join(str(name).split())
    return text if len(text) <= width else f"{text[: width - 1]}…"
