"""Groups of options: a command takes a frozen dataclass, and shows each of its fields as an option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the fields of its groups, the parameters that are dataclasses, in their places.

    Typer knows no groups: it reads the options off the signature, and gives them by name.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    @wraps(command)
    def spread(**given: Any) -> None:
        gathered = {
            name: group(**{option.name: given.pop(option.name) for option in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **gathered)

    options: list[Parameter] = []
    for name, parameter in signature(command).parameters.items():
        shown = _options(groups[name]) if name in groups else [parameter.replace(annotation=hints[name])]
        options += [option.replace(kind=Parameter.KEYWORD_ONLY) for option in shown]
    spread.__signature__ = Signature(options)  # type: ignore[attr-defined]
    return spread


def _options(group: Any) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [option.replace(annotation=hints[name]) for name, option in signature(group).parameters.items()]
