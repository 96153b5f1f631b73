"""Models of every kind of column that took no time to train."""

import pytest
from known_tables import KEYS, SMALL, homes

from dgsynth import AutoregressiveSynthesizer


@pytest.fixture(scope="module")
def homes_model():
    return AutoregressiveSynthesizer(max_steps=6, **KEYS, **SMALL).fit(homes())


@pytest.fixture(scope="module")
def irregular_model():
    return AutoregressiveSynthesizer(max_steps=6, relative=True, **KEYS, **SMALL).fit(homes(regular=False))
