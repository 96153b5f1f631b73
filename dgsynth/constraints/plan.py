"""Which constraints are kept by a transform, and by which: each column gives way once, and none in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from dgsynth.constraints.bounds import Bound
from dgsynth.constraints.declared import Constraint, FixedCombinations, Inequality, Monotonic, Sum
from dgsynth.constraints.joint import Joint
from dgsynth.constraints.numbers import scale_of
from dgsynth.constraints.running import Running
from dgsynth.constraints.steps import Step
from dgsynth.constraints.totals import Total
from dgsynth.constraints.values import Values
from dgsynth.data.column import Label
from dgsynth.data.schema import Schema


def planned(constraints: Sequence[Constraint], schema: Schema, values: Values) -> tuple[Step, ...]:
    """Return the steps that keep as many of the constraints as can be, in an order in which bases are restored first.

    What they don't keep is for rejection. Combinations that share columns become one; of the others those come first
    that leave the least choice: sums, what is monotonic, inequalities.
    """
    plan = _Plan(schema)
    steps: list[Step] = []
    for names in _groups(constraints):
        if plan.can_derive(names, ()):
            plan.bases |= dict.fromkeys(names, ())
            steps.append(Joint.fit([schema.column(name) for name in names], values))
    for constraint in constraints:
        if isinstance(constraint, Sum):
            steps += _total(constraint, plan, values)
    for constraint in constraints:
        if isinstance(constraint, Monotonic) and plan.can_derive(constraint.names, ()):
            column = schema.column(constraint.column)
            scale = scale_of([column])
            if scale is not None:
                plan.bases[column.name] = ()
                steps.append(Running.fit(column, constraint.increasing, constraint.strict, scale, values))
    limits: dict[Label, _Limits] = {}
    for constraint in constraints:
        if isinstance(constraint, Inequality):
            _limit(constraint, plan, limits)
    for name, of_column in limits.items():
        scale = scale_of(schema.column(column) for column in (name, *of_column.bases))
        assert scale is not None, "it was checked"
        strict, others = zip(*of_column.bases.values(), strict=True)
        column, bases = schema.column(name), tuple(of_column.bases)
        steps.append(Bound.fit(column, bases, strict, others, of_column.is_upper, scale, values))
    return tuple(_in_order(steps))


@dataclass
class _Limits:
    """What a column is at least, or at most: by each base whether it may not be reached, and lies on the other side."""

    is_upper: bool
    bases: dict[Label, tuple[bool, bool]] = field(default_factory=dict)


@dataclass
class _Plan:
    """Which columns give way, and to what bases."""

    schema: Schema
    bases: dict[Label, tuple[Label, ...]] = field(default_factory=dict)

    def can_derive(self, names: Sequence[Label], bases: Sequence[Label]) -> bool:
        """Return whether columns that have not given way may, in favour of what follows from none of them."""
        return not any(name in self.bases for name in names) and self.can_follow(names, bases)

    def can_follow(self, names: Sequence[Label], bases: Sequence[Label]) -> bool:
        """Return whether columns of one role may be derived from bases: those of samples not from records."""
        metadata, measurements = set(self.schema.metadata_names), set(self.schema.measurement_names)
        if not (measurements.issuperset(names) or (metadata.issuperset(names) and metadata.issuperset(bases))):
            return False
        return not any(self._depends(base, set(names)) for base in bases)

    def _depends(self, name: Label, on: set[Label]) -> bool:
        return name in on or any(self._depends(base, on) for base in self.bases.get(name, ()))


def _groups(constraints: Sequence[Constraint]) -> list[list[Label]]:
    """Return the columns of all combinations, those that share columns together."""
    groups: list[list[Label]] = []
    for constraint in constraints:
        if isinstance(constraint, FixedCombinations):
            shared = [group for group in groups if set(group) & set(constraint.columns)]
            joined = dict.fromkeys(name for group in [*shared, constraint.columns] for name in group)
            groups = [group for group in groups if group not in shared] + [list(joined)]
    return groups


def _total(constraint: Sum, plan: _Plan, values: Values) -> Iterator[Step]:
    """Yield the step for a sum, if there is one: the total follows from its parts, or one part from all the rest."""
    columns = [plan.schema.column(name) for name in constraint.names]
    scale = scale_of(columns)
    if scale is None and not (len(columns) == 2 and all(column.has_categories for column in columns)):
        return
    for name in (constraint.total, *reversed(constraint.parts)):
        others = [other for other in constraint.names if other != name]
        left = set(plan.schema.measurement_names) - {name, *plan.bases}
        if not plan.can_derive([name], others) or (name in plan.schema.measurement_names and not left):
            continue
        signs = {other: 1 if name == constraint.total or other == constraint.total else -1 for other in others}
        plan.bases[name] = tuple(others)
        yield Total.fit(plan.schema.column(name), signs, scale, values)
        return


def _limit(constraint: Inequality, plan: _Plan, limits: dict[Label, _Limits]) -> None:
    """Note what keeps an inequality: the higher column follows from the lower one, or that from this.

    At last a column that follows from what lies below it is cut off at what lies above, or the other way round.
    """
    sides = ((constraint.high, constraint.low, False), (constraint.low, constraint.high, True))
    for may_limit in (False, True):
        for name, base, is_upper in sides:
            known = limits.get(name)
            bases = (*(known.bases if known else ()), base)
            if known and known.bases.get(base, (False, known.is_upper != is_upper))[1] != (known.is_upper != is_upper):
                continue  # it lies on the one side and on the other
            if known is None:
                fits = not may_limit and plan.can_derive([name], bases)
            else:
                fits = (known.is_upper != is_upper) == may_limit and plan.can_follow([name], bases)
            if not fits or scale_of(plan.schema.column(column) for column in (name, *bases)) is None:
                continue
            of_column = limits.setdefault(name, _Limits(is_upper))
            was_strict, _ = of_column.bases.get(base, (False, False))
            of_column.bases[base] = was_strict or constraint.strict, of_column.is_upper != is_upper
            plan.bases[name] = tuple(of_column.bases)
            return


def _in_order(steps: Sequence[Step]) -> Iterator[Step]:
    by_name = {name: step for step in steps for name in step.derived}
    graph = {i: [steps.index(by_name[base]) for base in step.bases if base in by_name] for i, step in enumerate(steps)}
    return (steps[i] for i in TopologicalSorter(graph).static_order())
