"""How well `extend` and `impute` of the autoregressive model tell what was hidden, on ICU stays (PhysioNet 2012).

Trained on four fifths of 2,000 patients with five vitals; of the others a tenth of the cells is hidden and drawn 100
times over, or all records after the first half are. Draws are held against what was hidden: how often it lies between
the 10 % and the 90 % quantile of the draws (0.8 is right), and minus the logarithm of the share of draws in its bin, of
20 bins that hold as many training values each, beside that of the column's own frequencies.

    python bench/completion.py --seconds 300
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _runs import RESULTS, versions
from series import SETS, VITALS, parted

from dgsynth import AutoregressiveSynthesizer, Sequences
from dgsynth.training.callbacks import TimeLimit

THREADS, DRAWS, BINS, HIDDEN = 2, 100, 20, 0.1


def main(seconds: float, seed: int, output: Path) -> None:
    torch.set_num_threads(THREADS)
    train, judge = parted(SETS["physionet"](), seed)
    model = AutoregressiveSynthesizer(
        random_state=seed, n_jobs=THREADS, device="cpu", callbacks=[TimeLimit(seconds)]
    ).fit(train)
    results: dict[str, Any] = {"seconds": seconds, "seed": seed, "steps": model.n_steps_, "versions": versions()}
    results["impute"] = _imputed(model, train, judge, seed)
    results["extend"] = _extended(model, train, judge, seed)
    print(json.dumps(results, indent=1))
    output.write_text(json.dumps(results, indent=1) + "\n")


def _imputed(model: AutoregressiveSynthesizer, train: Sequences, judge: Sequences, seed: int) -> dict[str, Any]:
    rng, truth = np.random.default_rng(seed), judge.measurements[VITALS]
    is_hidden = (rng.random(truth.shape) < HIDDEN) & truth.notna().to_numpy()
    hidden = judge.measurements.assign(**truth.mask(is_hidden))
    start = time.perf_counter()
    drawn = model.impute(replace(judge, measurements=hidden), n_draws=DRAWS, random_state=seed)
    taken = time.perf_counter() - start
    draws = np.stack([made.measurements[VITALS].to_numpy(dtype=float) for made in drawn])
    return {"seconds": taken, **_held_against(draws, truth.to_numpy(dtype=float), is_hidden, train)}


def _extended(model: AutoregressiveSynthesizer, train: Sequences, judge: Sequences, seed: int) -> dict[str, Any]:
    judge = judge.take(judge.lengths >= 10)
    half = judge.lengths // 2
    position = np.arange(judge.n_records) - np.repeat(judge.offsets[:-1], judge.lengths)
    is_new = position >= np.repeat(half, judge.lengths)
    begun = replace(judge, measurements=judge.measurements[~is_new].reset_index(drop=True), lengths=half)
    start = time.perf_counter()
    drawn = model.extend(begun, judge.lengths, n_draws=DRAWS, random_state=seed)
    taken = time.perf_counter() - start
    truth = judge.measurements[VITALS].to_numpy(dtype=float)
    draws = np.stack([made.measurements[VITALS].to_numpy(dtype=float) for made in drawn])
    is_next = position == np.repeat(half, judge.lengths)
    parts = {"next record": is_next, "all records after": is_new}
    return {"seconds": taken} | {
        name: _held_against(draws, truth, chosen[:, None] & ~np.isnan(truth), train) for name, chosen in parts.items()
    }


def _held_against(draws: np.ndarray, truth: np.ndarray, chosen: np.ndarray, train: Sequences) -> dict[str, Any]:
    """Return coverage and log-loss of the chosen cells, by column and in the mean over all cells."""
    found: dict[str, Any] = {}
    inside, ours, marginal = [], [], []
    for j, name in enumerate(VITALS):
        values, made = truth[chosen[:, j], j], draws[:, chosen[:, j], j]
        if not len(values):
            continue
        known = train.measurements[name].dropna().to_numpy(dtype=float)
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
        counts = np.stack(
            [(np.searchsorted(edges, made, side="right") == b).astype(float) for b in range(len(edges) + 1)]
        )
        counts = (counts * ~np.isnan(made)).sum(axis=1) + 0.5
        frequencies = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1) / len(known)
        at = np.searchsorted(edges, values, side="right")
        loss = -np.log(counts[at, np.arange(len(values))] / counts.sum(axis=0))
        low, high = np.nanquantile(made, [0.1, 0.9], axis=0)
        within, of_column = (low <= values) & (values <= high), -np.log(frequencies[at])
        found[name] = {"coverage": within.mean(), "log-loss": loss.mean(), "of the column alone": of_column.mean()}
        inside.append(within), ours.append(loss), marginal.append(of_column)
    means = (np.concatenate(part).mean() for part in (inside, ours, marginal))
    found["all"] = dict(zip(("coverage", "log-loss", "of the column alone"), means, strict=True))
    return {name: {key: round(float(value), 3) for key, value in row.items()} for name, row in found.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS / "completion.json")
    arguments = parser.parse_args()
    main(arguments.seconds, arguments.seed, arguments.output)
