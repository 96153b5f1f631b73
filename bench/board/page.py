"""Write docs/BOARD.md from the entries of the board."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from _entries import REAL, Entry, read
from _markdown import cell, table
from _models import MODELS
from _runs import BENCH
from _sets import DISTANCES, FIDELITY, QA, SETS, WINDOWS

PAGE = BENCH.parent / "docs" / "BOARD.md"
TOOK = ("fit, s", "sample, s")
Rows = dict[tuple[float, str], list[Entry]]
"""The entries of each row of a table: by seconds and model."""

HEAD = """# All models side by side

Written by `make board` from what it measured (`bench/results/board.json`): every model is trained for the same time on
the same data, with its defaults, and judged alike. `bench/board` has what is done: `_sets.py` the data, `_models.py`
the models, `_judges.py` the judges.

A row is a model and the seconds of its training; behind it stands the number of seeds. A cell is the median over the
seeds, with their range where there are several. The first row, *real holdout*, is what real samples come to: nobody can
be expected to be better. A run that was not made yet is not listed, and the number of these is given. A model may end
before its time, and encodes outside of it: *fit, s* is all that a fit takes. Each run makes as many samples as there
are held out, and of windows as many as it was trained on.

*auto* is `AutoSynthesizer`, *doppelganger* `DGSynthesizer`, *autoregressive* `AutoregressiveSynthesizer`. Records have
their order and no timestamps, for all. mostlyai-engine learns metadata by a model of their own, a fifth of the time;
gretel is its DGAN, in batches of 100 and about 50 passes; it takes no missing numbers and no plain tables. SDV's PAR
takes no plain tables, and ends with the step that it is in, which may be much later than its time.
"""

JUDGES = {
    FIDELITY: """The library's own judge ([EVALUATION.md](EVALUATION.md)), on a fifth of the samples, held out by seed,
or the holdout that the data come with. *score* is best at 1, *mean excess* at 0 (1 is the limit of what is close);
then the closeness of each family, best at 1. *copies* is how many of its comparisons are not close: 0 is good.""",
    DISTANCES: """The distances of the same samples, in real standard deviations, best at 0: Wasserstein-1 of values, of
the samples' means (levels), of their standard deviations (spreads), of the differences of neighbouring records (steps),
of lengths and of numeric metadata; the root mean squared difference of the mean autocorrelations; the total variation
of categories. *mean* is that of the families.""",
    QA: """The accuracies of mostlyai-qa on columns, pairs, threes and successive records, best at 1, and the AUC of
its discriminator, best at 0.5. `overall_max` is what the judge expects of new real samples (`bench/judges.py` says why
it is less than the holdout's).""",
    WINDOWS: """The benchmark of TimeGAN and Diffusion-TS: all windows of 24 records in [0, 1], without a holdout. The
*discriminative* score is how far from a half the accuracy is of a network that tells real from synthetic; the
*predictive* one the error, on real windows, of a network that learned from synthetic ones to predict the last column.
Both are best low; means of five networks, and their spread. For real data the first is that of two halves, the
second that of a network trained on them. Published numbers are of other machines and longer training, and could not
always be reproduced.""",
}


def main(source: Path, out: Path = PAGE) -> None:
    """Write the page, if there is anything on the board."""
    entries = read(source)
    if not entries:
        print("the board is empty: no page")
        return
    judges = [f"- **{name}.** {' '.join(text.split())}" for name, text in JUDGES.items()]
    sections = [_section(name, [entry for entry in entries if entry["data"] == name]) for name in SETS]
    parts = [HEAD, "## The judges\n", "\n".join(judges) + "\n", *filter(None, sections), _versions(entries)]
    out.write_text("\n".join(parts))
    print(f"wrote {out}")


def _section(name: str, entries: list[Entry]) -> str:
    """Return what is known of a data set: a table for each judge, and what is not in them."""
    if not entries:
        return ""
    rows: Rows = defaultdict(list)
    for entry in sorted(entries, key=_place):
        if "reason" not in entry:
            rows[entry["seconds"], entry["model"]].append(entry)
    trained, compared = next(entry["samples"] for entry in entries)
    judged = f"judged by {compared:,}" if compared != trained else "judged by as many"
    parts = [f"## {name}\n", f"{SETS[name].text} Trained on {trained:,} samples, {judged}.\n"]
    for judge in SETS[name].judges:
        parts += [f"**{judge}**\n", _judged(judge, rows, TOOK if judge == SETS[name].judges[0] else ())]
    return "\n".join([*parts, *_absent(entries)])


def _judged(judge: str, rows: Rows, took: Sequence[str]) -> str:
    """Return the table of a judge, with what the runs took beside it."""
    names = list(dict.fromkeys(name for row in rows.values() for entry in row for name in entry["judges"][judge]))
    lines = []
    for (seconds, model), row in rows.items():
        limit = f", {seconds:g} s" if seconds else ""
        cells = [
            cell([entry["judges"][judge][name] for entry in row if name in entry["judges"][judge]]) for name in names
        ]
        lines.append(
            [f"{model}{limit} ({len(row)})", *cells, *(cell([e[name] for e in row if name in e]) for name in took)]
        )
    return table(["model (seeds)", *names, *took], lines)


def _absent(entries: list[Entry]) -> list[str]:
    """Return sentences of the runs that failed, and of those that were not made."""
    failed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in sorted(entries, key=_place):
        if "reason" in entry:
            failed[entry["model"], entry["reason"]].append(f"{entry['seconds']:g} s, seed {entry['seed']}")
    said = [f"- {model} ({'; '.join(runs)}): {reason}" for (model, reason), runs in failed.items()]
    made = [entry for entry in entries if entry["model"] != REAL]
    seconds, seeds = {entry["seconds"] for entry in made}, {entry["seed"] for entry in entries}
    n_wanted = len(MODELS) * len(seconds) * len(seeds)
    missing = [f"Not made yet: {n_wanted - len(made)} of {n_wanted} runs.\n"] if len(made) < n_wanted else []
    return [*(["Not in the tables:\n", "\n".join(said) + "\n"] if said else []), *missing]


def _versions(entries: list[Entry]) -> str:
    """Return what all runs were made with."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        of_peer = entry.get("versions of the peer", {})
        for name, version in entry["versions"].items():
            found[name].add(version)
        for name, version in of_peer.items():
            found[name if name not in entry["versions"] else f"{name} of {entry['model']}"].add(version)
    lines = [[name, ", ".join(sorted(versions))] for name, versions in found.items()]
    threads = " or ".join(sorted({str(entry["threads"]) for entry in entries}))
    return f"## Made with\n\nOn the CPU, with {threads} threads.\n\n" + table(["package", "versions"], lines)


def _place(entry: Entry) -> tuple[int, float, int]:
    model = entry["model"]
    return (MODELS.index(model) if model in MODELS else -1, entry["seconds"], entry["seed"])
