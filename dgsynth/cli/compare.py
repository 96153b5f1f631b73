"""`dgsynth compare`: train several synthesizers on a table, and rank them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgsynth.cli.completing import lists_of
from dgsynth.cli.options import (
    Fast,
    JsonOutput,
    Quiet,
    RandomState,
    ReadingOptions,
    RoleOptions,
    TableArgument,
    table_option,
)
from dgsynth.cli.outputs import prepare_reports, write_reports
from dgsynth.cli.tables import column_roles, read_table, split_names
from dgsynth.cli.terminal import tell

COMPARED = (
    "doppelganger",
    "autoregressive",
    "hmm",
    "ar",
    "rnn",
    "naive-gan",
    "timegan",
    "rcgan",
    "market-simulator",
)
"""Models to choose from: those of `dgsynth.comparing.MODELS`, which would be slow to load for the help."""


def compare(
    data: TableArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="REPORT", help="Page to write, .html.")
    ] = None,
    models: Annotated[
        str,
        typer.Option(
            metavar="A,B", autocompletion=lists_of(("all", *COMPARED)), help=f"all, or some of: {', '.join(COMPARED)}."
        ),
    ] = "all",
    seconds: Annotated[
        float, typer.Option(metavar="N", min=0.1, help="Training of each model ends after so many seconds.")
    ] = 300.0,
    json_output: JsonOutput = None,
    *,
    reading: ReadingOptions,
    roles: RoleOptions,
    holdout: Annotated[
        Path | None,
        table_option("TABLE", "Real data to judge by. Default: a fifth of DATA, which is not trained on."),
    ] = None,
    sample_len: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records that doppelganger generates per pass.")
    ] = None,
    fast: Fast = False,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Train several synthesizers on a table, and rank them metric by metric.

    DoppelGANger, the autoregressive model and the paper's seven baselines, each within the same time; all are judged by
    the same real samples, which none was trained on.

    \b
    dgsynth compare visits.csv \\
      --sequence-key page --sequence-index date -o compare.html
    dgsynth compare visits.csv \\
      --sequence-key page --sequence-index date \\
      --models doppelganger,ar,rnn --seconds 60 --json compare.json
    """
    prepare_reports(output, json_output, quiet)
    chosen = _chosen(models)
    from dgsynth.comparing import compare as rank
    from dgsynth.comparing import new_model

    frame = read_table(data, reading)
    own = {} if sample_len is None else {"sample_len": sample_len}
    result = rank(
        {name: new_model(name, **(own if name == "doppelganger" else {})) for name in chosen},
        frame,
        holdout=None if holdout is None else read_table(holdout, reading),
        seconds=seconds,
        costly=not fast,
        random_state=random_state or 0,
        progress=None if quiet else tell,
        **column_roles(frame, roles),
    )
    write_reports(result, output, json_output, quiet)
    if result.interrupted:
        raise KeyboardInterrupt


def _chosen(models: str) -> list[str]:
    """Return the names of a comma-separated list of models, each once."""
    chosen = list(COMPARED) if models == "all" else split_names(models) or []
    unknown = [name for name in chosen if name not in COMPARED]
    if unknown or not chosen:
        raise typer.BadParameter(
            f"{models!r} must be all, or some of {', '.join(COMPARED)}, with commas between them", param_hint="--models"
        )
    return list(dict.fromkeys(chosen))
