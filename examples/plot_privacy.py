"""
Privacy: attack a copy and a synthetic set before sharing
=========================================================

Synthetic data are not anonymous by themselves. You learn how to attack what you would
hand out, what an attack that succeeds looks like, how to hide the shares of a column,
and how to train within a budget of differential privacy.

Needs opacus and, for pictures, matplotlib: ``pip install 'dgsynth[privacy,plot]'``.
"""

# %%
# Three candidates for sharing
# ----------------------------
#
# 400 pages are to be protected; 400 more of the same kind were never trained on. *Copy*
# is the training data with one view added to each day. *Synthetic* comes from a model.

import matplotlib.pyplot as plt
import pandas as pd

from dgsynth import DGSynthesizer, PrivacyConfig, Schema
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation import privacy_report

columns = {"sequence_key": "page", "sequence_index": "date"}
visits = make_web_traffic(800, 28, random_state=0)
first = visits["page"].isin(visits["page"].unique()[:400])
train, holdout = visits[first], visits[~first]

copy = train.assign(views=train["views"] + 1)
model = DGSynthesizer(**columns, max_steps=400, random_state=0).fit(train)
synthetic = model.sample(400, random_state=1)

# %%
# The attacks
# -----------
#
# An attacker holds what was handed out, and guesses for pages whether they were trained
# on. Half of the pages were, so a coin would be right half of the time.

reports = {
    "copy": privacy_report(train, copy, holdout, **columns),
    "synthetic": privacy_report(train, synthetic, holdout, **columns),
    "model": privacy_report(train, synthetic, holdout, model=model, **columns),
}
attacks = pd.concat(
    {name: report.table for name, report in reports.items()}, names=["handed out", None]
)
attacks = attacks.reset_index("handed out").query(
    "not (`handed out` == 'model' and access == 'samples only')"
)
attacks[["handed out", "name", "success_rate", "low", "high"]].round(2)

# %%
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
labels = attacks["handed out"] + ": " + attacks["name"]
error = [
    attacks["success_rate"] - attacks["low"],
    attacks["high"] - attacks["success_rate"],
]
axes.errorbar(
    attacks["success_rate"],
    range(len(attacks)),
    xerr=error,
    fmt="o",
    color="tab:red",
    capsize=4,
)
axes.axvline(0.5, color="gray", linestyle="--")
axes.set(yticks=range(len(attacks)), yticklabels=labels, xlim=(0.4, 1.02))
axes.set_xlabel("share of right guesses, with 95 % intervals; 0.5 is chance")
axes.invert_yaxis()
plt.show()

# %%
# The report says it in words, and lists copies too:

for name in ("copy", "synthetic"):
    print(f"{name}: {reports[name].verdict}\n")

# %%
# An attack that fails proves nothing about the next one; it is a reason to look closer,
# not a guarantee.

# %%
# Hiding the shares of a column
# -----------------------------
#
# How many pages are of which language may itself be a secret. ``refit_metadata`` trains
# only what draws metadata, in seconds and without the data; the traffic of a given kind
# of page stays as it was, bit for bit.

before = (
    model.sample(2000, random_state=2)
    .drop_duplicates("page")["domain"]
    .value_counts(normalize=True)
)
model.refit_metadata({"domain": "uniform"}, random_state=0)
after = (
    model.sample(2000, random_state=2)
    .drop_duplicates("page")["domain"]
    .value_counts(normalize=True)
)
shares = pd.DataFrame({"as learned": before, "refitted": after}).sort_values(
    "as learned"
)
axes = shares.plot.barh(figsize=(7, 3.4), color=["tab:blue", "tab:orange"], width=0.75)
axes.axvline(1 / len(shares), color="gray", linestyle="--", label="uniform")
axes.set(xlabel="share of the synthetic pages", ylabel="")
axes.legend()
axes.figure.set_layout_engine("constrained")
plt.show()

# %%
# Within a budget
# ---------------
#
# Differential privacy is a guarantee against any attack. Whatever the schema says must
# then be public knowledge: here it comes from other pages, with a range of views that
# was declared. ``epsilon_`` is what was spent.

public = Schema.infer(make_web_traffic(400, 28, random_state=1), **columns)
private = DGSynthesizer(
    **columns,
    schema=public.with_column("views", minimum=0, maximum=10**7),
    scaling="log",
    timestamps="regular",
    max_steps=200,
    privacy=PrivacyConfig(epsilon=8, delta=1e-5, n_samples=400, noise="seeded"),
    random_state=0,
).fit(train)
print(f"epsilon {private.epsilon_:.2f} at delta {private.privacy.delta:g}")
for spent in private.privacy_ledger_:
    print(spent)

# %%
# What it costs
# -------------
#
# Both models in the eyes of the same held-out pages. On few samples privacy costs much
# of the fidelity; that is the price, not a mistake. (``noise="seeded"`` keeps this page
# the same from build to build, and must not be used for data that are to be protected.)

fresh = DGSynthesizer(**columns, max_steps=200, random_state=0).fit(train)
for name, each in (
    ("without privacy", fresh),
    (f"epsilon {private.epsilon_:.1f}", private),
):
    print(f"{name}: score {each.score(holdout):.2f} of 1 after {each.n_steps_} steps")
