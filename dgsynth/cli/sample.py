"""`dgsynth sample`: make samples with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgsynth.cli.errors import INTERRUPTED, fail
from dgsynth.cli.options import ModelArgument, Quiet, RandomState, ReadingOptions, table_option
from dgsynth.cli.outputs import TABLE_SUFFIXES, prepare_output
from dgsynth.cli.tables import read_table
from dgsynth.cli.terminal import shows_bars

if TYPE_CHECKING:
    import pandas as pd


def sample(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="TABLE", help="Table to write: .csv, .csv.gz or .parquet.")
    ],
    n_samples: Annotated[
        int | None,
        typer.Option(
            "--n-samples", "-n", metavar="N", min=1, help="Samples to make. Default: 1000, or a row of the file each."
        ),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Metadata that all samples shall have; may be repeated."),
    ] = None,
    metadata_file: Annotated[
        Path | None,
        table_option("TABLE", "Metadata, and keys if wanted, that samples shall have: a row for each, or one for all."),
    ] = None,
    lengths: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records that all samples shall have.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Time or number of the first record of all samples.")
    ] = None,
    step: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Time between records, where that is regular: 15min, 1D, 2.")
    ] = None,
    *,
    reading: ReadingOptions,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Make samples with a trained model, in constant memory; after Ctrl-C the same command goes on where it stopped.

    \b
    dgsynth sample visits.safetensors -n 1000 -o synthetic.parquet --random-state 7
    dgsynth sample visits.safetensors -n 50 -o spiders.csv \\
      --metadata agent=spider --metadata access=all-access
    dgsynth sample visits.safetensors -o wanted.csv \\
      --metadata-file wanted-pages.csv --start 2030-01-01 --lengths 30
    """
    prepare_output(output, TABLE_SUFFIXES)
    from dgsynth import load

    rows = None if metadata_file is None else read_table(metadata_file, reading)
    given = _given(metadata, rows)
    if n_samples is None:
        n_samples = 1000 if rows is None else len(rows)
    fitted = load(model)
    fitted.set_params(verbose=int(not quiet and shows_bars()))
    asked: dict[str, Any] = {"metadata": given, "lengths": lengths, "start": start, "step": step}
    try:
        fitted.sample_to(output, n_samples, **asked, random_state=random_state)
    except KeyboardInterrupt:
        fail("interrupted; repeat the command to go on", INTERRUPTED)
    if not quiet:
        typer.echo(f"{n_samples} samples are in {output}")


def _given(pairs: list[str] | None, rows: pd.DataFrame | None) -> pd.DataFrame | dict[str, str] | None:
    """Return the COLUMN=VALUE pairs, as columns of the rows where there are such; the model reads the values."""
    for pair in pairs or ():
        if not pair.partition("=")[1]:
            raise typer.BadParameter(f"{pair!r} must be COLUMN=VALUE", param_hint="--metadata")
    named = {name: value for name, _, value in (pair.partition("=") for pair in pairs or ())}
    if rows is None:
        return named or None
    for name in named:
        if name in rows:
            raise typer.BadParameter(
                f"{name!r} is a column of --metadata-file too; leave one out", param_hint="--metadata"
            )
    return rows.assign(**named)
