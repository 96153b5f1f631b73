"""What all pages have in common: the style sheet, the frame, lights, and pictures inside the page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from dgsynth.evaluation.fidelity import LIGHTS

if TYPE_CHECKING:
    from dgsynth.evaluation.figures import Figure

SYMBOLS = dict(zip(LIGHTS, ("●", "▲", "■"), strict=True))
"""Shapes beside the colours, for colour-blind readers and grey print."""

_STYLE = """
.dgsynth-report { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #222; background: #fff;
  max-width: 1080px; margin: 0 auto; padding: 16px; box-sizing: border-box; overflow-wrap: anywhere; }
.dgsynth-report h1 { font-size: 1.6em; line-height: 1.2; margin: .3em 0; }
.dgsynth-report h2 { font-size: 1.15em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid #ddd;
  break-after: avoid; }
.dgsynth-report .note { color: #666; font-size: .85em; }
.dgsynth-report .verdict { border-left: 5px solid #2e7d32; background: #f1f8f2; padding: .7em 1em; margin: 1em 0; }
.dgsynth-report .verdict.near { border-color: #c77700; background: #fdf7ec; }
.dgsynth-report .verdict.off { border-color: #c62828; background: #fdf1f0; }
.dgsynth-report .lights { display: grid; grid-template-columns: repeat(3, 1fr);
  gap: 8px; list-style: none; padding: 0; margin: 1em 0; }
.dgsynth-report .lights li { border: 1px solid #ddd; border-radius: 6px; padding: .4em .7em; font-size: .9em; }
.dgsynth-report .light { font-weight: 600; white-space: nowrap; }
.dgsynth-report .light.close { color: #2e7d32; }
.dgsynth-report .light.near { color: #a65f00; }
.dgsynth-report .light.off { color: #c62828; }
.dgsynth-report details { border-bottom: 1px solid #ddd; }
.dgsynth-report summary { cursor: pointer; padding: .5em 0; font-weight: 600; break-after: avoid; }
.dgsynth-report summary .note { font-weight: 400; }
.dgsynth-report table { border-collapse: collapse; width: 100%; font-size: .9em; margin-bottom: .6em; }
.dgsynth-report th, .dgsynth-report td { text-align: left; padding: .35em .7em; border-top: 1px solid #eee;
  vertical-align: top; overflow-wrap: normal; }
.dgsynth-report th { white-space: nowrap; color: #555; font-weight: 600; }
.dgsynth-report tr { break-inside: avoid; }
.dgsynth-report td.what { width: 42%; }
.dgsynth-report td.column { overflow-wrap: anywhere; }
.dgsynth-report .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.dgsynth-report .scroll { overflow-x: auto; }
.dgsynth-report .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr));
  gap: 20px; align-items: start; }
.dgsynth-report figure { margin: 0; break-inside: avoid; max-width: 640px; }
.dgsynth-report figcaption { font-size: .9em; font-weight: 600; }
.dgsynth-report img { width: 100%; height: auto; display: block; }
@media (max-width: 600px) {
  .dgsynth-report .lights { grid-template-columns: 1fr 1fr; }
  .dgsynth-report .comparisons thead { display: none; }
  .dgsynth-report .comparisons tr { display: grid; grid-template-columns: auto auto 1fr; border-top: 1px solid #ddd;
    padding: .4em 0; }
  .dgsynth-report .comparisons td { border: 0; padding: .1em .6em .1em 0; width: auto; }
  .dgsynth-report .comparisons td.what { grid-column: 1 / -1; }
  .dgsynth-report .comparisons td.what .light { float: right; }
  .dgsynth-report .comparisons td.column { grid-column: 1 / -1; }
  .dgsynth-report .comparisons td.column:empty, .dgsynth-report .comparisons td.light-cell { display: none; }
  .dgsynth-report .comparisons td.number { text-align: left; }
  .dgsynth-report .comparisons td.number::before { content: attr(data-label) " "; color: #666; }
}
@media (min-width: 601px) { .dgsynth-report td.what .light { display: none; } }
@media print {
  .dgsynth-report { max-width: none; padding: 0; font-size: 11px; }
  .dgsynth-report .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .dgsynth-report .pictures { grid-template-columns: 1fr 1fr; }
  .dgsynth-report details::details-content { content-visibility: visible; block-size: auto; }
}
"""


def document(title: str, content: str) -> str:
    """Return a whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>body {{ margin: 0; }}</style>\n</head>\n<body>\n<main>\n"
        f"{content}\n</main>\n</body>\n</html>\n"
    )


def report(parts: Iterable[str], own_style: str = "") -> str:
    """Return the parts with their style sheet, as a part of a page that changes nothing else there."""
    body = "\n".join(parts)
    return f'<style>{_STYLE}{own_style}</style>\n<div class="dgsynth-report">\n{body}\n</div>'


def light_symbol(light: str) -> str:
    """Return a light as a coloured shape; nothing but an empty place for none."""
    return f'<span class="light {light}">{SYMBOLS.get(light, "")}</span>'


def pictures(heading: str, figures: Iterable[tuple[str, Figure]]) -> str:
    """Return a section of pictures with their captions; "" for none."""
    with np.errstate(over="ignore"):  # numbers next to the largest leave an axis no room for a margin
        drawn = "\n".join(_picture(caption, figure) for caption, figure in figures)
    return f'<h2>{escape(heading)}</h2>\n<div class="pictures">\n{drawn}\n</div>' if drawn else ""


def _picture(caption: str, figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = escape(caption)
    return f'<figure><figcaption>{text}</figcaption><img src="data:image/png;base64,{data}" alt="{text}"></figure>'


def sentence(text: str) -> str:
    """Return the text with a capital letter at its head."""
    return text[:1].upper() + text[1:]


def escape(text: object) -> str:
    """Return text of the data as HTML that shows it."""
    return html.escape(str(text), quote=True)
