"""dgsynth's autoregressive model beside mostlyai-engine, on two public data sets, as mostlyai-qa judges them.

Both train for the same time on the same samples, with 2 threads on the CPU, and make as many samples as they were
trained on; all else is the defaults. The judge and the peer, both Apache-2.0, have a Python of their own:

    python3.11 -m venv .venv-judge
    .venv-judge/bin/pip install mostlyai-engine==2.7.3 mostlyai-qa==1.10.11

If importing the engine fails in torchvision, that is another build than torch is: uninstall it, nothing here needs it.

    python bench/judges.py DATA_FOLDER --peer-python .venv-judge/bin/python
    python bench/judges.py DATA_FOLDER --peer-python .venv-judge/bin/python --sets tables --seconds 60 200 --seeds 0

DATA_FOLDER is that of DGSYNTH_TEST_DATA by default. Seconds of fit are all that a fit takes, reading and encoding
included; those of sampling include writing a Parquet file, which the peer always does, but not the peer's imports.

The ceiling is the real holdout, judged like samples. The judge compares with training and holdout samples together, of
which the holdout is one half, so that new real samples would score a little less: `overall_max`, reckoned by the judge,
is what it expects of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from _data import data_folder
from _runs import RESULTS, run_script, versions

from dgsynth import AutoregressiveSynthesizer
from dgsynth.training.callbacks import TimeLimit

THREADS = 2
ENVIRONMENT = {"OMP_NUM_THREADS": str(THREADS), "LOKY_MAX_CPU_COUNT": str(THREADS)}
MODELS = ("dgsynth", "mostlyai-engine")
SHOWN = ("overall", "univariate", "bivariate", "trivariate", "coherence", "discriminator_auc")


@dataclass(frozen=True)
class Files:
    """The two halves of a data set, and the column that names the sample of a record; None if each row is a sample."""

    train: Path
    holdout: Path
    key: str | None = None

    def keys(self) -> list[str]:
        return [] if self.key is None else [self.key]

    def n_samples(self) -> int:
        """Return how many samples there are to train on, and so are made."""
        data = pd.read_csv(self.train, usecols=self.keys() or None)
        return len(data) if self.key is None else data[self.key].nunique()


SETS = {
    "records": Files(Path("records/groups_train.csv.gz"), Path("records/groups_holdout.csv.gz"), "group_id"),
    "tables": Files(Path("tables/adult_train.csv.gz"), Path("tables/adult_test.csv.gz")),
}
"""20,000 groups of 5 to 10 records (MOSTLY AI Prize 2025), without metadata; and half of UCI Adult, 24,403 rows."""


def main(folder: Path, python: str, sets: list[str], limits: list[float], seeds: list[int], output: Path) -> None:
    torch.set_num_threads(THREADS)
    results: dict[str, Any] = {"threads": THREADS, "sets": {}}
    for name in sets:
        files = Files(folder / SETS[name].train, folder / SETS[name].holdout, SETS[name].key)
        judged = _judge(python, files, files.holdout)
        results["versions"] = versions() | judged["versions"]
        result: dict[str, Any] = {"holdout": judged["scores"], "runs": [], "medians": []}
        results["sets"][name] = result
        for seconds in limits:
            for seed in seeds:
                result["runs"].append({"seconds": seconds, "seed": seed, **_run(python, files, seconds, seed)})
                print(name, json.dumps(result["runs"][-1]), flush=True)
            result["medians"].append({"seconds": seconds, **_medians(result["runs"][-len(seeds) :])})
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(results, indent=1) + "\n")
    print(_table(results["sets"]))


def _run(python: str, files: Files, seconds: float, seed: int) -> dict[str, dict[str, Any]]:
    """Return what each model took, and how its samples are judged."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "dgsynth.parquet", Path(folder) / "mostlyai.parquet"
        taken = {
            "dgsynth": _train(files, ours, seconds, seed),
            "mostlyai-engine": _train_peer(python, files, theirs, seconds, seed),
        }
        return {
            model: taken[model] | _judge(python, files, path)["scores"] for model, path in zip(MODELS, (ours, theirs))
        }


def _train(files: Files, out: Path, seconds: float, seed: int) -> dict[str, float]:
    """Write samples of dgsynth's model, and return the seconds taken; bench/_mostlyai.py does so for the peer."""
    start = time.perf_counter()
    data = pd.read_csv(files.train)
    model = AutoregressiveSynthesizer(
        sequence_key=files.key, random_state=seed, n_jobs=THREADS, device="cpu", callbacks=[TimeLimit(seconds)]
    ).fit(data)
    trained = time.perf_counter()
    model.sample(files.n_samples(), random_state=seed).to_parquet(out, index=False)
    return {"fit, s": trained - start, "sample, s": time.perf_counter() - trained}


def _train_peer(python: str, files: Files, out: Path, seconds: float, seed: int) -> dict[str, float]:
    asked = {"seconds": seconds, "seed": seed, "threads": THREADS, "n_samples": files.n_samples()}
    asked |= {"key": files.key} if files.key else {}
    taken = run_script(python, "_mostlyai.py", files.train, out, json.dumps(asked), **ENVIRONMENT)
    return {name: taken[name] for name in ("fit, s", "sample, s")}


def _judge(python: str, files: Files, samples: Path) -> dict[str, Any]:
    """Return the scores of samples, and the versions of what scored them."""
    return run_script(python, "_judge.py", samples, files.train, files.holdout, *files.keys(), **ENVIRONMENT)


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians over seeds, and how much longer the peer's fit and sampling take."""
    medians: dict[str, Any] = {}
    for model in MODELS:
        names = [name for name, value in runs[0][model].items() if isinstance(value, float)]
        medians[model] = {name: statistics.median(run[model][name] for run in runs) for name in names}
    ours, theirs = (medians[model] for model in MODELS)
    return medians | {f"{name}: peer / dgsynth": theirs[name] / ours[name] for name in ("fit, s", "sample, s")}


def _table(sets: dict[str, Any]) -> str:
    """Return a line for the holdout of each set, and for the medians of each model by seconds of training."""
    lines = []
    for name, result in sets.items():
        lines.append({"set": name, "model": "holdout", **result["holdout"]})
        for medians in result["medians"]:
            lines += [
                {"set": name, "model": f"{model}, {medians['seconds']:g} s", **medians[model]} for model in MODELS
            ]
    columns = ["set", "model", *SHOWN, "fit, s", "sample, s"]
    return pd.DataFrame(lines, columns=columns).round(3).to_string(index=False, na_rep="")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--peer-python", help="a Python that has mostlyai-engine and mostlyai-qa")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--seconds", nargs="+", type=float, default=[200.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=RESULTS / "judges.json")
    arguments = parser.parse_args()
    if arguments.peer_python is None:
        print("skipped: --peer-python does not name a Python that has the judge and the peer")
        sys.exit(0)
    main(
        arguments.folder or data_folder(),
        arguments.peer_python,
        arguments.sets,
        arguments.seconds,
        arguments.seeds,
        arguments.output,
    )
