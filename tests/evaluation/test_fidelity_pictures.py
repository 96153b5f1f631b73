"""What a fidelity report can be asked to show."""

import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.evaluation import evaluate

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def report(tasks):
    return evaluate(tasks(0), tasks(1), costly=False)


@pytest.fixture(scope="module")
def report_of_table(traffic):
    return evaluate(*(Sequences.from_any(traffic(seed).to_table()) for seed in (0, 1)), costly=False)


def titles(figure):
    return [part.get_suptitle() for part in figure.subfigs]


def test_a_kind_is_shown_for_each_column(report):
    expected = ["cpu_rate: mean autocorrelation", "canonical_memory_usage: mean autocorrelation"]
    assert titles(report.plot("autocorrelation")) == expected


def test_a_column_is_shown_with_all_that_is_about_it(report):
    shown = titles(report.plot("cpu_rate"))
    assert {"cpu_rate: some series", "cpu_rate: values of all records"} <= set(shown)
    assert "Correlation of cpu_rate and canonical_memory_usage" in shown
    assert not any("canonical_memory_usage: " in title for title in shown)


def test_a_family_of_the_table_is_shown(report):
    assert titles(report.plot("timestamps"))[:2] == ["time: starts of the samples", "time: time to the next record"]


def test_the_overview_has_some_of_each_kind(report, report_of_table):
    shown = titles(report.plot())
    assert shown[:4] == [
        "cpu_rate: some series",
        "Lengths",
        "cpu_rate: values of all records",
        "cpu_rate: mean autocorrelation",
    ]
    assert len(shown) == 6
    assert titles(report_of_table.plot()) == ["domain", "access", "agent"]


def test_what_can_be_shown_is_listed(report):
    with pytest.raises(DataError, match=r"no picture 'rhythm' .*'autocorrelation'.*or a column: 'cpu_rate'"):
        report.plot("rhythm")
