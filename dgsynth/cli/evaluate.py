"""`dgsynth evaluate`: compare a synthetic table with a real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dgsynth.cli.completing import column_names
from dgsynth.cli.options import (
    Fast,
    JsonOutput,
    Quiet,
    RandomState,
    ReadingOptions,
    ReportOutput,
    RoleOptions,
    file_option,
    table_argument,
    table_option,
)
from dgsynth.cli.outputs import prepare_reports, write_reports
from dgsynth.cli.tables import column_roles, read_table
from dgsynth.cli.terminal import tell


def evaluate(
    real: Annotated[Path, table_argument("REAL", "Table of real data.")],
    synthetic: Annotated[Path, table_argument("SYNTHETIC", "Table with the same columns.")],
    output: ReportOutput = None,
    json_output: JsonOutput = None,
    *,
    reading: ReadingOptions,
    roles: RoleOptions,
    holdout: Annotated[
        Path | None,
        table_option(
            "TABLE", "Real data that the model was not trained on: fidelity and memorisation are judged by these."
        ),
    ] = None,
    model: Annotated[Path | None, file_option("MODEL", "Model file, for the curves of its training.")] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            autocompletion=column_names,
            help="Metadata column to predict from the series (downstream).",
        ),
    ] = None,
    forecast: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            autocompletion=column_names,
            help="Measurement whose next records to predict (downstream).",
        ),
    ] = None,
    fast: Fast = False,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Compare a synthetic table with a real one.

    Every distance stands beside its floor: what two random halves of the real data would have. REAL is what the model
    was trained on, so that copies of it can be found.

    \b
    dgsynth evaluate visits.csv synthetic.csv \\
      --sequence-key page --sequence-index date -o report.html
    dgsynth evaluate visits.csv synthetic.csv \\
      --sequence-key page --sequence-index date --json metrics.json
    dgsynth evaluate train.csv synthetic.csv \\
      --sequence-key page --sequence-index date \\
      --holdout test.csv --target agent -o report.html
    """
    prepare_reports(output, json_output, quiet)
    from dgsynth import load
    from dgsynth.evaluation import evaluate as judge

    frame = read_table(real, reading)
    report = judge(
        frame,
        read_table(synthetic, reading),
        holdout=None if holdout is None else read_table(holdout, reading),
        model=None if model is None else load(model),
        target=target,
        forecast=forecast,
        costly=not fast,
        random_state=random_state or 0,
        progress=None if quiet else _tell_once(),
        **column_roles(frame, roles),
    )
    write_reports(report, output, json_output, quiet)


def _tell_once() -> Callable[[str], None]:
    """Return what tells what is being compared, each text once."""
    told: set[str] = set()

    def tell_new(text: str) -> None:
        if text not in told:
            tell(f"comparing: {text.lower()}")
        told.add(text)

    return tell_new
