"""The order of several models, comparison by comparison, from one fidelity table of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dgsynth.evaluation.fidelity import LIGHTS, mean_excess, score

KEYS = ["family", "name", "column", "unit", "floor"]
"""Columns of a fidelity table that are the same for all models."""


def rank_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rank of each model in each comparison that can be made, 1 for the best.

    The order is that of `excess`, how far a value is off relative to what still is close: models whose values may not
    be told from real data by the comparison, as with coverage above its floor, are equal. Equal models share the mean
    of their ranks; a model that has nothing to compare where the real data have is last. Copies are not ranked: nothing
    is nearer to the training data.

    Parameters
    ----------
    tables : mapping of a model's name to its fidelity table
        All of the same comparisons.

    Returns
    -------
    DataFrame
        `KEYS`, and one column of ranks for each model.
    """
    first = next(iter(tables.values()))
    excess = pd.DataFrame({name: table["excess"] for name, table in tables.items()})
    ranked = excess.notna().all(axis=1) & (first["family"] != "copies")
    return first.loc[ranked, KEYS].join(excess[ranked].rank(axis=1, method="average"))


def value_table(tables: Mapping[str, pd.DataFrame], what: str = "value") -> pd.DataFrame:
    """Return one column for each model of what its fidelity table says, "value" or "light", beside `KEYS`."""
    first = next(iter(tables.values()))
    return first[KEYS].join(pd.DataFrame({name: table[what] for name, table in tables.items()}))


def standings(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return how the models stand, the best first.

    Parameters
    ----------
    tables : mapping of a model's name to its fidelity table

    Returns
    -------
    DataFrame indexed by model
        `mean_rank`: mean over the families of the mean ranks in each, so that many columns of a kind weigh no more than
        few; `score` and `mean_excess`, see `dgsynth.evaluation`; `close`, `near`, `off`: how many comparisons have each
        light, copies included. In the order of the scores, where these are equal in that of the mean excesses.
    """
    ranks = rank_table(tables)
    models = list(tables)
    mean_rank = ranks.groupby("family")[models].mean().mean()
    rows = {
        name: {
            "mean_rank": mean_rank[name],
            "score": score(table),
            "mean_excess": mean_excess(table),
            **{light: int((table["light"] == light).sum()) for light in LIGHTS},
        }
        for name, table in tables.items()
    }
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    return found.sort_values(["score", "mean_excess", "mean_rank"], ascending=[False, True, True], kind="stable")


def best_of(row: pd.Series) -> list[str]:
    """Return the models with the lowest rank in a row of `rank_table`, all of them unless they are all equal."""
    lowest = row[np.isclose(row.astype(float), row.astype(float).min())]
    return [] if len(lowest) == len(row) else [str(name) for name in lowest.index]
