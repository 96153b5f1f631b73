import pytest

from dgsynth import FixedCombinations, Inequality, Monotonic, Range, Sum
from dgsynth.constraints.grammar import parse
from dgsynth.errors import DataError

WRITTEN = {
    "low <= high": Inequality("low", "high"),
    "high>low": Inequality("low", "high", strict=True),
    "unit price <= `a<b`": Inequality("unit price", "a<b"),
    "0 <= x <= 10": Range("x", 0, 10),
    "1.5e3 >= x": Range("x", None, 1500.0),
    "2024-03-01 10:00 <= start": Range("start", "2024-03-01 10:00", None),
    "total = a + b": Sum("total", ["a", "b"]),
    "a + b + c == total": Sum("total", ["a", "b", "c"]),
    "Adj Close = Close": Sum("Adj Close", ["Close"]),
    "combination: city, zip, state": FixedCombinations(["city", "zip", "state"]),
    "increasing: x": Monotonic("x"),
    "strictly decreasing: x": Monotonic("x", increasing=False, strict=True),
    "`2` <= `x: y`": Inequality("2", "x: y"),
}


@pytest.mark.parametrize(("text", "constraint"), WRITTEN.items())
def test_text_is_read(text, constraint):
    assert parse(text) == constraint


@pytest.mark.parametrize("constraint", WRITTEN.values(), ids=str)
def test_constraints_are_written_as_they_are_read(constraint):
    assert parse(str(constraint)) == constraint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a <",
        "a <= b <= c",
        "0 < x",
        "1 <= 2",
        "a + b = c + d",
        "rising: x",
        "increasing: x, y",
        "a `b` <= c",
        "` <= a",
    ],
)
def test_other_text_is_refused_with_the_grammar(text):
    with pytest.raises(DataError, match="can't be read; write one of: low <= high"):
        parse(text)
