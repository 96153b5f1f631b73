"""`dgsynth sample`: make samples with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgsynth.cli.errors import INTERRUPTED, fail
from dgsynth.cli.options import ModelArgument, Quiet, RandomState
from dgsynth.cli.outputs import TABLE_SUFFIXES, prepare_output
from dgsynth.cli.tables import write_table


def sample(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="TABLE", help="Table to write: .csv, .csv.gz or .parquet.")
    ],
    n_samples: Annotated[int, typer.Option("--n-samples", "-n", metavar="N", min=1, help="Samples to make.")] = 1000,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Metadata that all samples shall have; may be repeated."),
    ] = None,
    lengths: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records that all samples shall have.")
    ] = None,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Make samples with a trained model.

    Without --metadata and --lengths in constant memory; after Ctrl-C the same command goes on where it stopped.

    \b
    dgsynth sample visits.safetensors -n 1000 -o synthetic.parquet --random-state 7
    dgsynth sample visits.safetensors -n 50 -o spiders.csv --metadata agent=spider --metadata access=all-access
    """
    prepare_output(output, TABLE_SUFFIXES)
    from dgsynth import load

    fitted = load(model)
    given = _condition(metadata)
    if given is None and lengths is None:
        fitted.set_params(verbose=int(not quiet))
        try:
            fitted.sample_to(output, n_samples, random_state=random_state)
        except KeyboardInterrupt:
            fail("interrupted; repeat the command to go on", INTERRUPTED)
    else:
        made = fitted.sample(n_samples, metadata=given, lengths=lengths, random_state=random_state)
        write_table(made, output)
    if not quiet:
        typer.echo(f"{n_samples} samples are in {output}")


def _condition(pairs: list[str] | None) -> dict[str, str] | None:
    """Return the COLUMN=VALUE pairs; the model reads the values as its columns hold them."""
    for pair in pairs or ():
        if not pair.partition("=")[1]:
            raise typer.BadParameter(f"{pair!r} must be COLUMN=VALUE", param_hint="--metadata")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs or ())} or None
