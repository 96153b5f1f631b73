"""Figure 16: autocorrelation under differential privacy, by epsilon, on 2,016 Wikipedia pages of 550 days.

The paper trained DoppelGANger by DP-SGD as it was, with batches of 100 for 15 epochs ("as in the paper", here with
exact accounting and a logarithmic scale), and found the autocorrelation destroyed. The other variants try what may help
at the same epsilon. Public are domains, accesses and agents, 550 days, at most 10^9 views a day, the number of pages.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from _data import data_set
from _pages import VIEWS, log_views
from _results import RESULTS
from _runs import AS_GIVEN, CACHE, versions

from dgsynth import DGSynthesizer, PrivacyConfig, Sequences
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation.autocorrelation import autocorrelation_mse, mean_autocorrelation
from dgsynth.evaluation.metrics import floor, total_variation

CURVES = CACHE / "figure_16_curves.npz"
PUBLIC = CACHE / "figure_16_public.safetensors"
EPSILONS = (1.0, 4.0, 16.0)
DELTA = 1e-5
PRETRAINING_STEPS = 3000

VARIANTS: dict[str, dict[str, Any]] = {
    "as in the paper": {"batch_size": 100, "max_steps": 300},
    "longer": {"batch_size": 100, "max_steps": 1000},
    "large batches": {"batch_size": 500, "max_steps": 500},
    "small discriminators": {"batch_size": 100, "max_steps": 1000, "discriminator_units": (50, 50)},
    "pretrained": {"batch_size": 500, "max_steps": 300, "learning_rate": 3e-4, "pretrained": True},
    "small discriminators, 5 rounds": {
        "batch_size": 100,
        "max_steps": 400,
        "discriminator_units": (50, 50),
        "discriminator_rounds": 5,
    },
    "clipped at 30": {"batch_size": 100, "max_steps": 1000, "max_grad_norm": 30.0},
}


def main() -> None:
    RESULTS.mkdir(exist_ok=True)
    real = data_set("wikipedia").train
    logged = log_views(real)
    result: dict[str, Any] = {
        "delta": DELTA,
        "floor": floor(autocorrelation_mse, logged, VIEWS),
        "autocorrelation MSE of noise without memory": float((mean_autocorrelation(logged, VIEWS)[1:501] ** 2).mean()),
        "rows": [],
        "versions": versions(),
    }
    curves = {"real": mean_autocorrelation(logged, VIEWS)}
    if (RESULTS / "figure_16.json").exists() and CURVES.exists():  # an interrupted run goes on
        result["rows"] = json.loads((RESULTS / "figure_16.json").read_text())["rows"]
        curves |= dict(np.load(CURVES))

    def is_done(variant: str, epsilon: float | None) -> bool:
        return any((row["variant"], row["epsilon"]) == (variant, epsilon) for row in result["rows"])

    def note(variant: str, epsilon: float | None, model: DGSynthesizer, seconds: float) -> None:
        made = model.sample(2000, random_state=1)
        made_log = log_views(made)
        curves[f"{variant}, {epsilon}"] = mean_autocorrelation(made_log, VIEWS)
        row = {
            "variant": variant,
            "epsilon": epsilon,
            "spent": getattr(model, "epsilon_", None),
            "noise_multiplier": model.privacy_ledger_[-1].noise_multiplier if hasattr(model, "epsilon_") else None,
            "autocorrelation MSE, log views": autocorrelation_mse(logged, made_log, VIEWS),
            "total variation of the domains": total_variation(real, made, "domain"),
            "score": model.score(real),
            "seconds": round(seconds, 1),
        }
        print(row, flush=True)
        result["rows"].append(row)
        (RESULTS / "figure_16.json").write_text(json.dumps(result, indent=1) + "\n")
        np.savez(CURVES, **curves)

    common: dict[str, Any] = {
        **AS_GIVEN,
        "schema": real.schema.with_column(VIEWS, minimum=0, maximum=10**9),
        "scaling": "log",
        "sample_len": 10,
        "random_state": 0,
    }
    public = _pretrained(common, real)
    if not is_done("pretrained, without private data", 0.0):
        note("pretrained, without private data", 0.0, public, 0.0)
    if not is_done("without privacy", None):
        start = time.perf_counter()
        without = DGSynthesizer(**common, max_steps=2000).fit(real)
        note("without privacy", None, without, time.perf_counter() - start)
    for name, settings in VARIANTS.items():
        for epsilon in EPSILONS:
            if is_done(name, epsilon):
                continue
            model = _private(common, dict(settings), epsilon)
            start = time.perf_counter()
            model.fit(real)
            note(name, epsilon, model, time.perf_counter() - start)
    _draw(curves)


def _private(common: dict[str, Any], settings: dict[str, Any], epsilon: float) -> DGSynthesizer:
    bound, starts_public = settings.pop("max_grad_norm", 1.0), settings.pop("pretrained", False)
    privacy = PrivacyConfig(epsilon, DELTA, bound, n_samples=2016, noise="seeded", public_start=starts_public)
    if not starts_public:
        return DGSynthesizer(**common, **settings, privacy=privacy)
    model = DGSynthesizer.load(PUBLIC)
    return model.set_params(**settings, privacy=privacy, warm_start=True)


def _pretrained(common: dict[str, Any], real: Sequences) -> DGSynthesizer:
    """Return a model of simulated pages, which knows of the real ones what is public."""
    if not PUBLIC.exists():
        CACHE.mkdir(exist_ok=True)
        DGSynthesizer(**common, max_steps=PRETRAINING_STEPS).fit(_simulated(real)).save(PUBLIC)
    return DGSynthesizer.load(PUBLIC)


def _simulated(real: Sequences) -> Sequences:
    pages = make_web_traffic(2000, int(real.lengths[0]), random_state=1).drop(columns="date")
    for name in real.schema.metadata_names:
        pages = pages[pages[name].isin(real.metadata[name].unique())]
    return Sequences.from_long(pages, sequence_key="page", metadata=real.schema.metadata_names)


def _draw(curves: dict[str, np.ndarray]) -> None:
    names = ["as in the paper", "small discriminators", "pretrained"]
    figure, axes = plt.subplots(1, len(names), figsize=(15, 4), sharey=True, layout="constrained")
    for axis, name in zip(axes, names, strict=True):
        axis.plot(curves["real"], color="black", label="real")
        axis.plot(curves["without privacy, None"], color="black", linestyle=":", label="without privacy")
        if name == "pretrained":
            axis.plot(curves["pretrained, without private data, 0.0"], color="grey", label="without private data")
        for epsilon in EPSILONS:
            axis.plot(curves[f"{name}, {epsilon}"], label=f"epsilon {epsilon:g}")
        axis.set(title=name, xlabel="lag (days)")
        axis.legend()
    axes[0].set_ylabel("mean autocorrelation of log views")
    figure.savefig(RESULTS / "figure_16.png", dpi=110)


if __name__ == "__main__":
    sys.exit(main())
