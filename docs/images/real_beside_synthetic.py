"""Draws real_beside_synthetic.svg: pages of simulated web traffic, and those of a model that learned from them.

Some minutes on two cores: `python docs/images/real_beside_synthetic.py`. The first three samples of each are shown.
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from dgsynth import DGSynthesizer, Sequences
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation.metrics import mean_autocorrelation
from dgsynth.evaluation.plots import REAL, SYNTHETIC, style

DAYS, SHOWN = 120, 3

matplotlib.rcParams.update({"svg.hashsalt": "dgsynth", "font.size": 9})  # the same file from the same numbers
columns = {"sequence_key": "page", "sequence_index": "date"}
real = make_web_traffic(1000, DAYS, random_state=6)
model = DGSynthesizer(**columns, max_steps=3000, random_state=0).fit(real)
synthetic = model.sample(1000, random_state=0)

figure = Figure(figsize=(9, 4), layout="constrained")
grid = figure.add_gridspec(SHOWN, 3, width_ratios=[1, 1, 0.9])
for side, (name, table, color) in enumerate([("real", real, REAL), ("synthetic", synthetic, SYNTHETIC)]):
    for row, (_, page) in enumerate(list(table.groupby("page", sort=False))[:SHOWN]):
        axes = figure.add_subplot(grid[row, side])
        style(axes)
        axes.plot(np.arange(len(page)), page["views"], color=color, linewidth=1.2)
        axes.set_title(" · ".join(page.iloc[0][["domain", "access", "agent"]]), fontsize=7.5, loc="left", pad=3)
        axes.set_ylim(bottom=0)
        if row < SHOWN - 1:
            axes.set_xticklabels([])
    axes.set_xlabel(f"day; views of three {name} pages", color=color)

axes = figure.add_subplot(grid[:, 2])
style(axes)
for name, table, color in [("real", real, REAL), ("synthetic", synthetic, SYNTHETIC)]:
    curve = mean_autocorrelation(Sequences.from_long(table, **columns), "views")[: DAYS // 2]
    axes.plot(np.arange(len(curve)), curve, color=color, linewidth=1.4, label=name)
axes.set_title("mean autocorrelation of 1,000 pages", fontsize=9, loc="left")
axes.set_xlabel("lag in days")
axes.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})
