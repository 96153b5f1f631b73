"""
Network measurements: ping loss and traffic of homes
====================================================

The paper's second data set, Measuring Broadband America of the FCC, has homes with a
technology, a provider and a state, and two measurements every few hours: the share of
UDP pings that were lost, and a counter of traffic. You learn how a model takes two
measurements of very different scales, and how to check that both still hang on the
metadata.

Pictures need matplotlib: ``pip install 'dgsynth[plot]'``.
"""

# %%
# Simulated homes
# ---------------
#
# The real data can't be shipped, so these are made up in their shape: 56 records, one
# every six hours. Satellite links lose the most pings, fibre carries the most traffic,
# cable slows down in the evening, and no provider sells all technologies.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from dgsynth import DGSynthesizer, Sequences
from dgsynth.evaluation import evaluate
from dgsynth.evaluation.plots import plot_autocorrelation, plot_metadata, plot_totals_by

rng = np.random.default_rng(0)
n_homes, n_records = 500, 56
providers = {
    "cable": ["Coastline", "Midland"],
    "DSL": ["Copperhead", "Midland"],
    "fibre": ["Lightpath", "Coastline"],
    "satellite": ["Skyward"],
}
loss_of = {"cable": 0.004, "DSL": 0.008, "fibre": 0.002, "satellite": 0.03}
gigabytes_of = {"cable": 1.5, "DSL": 0.6, "fibre": 2.5, "satellite": 0.4}

technology = rng.choice(list(providers), n_homes, p=[0.4, 0.3, 0.2, 0.1])
homes = pd.DataFrame({"home": np.arange(n_homes), "technology": technology})
homes["isp"] = [rng.choice(providers[each]) for each in technology]
homes["state"] = rng.choice(["CA", "TX", "OH", "NY", "WA"], n_homes)

table = homes.loc[homes.index.repeat(n_records)].reset_index(drop=True)
record = np.tile(np.arange(n_records), n_homes)
table["time"] = pd.Timestamp("2017-09-01") + pd.to_timedelta(6 * record, unit="h")
evening = np.where(record % 4 == 3, 1.0, np.where(record % 4 == 1, -0.8, 0.0))
habit = rng.normal(0, 0.6, n_homes)[table["home"]]
traffic = table["technology"].map(gigabytes_of) * 1e9 * np.exp(habit + 0.7 * evening)
table["traffic_bytes"] = (traffic * rng.lognormal(0, 0.35, len(table))).astype("int64")
lossy = table["technology"].map(loss_of) * rng.lognormal(0, 0.5, n_homes)[table["home"]]
lossy *= np.where((table["technology"] == "cable") & (evening == 1), 3, 1)
table["ping_loss"] = rng.binomial(2000, np.minimum(lossy, 1)) / 2000
table.head()

# %%
# Fit and compare
# ---------------

columns = {"sequence_key": "home", "sequence_index": "time"}
model = DGSynthesizer(**columns, max_steps=600, random_state=0).fit(table)
synthetic = model.sample(500, random_state=1)
real, made = (
    Sequences.from_any(table, **columns),
    Sequences.from_any(synthetic, **columns),
)
report = evaluate(table, synthetic, costly=False, **columns)
print(report.verdict)

# %%
# Totals by technology: a box from the lower to the upper quartile, a line at the
# median, whiskers from 5 to 95 %. That of ``ping_loss`` is the sum of the 56 shares.

_ = plt.figure(plot_totals_by(real, made, "traffic_bytes", "technology"))
_ = plt.figure(plot_totals_by(real, made, "ping_loss", "technology"))

# %%
# Four records are a day. The evening shows as a peak of the autocorrelation at each
# multiple of four.

_ = plt.figure(plot_autocorrelation(real, made, "traffic_bytes"))

# %%
# Metadata go together as they do in the data: which provider sells which technology was
# learned, not declared.

_ = plt.figure(plot_metadata(real, made, "isp"))

# %%
pairs = {
    name: data.metadata[["technology", "isp"]]
    for name, data in (("real", real), ("synthetic", made))
}
known = set(pairs["real"].itertuples(index=False, name=None))
unknown = [
    pair not in known for pair in pairs["synthetic"].itertuples(index=False, name=None)
]
share = np.mean(unknown)
print(f"{share:.1%} of the synthetic homes have what their provider does not sell")

# %%
# One may ask for homes that are wanted for a test, say satellite links in Texas, of
# which the data have few.

few = homes.query("technology == 'satellite' and state == 'TX'")
wanted = model.sample(
    100, metadata={"technology": "satellite", "state": "TX"}, random_state=2
)
figure, axes = plt.subplots(figsize=(6.4, 3), layout="constrained")
groups = {
    f"real, {len(few)} homes": table[table["home"].isin(few["home"])],
    "synthetic, 100 homes": wanted,
    f"real, all {n_homes} homes": table,
}
for (name, group), color in zip(
    groups.items(), ("tab:blue", "tab:orange", "tab:gray"), strict=True
):
    loss = np.sort(group.groupby("home")["ping_loss"].mean())
    axes.step(
        loss,
        np.arange(1, len(loss) + 1) / len(loss),
        where="post",
        color=color,
        label=name,
    )
axes.set(
    xscale="log",
    xlabel="mean share of pings lost, by home",
    ylabel="share of homes below",
)
axes.set_title("satellite in Texas", loc="left")
axes.legend()
plt.show()
