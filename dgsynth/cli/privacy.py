"""`dgsynth privacy`: attack the training data by what would be handed out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgsynth.cli.completing import column_lists
from dgsynth.cli.options import (
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
from dgsynth.cli.tables import column_roles, read_table, split_names
from dgsynth.cli.terminal import tell


def privacy(
    real: Annotated[Path, table_argument("REAL", "Table that the model was trained on.")],
    synthetic: Annotated[Path, table_argument("SYNTHETIC", "Table that it made.")],
    holdout: Annotated[Path, table_option("TABLE", "Other real samples, that it was not trained on.")],
    output: ReportOutput = None,
    json_output: JsonOutput = None,
    model: Annotated[Path | None, file_option("MODEL", "Model file, for an attacker who holds it.")] = None,
    sensitive: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            autocompletion=column_lists,
            help="Metadata columns that an attacker wants to know. Default: all categories.",
        ),
    ] = None,
    *,
    reading: ReadingOptions,
    roles: RoleOptions,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Attack the training data by what would be handed out, and say how well that goes.

    \b
    dgsynth privacy train.csv synthetic.csv --holdout test.csv \\
      --sequence-key page --sequence-index date -o privacy.html
    dgsynth privacy train.csv synthetic.csv --holdout test.csv \\
      --sequence-key page --sequence-index date --model visits.safetensors
    """
    prepare_reports(output, json_output, quiet)
    from dgsynth import load
    from dgsynth.evaluation import privacy_report

    frame = read_table(real, reading)
    report = privacy_report(
        frame,
        read_table(synthetic, reading),
        read_table(holdout, reading),
        model=None if model is None else load(model),
        sensitive=split_names(sensitive),
        random_state=random_state or 0,
        progress=None if quiet else tell,
        **column_roles(frame, roles),
    )
    write_reports(report, output, json_output, quiet)
