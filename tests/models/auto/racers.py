"""Small candidates that are trained for two steps, callbacks that end or break a training, and scores by heart."""

import numpy as np
import pandas as pd

from dgsynth import AutoregressiveSynthesizer, DGSynthesizer
from dgsynth.training.callbacks import Callback

TABLE = pd.DataFrame({"kind": ["a", "b"] * 20, "size": np.random.default_rng(0).normal(size=40).round(2)})


class Stop(Callback):
    """Ends every training after some steps."""

    def __repr__(self) -> str:
        return "Stop()"  # the same in every process that collects the tests

    def __init__(self, step=2):
        self.step = step

    def on_step_end(self, trainer):
        trainer.stop = trainer.stop or trainer.step >= self.step


class Raise(Callback):
    """Raises an error in one of the trainings that it follows."""

    def __init__(self, error, training):
        self.error, self.training, self.begun = error, training, 0

    def on_fit_begin(self, trainer):
        self.begun += 1

    def on_step_end(self, trainer):
        if self.begun == self.training:
            raise self.error


def small_autoregressive(**parameters):
    return AutoregressiveSynthesizer(**{"units": 8, "lstm_units": 8, "n_jobs": 1, **parameters})


def small_doppelganger(**parameters):
    sizes = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (8,)}
    return DGSynthesizer(**{**sizes, "n_jobs": 1, **parameters})


def scores(*given):
    """Return what gives scores, alone or with a mean excess, one after another, and keeps what they are of."""
    left = list(given)

    def score(samples):
        score.of.append(samples)
        found = left.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found if isinstance(found, tuple) else (found, 1.0)

    score.of = []
    return score
