"""Steps read from a file, without trust."""

from __future__ import annotations

import math
from typing import Any

from dgsynth.constraints.bounds import Bound
from dgsynth.constraints.joint import Joint
from dgsynth.constraints.numbers import MOST_DECIMALS, scale_of
from dgsynth.constraints.running import Running
from dgsynth.constraints.steps import Step
from dgsynth.constraints.totals import Total
from dgsynth.data.column import Column, short, to_label
from dgsynth.data.schema import Schema
from dgsynth.errors import DataError

_NONE = type(None)


def step_from_dict(plain: Any, schema: Schema) -> Step:
    """Return the step that `Step.to_dict` described, of a table with that schema.

    Raises
    ------
    DataError
        An entry is missing, unknown, of the wrong type or contradicts another.
    """
    kinds: dict[Any, type[Step]] = {kind.__name__: kind for kind in (Bound, Total, Joint, Running)}
    kind = kinds.get(str(plain.get("kind"))) if isinstance(plain, dict) else None
    if kind is None or plain.keys() != {"kind", *kind.__dataclass_fields__}:
        raise DataError(f"a step of constraints can't be {short(plain)}")
    columns = tuple(schema.column(to_label(name)) for name in _list(plain, "columns", str, int))
    bases = tuple(to_label(name) for name in _list(plain, "bases", str, int))
    of_records = _one(plain, "of_records", bool)
    role = schema.measurements if of_records else schema.metadata
    known = [*schema.metadata, *schema.measurements, *((schema.sequence_index,) if schema.sequence_index else ())]
    if not columns or not set(columns) <= set(role) or not set(bases) <= {column.name for column in known}:
        raise DataError(f"the columns of a step can't be {short(plain['columns'])} from {short(plain['bases'])}")
    common = columns, bases, _list(plain, "names", str), _one(plain, "keeps_own", bool), of_records
    reckoned = (*columns, *(schema.column(base) for base in bases))
    if kind is Joint:
        return Joint(*common, *_combinations(plain, columns))
    scale = _one(plain, "scale", str, _NONE)
    if scale != scale_of(reckoned) or (scale is None and kind is not Total):
        raise DataError(f"the scale of a step can't be {short(scale)}")
    if kind is Total:
        signs = _list(plain, "signs", int)
        if len(signs) != len(bases) or not set(signs) <= {1, -1} or not bases:
            raise DataError(f"the signs of a step can't be {short(signs)}")
        return Total(*common, signs, scale, _decimals(plain, len(reckoned)))
    unit = _one(plain, "unit", int)
    if not 0 < unit < 2**62:
        raise DataError(f"the unit of a step can't be {short(unit)}")
    if kind is Bound:
        strict = _list(plain, "strict", bool)
        limits = _list(plain, "limits", bool)
        if len(strict) != len(bases) or len(limits) != len(bases) or all(limits):
            raise DataError(f"the bounds of a step can't be {short(strict)} and {short(limits)}")
        return Bound(
            *common, strict, limits, _one(plain, "is_upper", bool), scale, unit, _decimals(plain, len(reckoned))
        )
    decimals = _decimals({"decimals": [plain["decimals"]]}, 1)[0]
    alone = _one(plain, "alone", int, float)
    if not math.isfinite(alone) or abs(alone) >= 2**62:
        raise DataError(f"a step of one record can't be {short(alone)}")
    first, increasing, strict_one = (
        _one(plain, "first", str),
        _one(plain, "increasing", bool),
        _one(plain, "strict", bool),
    )
    return Running(*common, first, increasing, strict_one, scale, unit, decimals, alone)


def _combinations(plain: dict[str, Any], columns: tuple[Column, ...]) -> tuple[Any, Any]:
    """Return the values of the columns, and their combinations."""
    given = _list(plain, "values", list)
    if len(given) != len(columns):
        raise DataError("a step must have values for each of its columns")
    empty = Column("values", "categorical", "object", nullable=True, categories=()).to_dict()
    values = tuple(Column.from_dict({**empty, "categories": some}).categories or () for some in given)
    combinations = tuple(map(tuple, _list(plain, "combinations", list)))
    for combination in combinations:
        fits = len(combination) == len(values) and all(type(place) is int for place in combination)
        if not fits or not all(-1 <= place < len(some) for place, some in zip(combination, values, strict=True)):
            raise DataError(f"a combination can't be {short(combination)}")
    if not combinations:
        raise DataError("a step must have combinations")
    return values, combinations


def _decimals(plain: dict[str, Any], length: int) -> tuple[int | None, ...]:
    decimals = _list(plain, "decimals", int, _NONE)
    if len(decimals) != length or any(number is not None and not 0 <= number <= MOST_DECIMALS for number in decimals):
        raise DataError(f"the decimals of a step can't be {short(decimals)}")
    return decimals


def _one(plain: dict[str, Any], name: str, *kinds: type) -> Any:
    if type(plain[name]) not in kinds:
        raise DataError(f"{name} of a step can't be {short(plain[name])}")
    return plain[name]


def _list(plain: dict[str, Any], name: str, *kinds: type) -> tuple[Any, ...]:
    if type(plain[name]) is not list or any(type(item) not in kinds for item in plain[name]):
        raise DataError(f"{name} of a step must be a list, got {short(plain[name])}")
    return tuple(plain[name])
