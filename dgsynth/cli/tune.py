"""`dgsynth tune`: choose sample_len, epochs and seed by how well the models do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgsynth.cli.options import (
    BatchSize,
    Device,
    JsonOutput,
    LearningRate,
    MaxSteps,
    Quiet,
    RandomState,
    ReadingOptions,
    RoleOptions,
    TableArgument,
)
from dgsynth.cli.outputs import MODEL_SUFFIXES, STDOUT, interrupted_output, prepare_json, prepare_output, write_json
from dgsynth.cli.tables import column_roles, read_table
from dgsynth.cli.terminal import say, tell
from dgsynth.cli.training import check_device

if TYPE_CHECKING:
    from dgsynth.tuning import TuningResult


def tune(
    data: TableArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="File for the best model, .safetensors.")
    ],
    sample_len: Annotated[
        str | None,
        typer.Option(
            metavar="1,5,10", help="Records per pass to try. Default: for 100, 50 and 25 passes, and periods."
        ),
    ] = None,
    epochs: Annotated[
        str | None, typer.Option(metavar="100,400", help="Epochs to try; training goes on from one to the next.")
    ] = None,
    max_steps: MaxSteps = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Seeds to train each from.")] = 1,
    json_output: JsonOutput = None,
    *,
    reading: ReadingOptions,
    roles: RoleOptions,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    random_state: RandomState = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Choose sample_len, and epochs and seeds if asked.

    Every candidate is trained on 80 % of the samples, and scored by how close it comes to the others.

    \b
    dgsynth tune visits.csv -o visits.safetensors \\
      --sequence-key page --sequence-index date --max-steps 2000
    dgsynth tune visits.csv -o visits.safetensors \\
      --sequence-key page --sequence-index date \\
      --sample-len 7,14 --epochs 100,400 --seeds 2
    """
    prepare_output(output, MODEL_SUFFIXES)
    prepare_json(json_output)
    lengths, stages = _numbers(sample_len, "--sample-len"), _numbers(epochs, "--epochs")
    if stages is not None and max_steps is not None:
        raise typer.BadParameter("give either --epochs or --max-steps", param_hint="--max-steps")
    check_device(device)
    from dgsynth import DGSynthesizer
    from dgsynth.tuning import tune as choose

    frame = read_table(data, reading)
    given: dict[str, Any] = {
        **column_roles(frame, roles),
        "max_steps": max_steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "device": device,
    }
    result = choose(
        DGSynthesizer(**{name: value for name, value in given.items() if value is not None}),
        frame,
        sample_len=lengths,
        epochs=stages,
        n_seeds=seeds,
        random_state=random_state or 0,
        progress=None if quiet else tell,
    )
    if result.interrupted:
        # The best of some candidates must not take the place of the best of all, nor must their training be lost.
        output = interrupted_output(output)
    result.best_model.save(output)
    write_json(result.table.to_json(orient="records", indent=2), json_output)
    if not quiet and json_output != STDOUT:
        _print_result(result, data, output)
    if result.interrupted:
        raise KeyboardInterrupt


def _numbers(text: str | None, option: str) -> list[int] | None:
    """Return the positive whole numbers of a comma-separated list."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"{text!r} must be whole numbers from 1 on, such as 1,5,10", param_hint=option)
    return [int(part) for part in parts]


def _print_result(result: TuningResult, data: Path, output: Path) -> None:
    """Print the candidates, where the best model is, and how to train it on all samples."""
    options = " ".join(
        f"--{name.replace('_', '-')} {value}" for name, value in result.best_params.items() if value is not None
    )
    say(f"{result}\n\nThe best model, trained on 80 % of the samples, is in {output}.")
    say(f"To train on all of them: dgsynth fit {data} --model doppelganger {options} ...")
