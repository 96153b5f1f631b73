"""Tables whose truth is known, small layouts with tokens for them, and settings with which training takes no time."""

import numpy as np
import pandas as pd
import torch

from dgsynth.models.autoregressive.cells import Cells
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout
from dgsynth.models.autoregressive.network import AutoregressiveNetwork, NetworkConfig
from dgsynth.models.autoregressive.row_network import IMPOSSIBLE
from dgsynth.models.autoregressive.tokens import Token, tokens_of
from dgsynth.training.callbacks import Callback

SMALL = {"units": 8, "lstm_units": 8, "random_state": 0}
KEYS = {"sequence_key": "home", "sequence_index": "time"}
CHAIN = {"sequence_key": "key", "sequence_index": "day"}
SIZES = NetworkConfig(embedding_dim=4, metadata_units=8, record_units=8, lstm_units=6, summary_units=5, position_dim=3)

P_Z = {("a", "p"): 0.9, ("a", "q"): 0.1, ("b", "p"): 0.1, ("b", "q"): 0.9, ("b", "r"): 0.5, ("a", "r"): 0.5}
P_Y = {"a": (0.5, 0.5, 0.0), "b": (0.1, 0.3, 0.6)}
TO_OTHER = {"on": 0.3, "off": 0.1}
"""Of a chain: how likely the next state is the other one."""


class Interrupt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            raise KeyboardInterrupt


def joint():
    """Return the probabilities of three columns x, y and z, of which any two depend on each other given the third.

    The combination of x = a and y = r never occurs.
    """
    rows = {
        (x, y, z): {"a": 0.6, "b": 0.4}[x] * P_Y[x]["pqr".index(y)] * (P_Z[x, y] if z == "hi" else 1 - P_Z[x, y])
        for x in "ab"
        for y in "pqr"
        for z in ("hi", "lo")
    }
    return pd.Series(rows).rename_axis(["x", "y", "z"])


def joint_rows(n=6000, seed=0):
    """Return rows drawn from `joint`."""
    truth = joint()
    return (
        truth.index.to_frame(index=False)
        .iloc[np.random.default_rng(seed).choice(12, n, p=truth)]
        .reset_index(drop=True)
    )


def distance(found, truth):
    """Return the total variation of frequencies from probabilities: the most that any event differs by."""
    return found.sub(truth, fill_value=0).abs().sum() / 2


def chains(n=400, seed=0):
    """Return two-state Markov chains on successive days, of 2 or 3 records if `kind` is short, of 8 to 10 if long.

    `level` is 0, 1 or 2 where the state is off, and 10, 11 or 12 where it is on.
    """
    rng = np.random.default_rng(seed)
    is_long = rng.random(n) < 0.5
    lengths = np.where(is_long, rng.integers(8, 11, n), rng.integers(2, 4, n))
    key = np.repeat(np.arange(n), lengths)
    step = np.arange(len(key)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    is_on = rng.random(len(key)) < 0.5
    for i in np.flatnonzero(step):
        changes = rng.random() < TO_OTHER["on" if is_on[i - 1] else "off"]
        is_on[i] = is_on[i - 1] != changes
    return pd.DataFrame(
        {
            "key": key,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(step, "D"),
            "kind": np.where(is_long, "long", "short")[key],
            "state": np.where(is_on, "on", "off"),
            "level": 10 * is_on + rng.integers(0, 3, len(key)),
        }
    )


def homes(n=60, seed=0, regular=True, bins=True):
    """Return a long table with every kind of column, missing values and lengths from 1 to 5.

    All values recur, so that each has a cell of its own, but for those of `bytes`, which `bins` leaves out or not.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, n)
    lengths[:2] = 1, 5
    home = np.repeat(np.arange(n), lengths)
    first = np.cumsum(lengths) - lengths
    hours = np.ones(len(home)) if regular else rng.integers(1, 4, len(home))
    elapsed = np.cumsum(hours) - np.repeat(np.cumsum(hours)[first], lengths)
    start = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 4, n), "D")
    metadata = pd.DataFrame(
        {
            "isp": pd.Categorical(rng.choice(["b", "a", "c"], n), categories=["c", "b", "a", "z"], ordered=True),
            "owned": rng.random(n) < 0.5,
            "income": np.where(rng.random(n) < 0.2, np.nan, rng.integers(1, 4, n) * 1.5),
            "since": pd.Timestamp("2010-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 5, n) * 300, "D"),
        }
    )
    table = metadata.loc[home].reset_index(drop=True)
    table.insert(0, "home", home + 100)
    table.insert(2, "time", start[home] + pd.to_timedelta(elapsed, "h"))
    table["rooms"] = rng.integers(1, 9, len(home))
    table["state"] = pd.Series(rng.choice(["up", "down", None], len(home))).astype("string")
    if bins:
        table["bytes"] = rng.lognormal(9, 2, len(home))
    return table


def wide_column(nullable=False):
    """Return the tokens of a column of 200 cells: a coarse one and a fine one."""
    return tokens_of(Cells.fit(np.repeat(np.arange(200.0), 10)), nullable)


def layout(*, metadata=True, has_ends=True, max_length=5, lengths=False):
    """Return two columns of metadata, one of them with a fine token, and records of two columns.

    With `lengths` one more column says how long a sample is.
    """
    ends = [(Token(2, n_positions=max_length),)] if has_ends else []
    record = (*ends, (Token(3),), (Token(4, True), Token(3, True, (3, 1, 2, 3))))
    of_sample = ((Token(3),), (Token(3, True), Token(2, True, (2, 1, 2)))) if metadata else ()
    of_length = ((Token(max_length, True),),) if lengths else ()
    return TokenLayout((*of_sample, *of_length), record, max_length, has_ends, int(lengths))


def drawn_tokens(columns, n, rng):
    """Return rows of tokens that the columns can have, int32 of shape (n, K)."""
    found = []
    for column in columns:
        found.append(rng.integers(0, column[0].size, n))
        if len(column) > 1:
            found.append(rng.integers(0, np.array(column[1].widths)[found[-1]]))
    return torch.tensor(np.array(found).T.reshape(n, -1), dtype=torch.int32)


def drawn_batch(of, lengths, seed=0):
    """Return samples of a layout with tokens drawn at random."""
    rng = np.random.default_rng(seed)
    measured = of.record[int(of.has_ends) :]
    metadata, records = drawn_tokens(of.metadata, len(lengths), rng), drawn_tokens(measured, sum(lengths), rng)
    return TokenBatch(metadata, records, torch.tensor(lengths))


@torch.no_grad()
def shaken(network, seed=0, by=0.3):
    """Return the network with every weight moved at random, so that no output is like another."""
    random = torch.Generator().manual_seed(seed)
    for weight in network.parameters():
        noise = torch.randn(weight.shape, generator=random).to(weight.dtype) * by
        weight += torch.where(weight > IMPOSSIBLE / 2, noise, 0)
    return network


def network_of(of, seed=0):
    """Return a network of a layout whose predictions are far from uniform."""
    return shaken(AutoregressiveNetwork.of_seed(of, SIZES, seed), seed)
