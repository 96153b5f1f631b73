"""
Oversampling a rare class in a pipeline of imbalanced-learn
===========================================================

A classifier that sees few cases of a class learns to overlook it. You learn how
:class:`~dgsynth.oversampling.DGOverSampler` makes more of them inside an
imbalanced-learn pipeline, and how to find out whether that pays: often a simple
repetition of the rare rows, or a threshold, does as well.

Needs imbalanced-learn and, for the picture, matplotlib: ``pip install imbalanced-learn
'dgsynth[plot]'``.
"""

# %%
# The data
# --------
#
# Made by scikit-learn: 2,000 rows, ten numbers, and a class that one row in twenty has.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.preprocessing import StandardScaler

from dgsynth import AutoregressiveSynthesizer
from dgsynth.oversampling import DGOverSampler

X, y = make_classification(
    n_samples=2000,
    n_features=10,
    n_informative=6,
    weights=[0.95],
    class_sep=0.7,
    flip_y=0.01,
    random_state=0,
)
X = pd.DataFrame(X).add_prefix("x")
print(f"{(y == 1).sum()} of {len(y)} rows are of the rare class")

# %%
# More of the rare class
# ----------------------
#
# The oversampler fits a synthesizer to all rows, with the class as a column, and asks
# it for rows of the rare one.

sampler = DGOverSampler(
    AutoregressiveSynthesizer(max_steps=100, random_state=0), random_state=0
)
X_more, y_more = sampler.fit_resample(X, y)
print(f"{sampler.sampling_strategy_[1]} rows were added")

figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.4), sharex=True, sharey=True, layout="constrained"
)
rare = X[y == 1]
for ax, (name, rows) in zip(
    axes, (("real", rare), ("synthetic", X_more[len(X) :])), strict=True
):
    ax.scatter(X["x1"], X["x4"], s=3, color="lightgray", label="common class, real")
    rows = rows[: len(rare)]
    ax.scatter(rows["x1"], rows["x4"], s=12, color="tab:red", label="rare class")
    ax.set_title(f"rare class, {name}: {len(rare)} rows", loc="left")
    ax.set_xlabel("x1")
axes[0].set_ylabel("x4")
axes[0].legend(loc="upper left", fontsize=8)
plt.show()

# %%
# Does it pay?
# ------------
#
# In a pipeline only the training part of each fold is oversampled, so the test stays
# real. *Balanced accuracy* is the mean of the shares of both classes that are found;
# *average precision* asks only how rows are ranked, so that no threshold can help it.
# With ``memory`` the second classifier is given what was resampled for the first.

oversamplers = {
    "none": "passthrough",
    "repetition": RandomOverSampler(random_state=0),
    "SMOTE": SMOTE(random_state=0),
    "synthesizer": sampler,
}
classifiers = {
    "logistic regression": LogisticRegression(),
    "random forest": RandomForestClassifier(random_state=0),
}
metrics = {
    "balanced accuracy": "balanced_accuracy",
    "average precision": "average_precision",
}
folds = StratifiedKFold(3, shuffle=True, random_state=0)
rows, memory = [], tempfile.mkdtemp()
for classifier_name, classifier in classifiers.items():
    for name, oversampler in oversamplers.items():
        found = cross_validate(
            make_pipeline(oversampler, StandardScaler(), classifier, memory=memory),
            X,
            y,
            cv=folds,
            scoring=metrics,
        )
        rows += [
            (classifier_name, name, metric, score)
            for metric in metrics
            for score in found[f"test_{metric}"]
        ]
scores = pd.DataFrame(rows, columns=["classifier", "oversampling", "metric", "score"])
means = scores.groupby(
    ["classifier", "oversampling", "metric"], sort=False
).score.mean()
means.unstack("metric").round(3)

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for ax, (metric, part) in zip(axes, scores.groupby("metric", sort=False), strict=True):
    for offset, (name, runs) in enumerate(part.groupby("classifier", sort=False)):
        place = np.repeat(np.arange(4), folds.get_n_splits()) + 0.2 * offset - 0.1
        color = ("tab:blue", "tab:green")[offset]
        ax.plot(runs["score"], place, "o", color=color, alpha=0.7, label=name)
    ax.set_xlabel(f"{metric}, three folds")
axes[0].set(yticks=range(len(oversamplers)), yticklabels=oversamplers)
axes[0].invert_yaxis()
figure.legend(*axes[0].get_legend_handles_labels(), ncols=2, loc="outside upper center")
plt.show()

# %%
# Who wins?

for (classifier_name, metric), row in means.unstack("oversampling").iterrows():
    best = f"{row.idxmax()} {row.max():.3f}"
    print(f"{classifier_name}, {metric}: {best}; synthesizer {row['synthesizer']:.3f}")

# %%
# Where rows are ranked, oversampling of any kind has little to give: try the classifier
# as it is first, and ``class_weight="balanced"``. A synthesizer earns its time where
# rows can't be averaged as SMOTE does: categories, missing values, series.
