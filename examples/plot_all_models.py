"""
All models on the same data
===========================

Which model is best depends on the data. You learn how :func:`dgsynth.comparing.compare`
trains all nine synthesizers on the same samples and judges them by others, and how to
read the ranking, which after so little training says more about the method than about
the models.

Needs hmmlearn, pysiglib and, for pictures, matplotlib: ``pip install
'dgsynth[baselines,plot]'``.
"""

# %%
# The contestants
# ---------------
#
# Tasks of a simulated cluster, with lengths from one record to fifty. Each model has
# two seconds: next to nothing, so that this page is quick, and how far one comes in
# them depends on the machine. ``seconds=None`` trains each as long as its own
# parameters say. The results beside this gallery have longer runs on real data.

import matplotlib.pyplot as plt

from dgsynth.comparing import MODELS, compare, new_model
from dgsynth.data.simulate import make_cluster_tasks
from dgsynth.evaluation.ranking_plots import plot_galleries, plot_length_distributions

kept = ["task", "time", "end_event", "cpu_rate", "canonical_memory_usage"]
tasks = make_cluster_tasks(300, max_length=50, random_state=0)[kept]
columns = {"sequence_key": "task", "sequence_index": "time"}

models = {name: new_model(name, random_state=0) for name in MODELS}

# %%
# The ranking
# -----------
#
# *score* is 1 where every comparison is as close to the held-out tasks as real tasks
# are to one another. *mean_excess* is how many times its limit a comparison is on
# average: lower is better.

ranking = compare(models, tasks, **columns, seconds=2, costly=False)
ranking.table[
    ["score", "mean_excess", "close", "near", "off", "steps", "seconds"]
].round(2)

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), sharey=True, layout="constrained")
table = ranking.table[::-1]
shown = {
    "score": "score (1 is best)",
    "mean_excess": "mean excess (0 is best)",
    "seconds": "training (s)",
}
for ax, (column, label), color in zip(
    axes, shown.items(), ("tab:blue", "tab:orange", "tab:gray"), strict=True
):
    ax.barh(table.index, table[column], color=color)
    ax.set_xlabel(label)
axes[0].set_xlim(0, 1)
plt.show()

# %%
# Where they differ
# -----------------
#
# Mean ranks within each family of comparisons; 1 is the best of nine.

ranks = ranking.ranks.groupby("family", sort=False)[list(ranking.table.index)].mean()
figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
picture = axes.imshow(ranks, cmap="viridis_r", vmin=1, vmax=len(models), aspect="auto")
axes.set_xticks(range(len(ranks.columns)), ranks.columns, rotation=35, ha="right")
axes.set_yticks(range(len(ranks)), ranks.index)
for row, family in enumerate(ranks.index):
    for place, name in enumerate(ranks.columns):
        value = ranks.loc[family, name]
        axes.text(
            place,
            row,
            f"{value:.1f}",
            ha="center",
            va="center",
            color="white" if value > 5 else "black",
            fontsize=8,
        )
figure.colorbar(picture, label="mean rank")
plt.show()

# %%
# Lengths and series, as each model makes them:

made = {name: ranking.made[name] for name in ranking.table.index}
_ = plt.figure(plot_length_distributions(ranking.real, made))
_ = plt.figure(plot_galleries(ranking.real, made, "cpu_rate", random_state=2))

# %%
# Read it with care. All baselines but the naive GAN draw metadata from the rows that
# they were trained on, and TimeGAN, RCGAN and the market simulator the lengths with
# them: they can't be wrong there, and give these rows away. Two seconds favour models
# whose steps are cheap, and those that learn by their likelihood; a GAN takes thousands
# of steps.
