"""Words for the page, where text is Markdown."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
"""Punctuation of ASCII, all of which Markdown takes as itself behind a backslash."""


def plain(text: object) -> str:
    r"""Return what Markdown shows as `text`, in one line.

    Examples
    --------
    >>> print(plain("*a*"))
    \*a\*
    """
    return _MARKS.sub(r"\\\1", " ".join(str(text).split()))


def sentence(error: object) -> str:
    """Return what the library says as a sentence, with a capital and a full stop, as Markdown."""
    text = " ".join(str(error).split())
    return plain(text[:1].upper() + text[1:] + "." * (not text.endswith(".")))
