"""Constraints checked at the face: as parameters, by the columns of a table, by its values, and by given metadata."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NoReturn

import numpy as np

from dgsynth.constraints.declared import Constraint, FixedCombinations, Monotonic
from dgsynth.constraints.grammar import parse
from dgsynth.constraints.keeping import keeps, problem, slack_of
from dgsynth.constraints.steps import Step
from dgsynth.constraints.values import Values
from dgsynth.data.column import Label, short
from dgsynth.data.samples import Samples
from dgsynth.data.schema import Schema
from dgsynth.errors import DataError


def as_constraints(constraints: Iterable[Constraint | str]) -> tuple[Constraint, ...]:
    """Return constraints, those that are text read; raise TypeError or DataError where one is neither."""
    found = []
    for constraint in [constraints] if isinstance(constraints, Constraint | str) else constraints:
        if not isinstance(constraint, Constraint | str):
            raise TypeError(
                "constraints must be made of Inequality, FixedCombinations, Range, Monotonic, Sum or text, got "
                f"{short(constraint)}; give such, for instance 'low <= high'"
            )
        found.append(parse(constraint) if isinstance(constraint, str) else constraint)
    return tuple(dict.fromkeys(found))


def check_columns(constraint: Constraint, schema: Schema) -> None:
    """Raise DataError where a constraint can't be one of these columns."""
    columns = []
    for name in constraint.names:
        known = [column.name for column in schema.columns if column is not schema.sequence_key]
        if name not in known:
            raise DataError(f"the constraint {constraint} names column {name!r}; the columns are {known}")
        columns.append(schema.column(name))
    if isinstance(constraint, Monotonic) and constraint.column not in schema.measurement_names:
        raise DataError(
            f"the constraint {constraint} is about a column that does not vary within samples, or that orders them; "
            "name a measurement"
        )
    if isinstance(constraint, FixedCombinations):
        roles = [set(constraint.columns) & set(names) for names in (schema.metadata_names, schema.measurement_names)]
        if set(constraint.columns) not in roles:
            raise DataError(
                f"the constraint {constraint} mixes metadata with measurements; name columns of one role, which "
                "metadata= and measurements= tell"
            )
    found = problem(constraint, columns)
    if found is not None:
        raise DataError(f"the constraint {constraint} can't be kept: {found}")


def check_kept(constraint: Constraint, slack: float, values: Values, samples: Samples) -> None:
    """Raise DataError where training data break a constraint."""
    broken = np.flatnonzero(~keeps(constraint, values, slack))
    if len(broken):
        _refuse(constraint, broken, values, samples)


def _refuse(constraint: Constraint, broken: np.ndarray[Any, Any], values: Values, samples: Samples) -> NoReturn:
    row, of_records = int(broken[0]), values.are_of_records(constraint.names)
    sample = int(values.sample[row]) if of_records else row
    place = f"sample {sample if samples.keys is None else samples.keys.iloc[sample]}"
    if of_records:
        place = f"record {row - int(samples.offsets[sample])} of {place}"
    total = samples.n_records if of_records else len(samples)
    what = "records" if of_records else "samples"
    raise DataError(
        f"{len(broken):,} of {total:,} {what} break the constraint {constraint}, the first of them {place} "
        f"({_said(constraint, values, row)}); correct or remove them, or leave the constraint out"
    )


def _said(constraint: Constraint, values: Values, row: int) -> str:
    return ", ".join(
        f"{name}={column.iloc[row]}"
        for name, column in zip(constraint.names, values.rows(constraint.names), strict=True)
    )


def is_kept(constraint: Constraint, samples: Samples) -> bool:
    """Return whether samples keep a constraint, so that a model can be fitted with it."""
    try:
        check_columns(constraint, samples.schema)
        values = Values(samples)
        check_kept(constraint, slack_of(constraint, values), values, samples)
    except DataError:
        return False
    return True


def check_given(constraint: Constraint, slack: float, values: Values) -> None:
    """Raise DataError where given metadata break a constraint."""
    broken = np.flatnonzero(~keeps(constraint, values, slack))
    if len(broken):
        row = int(broken[0])
        raise DataError(
            f"row {row} of the given metadata breaks the constraint {constraint} ({_said(constraint, values, row)}); "
            "give values that keep it"
        )


def check_all_given(step: Step, names: Collection[Label]) -> None:
    """Raise DataError where given metadata name a column without those that it follows from."""
    lacking = [name for name in (*step.derived, *step.bases) if name not in names]
    if lacking:
        given = next(name for name in step.derived if name in names)
        raise DataError(
            f"metadata gives column {given!r}, which a constraint ties to {', '.join(map(repr, lacking))}; give "
            f"{'this' if len(lacking) == 1 else 'these'} too, or leave {given!r} out"
        )
