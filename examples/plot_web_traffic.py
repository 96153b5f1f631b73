"""
Web traffic: daily page views with their weekly rhythm
======================================================

Views of a page by the day hang on its language, on how it is read, and by whom. You
learn how to fit a :class:`~dgsynth.DGSynthesizer` to a long table, how to see whether
the weekly rhythm was learned, and how to ask for the traffic of one kind of page only.

Pictures need matplotlib: ``pip install 'dgsynth[plot]'``.
"""

# %%
# The data
# --------
#
# The table is simulated, after the Wikipedia traffic of the DoppelGANger paper. It has
# one row for each page and day. What is constant for a page is its metadata:
# ``domain``, ``access`` and ``agent``.

import matplotlib.pyplot as plt
import numpy as np

from dgsynth import DGSynthesizer, Sequences
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation import evaluate
from dgsynth.evaluation.metrics import mean_autocorrelation
from dgsynth.evaluation.plots import plot_autocorrelation, plot_gallery

visits = make_web_traffic(400, 56, random_state=0)
visits.head()

# %%
# Fit
# ---
#
# Two column names say how the table is read. The other settings are chosen by the data.
# 800 steps are few: by itself the model would take 3,000 here.

columns = {"sequence_key": "page", "sequence_index": "date"}
model = DGSynthesizer(**columns, max_steps=800, random_state=0).fit(visits)
for name in ("sample_len", "auto_normalize"):
    print(f"{name} = {model.settings_[name].value}: {model.settings_[name].why}")

# %%
# Samples come in the form of the table: same columns, same dtypes, views as whole
# numbers.

synthetic = model.sample(400, random_state=1)
synthetic.head()

# %%
# Real beside synthetic
# ---------------------
#
# Random pages. No synthetic page is meant to be like the real one next to it.

real, made = (
    Sequences.from_any(visits, **columns),
    Sequences.from_any(synthetic, **columns),
)
_ = plt.figure(plot_gallery(real, made, "views", random_state=3))

# %%
# The autocorrelation says how much a day resembles the one so many days before. Its
# peaks at 7, 14 and 21 days are the week.

_ = plt.figure(plot_autocorrelation(real, made, "views"))

# %%
for name, data in (("real", real), ("synthetic", made)):
    lags = mean_autocorrelation(data, "views", max_lag=14)
    print(f"{name:>9}: {lags[7]:.2f} after a week, {lags[10]:.2f} after ten days")

# %%
# The report compares whatever the columns allow, and says what is furthest off. Every
# distance is held against the one between two halves of the real data.

report = evaluate(visits, synthetic, costly=False, **columns)
print(report.verdict)

# %%
# Only spiders
# ------------
#
# Metadata can be given, in part or as a whole. Here all samples are pages as search
# engines' spiders see them, which have little traffic and, in these data, no weekly
# rhythm.

spiders = model.sample(200, metadata={"agent": "spider"}, random_state=2)
people = model.sample(200, metadata={"agent": "all-agents"}, random_state=2)

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
kinds = {"spider": (spiders, "tab:green"), "all-agents": (people, "tab:purple")}
for agent, (table, color) in kinds.items():
    for source, style in ((visits[visits["agent"] == agent], "-"), (table, "--")):
        name = f"{agent}, {'real' if style == '-' else 'synthetic'}"
        levels = np.sort(source.groupby("page")["views"].mean())
        left.plot(
            levels, np.linspace(0, 1, len(levels)), style, color=color, label=name
        )
        lags = mean_autocorrelation(
            Sequences.from_any(source, **columns), "views", max_lag=21
        )
        right.plot(lags, style, color=color, label=name)
left.set(
    xscale="log", xlabel="mean daily views of a page", ylabel="share of pages below"
)
right.set(xlabel="lag (days)", ylabel="mean autocorrelation", xticks=range(0, 22, 7))
figure.legend(*left.get_legend_handles_labels(), ncols=2, loc="outside upper center")
plt.show()

# %%
# What fell short: the synthetic spiders have kept something of the others' week, which
# real ones do not have. What metadata decide takes more steps than these.
