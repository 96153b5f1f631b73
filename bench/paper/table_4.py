"""Table 4: the time that training takes."""

from __future__ import annotations

import numpy as np
from _measuring import Runs
from _results import Measure, write
from _settings import GRETEL, OURS, PAPER, WIKIPEDIA_BASELINES

STEPS = 200_000
IN_THE_PAPER = {
    PAPER: 17,
    "naive-gan": 5,
    "market-simulator": 6,
    "hmm": 8,
    "rnn": 22,
    "rcgan": 29,
    "ar": 93,
    "timegan": 258,
}


def main() -> None:
    runs = Runs("wikipedia", (OURS, PAPER, GRETEL, *WIKIPEDIA_BASELINES))
    per_step = {model: [f["seconds"] / max(f["steps"], 1) for f in runs.facts(model)] for model in runs.made}
    hours = {model: [seconds * STEPS / 3600 for seconds in values] for model, values in per_step.items()}
    ratio = np.median(per_step[GRETEL]) / np.median(per_step[PAPER]) if {GRETEL, PAPER} <= per_step.keys() else np.nan
    write(
        "table_4",
        "Table 4: time of training",
        f"""Wikipedia, on one thread of a shared CPU, where two runs went on at a time; the paper's hours are whole
        trainings on a V100 with 50,000 pages. A step is a batch of 100 pages, and for AR, the HMM and the market
        simulator what these count as one, so that only the first three rows and the GANs can be compared.
        docs/PERFORMANCE.md has measurements in turns. Seconds per step of gretel over those of dgsynth with the
        paper's settings: {ratio:.1f}.""",
        [
            Measure("seconds per step", per_step),
            Measure("hours for 200,000 steps", hours, IN_THE_PAPER),
        ],
        {},
    )


if __name__ == "__main__":
    main()
