"""What the experiments have in common: data, models, budgets, seeds, and what the paper reports.

DoppelGANger is trained for so many steps, which makes its results reproducible; the other models of a data set for the
seconds that these took about, on one thread.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

SEEDS = (0, 1, 2, 3, 4)

OURS, PAPER, GRETEL = "dgsynth", "as in the paper", "gretel"
BASELINES = ("ar", "rnn", "hmm", "naive-gan")
WIKIPEDIA_BASELINES = (*BASELINES, "timegan", "rcgan", "market-simulator")
"""TimeGAN, RCGAN and the market simulator take samples of one length, and the paper has them on Wikipedia alone."""

N_TRAIN = "n_train"
"""Among the parameters of a variant: how many samples, drawn at random, it is trained on."""

AS_IN_THE_PAPER: dict[str, Any] = {
    "batch_size": 100,
    "learning_rate": 1e-3,
    "beta_1": 0.5,
    "gradient_penalty_weight": 10.0,
    "auxiliary_weight": 1.0,
    "metadata_noise_dim": 5,
    "minmax_noise_dim": 5,
    "measurement_noise_dim": 5,
    "metadata_units": (100, 100),
    "lstm_units": 100,
    "discriminator_units": (200, 200, 200, 200),
    "scaling": "linear",
    "generator_averaging": 0.0,
    "learning_rate_schedule": "constant",
    "sharp_flags": False,
    "initial_state": "random",
    "attain_range": False,
}
"""Appendix B, written out. Of this library's defaults `scaling`, `generator_averaging` and `attain_range` depart."""

SETTLED: dict[str, Any] = {"learning_rate_schedule": "linear"}


@dataclass(frozen=True)
class Plan:
    """How models are trained on a data set, and how much they make.

    Attributes
    ----------
    ours : dict
        Parameters of DoppelGANger: the best that was found.
    seconds : float
        Of training of each other model, on one thread.
    n_synthetic : int
    baselines : tuple of str
    gretel : bool
        Whether gretel's DGAN is trained; it takes no missing numbers.
    variants : dict of str to dict
        Parameters of DoppelGANger by the name of the variant.
    variant_seeds : int
    """

    ours: dict[str, Any]
    seconds: float
    n_synthetic: int
    baselines: tuple[str, ...] = ()
    gretel: bool = True
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    variant_seeds: int = 2

    @property
    def others(self) -> tuple[str, ...]:
        """The models of others."""
        return (*((GRETEL,) if self.gretel else ()), *self.baselines)

    def parameters(self, model: str) -> dict[str, Any] | None:
        """Return the parameters of a DoppelGANger, None for another model."""
        found = {OURS: self.ours, **self.variants}.get(model)
        return None if found is None else dict(found)

    def settings(self, model: str) -> dict[str, Any]:
        """Return all that a model's samples depend on but its seed, as JSON has it."""
        found = self.parameters(model) or {"seconds": self.seconds}
        if model == GRETEL:
            found["sample_len"] = self.ours["sample_len"]
            found["auto_normalize"] = self.ours.get("auto_normalize", True)
        settings: dict[str, Any] = json.loads(json.dumps({**found, "n_synthetic": self.n_synthetic}))
        return settings


_WIKIPEDIA = {**SETTLED, "sample_len": 14, "max_steps": 15_000}
_WIKIPEDIA_PAPER = {**_WIKIPEDIA, **AS_IN_THE_PAPER, "sample_len": 10}
_MBA = {
    **SETTLED,
    "learning_rate": 2e-3,
    "sample_len": 4,
    "max_steps": 10_000,
    "auto_normalize": False,
    "auxiliary_discriminator": False,
    "scaling": "linear",
}
_LENGTHS = {**SETTLED, "sharp_flags": True, "initial_state": "zero"}
_TASKS = {**_LENGTHS, "sample_len": 5, "max_steps": 8000}
_JOBS = {**SETTLED, "learning_rate": 2e-3, "sample_len": 12, "max_steps": 20_000, "auto_normalize": False}
_PHYSIONET = {**_LENGTHS, "learning_rate": 2e-3, "sample_len": 7, "max_steps": 24_000}

PLANS: dict[str, Plan] = {
    "wikipedia": Plan(
        _WIKIPEDIA,
        seconds=240,
        n_synthetic=2000,
        baselines=WIKIPEDIA_BASELINES,
        variants={
            PAPER: _WIKIPEDIA_PAPER,
            "as in the paper, no auto-normalization": {**_WIKIPEDIA_PAPER, "auto_normalize": False},
            "as in the paper, no auxiliary discriminator": {**_WIKIPEDIA_PAPER, "auxiliary_discriminator": False},
            "no auto-normalization": {**_WIKIPEDIA, "auto_normalize": False},
            "no auxiliary discriminator": {**_WIKIPEDIA, "auxiliary_discriminator": False},
            **{f"S = {s}": {**_WIKIPEDIA, "sample_len": s} for s in (5, 10, 25, 50, 1)},
            **{f"{n} samples": {**_WIKIPEDIA, N_TRAIN: n} for n in (50, 200, 500, 1000)},
            "linear scale": {**_WIKIPEDIA, "scaling": "linear"},
            "range not attained": {**_WIKIPEDIA, "attain_range": False},
            "constant learning rate": {**_WIKIPEDIA, "learning_rate_schedule": "constant"},
            "no averaging": {**_WIKIPEDIA, "generator_averaging": 0.0},
            "packing of 2": {**_WIKIPEDIA, "packing": 2},
            "3 discriminator rounds": {**_WIKIPEDIA, "discriminator_rounds": 3},
        },
    ),
    "wikipedia half": Plan({**_WIKIPEDIA, "max_steps": 6000}, seconds=100, n_synthetic=2000, baselines=BASELINES),
    "mba": Plan(
        _MBA,
        seconds=90,
        n_synthetic=10_000,
        baselines=BASELINES,
        variants={
            PAPER: {**_MBA, **AS_IN_THE_PAPER},
            "constant learning rate": {**_MBA, "learning_rate_schedule": "constant"},
            "no averaging": {**_MBA, "generator_averaging": 0.0},
            "zero initial state": {**_MBA, "initial_state": "zero"},
            "logarithmic scale": {**_MBA, "scaling": "auto"},
            "learning rate of 0.001": {**_MBA, "learning_rate": 1e-3},
            "auto-normalization": {**_MBA, "auto_normalize": True},
            "auxiliary discriminator": {**_MBA, "auxiliary_discriminator": True},
        },
    ),
    "tasks": Plan(
        _TASKS,
        seconds=90,
        n_synthetic=10_000,
        baselines=BASELINES,
        variants={
            PAPER: {**_TASKS, **AS_IN_THE_PAPER, "auto_normalize": False, "auxiliary_discriminator": False},
            "constant learning rate": {**_TASKS, "learning_rate_schedule": "constant"},
            "no averaging": {**_TASKS, "generator_averaging": 0.0},
            "soft flags": {**_TASKS, "sharp_flags": False},
            "random initial state": {**_TASKS, "initial_state": "random"},
            "no auto-normalization": {**_TASKS, "auto_normalize": False},
        },
    ),
    "jobs": Plan(_JOBS, seconds=300, n_synthetic=4000),
    "jobs apart": Plan(_JOBS, seconds=300, n_synthetic=4000),
    "physionet": Plan(_PHYSIONET, seconds=400, n_synthetic=8000, gretel=False),
}
