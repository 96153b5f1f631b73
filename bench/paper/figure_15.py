"""Figure 15: how well an attacker tells the training pages of Wikipedia from others, by the number of training pages.

Half of 2,016 pages may be trained on, of the other half as many as were trained on stand for those that were not. The
attacker holds the whole model ("white box") or synthetic pages alone. Every model is trained for the same steps.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from _runs import fit
from wikipedia import read_pages

RESULTS = Path(__file__).parent / "results"
SIZES = (50, 100, 200, 400, 800, 1008)
SEEDS = (0, 1)
STEPS = 4000


def main(seeds: tuple[int, ...] = SEEDS) -> None:
    table = read_pages()
    days = table.columns[3:].tolist()
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(table))
        for size in SIZES:
            members = table.iloc[order[:size]].reset_index(drop=True)
            fit(f"figure_15_{size}_{seed}", members, time_columns=days, sample_len=10, max_steps=STEPS)


if __name__ == "__main__":
    sys.exit(main())
