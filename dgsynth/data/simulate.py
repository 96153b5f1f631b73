"""Simulated data sets with known truth, shaped like those of the paper.

Everything is drawn on the logarithmic scale, and season, noise and spikes add up there. The constants below are the
truth that tests and examples check against; they are made up and were not fitted to any data set.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

WEEKLY_AMPLITUDE = {
    "en.wikipedia.org": 0.35,
    "de.wikipedia.org": 0.35,
    "fr.wikipedia.org": 0.30,
    "ja.wikipedia.org": 0.25,
    "es.wikipedia.org": 0.20,
    "ru.wikipedia.org": 0.20,
    "zh.wikipedia.org": 0.10,
    "commons.wikimedia.org": 0.40,
    "www.mediawiki.org": 0.55,
}
"""Standard deviation of the weekly season of log views by domain, for agents that are no spiders; spiders have none."""

DOMAIN_SHARES = (0.20, 0.13, 0.12, 0.14, 0.10, 0.10, 0.12, 0.05, 0.04)
"""Probability of each domain, in the order of `WEEKLY_AMPLITUDE`."""

MEAN_LOG10_LEVEL = {"all-access": 2.9, "desktop": 2.4, "mobile-web": 2.0}
"""Mean of a page's level (log10 of its typical daily views) by access, for agents that are no spiders."""

ACCESS_SHARES = (0.5, 0.25, 0.25)
"""Probability of each access, in the order of `MEAN_LOG10_LEVEL`, for agents that are no spiders."""

SPIDER_SHARE = 0.24
"""Probability that a page's agent is "spider"; its access is then always "all-access"."""

SPIDER_LOG10_LEVEL = 1.2
"""Mean level of the pages as spiders see them."""

LEVEL_DEVIATION = {"all-agents": 0.9, "spider": 0.3}
"""Standard deviation of the level between pages, log10, by agent."""

ANNUAL_AMPLITUDE = {"all-agents": 0.35, "spider": 0.0}
"""Half the swing of the annual season of log views by agent; its peak is in the middle of January."""

END_EVENTS = {"FAIL": 0.30, "KILL": 0.22, "EVICT": 0.08, "FINISH": 0.40}
"""Probability of each end event."""

LONG_SHARE = {"FAIL": 0.10, "KILL": 0.40, "EVICT": 0.50, "FINISH": 0.70}
"""Probability by end event that a task is in the second mode of the lengths (near 46), not the first (near 4)."""

TAIL_SHARE = 0.03
"""Probability that a task runs longer than both modes: log-uniform from 60 records to max_length."""

MEASUREMENTS = (
    "cpu_rate",
    "maximum_cpu_rate",
    "sampled_cpu_usage",
    "canonical_memory_usage",
    "assigned_memory_usage",
    "maximum_memory_usage",
    "unmapped_page_cache",
    "total_page_cache",
    "local_disk_space_usage",
)
"""Measurements of the simulated cluster tasks (paper, Table 6)."""

