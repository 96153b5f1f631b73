"""The models to choose from: those that can learn data of a kind, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dgsynth.data.schema import Schema
from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.models.synthesizer import Synthesizer

Make = Callable[..., Synthesizer]
"""Makes a model that has learned nothing yet, with other parameters where they are given."""


def candidates_for(schema: Schema, parameters: Mapping[str, Any]) -> dict[str, Make]:
    """Return the models that can learn such data, with what their defaults choose by the data, but for what is given.

    The first is the one to take where they can't be compared: it learns tables too, and it ends by itself, which leaves
    its time to the others.

    Parameters
    ----------
    schema : Schema
    parameters : mapping of str to value
        Of all of them.
    """
    found: dict[str, Make] = {
        "autoregressive": partial(AutoregressiveSynthesizer, **parameters),
        "doppelganger": partial(DGSynthesizer, metadata_generator="gan", **parameters),
    }
    if schema.measurements and (schema.metadata or not schema.fixed_length):
        name = "doppelganger, autoregressive metadata"
        found[name] = partial(DGSynthesizer, metadata_generator="autoregressive", **parameters)
    return found
