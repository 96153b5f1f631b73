"""The constraints that would keep what all real records keep, and synthetic ones break."""

from __future__ import annotations

import shlex

import pandas as pd

from dgsynth.constraints.checking import is_kept
from dgsynth.constraints.declared import Constraint, FixedCombinations, Inequality, Sum
from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.relation_search import find_relations
from dgsynth.evaluation.relations import AtMost, Determines, Equal, Relation
from dgsynth.evaluation.relations import Sum as Added


def constraint_of(relation: Relation, real: Sequences) -> Constraint | None:
    """Return the constraint that keeps a relation of the real data; None where there is none."""
    found: Constraint
    match relation:
        case AtMost(lower, upper):
            found = Inequality(lower, upper)
        case Equal(first, second):
            found = Sum(second, (first,))
        case Added(total, first, second):
            found = Sum(total, (first, second))
        case Determines(column, determined):
            found = FixedCombinations((column, determined))
        case _:
            return None
    return found if is_kept(found, real) else None


def remedy(table: pd.DataFrame, real: Sequences) -> str:
    """Return which relations of the real data synthetic records break, and the constraints that would keep them.

    Parameters
    ----------
    table : DataFrame
        That of the comparisons; see `fidelity_table`.
    real : Sequences
        What the relations are of.

    Returns
    -------
    str
        Empty where all are kept, or none that are broken can be constraints.
    """
    rows = table[(table["family"] == "relations") & (table["value"] > 0)]
    if rows.empty:
        return ""
    shares = dict(zip(rows["column"], rows["value"], strict=True))
    broken = {str(relation): relation for relation in find_relations(real) if str(relation) in shares}
    found = {text: constraint_of(relation, real) for text, relation in broken.items()}
    constraints = [constraint for constraint in found.values() if constraint is not None]
    if not constraints:
        return ""
    said = ", ".join(f"{text} ({shares[text]:.1%})" for text, constraint in found.items() if constraint is not None)
    options = " ".join(f"--constraint {shlex.quote(str(constraint))}" for constraint in constraints)
    return (
        f"Synthetic records break what all real ones keep: {said}. Constraints keep it in every record: fit with "
        f"constraints={constraints!r}, or by the command with {options}"
    )
