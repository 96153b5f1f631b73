"""
Extending series and filling gaps
=================================

An :class:`~dgsynth.AutoregressiveSynthesizer` draws what is not known given what is.
You learn how to continue series as a forecast with its uncertainty, how to fill in
missing cells several times over, and how to check on series that the model has not seen
whether the intervals hold what they promise.

Pictures need matplotlib: ``pip install 'dgsynth[plot]'``.
"""

# %%
# The data
# --------
#
# Page views by the day, simulated; spiders' pages, which have no rhythm, are left out.
# The model learns from 500 pages of four weeks, and is asked about 40 others.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from dgsynth import AutoregressiveSynthesizer
from dgsynth.data.simulate import make_web_traffic

visits = (
    make_web_traffic(800, 28, random_state=0)
    .query("agent == 'all-agents'")
    .drop(columns="agent")
)
pages = visits["page"].unique()
seen = visits[visits["page"].isin(pages[:500])]
unseen = visits[visits["page"].isin(pages[500:540])].reset_index(drop=True)

columns = {"sequence_key": "page", "sequence_index": "date"}
model = AutoregressiveSynthesizer(**columns, max_steps=200, random_state=0).fit(seen)

# %%
# Going on
# --------
#
# The last ten days are hidden, and drawn 30 times. Given records stay as they are.

hidden_from = visits["date"].min() + pd.Timedelta(days=18)
begun = unseen[unseen["date"] < hidden_from]
draws = model.extend(begun, lengths=28, n_draws=30, random_state=1)

views = np.stack(
    [draw["views"].to_numpy().reshape(-1, 28) for draw in draws]
)  # (draws, pages, days)
truth = unseen["views"].to_numpy().reshape(-1, 28)
low, middle, high = np.quantile(views, [0.1, 0.5, 0.9], axis=0)
held = ((truth >= low) & (truth <= high))[:, 18:]
print(f"80 % intervals hold {held.mean():.0%} of {held.size} hidden days")

# %%
figure, grid = plt.subplots(2, 2, figsize=(8, 4.6), sharex=True, layout="constrained")
day = np.arange(28)
for ax, page in zip(grid.flat, (0, 7, 21, 33), strict=True):
    ax.fill_between(
        day[17:],
        low[page, 17:],
        high[page, 17:],
        color="tab:orange",
        alpha=0.3,
        label="80 % interval",
    )
    ax.plot(
        day[17:], middle[page, 17:], color="tab:orange", label="median of the draws"
    )
    ax.plot(day, truth[page], color="tab:blue", marker=".", label="truth")
    ax.axvline(17.5, color="gray", linestyle=":")
    ax.set_ylim(bottom=0)
for ax in grid[1]:
    ax.set_xlabel("day; from 18 on hidden from the model")
for ax in grid[:, 0]:
    ax.set_ylabel("views")
figure.legend(
    *grid[0, 0].get_legend_handles_labels(), ncols=3, loc="outside upper center"
)
plt.show()

# %%
# What nothing announces, such as the peak of one page here, no model foresees.

# %%
# Filling in
# ----------
#
# A fifth of the views is deleted at random, and so is every fourth page's domain.
# Twenty imputations tell how sure each cell is.

rng = np.random.default_rng(0)
missing = rng.random(len(unseen)) < 0.2
hidden_pages = unseen["page"].isin(unseen["page"].unique()[::4])
gaps = unseen.assign(
    views=unseen["views"].astype("float64").mask(missing),
    domain=unseen["domain"].mask(hidden_pages),
)
gaps.isna().sum()

# %%
filled = model.impute(gaps, n_draws=20, random_state=2)
assert all(
    (each.loc[~missing, "views"] == unseen.loc[~missing, "views"]).all()
    for each in filled
)

guesses = np.stack([each.loc[missing, "views"] for each in filled])
actual = unseen.loc[missing, "views"].to_numpy()
low, middle, high = np.quantile(guesses, [0.1, 0.5, 0.9], axis=0)
held = (actual >= low) & (actual <= high)
print(f"80 % intervals hold {held.mean():.0%} of {len(actual)} deleted views")

figure, axes = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
axes.plot(
    [0, actual.max()], [0, actual.max()], color="gray", linestyle=":", label="equal"
)
errors = np.abs(np.stack([low, high]) - middle)
axes.errorbar(
    actual,
    middle,
    yerr=errors,
    fmt=".",
    color="tab:orange",
    elinewidth=0.6,
    label="median, 80 % interval",
)
axes.set(
    xscale="symlog", yscale="symlog", xlabel="deleted views, truth", ylabel="filled in"
)
axes.legend()
plt.show()

# %%
# Categories
# ----------
#
# Four weeks of views tell little of a page's domain, and the imputations say so: they
# vary as the domains do in the data.

domains = pd.DataFrame({"page": unseen["page"], "truth": unseen["domain"]})
for number, each in enumerate(filled):
    domains[number] = each["domain"]
domains = domains[hidden_pages].drop_duplicates("page")
right = domains[list(range(20))].eq(domains["truth"], axis=0).mean().mean()
chance = (
    seen.drop_duplicates("page")["domain"].value_counts(normalize=True) ** 2
).sum()
print(
    f"{right:.0%} of the imputed domains are right; by frequencies alone {chance:.0%}"
)