_AGENTS = ("all-agents", "spider")
_WEEKDAY_SHAPE = np.array([1.2, 0.9, 0.7, 0.5, -0.2, -1.7, -1.4])  # Monday first
_WEEKDAY_SHAPE = (_WEEKDAY_SHAPE - _WEEKDAY_SHAPE.mean()) / _WEEKDAY_SHAPE.std()
_FIRST_DAY = pd.Timestamp("2015-07-01")
_FIRST_TASK = pd.Timestamp("2011-05-01 19:00")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def make_web_traffic(
    n_samples: int = 1000,
    n_days: int = 550,
    *,
    wide: bool = False,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return simulated daily page views, after the Wikipedia Web Traffic data of the paper.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of pages.
    n_days : int, default=550
        Days per page, from 2015-07-01; the default is the paper's.
    wide : bool, default=False
        Whether to give one row per page, with one column per day named by its ISO date, as Kaggle's files do.
    random_state : int, Generator or None, default=None
        Seed of the draws; an int gives the same table at every call.

    Returns
    -------
    DataFrame of n_samples * n_days rows
        Columns page (text), date (datetime), domain, access, agent (text), views (integer); sorted by page and date.
        Where `wide`, n_samples rows with page, domain, access, agent and the days.

    Notes
    -----
    views is Poisson with a mean of ``exp(level + weekly + annual + noise + spikes)``, where

    - *level* is normal between pages; its log10 has the mean `MEAN_LOG10_LEVEL` by access, or `SPIDER_LOG10_LEVEL` for
      spiders, and the standard deviation `LEVEL_DEVIATION`: most pages lie within five orders of magnitude;
    - *weekly* has the standard deviation `WEEKLY_AMPLITUDE` by domain, is high from Monday to Thursday and low at the
      weekend; for mobile-web it is turned over (high at the weekend); for spiders it is 0;
    - *annual* is a cosine of period 365.25 days that peaks on 15 January, with `ANNUAL_AMPLITUDE` by agent;
    - *noise* is a stationary AR(1) process with coefficient 0.8 and standard deviation 0.3;
    - *spikes* begin on 1 day in 400, rise by a mean of 1.5 (4.5-fold) and lose half of what is left each day; spiders
      have none.

    Metadata: domain with `DOMAIN_SHARES`, agent "spider" with `SPIDER_SHARE`, access with `ACCESS_SHARES`, but always
    "all-access" for spiders.

    References
    ----------
    Lin et al. (2020), Section 5.1.1 and Table 7.

    Examples
    --------
    >>> traffic = make_web_traffic(3, 14, random_state=0)
    >>> traffic.shape
    (42, 6)
    """
    _check_at_least_one(n_samples=n_samples, n_days=n_days)
    rng = np.random.default_rng(random_state)
    dates = pd.date_range(_FIRST_DAY, periods=n_days, freq="D")
    metadata = _page_metadata(rng, n_samples)
    views = rng.poisson(np.exp(_log_views(rng, metadata, dates)))  # (n_samples, n_days)
    if wide:
        days = pd.DataFrame(views, columns=dates.strftime("%Y-%m-%d"))
        return pd.concat([metadata, days], axis=1)
    long = metadata.take(np.repeat(np.arange(n_samples), n_days)).reset_index(drop=True)
    long.insert(1, "date", dates.take(np.tile(np.arange(n_days), n_samples)))
    return long.assign(views=views.ravel())


def make_cluster_tasks(
    n_samples: int = 1000,
    *,
    max_length: int = 200,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return simulated resource usage of tasks on a cluster, after the Google Cluster Usage Traces of the paper.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of tasks.
    max_length : int, default=200
        Most records of a task; 2,500 is near the paper's, 200 keeps examples quick.
    random_state : int, Generator or None, default=None
        Seed of the draws; an int gives the same table at every call.

    Returns
    -------
    DataFrame of one row per record
        Columns task (integer), time (datetime, every 5 minutes), end_event (text) and the nine `MEASUREMENTS`; sorted
        by task and time.

    Notes
    -----
    Metadata: end_event with the probabilities `END_EVENTS`.

    Lengths: `TAIL_SHARE` of the tasks is log-uniform between 60 and max_length; of the others `LONG_SHARE` (by end
    event) is normal around 46 with standard deviation 2, the rest 1 + Poisson with mean 3. All are cut at max_length.

    Measurements, with u = record / length in (0, 1]:

    - cpu_rate is log-normal between tasks and AR(1) within one. KILL: falls to a tenth in the last third of the task.
      EVICT: doubled throughout. The others: level.
    - canonical_memory_usage over assigned_memory_usage is about 0.5. FAIL: climbs from 0.3 to 0.95, linearly in u.
    - assigned_memory_usage is constant within a task and rises with the task's cpu level (correlation 0.7 of logs).
    - total_page_cache goes with memory, local_disk_space_usage never falls within a task.
    - Always: cpu_rate <= maximum_cpu_rate, canonical_memory_usage <= maximum_memory_usage <= assigned_memory_usage,
      unmapped_page_cache <= total_page_cache.

    References
    ----------
    Lin et al. (2020), Section 5.1.1, Figure 9 and Table 6.

    Examples
    --------
    >>> tasks = make_cluster_tasks(5, random_state=0)
    >>> tasks["task"].nunique(), tasks.shape[1]
    (5, 12)
    """
    _check_at_least_one(n_samples=n_samples, max_length=max_length)
    rng = np.random.default_rng(random_state)
    events = np.array(list(END_EVENTS))[rng.choice(len(END_EVENTS), n_samples, p=list(END_EVENTS.values()))]
    lengths = _task_lengths(rng, events, max_length)
    task = np.repeat(np.arange(n_samples), lengths)
    record = np.arange(len(task)) - (np.cumsum(lengths) - lengths)[task]
    # A task begins on the 5-minute grid somewhere in the trace's 29 days.
    start = rng.integers(0, 29 * 288, n_samples)
    time = _FIRST_TASK + pd.to_timedelta(5 * (start[task] + record), unit="min")
    frame = pd.DataFrame({"task": task, "time": time, "end_event": events[task]})
    return frame.assign(**_task_measurements(rng, events[task], task, lengths, (record + 1) / lengths[task]))


def _check_at_least_one(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}; give more")


def _page_metadata(rng: np.random.Generator, n_samples: int) -> pd.DataFrame:
    domain = np.array(list(WEEKLY_AMPLITUDE))[rng.choice(len(WEEKLY_AMPLITUDE), n_samples, p=DOMAIN_SHARES)]
    access = np.array(list(MEAN_LOG10_LEVEL))[rng.choice(len(MEAN_LOG10_LEVEL), n_samples, p=ACCESS_SHARES)]
    spider = rng.random(n_samples) < SPIDER_SHARE
    access = np.where(spider, "all-access", access)
    width = len(str(n_samples - 1))
    page = [f"page_{i:0{width}d}" for i in range(n_samples)]
    agent = np.array(_AGENTS)[spider.astype(int)]
    return pd.DataFrame({"page": page, "domain": domain, "access": access, "agent": agent})


def _log_views(rng: np.random.Generator, metadata: pd.DataFrame, dates: pd.DatetimeIndex) -> Floats:
    """Natural logarithm of the expected views, of shape (n_samples, n_days)."""
    n_samples, n_days = len(metadata), len(dates)
    human = metadata["agent"].eq("all-agents").to_numpy(dtype=bool)
    level10 = np.where(human, metadata["access"].map(MEAN_LOG10_LEVEL).to_numpy(np.float64), SPIDER_LOG10_LEVEL)
    level10 += metadata["agent"].map(LEVEL_DEVIATION).to_numpy(np.float64) * rng.standard_normal(n_samples)
    weekly = metadata["domain"].map(WEEKLY_AMPLITUDE).to_numpy(np.float64) * human
    weekly = np.where(metadata["access"].eq("mobile-web"), -weekly, weekly)
    annual = metadata["agent"].map(ANNUAL_AMPLITUDE).to_numpy(np.float64)
    day_of_year = (dates - pd.Timestamp("2015-01-15")).days.to_numpy()

    lengths = np.full(n_samples, n_days)
    noise = _autoregress(rng.standard_normal(n_samples * n_days), lengths, 0.8, stationary=True)
    begins = rng.random(n_samples * n_days) < np.repeat(human, n_days) / 400
    spikes = _autoregress(np.where(begins, rng.exponential(1.5, begins.shape), 0.0), lengths, 0.5)
    season = weekly[:, None] * _WEEKDAY_SHAPE[dates.day_of_week.to_numpy()]
    season += annual[:, None] * np.cos(2 * np.pi * day_of_year / 365.25)
    log_views: Floats = np.log(10) * level10[:, None] + season + (0.3 * noise + spikes).reshape(n_samples, n_days)
    return log_views


def _task_lengths(rng: np.random.Generator, events: npt.NDArray[Any], max_length: int) -> Ints:
    n_samples = len(events)
    is_long = rng.random(n_samples) < np.array([LONG_SHARE[event] for event in events])
    lengths = np.where(is_long, np.rint(rng.normal(46, 2, n_samples)), 1 + rng.poisson(3, n_samples))
    tail = np.exp(rng.uniform(np.log(min(60, max_length)), np.log(max_length), n_samples))
    lengths = np.where(rng.random(n_samples) < TAIL_SHARE, np.rint(tail), lengths)
    return np.clip(lengths, 1, max_length).astype(np.int64)


def _task_measurements(
    rng: np.random.Generator, events: npt.NDArray[Any], task: Ints, lengths: Ints, progress: Floats
) -> dict[str, Floats]:
    """The nine measurements of all records, one after another; `progress` is record / length in (0, 1]."""
    n_samples, n_records = len(lengths), len(task)
    cpu_level = rng.standard_normal(n_samples)
    memory_level = 0.7 * cpu_level + np.sqrt(1 - 0.7**2) * rng.standard_normal(n_samples)
    cpu_noise = _autoregress(rng.standard_normal(n_records), lengths, 0.7, stationary=True)
    memory_noise = _autoregress(rng.standard_normal(n_records), lengths, 0.9, stationary=True)

    cpu = 0.05 * np.exp(cpu_level[task] + 0.25 * cpu_noise)
    cpu *= np.where(events == "EVICT", 2.0, 1.0) * np.where((events == "KILL") & (progress > 2 / 3), 0.1, 1.0)
    assigned = 0.04 * np.exp(0.8 * memory_level[task])
    used = np.where(events == "FAIL", 0.3 + 0.65 * progress, 0.5)
    memory = assigned * np.minimum(used * np.exp(0.05 * memory_noise), 1.0)
    cache = 0.2 * memory * np.exp(0.2 * rng.standard_normal(n_records))
    written = np.cumsum(rng.exponential(1e-5, n_records))
    disk = written - np.repeat(written[np.cumsum(lengths) - lengths], lengths)
    values = (
        cpu,
        cpu * (1 + rng.exponential(0.5, n_records)),
        cpu * np.exp(0.3 * rng.standard_normal(n_records)),
        memory,
        assigned,
        memory + (assigned - memory) * rng.beta(1, 9, n_records),
        cache * rng.beta(2, 2, n_records),
        cache,
        2e-4 * np.exp(0.5 * memory_level[task]) + disk,
    )
    return dict(zip(MEASUREMENTS, values, strict=True))


def _autoregress(innovations: Floats, lengths: Ints, coefficient: float, *, stationary: bool = False) -> Floats:
    """y_t = coefficient * y_{t-1} + innovation_t within each sample; with unit variance where `stationary`."""
    values = innovations.copy()
    first = np.cumsum(lengths) - lengths
    if stationary:
        values *= np.sqrt(1 - coefficient**2)
        values[first] = innovations[first]
    longest_first = first[np.argsort(-lengths, kind="stable")]
    # n_active[t]: samples that have a record t.
    n_active = len(lengths) - np.cumsum(np.bincount(lengths))
    for t in range(1, int(lengths.max())):
        rows = longest_first[: n_active[t]] + t
        values[rows] += coefficient * values[rows - 1]
    return values
