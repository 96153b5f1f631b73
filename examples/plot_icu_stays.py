"""
ICU stays: vitals with gaps, of different length
================================================

Patients stay for different times, and not every vital is taken every hour. You learn
how an :class:`~dgsynth.AutoregressiveSynthesizer` takes missing values and lengths as
part of what there is to learn, and how to see whether gaps and vitals go together in
the samples as they do in the data.

Pictures need matplotlib: ``pip install 'dgsynth[plot]'``.
"""

# %%
# Simulated stays
# ---------------
#
# Real stays may not be shipped, so these are simulated: age and ward, 6 to 30 hours,
# four vitals an hour. Old patients stay longer and have a higher systolic pressure;
# fever drives the pulse; temperature is taken every few hours only, and the pressure of
# a patient without an arterial line too.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from dgsynth import AutoregressiveSynthesizer, Sequences
from dgsynth.evaluation import evaluate
from dgsynth.evaluation.plots import plot_gallery, plot_lengths_by

rng = np.random.default_rng(0)
n_stays = 400
age = np.clip(rng.normal(64, 16, n_stays), 18, 95).round().astype(int)
ward = rng.choice(["medical", "surgical", "cardiac"], n_stays, p=[0.5, 0.3, 0.2])
hours = np.clip(rng.poisson(4 + 0.12 * age + 6 * (ward == "cardiac")), 6, 30)
stay = np.repeat(np.arange(n_stays), hours)
hour = np.arange(len(stay)) - np.repeat(np.cumsum(hours) - hours, hours)


def wander(scale):
    """One value an hour, near the one before, around a level of the patient's own."""
    steps = pd.Series(rng.normal(0, scale, len(stay)))
    return (
        rng.normal(0, 2 * scale, n_stays)[stay] + steps.groupby(stay).cumsum() * 0.4
    ).to_numpy()


fever = (rng.random(n_stays) < 0.25)[stay] * 1.5 * np.exp(-hour / 12)
table = pd.DataFrame({"stay": stay, "hour": hour, "age": age[stay], "ward": ward[stay]})
table["temperature"] = (36.8 + fever + wander(0.1)).round(1)
table["heart_rate"] = (80 + 14 * fever + wander(4)).round()
table["systolic"] = (95 + 0.5 * table["age"] - 8 * fever + wander(5)).round()
table["saturation"] = np.minimum(100, 97 + wander(0.6)).round()
table.loc[(hour + stay) % 4 > 0, "temperature"] = np.nan
no_line = (rng.random(n_stays) < 0.6)[stay]
table.loc[no_line & (rng.random(len(stay)) < 0.7), "systolic"] = np.nan
table.loc[rng.random(len(stay)) < 0.05, ["heart_rate", "saturation"]] = np.nan
table.head(6)

# %%
# Fit
# ---
#
# Nothing has to be filled in before. The limit of steps keeps this page quick; without
# it training ends when held-out stays no longer become likelier.

columns = {"sequence_key": "stay", "sequence_index": "hour"}
model = AutoregressiveSynthesizer(**columns, max_steps=200, random_state=0).fit(table)
synthetic = model.sample(400, random_state=1)
report = evaluate(table, synthetic, costly=False, **columns)
print(report.verdict)

# %%
# What a nurse would look at first: whole stays. Gaps are where nothing was measured.

real, made = (
    Sequences.from_any(table, **columns),
    Sequences.from_any(synthetic, **columns),
)
_ = plt.figure(plot_gallery(real, made, "systolic", random_state=1))

# %%
# Patients of the cardiac ward stay longer:

_ = plt.figure(plot_lengths_by(real, made, "ward"))

# %%
# Gaps and vitals
# ---------------
#
# Left: the share of hours without a value. Then what fever does to the pulse, and age
# to the pressure. There are few patients below 40, so the means jump there.

vitals = ["temperature", "heart_rate", "systolic", "saturation"]
figure, (missing, left, right) = plt.subplots(
    1, 3, figsize=(10, 3.2), layout="constrained"
)
for place, (name, data) in enumerate((("real", table), ("synthetic", synthetic))):
    color = ("tab:blue", "tab:orange")[place]
    missing.barh(
        np.arange(4) + 0.38 * place - 0.19,
        data[vitals].isna().mean(),
        0.36,
        color=color,
    )
    warm = data.groupby(data["temperature"].round().clip(36, 38))["heart_rate"].mean()
    left.plot(warm.index, warm, "o-", color=color)
    old = data.groupby(data["age"] // 10 * 10)["systolic"].mean()
    right.plot(old.index, old, "o-", color=color, label=name)
missing.set(
    xlabel="share of hours without a value", yticks=np.arange(4), yticklabels=vitals
)
missing.invert_yaxis()
left.set(
    xlabel="temperature (°C, rounded)",
    ylabel="mean heart rate (1/min)",
    xticks=[36, 37, 38],
)
right.set(xlabel="age (years, by decade)", ylabel="mean systolic pressure (mmHg)")
figure.legend(ncols=2, loc="outside upper center")
plt.show()

# %%
# A ward of one's own
# -------------------
#
# Samples can be asked for by age, also in part; here for 80-year-olds.

older = model.sample(200, metadata={"age": 80}, random_state=2)
for name, data in (("all", synthetic), ("aged 80", older)):
    stays = data.groupby("stay").size()
    pressure = data["systolic"].mean()
    print(
        f"{name:>8}: {stays.mean():.0f} hours, systolic {pressure:.0f} mmHg, on average"
    )
