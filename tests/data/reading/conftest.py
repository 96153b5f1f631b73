from __future__ import annotations

import pytest

from dgsynth.data import read_table


@pytest.fixture
def read(tmp_path):
    """Return a function that reads text as a CSV file."""

    def read(text, written="utf-8", **options):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode(written))
        return read_table(path, **options)

    return read
