"""What the package says of its parameters, and of Python, in the command's options."""

from __future__ import annotations

import re
import shlex
from ast import literal_eval
from dataclasses import fields

from dgsynth.cli.options import ReadingOptions, RoleOptions

_TEXT = r"('[^']*'|\"[^\"]*\")"
_PARAMETERS = [field.name for group in (ReadingOptions, RoleOptions) for field in fields(group)]
_ANY_PARAMETER = "|".join(_PARAMETERS)
_UNLIKE_WORDS = "|".join(name for name in _PARAMETERS if "_" in name)

_INSTEAD = r"(?:for instance )?(with )?"
_CONVERSION = rf"{_INSTEAD}frame\[{_TEXT}\] = ([^;]*)"
_WINDOWS = rf"{_INSTEAD}frame = dgsynth\.windows\(frame, (\d+)[^()]*\)(?: and sequence_key='window')?"
_ROWS = rf",? {_INSTEAD}frame = frame(?:\.\w+\([^()]*\)|\[frame\[{_TEXT}\]\.\w+\([^()]*\)\])"
"""Lines of Python that convert a column, cut windows, or leave out rows; the last, in words too, need no option."""

_KINDS = {"to_datetime": "date", "to_numeric": "number", "astype(float)": "number", "astype('Int64')": "integer"}
"""What a column becomes by a function."""


def in_options(message: str) -> str:
    """Return what the package says with the command's options in place of parameters and lines of Python."""
    message = re.sub(_CONVERSION, _conversion, message)
    message = re.sub(_WINDOWS, r"\1--window \2", message)
    message = re.sub(_ROWS, "", message)
    message = message.replace(" with schema.with_column", " in the schema's file")
    message = re.sub(rf"dtypes={{{_TEXT}: '(\w+)'}}", lambda found: _dtype(found[1], found[2]), message)
    message = re.sub(rf"\b(missing)=\[{_TEXT}\]", lambda found: _option(found[1], found[2]), message)
    message = re.sub(rf"\b({_ANY_PARAMETER})={_TEXT}", lambda found: _option(found[1], found[2]), message)
    message = re.sub(rf"\b({_ANY_PARAMETER})=(?=\W)", lambda found: _option(found[1]), message)
    return re.sub(rf"(?<![\w'\"-])({_UNLIKE_WORDS})(?![\w'\"])", lambda found: _option(found[1]), message)


def _option(name: str, text: str | None = None) -> str:
    """Return the option of a parameter, with the value that stands in quotes."""
    return f"--{name.replace('_', '-')}" + ("" if text is None else f" {shlex.quote(literal_eval(text))}")


def _dtype(column: str, kind: str) -> str:
    return f"--dtype {shlex.quote(f'{literal_eval(column)}={kind}')}"


def _conversion(found: re.Match[str]) -> str:
    """Return the option for a line of Python that converts a column."""
    by, column, line = found[1] or "", found[2], found[3]
    if "np.inf" in line:
        return f"{by}--missing inf --missing -inf"
    if date_format := re.search(rf"format={_TEXT}", line):
        return f"{by}date_format={date_format[1]}"
    return by + _dtype(column, next((kind for name, kind in _KINDS.items() if name in line), "text"))
