"""The constraints of a model once it is fitted: the transform that keeps them, and what is left to rejection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.constraints.bounds import Bound
from dgsynth.constraints.checking import as_constraints, check_all_given, check_columns, check_given, check_kept
from dgsynth.constraints.declared import Constraint, FixedCombinations, Inequality, Range, Sum
from dgsynth.constraints.filed import step_from_dict
from dgsynth.constraints.joint import Joint
from dgsynth.constraints.keeping import keeps, slack_of
from dgsynth.constraints.numbers import Bools
from dgsynth.constraints.plan import planned
from dgsynth.constraints.running import Running
from dgsynth.constraints.steps import Step
from dgsynth.constraints.totals import Total
from dgsynth.constraints.values import Values
from dgsynth.data.column import Column, Label, short
from dgsynth.data.inference import infer_column
from dgsynth.data.parts import frame_of
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError

Made = dict[Label, tuple["pd.Series[Any]", bool]]
"""Columns that are learned in the place of others, each with whether its numbers are categories."""


@dataclass(frozen=True, eq=False)
class FittedConstraints:
    """Constraints, the schema of the table that keeps them, and the steps to what a model learns in its place.

    Attributes
    ----------
    declared : tuple of Constraint
    schema : Schema
        As users see it.
    steps : tuple of Step
        In an order in which what is derived comes after its bases.
    slacks : tuple of float
        By how much each sum may be off; 0 for other constraints.
    """

    declared: tuple[Constraint, ...]
    schema: Schema
    steps: tuple[Step, ...]
    slacks: tuple[float, ...]

    @classmethod
    def fit(cls, sequences: Sequences, constraints: Iterable[Constraint | str]) -> FittedConstraints:
        """Return what keeps constraints in samples like these.

        Parameters
        ----------
        sequences : Sequences
        constraints : iterable of Constraint or str
            Text as the command takes it.

        Raises
        ------
        DataError
            A constraint names no column, or one of another kind; or the data break it.
        """
        declared, schema = as_constraints(constraints), sequences.schema
        for constraint in declared:
            check_columns(constraint, schema)
        values = Values(sequences)
        slacks = tuple(slack_of(constraint, values) for constraint in declared)
        for constraint, slack in zip(declared, slacks, strict=True):
            check_kept(constraint, slack, values, sequences)
        return cls(declared, schema, _with_free_names(planned(declared, schema, values), schema), slacks)

    def check(self, sequences: Sequences) -> None:
        """Raise DataError where samples break a constraint."""
        values = Values(sequences)
        for constraint, slack in zip(self.declared, self.slacks, strict=True):
            check_kept(constraint, slack, values, sequences)

    def forward(self, sequences: Sequences, *, unknown: bool = False) -> Sequences:
        """Return samples as a model learns them; with `unknown` those with missing values to be drawn."""
        values = Values(sequences)
        made: Made = {}
        for step in self.steps:
            for name, column in zip(_all_names(step), step.forward(values, unknown=unknown), strict=True):
                made[name] = column, step.is_counted and name in step.names
        parts = [
            self._part(names, made, rows, getattr(sequences, role), getattr(sequences.schema, role))
            for role, names, rows in zip(
                ("metadata", "measurements"), self._inner_names(), (len(sequences), sequences.n_records), strict=True
            )
        ]
        (metadata, described), (measurements, measured) = parts
        schema = replace(sequences.schema, metadata=described, measurements=measured)
        return Sequences(metadata, measurements, sequences.lengths, sequences.timestamps, schema, sequences.keys)

    def backward(self, sequences: Sequences) -> Sequences:
        """Return samples that a model has made as users see them."""
        values, learned = Values(sequences), Values(sequences)
        for step in self.steps:
            made = [learned.get(name, of_records=step.of_records) for name in step.inner]
            if step.first_name is not None:
                made.append(learned.get(step.first_name, of_records=False))
            for name, column in step.backward(made, values).items():
                values.put(name, column, of_records=step.of_records)
        return self._samples(values, sequences)

    def kept(self, sequences: Sequences) -> Bools:
        """Return of each sample, bool of shape (n,), whether all its records keep all constraints."""
        return np.logical_and.reduce([kept for _, kept in self.each_kept(sequences)])

    def each_kept(self, sequences: Sequences) -> Iterator[tuple[Constraint, Bools]]:
        """Yield each constraint with which samples keep it."""
        values = Values(sequences)
        joint = {name: step for step in self.steps if isinstance(step, Joint) for name in step.derived}
        for constraint, slack in zip(self.declared, self.slacks, strict=True):
            of_records = values.are_of_records(constraint.names)
            is_joint = isinstance(constraint, FixedCombinations)
            rows = joint[constraint.names[0]].has(values) if is_joint else keeps(constraint, values, slack)
            kept = np.ones(len(sequences), dtype=bool)
            kept[values.sample[~rows] if of_records else ~rows] = False
            yield constraint, kept

    def can_make(self, sequences: Sequences) -> Bools:
        """Return of each sample whether it keeps all constraints, and is missing no value that would be made."""
        again, can = Values(self.backward(self.forward(sequences))), self.kept(sequences)
        values = Values(sequences)
        for step in self.steps:
            for name in step.derived:
                found = (each.get(name, of_records=step.of_records).isna().to_numpy() for each in (again, values))
                differs = np.not_equal(*found)
                can[values.sample[differs] if step.of_records else differs] = False
        return can

    def completed(self, made: Sequences, known: Sequences) -> Sequences:
        """Return samples whose missing values were drawn, as users see them, with all that was known put back.

        Parameters
        ----------
        made : Sequences
            As a model makes them.
        known : Sequences
            As users see them; of each sample the first records.
        """
        values, given = Values(self.backward(made)), Values(known)
        is_first = np.arange(made.n_records) - made.offsets[:-1][values.sample] < known.lengths[values.sample]
        of_samples = {
            name: _put_back(values.of_samples[name], given.of_samples[name]) for name in known.schema.metadata_names
        }
        for name in known.schema.measurement_names:
            spread = given.of_records[name].set_axis(np.flatnonzero(is_first)).reindex(np.arange(made.n_records))
            given.of_records[name] = spread
            values.of_records[name] = _put_back(values.of_records[name], spread)
        values.of_samples, given.sample = of_samples, values.sample
        columns = {column.name: column for column in (*self.schema.metadata, *self.schema.measurements)}
        for step in self.steps:
            step.repair(values, given, columns)
        return self._samples(values, made)

    def check_free_times(self) -> None:
        """Raise DataError where a constraint names the sequence_index: samples can't be moved to other times then."""
        index = self.schema.sequence_index
        for constraint in self.declared:
            if index is not None and index.name in constraint.names:
                raise DataError(
                    f"start and step move column {index.name!r}, which the constraint {constraint} ties to others; "
                    "leave them out, or fit without it"
                )

    def put_given(self, samples: Sequences, given: pd.DataFrame) -> Sequences:
        """Return samples with the given values of derived metadata as they were given; others have them already."""
        metadata = samples.metadata.copy()
        for step in self.steps:
            for name in set(step.derived).intersection(given.columns):
                metadata[name] = given[name].array
        return replace(samples, metadata=metadata)

    def given(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return given metadata as a model learns them.

        Parameters
        ----------
        frame : DataFrame
            Some of the metadata columns, with their dtypes.

        Raises
        ------
        DataError
            They break a constraint, or name a column that follows from others that they do not name.
        """
        values, names = _RowsOf(frame), set(frame.columns)
        for constraint, slack in zip(self.declared, self.slacks, strict=True):
            if names.issuperset(constraint.names):
                check_given(constraint, slack, values)
        for step in self.steps:
            if step.of_records or names.isdisjoint(step.derived):
                continue
            check_all_given(step, names)
            if isinstance(step, Joint) and not step.has(values).all():
                row, columns = int(np.flatnonzero(~step.has(values))[0]), ", ".join(map(repr, step.derived))
                raise DataError(
                    f"row {row} of the given metadata has a combination of {columns} that the training data do not "
                    "have; give one that they have"
                )
            frame = frame.drop(columns=list(step.derived))
            for name, column in zip(step.inner, step.forward(values), strict=True):
                frame[name] = column.set_axis(frame.index)
        return frame

    @property
    def texts(self) -> list[str]:
        """Each constraint with how it is kept."""
        derived = {name: step for step in self.steps for name in step.derived}
        return [f"{constraint} ({_how(constraint, derived)})" for constraint in self.declared]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values that JSON can hold."""
        return {
            "declared": [constraint.to_dict() for constraint in self.declared],
            "schema": self.schema.to_dict(),
            "steps": [step.to_dict() for step in self.steps],
            "slacks": list(self.slacks),
        }

    @classmethod
    def from_dict(cls, plain: Any, learned: Schema) -> FittedConstraints:
        """Return the constraints that `to_dict` described, of a model that has learned the columns of `learned`.

        Raises
        ------
        DataError
            An entry is missing, unknown, of the wrong type or contradicts another.
        """
        if not isinstance(plain, dict) or plain.keys() != {"declared", "schema", "steps", "slacks"}:
            raise DataError(f"the description of constraints can't be {short(plain)}")
        if any(not isinstance(plain[name], list) for name in ("declared", "steps", "slacks")):
            raise DataError("the description of constraints must be made of lists")
        schema = Schema.from_dict(plain["schema"])
        declared = tuple(map(Constraint.from_dict, plain["declared"]))
        for constraint in declared:
            check_columns(constraint, schema)
        slacks = plain["slacks"]
        if len(slacks) != len(declared) or any(type(slack) is not float or not 0 <= slack < np.inf for slack in slacks):
            raise DataError(f"the slacks of constraints can't be {short(slacks)}")
        steps = tuple(step_from_dict(step, schema) for step in plain["steps"])
        fitted = cls(declared, schema, steps, tuple(slacks))
        if fitted._inner_names() != (learned.metadata_names, learned.measurement_names):
            raise DataError("the steps of the constraints do not lead to the columns that were learned")
        return fitted

    def _inner_names(self) -> tuple[list[Label], list[Label]]:
        """Return the names of what is learned, of samples and of records: those derived give way in their place."""
        places = {step.derived[0]: step for step in self.steps}
        gone = {name for step in self.steps for name in step.derived[1:]}
        found = []
        for names in (self.schema.metadata_names, self.schema.measurement_names):
            inner: list[Label] = []
            for name in names:
                inner += () if name in gone else places[name].inner if name in places else (name,)
            found.append(inner)
        found[0] += [step.first_name for step in self.steps if step.first_name is not None]
        return found[0], found[1]

    @staticmethod
    def _part(
        names: Sequence[Label], made: Made, rows: int, kept: pd.DataFrame, known: Sequence[Column]
    ) -> tuple[pd.DataFrame, tuple[Column, ...]]:
        """Return the columns of those names, and what is known of them."""
        by_name = {column.name: column for column in known}
        frame = frame_of({name: made[name][0] if name in made else kept[name] for name in names}, rows)
        return frame, tuple(
            infer_column(made[name][0], name, categorical=made[name][1]) if name in made else by_name[name]
            for name in names
        )

    def _samples(self, values: Values, sequences: Sequences) -> Sequences:
        metadata = frame_of({name: values.of_samples[name] for name in self.schema.metadata_names}, len(sequences))
        measured = {name: values.of_records[name] for name in self.schema.measurement_names}
        measurements = frame_of(measured, sequences.n_records)
        return Sequences(metadata, measurements, sequences.lengths, sequences.timestamps, self.schema, sequences.keys)


class _RowsOf(Values):
    """The columns of given metadata."""

    def __init__(self, frame: pd.DataFrame) -> None:
        rows = frame.reset_index(drop=True)
        self.of_samples, self.of_records = dict(rows.items()), {}  # type: ignore[arg-type]
        self.n_samples, self.sample = len(rows), np.zeros(0, dtype=np.int64)


def _how(constraint: Constraint, derived: Mapping[Label, Step]) -> str:
    """Return by what a constraint is kept."""
    own = [derived.get(name) for name in constraint.names]
    if isinstance(constraint, Range):
        return "by the range that is learned" if own == [None] else "by rejection"
    if isinstance(constraint, Inequality):
        sides = _limits(own[1], constraint.low, False), _limits(own[0], constraint.high, True)
        is_kept = False in sides
        if not is_kept and True in sides:
            return "by a transform, and by rejection where columns contradict each other"
    elif isinstance(constraint, Sum):
        is_kept = any(isinstance(step, Total) and {*step.derived, *step.bases} == {*constraint.names} for step in own)
    else:
        is_kept = isinstance(own[0], Joint | Running)
    return "by a transform" if is_kept else "by rejection"


def _limits(step: Step | None, base: Label, is_upper: bool) -> bool | None:
    """Return whether a column is only cut off at a base on that side; None where the base is none of it."""
    if not isinstance(step, Bound) or base not in step.bases:
        return None
    limits_it = step.limits[step.bases.index(base)]
    return limits_it if (step.is_upper is is_upper) != limits_it else None


def _put_back(values: pd.Series[Any], known: pd.Series[Any]) -> pd.Series[Any]:
    """Return values with those that are known in their place."""
    is_known = known.notna().to_numpy()
    both = np.where(is_known, known.astype(object).to_numpy(), values.astype(object).to_numpy())
    return pd.Series(both, dtype=object).astype(values.dtype)


def _with_free_names(steps: Sequence[Step], schema: Schema) -> tuple[Step, ...]:
    """Return the steps with names that no column of the table has."""
    taken = {column.name for column in schema.columns}
    found = []
    for step in steps:
        changed: dict[str, Any] = {"names": tuple(_free(name, taken) for name in step.names)}
        if step.first_name is not None:
            changed["first"] = _free(step.first_name, taken)
        found.append(replace(step, **changed))
    return tuple(found)


def _free(name: str, taken: set[Label]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _all_names(step: Step) -> tuple[Label, ...]:
    return step.inner + (() if step.first_name is None else (step.first_name,))
