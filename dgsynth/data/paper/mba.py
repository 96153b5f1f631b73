"""FCC Measuring Broadband America: traffic and ping loss of homes, in the raw files of the program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.data.paper.raw import Paths, Progress, chunks, count_line, file_of, files_of, header_of
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError

SOURCE = (
    "the FCC's page of the Measuring Broadband America program has the data of September and October 2017, "
    "published in December 2018, with the unit profiles beside them"
)
START, PERIODS, HOURS = pd.Timestamp("2017-10-01"), 56, 6
"""The paper's time: 56 periods of six hours from 1 October on."""
METADATA = ["technology", "isp", "state"]
MEASUREMENTS = ["ping_loss_rate", "traffic_byte_counter"]

_ROWS = 500_000
_USAGE = ["unit_id", "dtime", "wan_rx_bytes", "wan_tx_bytes", "sk_rx_bytes", "sk_tx_bytes"]
_LATENCY = ["unit_id", "dtime", "successes", "failures"]


def read_mba(
    usage: Paths,
    latency: Paths,
    units: str | os.PathLike[str],
    *,
    n_homes: int | None = None,
    random_state: int = 0,
    progress: Progress | None = print,
) -> Sequences:
    """Return the homes of the FCC's Measuring Broadband America, whose page has the raw data of 2017.

    The paper's period is 1 to 14 October 2017, its filter: homes without a value in one of the 56 periods of six hours
    are left out. Files are read a piece at a time; memory holds one number per home and hour.

    Parameters
    ----------
    usage : path, list of paths or folder
        curr_netusage*.csv: bytes received and sent by each home in an hour, in all (wan) and by the program's own tests
        (sk).
    latency : path, list of paths or folder
        curr_udplatency*.csv: successes and failures of the UDP pings to each server in an hour.
    units : path
        The unit profiles, which the FCC gives as a workbook, saved as CSV: Unit ID, ISP, Technology and State.
    n_homes : int, default=None
        Draw so many of the valid homes at random; the paper drew 600. None for all.
    random_state : int, default=0
        Seed of the draw.
    progress : callable, default=print
        Told how many homes each filter leaves out; None for nobody.

    Returns
    -------
    Sequences
        One sample per home, 56 records from 2017-10-01 (UTC) on, each the mean of the hours that were measured.
        Metadata technology, isp and state; measurements ping_loss_rate, the share of lost pings at the server that lost
        the fewest in the hour, and traffic_byte_counter, the bytes per hour without those of the tests.

    Raises
    ------
    FileNotFoundError
        A file isn't there.
    DataError
        A file has another form, or no home is left.

    References
    ----------
    Lin et al. (2020), Appendix A and Table 8.
    """
    traffic = _traffic(files_of(usage, "curr_netusage*.csv*", SOURCE))
    loss = _ping_loss(files_of(latency, "curr_udplatency*.csv*", SOURCE))
    profiles = _profiles(file_of(units, SOURCE))
    tables = {"ping_loss_rate": loss, "traffic_byte_counter": traffic}
    found = loss.index.union(traffic.index)
    valid = found
    for table in tables.values():
        valid = valid.intersection(table.index[table.notna().all(axis=1)])
    known = valid.intersection(profiles.index)
    kept = known
    if n_homes is not None and n_homes < len(known):
        kept = known[np.sort(np.random.default_rng(random_state).permutation(len(known))[:n_homes])]
    if progress is not None:
        progress(count_line(len(found) - len(valid), len(found), "homes without a value in some period, left out"))
        progress(count_line(len(valid) - len(known), len(found), "homes that no profile names, left out"))
        progress(f"{len(kept):,} of {len(known):,} valid homes kept")
    if not len(kept):
        raise DataError(
            f"no home has values in all {PERIODS} periods from {START:%Y-%m-%d} on and a profile; check that the files "
            "hold that time, and the profiles these homes"
        )
    long = pd.DataFrame({name: table.loc[kept].to_numpy().ravel() for name, table in tables.items()})
    rows = np.repeat(np.arange(len(kept)), PERIODS)
    long = pd.concat([profiles.loc[kept].iloc[rows].reset_index(drop=True), long], axis=1)
    long.insert(0, "time", np.tile(pd.date_range(START, periods=PERIODS, freq=f"{HOURS}h"), len(kept)))
    long.insert(0, "unit_id", kept.to_numpy()[rows])
    return Sequences.from_long(
        long, sequence_key="unit_id", sequence_index="time", metadata=METADATA, measurements=MEASUREMENTS
    )


