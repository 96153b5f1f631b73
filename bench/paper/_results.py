"""The form of all results: measures of models, beside the paper's, the real data's and a target; and their pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from _runs import versions

from dgsynth.evaluation.plots import Figure

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Measure:
    """One number of each run.

    Attributes
    ----------
    name : str
    values : dict of str to list of float
        By model, one value for each seed.
    paper : dict of str to float
        What the paper reports, by model.
    real : float or None
        What the real data have.
    floor : float or None
        What two halves of the real data are apart.
    target : float or None
        What ours must reach: at most so much, or at least where `higher_is_better`.
    higher_is_better : bool
    """

    name: str
    values: Mapping[str, Sequence[float]]
    paper: Mapping[str, float] = field(default_factory=dict)
    real: float | None = None
    floor: float | None = None
    target: float | None = None
    higher_is_better: bool = False

    def renamed(self, names: Mapping[str, str]) -> Measure:
        """Return the measure with other names of models."""
        return replace(self, values={names.get(model, model): values for model, values in self.values.items()})


def write(name: str, title: str, text: str, measures: Sequence[Measure], figures: Mapping[str, Figure | None]) -> None:
    """Write an experiment to the results: numbers as JSON, and pictures; where one is None, that of before stays."""
    if not any(measure.values for measure in measures):
        print(f"{title}: nothing was trained yet")
        return
    RESULTS.mkdir(exist_ok=True)
    pictures = {}
    for i, (caption, figure) in enumerate(figures.items()):
        path = RESULTS / f"{name}{'' if i == 0 else f'_{i + 1}'}.png"
        if figure is not None:
            figure.savefig(path, dpi=110)
        if path.exists():
            pictures[caption] = path.name
    content = {
        "title": title,
        "text": " ".join(text.split()),
        "measures": [asdict(measure) for measure in measures],
        "pictures": pictures,
        "versions": versions(),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    print(title)
    for measure in measures:
        medians = {model: f"{np.median(values):.3g}" for model, values in measure.values.items()}
        print(f"  {measure.name}: {medians}, target {measure.target}, floor {measure.floor}")
