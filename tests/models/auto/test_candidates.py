"""Which models are for which data."""

import numpy as np
import pandas as pd
import pytest

from dgsynth import Sequences
from dgsynth.models.auto.candidates import candidates_for

KIND = pd.DataFrame({"kind": ["a", "b"]})
BOTH = ["autoregressive", "doppelganger"]
ALL = [*BOTH, "doppelganger, autoregressive metadata"]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (Sequences.from_table(KIND), BOTH),
        (Sequences.from_arrays(np.zeros((2, 3, 1))), BOTH),
        (Sequences.from_arrays(np.zeros((2, 3, 1)), metadata=KIND), ALL),
        (Sequences.from_arrays([np.zeros((2, 1)), np.zeros((3, 1))]), ALL),
    ],
    ids=["plain table", "series alone", "series with metadata", "lengths that vary"],
)
def test_metadata_and_lengths_are_for_a_model_of_their_own(data, names):
    assert list(candidates_for(data.schema, {})) == names


def test_all_have_the_parameters_given():
    data = Sequences.from_arrays(np.zeros((2, 3, 1)), metadata=KIND)
    made = {name: make() for name, make in candidates_for(data.schema, {"random_state": 7}).items()}
    assert [model.random_state for model in made.values()] == [7, 7, 7]
    assert [getattr(model, "metadata_generator", None) for model in made.values()] == [None, "gan", "autoregressive"]