def _traffic(files: list[Path]) -> pd.DataFrame:
    """Return the mean bytes per hour, homes by periods, NaN where there is none."""
    sums = pd.DataFrame({"sum": [], "count": []})
    for file in files:
        header_of(file, _USAGE)
        for chunk in chunks(file, _ROWS, usecols=_USAGE, parse_dates=["dtime"]):
            received, sent = (chunk[f"wan_{way}_bytes"] - chunk[f"sk_{way}_bytes"] for way in ("rx", "tx"))
            total = (received + sent).where((received >= 0) & (sent >= 0))  # a counter that was reset
            hours = _hours(chunk).assign(total=total).dropna()
            of_chunk = hours.groupby(["unit_id", hours["hour"] // HOURS])["total"].agg(["sum", "count"])
            sums = of_chunk if sums.empty else sums.add(of_chunk, fill_value=0)
    return _by_period((sums["sum"] / sums["count"]) if len(sums) else None)


def _ping_loss(files: list[Path]) -> pd.DataFrame:
    """Return the mean over hours of the loss rate at the best server, homes by periods, NaN where there is none."""
    best: pd.Series[Any] | None = None
    for file in files:
        header_of(file, _LATENCY)
        for chunk in chunks(file, _ROWS, usecols=_LATENCY, parse_dates=["dtime"]):
            pings = chunk["successes"] + chunk["failures"]
            hours = _hours(chunk).assign(loss=(chunk["failures"] / pings).where(pings > 0)).dropna()
            of_chunk = hours.groupby(["unit_id", "hour"])["loss"].min()
            best = of_chunk if best is None else pd.concat([best, of_chunk]).groupby(level=[0, 1]).min()
    if best is None or best.empty:
        return _by_period(None)
    unit, hour = (best.index.get_level_values(level) for level in (0, 1))
    return _by_period(best.groupby([unit, hour // HOURS]).mean())


def _hours(chunk: pd.DataFrame) -> pd.DataFrame:
    """Return home and hour since `START` of the rows in the paper's time."""
    hour = (chunk["dtime"] - START) // pd.Timedelta(hours=1)
    inside = hour.between(0, HOURS * PERIODS - 1)
    return pd.DataFrame({"unit_id": chunk["unit_id"], "hour": hour}).loc[inside].astype({"hour": np.int64})


def _by_period(means: pd.Series[Any] | None) -> pd.DataFrame:
    """Return the table, homes by periods, of means by home and period."""
    if means is None:
        return pd.DataFrame(columns=range(PERIODS), index=pd.Index([], dtype=np.int64))
    units, rows = np.unique(means.index.get_level_values(0), return_inverse=True)
    table = np.full((len(units), PERIODS), np.nan)
    table[rows, means.index.get_level_values(1).astype(np.int64)] = means
    return pd.DataFrame(table, index=units)


def _profiles(file: Path) -> pd.DataFrame:
    """Return technology, ISP and state by home."""
    table = pd.concat(chunks(file, _ROWS))
    names = {name: str(name).strip().lower().replace(" ", "_") for name in table.columns}
    table = table.rename(columns=names)
    missing = [name for name in ("unit_id", *METADATA) if name not in table]
    if missing:
        raise DataError(f"{file} lacks the column {missing[0]!r}; its first line has {', '.join(map(str, names))}")
    profiles = table.dropna(subset=["unit_id", *METADATA]).drop_duplicates("unit_id").set_index("unit_id")
    return profiles[METADATA].astype(str)
