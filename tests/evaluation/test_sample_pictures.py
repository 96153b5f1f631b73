"""Real beside synthetic samples in one figure."""

import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError

pytest.importorskip("matplotlib")


def titles(figure):
    return [part.get_suptitle() for part in figure.subfigs]


@pytest.fixture(scope="module")
def beside():
    from dgsynth.evaluation.sample_pictures import beside

    return beside


def test_series_are_shown_with_values_lengths_and_metadata(beside, tasks, traffic):
    figure = beside(tasks(0), tasks(1), 2)
    expected = ["cpu_rate: some series", "cpu_rate: values of all records"]
    assert titles(figure)[:2] == expected and "Lengths" in titles(figure) and "end_event" in titles(figure)
    assert len(figure.subfigs[0].axes) == 4
    assert "Lengths" not in titles(beside(traffic(0), traffic(1), 2))


def test_columns_are_chosen(beside, tasks, traffic):
    assert titles(beside(traffic(0), traffic(1), 2, ["agent", "access"])) == ["agent", "access"]
    table = Sequences.from_any(traffic(0).to_table())
    assert titles(beside(table, table, 2)) == ["domain", "access", "agent"]


@pytest.mark.parametrize("name, text", [("cost", "no column 'cost'"), ("page", "leave it out of columns")])
def test_columns_without_values_are_refused(beside, traffic, name, text):
    with pytest.raises(DataError, match=text):
        beside(traffic(0), traffic(1), 2, [name])
