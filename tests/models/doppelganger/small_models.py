"""Homes with every kind of column, settings of small models, and how their training is interrupted."""

import numpy as np
import pandas as pd

from dgsynth.training.callbacks import Callback

SIZES = {"metadata_units": (16,), "lstm_units": 12, "discriminator_units": (24, 24), "batch_size": 16}
SMALL = {**SIZES, "metadata_generator": "gan"}  # what another model draws has tests of its own, and takes its time
KEYS = {"sequence_key": "home", "sequence_index": "time"}
PAGES = {"sequence_key": "page", "sequence_index": "date", **SMALL}


def homes(n=40, seed=0, max_length=7):
    """Return a long table with every kind of column, missing values and variable lengths."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, max_length + 1, n)
    home = np.repeat(np.arange(n), lengths)
    record = np.arange(len(home)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    metadata = pd.DataFrame(
        {
            "isp": pd.Categorical(random.choice(["b", "a", "c"], n), categories=["c", "b", "a", "z"]),
            "rooms": random.integers(1, 9, n),
            "owned": random.random(n) < 0.5,
            "income": np.where(random.random(n) < 0.2, np.nan, random.normal(50, 9, n).round(1)),
            "since": pd.Timestamp("2010-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 3000, n), "D"),
        }
    )
    table = metadata.loc[home].reset_index(drop=True)
    table.insert(0, "home", home + 100)
    table.insert(2, "time", pd.Timestamp("2021-01-01") + pd.to_timedelta(record * 6, "h"))
    table["bytes"] = random.lognormal(9, 2, len(home)).astype("int64")
    table["loss"] = np.where(random.random(len(home)) < 0.3, np.nan, random.random(len(home)).round(3))
    table["state"] = pd.Series(random.choice(["up", "down"], len(home))).astype("string")
    return table


class Interrupt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            raise KeyboardInterrupt
