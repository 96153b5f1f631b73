"""
A plain table: train on synthetic, test on real
===============================================

A table without time is a data set too: a row is a sample. You learn how to fit an
:class:`~dgsynth.AutoregressiveSynthesizer` to it, and how to ask the question that
counts: is a classifier that was trained on synthetic rows as good on real ones as one
that was trained on real rows?

Pictures need matplotlib: ``pip install 'dgsynth[plot]'``.
"""

# %%
# The data
# --------
#
# Breast cancer of Wisconsin, which scikit-learn ships: 569 rows. Ten of its numbers are
# taken, with the diagnosis as text and a category made of one number, so that the
# columns are mixed. Half of the rows are kept for the test.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dgsynth import AutoregressiveSynthesizer
from dgsynth.evaluation import evaluate

data = load_breast_cancer(as_frame=True)
table = data.data.filter(like="mean ").rename(
    columns=lambda name: name.removeprefix("mean ")
)
table["size"] = pd.cut(
    table["area"], [0, 450, 700, np.inf], labels=["small", "middle", "large"]
).astype(str)
table["diagnosis"] = data.target.map({0: "malignant", 1: "benign"})
train, test = train_test_split(
    table, test_size=0.5, stratify=table["diagnosis"], random_state=0
)
train.head()

# %%
# Fit
# ---
#
# No roles, no settings. Training stops by itself, here after

model = AutoregressiveSynthesizer(random_state=0).fit(train)
print(f"{model.n_steps_} steps; the best was {model.best_step_}")

# %%
synthetic = model.sample(len(train), random_state=1)
report = evaluate(train, synthetic, holdout=test, costly=False)
print(report.verdict)
report.table.query("light == 'off'")[["name", "column", "value", "floor"]]

# %%
# Two columns
# -----------
#
# Radius and texture by diagnosis.

figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.6), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, rows) in zip(
    axes, (("real", train), ("synthetic", synthetic)), strict=True
):
    for diagnosis, color in (("benign", "tab:green"), ("malignant", "tab:red")):
        part = rows[rows["diagnosis"] == diagnosis]
        ax.scatter(
            part["radius"],
            part["texture"],
            s=12,
            alpha=0.6,
            color=color,
            label=diagnosis,
        )
    ax.set_title(f"{name}, {len(rows)} rows", loc="left")
    ax.set_xlabel("radius (mean of a sample's cells)")
axes[0].set_ylabel("texture (standard deviation of grey values)")
axes[0].legend()
plt.show()

# %%
# Train on synthetic, test on real
# --------------------------------
#
# The same classifiers are tested by the same real rows. They were trained on the real
# half, on as many synthetic rows, and on five times as many; five sets of synthetic
# rows show what is chance.


def area_under_curve(classifier, rows):
    """How well a classifier that has learned these rows ranks the test's real ones."""
    numbers = data.data.filter(like="mean ").columns.str.removeprefix("mean ")
    classifier.fit(rows[numbers], rows["diagnosis"])
    return roc_auc_score(
        test["diagnosis"] == "malignant", classifier.predict_proba(test[numbers])[:, 1]
    )


classifiers = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "random forest": RandomForestClassifier(random_state=0),
}
training = {
    "real": [train],
    "synthetic": [model.sample(len(train), random_state=seed) for seed in range(5)],
    "5 x synthetic": [
        model.sample(5 * len(train), random_state=seed) for seed in range(5)
    ],
}
scores = pd.DataFrame(
    [
        {
            "trained on": source,
            "classifier": name,
            "AUC": area_under_curve(classifier, rows),
        }
        for source, sets in training.items()
        for rows in sets
        for name, classifier in classifiers.items()
    ]
)
scores.groupby(["classifier", "trained on"], sort=False)["AUC"].agg(
    ["mean", "min", "max"]
).round(3)

# %%
figure, axes = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
for place, (_, part) in enumerate(scores.groupby("classifier", sort=False)):
    for offset, (source, runs) in enumerate(part.groupby("trained on", sort=False)):
        color = ("tab:blue", "tab:orange", "tab:brown")[offset]
        height = np.full(len(runs), place + 0.2 * (offset - 1))
        axes.plot(
            runs["AUC"],
            height,
            "o",
            color=color,
            alpha=0.7,
            label=source if place == 0 else None,
        )
axes.set(yticks=range(len(classifiers)), yticklabels=classifiers, ylim=(-0.5, 1.5))
axes.invert_yaxis()
axes.set_xlabel("area under the ROC curve on real rows that nothing was trained on")
figure.legend(title="trained on", ncols=3, loc="outside upper center")
plt.show()

# %%
# What falls short: the report above names what is off, and with fewer than 300 rows to
# learn from, synthetic rows can't say more than these do, however many are drawn. They
# are for those who may not have the real ones.
