import json

import numpy as np
import pandas as pd
import pytest

from dgsynth import FixedCombinations, Inequality, Monotonic, Range, Sum
from dgsynth.constraints import Constraint
from dgsynth.errors import DataError

ALL = [
    Inequality("low", "high"),
    Inequality(0, 1, strict=True),
    FixedCombinations(["city", "zip"]),
    Range("x", 0, None),
    Range("t", pd.Timestamp("2024-03-01", tz="UTC"), "2024-04-01"),
    Monotonic("x", increasing=False),
    Sum("total", np.array(["a", "b"])),
]


@pytest.mark.parametrize("constraint", ALL, ids=str)
def test_constraints_come_back_from_plain_values(constraint):
    assert Constraint.from_dict(json.loads(json.dumps(constraint.to_dict()))) == constraint


@pytest.mark.parametrize("constraint", ALL, ids=str)
def test_constraints_come_back_from_what_they_are_typed_as(constraint):
    assert eval(repr(constraint)) == constraint


def test_defaults_are_not_typed():
    assert repr(Inequality("low", "high")) == "Inequality('low', 'high')"
    assert repr(Monotonic("x", strict=True)) == "Monotonic('x', strict=True)"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Inequality("a", "a"), "names column 'a' twice"),
        (lambda: Inequality("a", "b", "yes"), "strict of Inequality must be True or False"),
        (lambda: FixedCombinations("ab"), "needs a list of 2 or more columns"),
        (lambda: Sum("a", []), "needs a list of 1 or more columns"),
        (lambda: Range("a", None, None), "neither low nor high"),
        (lambda: Range("a", float("nan"), 1), "low of Range must be a number, a date or None"),
        (lambda: Range("a", 0, "tomorrow or so"), "high of Range must be a number, a date or None"),
        (lambda: Inequality(1.5, "b"), "column labels must be text or integers"),
    ],
)
def test_what_is_no_constraint_is_refused(make, said):
    with pytest.raises(DataError, match=said):
        make()


@pytest.mark.parametrize("plain", [None, [], {"kind": "Constraint"}, {"kind": "Range", "column": "x"}, {"kind": []}])
def test_malformed_descriptions_are_refused(plain):
    with pytest.raises(DataError, match="a constraint can't be"):
        Constraint.from_dict(plain)
