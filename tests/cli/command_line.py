"""Arguments that many tests of the command give, and the form that its errors have."""

from __future__ import annotations

LONG = ["--sequence-key", "page", "--sequence-index", "date"]
BRIEF = ["--model", "doppelganger", "--max-steps", "3", "--batch-size", "10", "--random-state", "0", "--quiet"]


def one_line(err: str) -> str:
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err
