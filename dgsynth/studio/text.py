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
    """Return what the library says as a sentence, with a capital, unless it begins with a name, as Markdown."""
    first, _, rest = " ".join(str(error).split()).partition(" ")
    text = f"{first.capitalize() if first.isalpha() and first.islower() else first} {rest}".strip()
    return plain(text + "." * (not text.endswith(".")))
