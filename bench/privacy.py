"""What differential privacy costs: an iteration with it over one without, in turns, on two shapes of data."""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import numpy as np
import torch
from _runs import AS_GIVEN, RESULTS, versions

from dgsynth import DGSynthesizer, PrivacyConfig, Sequences
from dgsynth.training.callbacks import Callback

STEPS, ROUNDS = 40, 3
SHAPES = {"wikipedia": (550, 1, 10), "mba": (56, 2, 1)}
N_SAMPLES = 2000


class Clock(Callback):
    """Times all steps but the first ten."""

    def on_fit_begin(self, trainer: Any) -> None:
        self.start = 0.0

    def on_step_end(self, trainer: Any) -> None:
        if trainer.step == 10:
            self.start = time.perf_counter()
        self.end = time.perf_counter()


def milliseconds(shape: tuple[int, int, int], batch_size: int, noise: str | None) -> float:
    length, measurements, sample_len = shape
    random = np.random.default_rng(0)
    data = Sequences.from_arrays(random.random((N_SAMPLES, length, measurements)))
    privacy = None
    if noise is not None:
        privacy = PrivacyConfig(noise_multiplier=1.0, n_samples=N_SAMPLES, delta=1e-5, noise=noise)
    clock = Clock()
    model = DGSynthesizer(
        **{**AS_GIVEN, "scaling": "linear"},
        schema=data.schema,
        sample_len=sample_len,
        batch_size=batch_size,
        max_steps=10 + STEPS,
        privacy=privacy,
        callbacks=[clock],
        random_state=0,
    )
    model.fit(data)
    return (clock.end - clock.start) / STEPS * 1e3


def main() -> None:
    rows = []
    for name, shape in SHAPES.items():
        for batch_size in (100, 500):
            times: dict[str | None, list[float]] = {None: [], "seeded": [], "secure": []}
            for _ in range(ROUNDS):
                for noise, taken in times.items():
                    taken.append(milliseconds(shape, batch_size, noise))
            row: dict[str, Any] = {"shape": name, "batch_size": batch_size}
            row |= {f"ms, {noise or 'without privacy'}": round(min(taken), 1) for noise, taken in times.items()}
            for noise in ("seeded", "secure"):
                ratios = [a / b for a, b in zip(times[noise], times[None], strict=True)]
                row[f"ratio, {noise}"] = round(statistics.median(ratios), 2)
            rows.append(row)
            print(row, flush=True)
    result = {"rows": rows, "threads": torch.get_num_threads(), "versions": versions()}
    (RESULTS / "privacy.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
