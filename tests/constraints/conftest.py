import json

import numpy as np
import pandas as pd
import pytest

from dgsynth import Sequences
from dgsynth.constraints.fitted import FittedConstraints


def mixed(samples: Sequences, seed: int = 0) -> Sequences:
    """Return samples with each column shuffled by itself, as of a model that has learned nothing of how they go on."""
    rng = np.random.default_rng(seed)

    def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
        columns = {name: frame[name].take(rng.permutation(len(frame))).reset_index(drop=True) for name in frame}
        return pd.DataFrame(columns, index=frame.index, columns=frame.columns)

    metadata, measurements = shuffled(samples.metadata), shuffled(samples.measurements)
    return Sequences(metadata, measurements, samples.lengths, samples.timestamps, samples.schema)


@pytest.fixture
def round_trip():
    """Return what fits constraints, checks that data come back as they were, and makes samples of shuffled columns."""

    def check(frame, constraints, *, exact=True, **reading):
        samples = Sequences.from_any(frame, **reading)
        fitted = FittedConstraints.fit(samples, constraints)
        learned = fitted.forward(samples)
        fitted = FittedConstraints.from_dict(json.loads(json.dumps(fitted.to_dict())), learned.schema)
        back = fitted.backward(learned)
        for part in ("metadata", "measurements"):
            tolerance = 0 if exact else 1e-12
            pd.testing.assert_frame_equal(getattr(back, part), getattr(samples, part), rtol=tolerance, atol=tolerance)
        assert fitted.can_make(samples).all()
        made = fitted.backward(mixed(learned))
        assert made.metadata.dtypes.equals(samples.metadata.dtypes)
        assert made.measurements.dtypes.equals(samples.measurements.dtypes)
        return fitted, learned, made

    return check
