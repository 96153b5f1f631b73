"""Constraints as text, as the command takes them."""

from __future__ import annotations

import re
from typing import Any

from dgsynth.constraints.declared import (
    VALUE,
    Constraint,
    FixedCombinations,
    Inequality,
    Monotonic,
    Range,
    Sum,
)
from dgsynth.errors import DataError

GRAMMAR = (
    "low <= high, low < high, 0 <= column <= 10, total = a + b, a = b, combination: a, b, increasing: column, "
    "strictly increasing: column, decreasing: column"
)
"""What can be written; names that hold signs stand in backticks."""

_PIECE = re.compile(rf"`[^`]*`|(?:^|(?<=[<>=])) *(?:{VALUE.pattern}) *(?=[<>=]|$)|<=|>=|==|[<>=+,:]|[^`<>=+,:]+")
_COMPARED = {"<=", ">=", "<", ">"}

_SIGNS = {*_COMPARED, "=", "==", "+", ",", ":"}


def parse(text: str) -> Constraint:
    """Return the constraint that `text` writes down; see `GRAMMAR`.

    Raises
    ------
    DataError
        It is none.
    """
    found = [match[0] for match in _PIECE.finditer(text)]
    pieces = [piece.strip() for piece in found if piece.strip()]
    words, signs = pieces[::2], pieces[1::2]
    if len(pieces) % 2 == 0 or "".join(found) != text or _SIGNS.intersection(words) or not _SIGNS.issuperset(signs):
        raise _unreadable(text)
    if signs[:1] == [":"] and set(signs[1:]) <= {","}:
        return _headed(words[0], [_name(word) for word in words[1:]], text)
    if set(signs) <= {"+", "=", "=="} and sum(sign != "+" for sign in signs) == 1:
        place = next(i for i, sign in enumerate(signs) if sign != "+")
        left, right = ([_name(word) for word in some] for some in (words[: place + 1], words[place + 1 :]))
        if len(left) > 1 and len(right) > 1:
            raise _unreadable(text)
        return Sum(right[0], left) if len(left) > 1 else Sum(left[0], right)  # type: ignore[arg-type]
    if signs and set(signs) <= _COMPARED and len(signs) <= 2:
        return _compared(words, signs, text)
    raise _unreadable(text)


def _headed(head: str, names: list[str], text: str) -> Constraint:
    *how, way = head.split()
    if head == "combination":
        return FixedCombinations(names)  # type: ignore[arg-type]
    if way in ("increasing", "decreasing") and how in ([], ["strictly"]) and len(names) == 1:
        return Monotonic(names[0], way == "increasing", bool(how))
    raise _unreadable(text)


def _compared(words: list[str], signs: list[str], text: str) -> Constraint:
    if signs[0] in (">=", ">"):  # the other way round
        words, signs = words[::-1], [sign.replace(">", "<") for sign in signs[::-1]]
    values = [bool(VALUE.fullmatch(word)) for word in words]
    if values == [False, False]:
        return Inequality(_name(words[0]), _name(words[1]), signs[0] == "<")
    if set(signs) != {"<="} or sum(values) != len(words) - 1 or (len(words) == 3 and values[1]):
        raise _unreadable(text)
    column = values.index(False)
    low = None if column == 0 else _value(words[0])
    return Range(_name(words[column]), low, None if column == len(words) - 1 else _value(words[-1]))


def _name(word: str) -> str:
    return word.strip("`")


def _value(word: str) -> Any:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            pass
    return word


def _unreadable(text: str) -> DataError:
    return DataError(f"the constraint {text!r} can't be read; write one of: {GRAMMAR}")
