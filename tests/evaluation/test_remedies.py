import json

import numpy as np
import pandas as pd
import pytest

from dgsynth import FixedCombinations, Inequality, Sequences, Sum
from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.constraints.grammar import parse
from dgsynth.evaluation import evaluate


def stocks():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"low": np.round(rng.normal(50, 5, 300), 2), "volume": np.round(rng.exponential(9, 300), 2)})
    frame["high"] = np.round(frame["low"] + rng.exponential(4, 300), 2)
    frame["close"] = frame["adj close"] = np.round(rng.normal(50, 5, 300), 2)
    frame["fee"] = np.round(rng.exponential(9, 300), 2)
    frame["sum"] = np.round(frame["volume"] + frame["fee"], 1)
    place = rng.integers(0, 6, 300)
    return frame.assign(ticker=np.array(list("abcdef"))[place], sector=np.array(list("xyz"))[place % 3])


@pytest.fixture(scope="module")
def report():
    real = stocks()
    shuffled = pd.DataFrame(
        {name: real[name].sample(frac=1, random_state=i, ignore_index=True) for i, name in enumerate(real)}
    )
    return evaluate(real, shuffled, costly=False)


def test_the_report_names_what_would_keep_the_relations_as_typed_in_python(report):
    typed = report.remedy[report.remedy.index("constraints=") :].removeprefix("constraints=").split(", or by the")[0]
    constraints = eval(typed, {"Inequality": Inequality, "Sum": Sum, "FixedCombinations": FixedCombinations})
    wanted = [
        Inequality("low", "high"),
        Sum("adj close", ["close"]),
        Sum("sum", ["volume", "fee"]),
        FixedCombinations(["ticker", "sector"]),
    ]
    assert set(wanted) <= set(constraints)
    assert FittedConstraints.fit(Sequences.from_any(stocks()), constraints).texts


def test_it_names_them_for_the_command_too(report):
    options = report.remedy.split("--constraint ")[1:]
    texts = {option.strip().strip("'") for option in options}
    assert {"low <= high", "'adj close' = close".replace("'", ""), "combination: ticker, sector"} <= texts
    assert {parse(text) for text in texts} >= {Inequality("low", "high"), Sum("adj close", ["close"])}


def test_it_is_in_every_form_of_the_report(report):
    assert "Synthetic records break what all real ones keep: close = adj close (" in str(report)
    assert json.loads(report.to_json())["remedy"] == report.remedy
    assert "--constraint" in report._repr_html_()


def test_there_is_none_where_all_is_kept():
    assert evaluate(stocks(), stocks(), costly=False).remedy == ""
