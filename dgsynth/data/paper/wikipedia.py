"""Wikipedia Web Traffic: daily views of pages, in the file of the Kaggle competition."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from dgsynth.data.paper.raw import Progress, Smallest, chunks, count_line, file_of, header_of
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError

SOURCE = "train_1.csv is part of the data of Kaggle's competition 'Web Traffic Time Series Forecasting'"

_ROWS = 5_000
_PRIORITY = "priority"
_PARTS = ["domain", "access", "agent"]


def read_wikipedia(
    path: str | os.PathLike[str],
    *,
    n_pages: int | None = None,
    random_state: int = 0,
    progress: Progress | None = print,
) -> Sequences:
    """Return the pages of train_1.csv, from Kaggle's competition 'Web Traffic Time Series Forecasting'.

    The paper's filter: pages with a day missing are left out. The file is read 5,000 pages at a time; memory
    grows with the pages that are kept, and not with the file.

    Parameters
    ----------
    path : path
        The file, .csv or .csv.gz: a column Page, and one of views for every day.
    n_pages : int, default=None
        Draw so many of the complete pages at random; the paper drew 100,000. None for all.
    random_state : int, default=0
        Seed of the draw.
    progress : callable, default=print
        Told how many pages each filter leaves out; None for nobody.

    Returns
    -------
    Sequences
        Metadata domain, access and agent, taken from the page's name; measurement views, as integers.

    Raises
    ------
    FileNotFoundError
        The file isn't there.
    DataError
        The file has another form, or a page's name doesn't end in _domain_access_agent.

    References
    ----------
    Lin et al. (2020), Appendix A and Table 7.
    """
    file = file_of(path, SOURCE)
    days = [name for name in header_of(file, ["Page"]) if name != "Page"]
    rng, kept = np.random.default_rng(random_state), Smallest(n_pages, _PRIORITY)
    n_read = n_complete = 0
    for chunk in chunks(file, _ROWS, dtype={"Page": str} | dict.fromkeys(days, np.float64)):
        complete = chunk.dropna()
        n_read, n_complete = n_read + len(chunk), n_complete + len(complete)
        priority = pd.Series(rng.random(len(complete)), complete.index, name=_PRIORITY)
        kept.add(pd.concat([priority, _parts(complete["Page"], file), complete[days].astype(np.int64)], axis=1))
    pages = kept.rows().drop(columns=_PRIORITY).reset_index(drop=True)
    if progress is not None:
        progress(count_line(n_read - n_complete, n_read, "pages with a day missing, left out"))
        progress(f"{len(pages):,} of {n_complete:,} complete pages kept")
    if pages.empty:
        raise DataError(f"{file} has no page without a missing day; check that it is the whole file")
    return Sequences.from_wide(pages, time_columns={"views": days}, metadata=_PARTS)


def _parts(names: pd.Series[str], file: Path) -> pd.DataFrame:
    """Return domain, access and agent, by which a page's name ends."""
    parts = names.str.rsplit("_", n=3, expand=True).reindex(columns=range(4))
    wrong = parts[3].isna()
    if wrong.any():
        raise DataError(f"{file} has a page {names[wrong].iloc[0]!r}; a name must end in _domain_access_agent")
    return parts[[1, 2, 3]].set_axis(_PARTS, axis=1)
