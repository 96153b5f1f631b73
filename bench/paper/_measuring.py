"""What was measured of each run, kept beside the results: the numbers of a run count where its samples are not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from _results import RESULTS, Measure
from _settings import SEEDS
from _training import Run, facts_of, load

from dgsynth import Sequences
from dgsynth.evaluation.plots import Figure

STORE = RESULTS / "runs.json"
"""By run: its facts, and its measures by name."""


def is_recorded(run: Run) -> bool:
    """Return whether a run was made, here or elsewhere, with the settings of now."""
    return str(run) in _store() and _store()[str(run)]["facts"]["settings"] == run.settings


class Runs:
    """The runs of some models of a data set that were made.

    A number is taken once, from samples that are here, and then kept. It has to be deleted in `STORE` where the metric
    or a default of the library has changed; settings that a plan names are looked at.
    """

    def __init__(self, data: str, models: Sequence[str]) -> None:
        self.made: dict[str, list[Run]] = {}
        """The runs by model, those without any left out."""
        for run in (Run(data, model, seed) for model in models for seed in SEEDS):
            facts = facts_of(run)
            if facts is not None and _store().get(str(run), {}).get("facts") != facts:
                _store()[str(run)] = {"facts": facts, "measures": {}}
            if is_recorded(run):
                self.made.setdefault(run.model, []).append(run)

    def measure(self, name: str, metric: Callable[[Sequences], float], **about: Any) -> Measure:
        """Return a number of the samples of each run, and what else is known about the number."""
        return self.measures({name: about}, lambda samples: [metric(samples)])[0]

    def measures(
        self, about: dict[str, dict[str, Any]], metric: Callable[[Sequences], Sequence[float]]
    ) -> list[Measure]:
        """Return several numbers that are found together, by their names."""
        for run in (run for of_model in self.made.values() for run in of_model):
            known = _store()[str(run)]["measures"]
            if not known.keys() >= about.keys() and facts_of(run) is not None:
                known.update(zip(about, map(float, metric(load(run))), strict=True))
                _keep(run)
        return [
            Measure(
                name,
                {model: self._known(of_model, name) for model, of_model in self.made.items()},
                **rest,
            )
            for name, rest in about.items()
        ]

    def _known(self, runs: Sequence[Run], name: str) -> list[float]:
        found = (_store()[str(run)]["measures"] for run in runs)
        return [measures[name] for measures in found if name in measures]

    def facts(self, model: str) -> list[dict[str, Any]]:
        """Return the seconds, steps, settings and versions of each run of a model."""
        return [_store()[str(run)]["facts"] for run in self.made.get(model, ())]

    def picture(
        self, draw: Callable[[dict[str, Sequences]], Figure], models: Sequence[str] | None = None
    ) -> Figure | None:
        """Return what is drawn of the samples of each model's first run; None where some of them are not here."""
        first = {model: of_model[0] for model, of_model in self.made.items() if models is None or model in models}
        if not first or any(facts_of(run) is None for run in first.values()):
            return None
        return draw({model: load(run) for model, run in first.items()})


@cache
def _store() -> dict[str, Any]:
    return _read()


def _read() -> dict[str, Any]:
    store: dict[str, Any] = json.loads(STORE.read_text()) if STORE.exists() else {}
    return store


def _keep(run: Run) -> None:
    """Write what is known of a run beside what other processes have written since."""
    entry, store = _store()[str(run)], _read()
    before = store.get(str(run), entry)
    if before["facts"] == entry["facts"]:
        entry["measures"] = {**before["measures"], **entry["measures"]}
    store[str(run)] = entry
    STORE.parent.mkdir(exist_ok=True)
    temporary = STORE.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(dict(sorted(store.items())), indent=1) + "\n")
    os.replace(temporary, STORE)
