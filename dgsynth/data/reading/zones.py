"""The time zone whose daylight saving explains the offsets of timestamps."""

from __future__ import annotations

from zoneinfo import available_timezones

import numpy as np
import pandas as pd

_FIRST = (
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Halifax",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Pacific/Auckland",
)
"""Zones for which many others stand that have the same time, tried before all that there are."""

_TRIED = 100
"""Moments that a zone is tried on before all are."""


def find_zone(moments: pd.Series[pd.Timestamp], local: pd.Series[pd.Timestamp]) -> str | None:
    """Return a zone in which these moments, in UTC, are the local times; None if there is none.

    Zones that differ elsewhere alone can't be told apart: one of them stands for all.
    """
    offsets = local - moments.dt.tz_localize(None)
    changes = np.flatnonzero((offsets != offsets.shift()).to_numpy())
    spread = np.linspace(0, len(moments) - 1, _TRIED).astype(np.int64)
    few = np.unique(np.concatenate([changes[:_TRIED], spread]))
    for zone in (*_FIRST, *sorted(available_timezones())):
        if _fits(moments.iloc[few], local.iloc[few], zone) and _fits(moments, local, zone):
            return zone
    return None


def _fits(moments: pd.Series[pd.Timestamp], local: pd.Series[pd.Timestamp], zone: str) -> bool:
    try:
        return bool((moments.dt.tz_convert(zone).dt.tz_localize(None) == local).all())
    except Exception:  # what pandas raises for a zone that it can't load depends on its version
        return False
