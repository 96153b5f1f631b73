"""`dgsynth fit`: train a model on a table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgsynth.cli.options import (
    BatchSize,
    Device,
    JsonOutput,
    LearningRate,
    Lengths,
    MaxSteps,
    MetadataGenerator,
    Model,
    Precision,
    Preset,
    Quiet,
    RandomState,
    ReadingOptions,
    RoleOptions,
    Scaling,
    Schedule,
    TableArgument,
    file_option,
)
from dgsynth.cli.outputs import MODEL_SUFFIXES, STDOUT, interrupted_output, prepare_json, prepare_output, write_json
from dgsynth.cli.tables import column_roles, read_table
from dgsynth.cli.training import check_device, train

if TYPE_CHECKING:
    import pandas as pd

    from dgsynth.cli.training import Trainable
    from dgsynth.data.schema import Schema


def fit(
    data: TableArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="Model file to write, .safetensors.")],
    *,
    model: Annotated[
        Model,
        typer.Option(
            help="auto tries those that fit the data, and takes the best; doppelganger is a GAN for series, "
            "autoregressive learns the likelihood of tables and series."
        ),
    ] = Model.AUTO,
    time_limit: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1.0, help="Time that --model auto has in all. Default: 300.")
    ] = None,
    reading: ReadingOptions,
    roles: RoleOptions,
    window: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=2, help="Cut one or several long series into samples of N records, which overlap."
        ),
    ] = None,
    window_step: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records from one window to the next. Default: 1.")
    ] = None,
    schema: Annotated[Path | None, file_option("FILE", "Schema as JSON, instead of inferring it.")] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help='What every record keeps: "low <= high", "low < high", "0 <= x <= 10", "total = a + b", '
            '"combination: a, b", "increasing: x". May be given several times.',
        ),
    ] = None,
    training: _TrainingOptions,
    privacy: _PrivacyOptions,
    generator_only: Annotated[
        bool,
        typer.Option(
            "--generator-only", help="Leave out of the file what samples do not need: for models to be handed out."
        ),
    ] = False,
    json_output: JsonOutput = None,
    quiet: Quiet = False,
) -> None:
    """Train a model on a table.

    By default the models that fit the data are tried for a third of --time-limit, and the one that does best on samples
    held out has the rest of it. Most options of training are those of one model, and need --model.

    \b
    A long table has one row per record:
      dgsynth fit visits.csv -o visits.safetensors \\
        --sequence-key page --sequence-index date
    A wide one has one row per sample:
      dgsynth fit pages.csv -o pages.safetensors --time-columns 2015-07-01:2016-12-31
    One whose samples keep what all its rows keep:
      dgsynth fit stocks.csv -o stocks.safetensors \\
        --constraint "Low <= High" --constraint "Close = Adj Close"
    One long series, or several with --sequence-key, cut into samples:
      dgsynth fit load.csv -o load.safetensors --sequence-index hour --window 24
    A table whose rows have nothing to do with one another, within ten minutes:
      dgsynth fit people.csv -o people.safetensors --time-limit 600
    One model, which after Ctrl-C the same command goes on to train:
      dgsynth fit visits.csv -o visits.safetensors \\
        --sequence-key page --sequence-index date \\
        --model doppelganger --checkpoint-dir checkpoints
    """
    prepare_output(output, MODEL_SUFFIXES)
    prepare_json(json_output)
    check_device(training.device)
    frame = read_table(data, reading)
    named = column_roles(frame, roles)
    if window is not None:
        frame, named = _cut(frame, named, window, window_step or 1, privacy)
    elif window_step is not None:
        raise typer.BadParameter("goes with --window; give it, or leave this out", param_hint="--window-step")
    parameters = {
        "time_limit": time_limit,
        **named,
        "schema": None if schema is None else _read_schema(schema),
        "constraints": tuple(constraint) if constraint else None,
        **_training_parameters(training),
        **_privacy_parameters(privacy),
    }
    given = _given(parameters)
    _check_known(given, model)
    fitted = _new(model).set_params(**given)
    interrupted = train(fitted, frame, quiet=quiet)
    if interrupted:
        # A half-trained model must not take the place of a good one, nor must hours of training be lost.
        output = interrupted_output(output)
    if fitted.n_steps_:
        fitted.save(output, generator_only=generator_only)
        write_json(json.dumps(_summary(fitted, output), indent=2), json_output)
        if not quiet and json_output != STDOUT:
            _print_trained(fitted, output)
    if interrupted:
        raise KeyboardInterrupt


@dataclass(frozen=True)
class _TrainingOptions:
    """Parameters of the estimator, by their names there."""

    preset: Annotated[
        Preset | None,
        typer.Option(help="What options that are not given come to: what suits the data, or what the paper has."),
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Passes over the data. Default: a number of steps, chosen by the data."),
    ] = None
    max_steps: MaxSteps = None
    sample_len: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records that the LSTM generates per pass.")
    ] = None
    scaling: Annotated[Scaling | None, typer.Option(help="Scale of the numbers; log suits those over decades.")] = None
    metadata_generator: Annotated[
        MetadataGenerator | None,
        typer.Option(
            help="What generates metadata; autoregressive learns their frequencies better, in a model of its own."
        ),
    ] = None
    lengths: Annotated[
        Lengths | None,
        typer.Option(help="What says how long a sample is: flags in its records, or a hidden column of its metadata."),
    ] = None
    batch_size: BatchSize = None
    learning_rate: LearningRate = None
    learning_rate_schedule: Annotated[
        Schedule | None, typer.Option(help="Whether the learning rate is constant, or falls to 0 until the end.")
    ] = None
    sharp_flags: Annotated[
        bool | None,
        typer.Option(
            "--sharp-flags/--no-sharp-flags",
            help="Show the discriminators surer ends of samples than the generator makes: better lengths by flags.",
            show_default=False,
        ),
    ] = None
    early_stopping: Annotated[
        bool | None,
        typer.Option(
            "--early-stopping/--no-early-stopping",
            help="Hold out a tenth of the samples, keep the weights that do best by these, and start again when "
            "training has collapsed. Default: where these are 20 or more.",
            show_default=False,
        ),
    ] = None
    random_state: RandomState = None
    checkpoint_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Keep checkpoints here, and go on from the newest."),
    ] = None
    encoded_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            writable=True,
            help="Hold the encoded records in a file in this folder, gone at the end, instead of in memory.",
        ),
    ] = None
    device: Device = None
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of the LSTM's products; bfloat16 is faster on processors that multiply it."),
    ] = None


@dataclass(frozen=True)
class _PrivacyOptions:
    """What PrivacyConfig is made from."""

    epsilon: Annotated[
        float | None,
        typer.Option(
            metavar="EPSILON",
            min=0.0,
            help="Train with differential privacy within this budget. Needs --schema, --public-samples and --scaling "
            "linear or log; records are taken as equally spaced.",
        ),
    ] = None
    delta: Annotated[float | None, typer.Option(metavar="DELTA", help="Of --epsilon. Default: 1e-5.")] = None
    max_grad_norm: Annotated[
        float | None, typer.Option(metavar="NORM", help="What privacy clips each sample's gradient to. Default: 1.")
    ] = None
    public_samples: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of samples, if it is public; else bought.")
    ] = None
    schema_epsilon: Annotated[
        float | None,
        typer.Option(
            metavar="EPSILON", help="Part of --epsilon that buys ranges and lengths that the schema leaves open."
        ),
    ] = None


def _cut(
    frame: pd.DataFrame, named: dict[str, Any], length: int, step: int, privacy: _PrivacyOptions
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the windows of a table of long series, and the roles of its columns, of which the key is metadata."""
    from dgsynth.data.windows import WINDOW, windows

    if privacy.epsilon is not None:
        raise typer.BadParameter(
            "protects each sample, and windows of one series are many; leave out one of both", param_hint="--epsilon"
        )
    if named["time_columns"] is not None:
        raise typer.BadParameter("cuts long tables; leave out --time-columns", param_hint="--window")
    key = named["sequence_key"]
    made = windows(frame, length, step, sequence_index=named["sequence_index"], sequence_key=key)
    metadata = named["metadata"]
    if key is not None and metadata is not None:
        metadata = [*metadata, key]
    return made, {**named, "sequence_key": WINDOW, "metadata": metadata}


def _new(model: Model) -> Trainable:
    """Return the synthesizer of that name, with its defaults."""
    from dgsynth import AutoregressiveSynthesizer, AutoSynthesizer, DGSynthesizer

    kinds = {
        Model.AUTO: AutoSynthesizer,
        Model.DOPPELGANGER: DGSynthesizer,
        Model.AUTOREGRESSIVE: AutoregressiveSynthesizer,
    }
    return kinds[model]()


def _check_known(given: dict[str, Any], model: Model) -> None:
    """Refuse options that the chosen model has no use for, and name the models that have."""
    for name in given:
        if not _knows(model, name):
            others = " or ".join(f"--model {other.value}" for other in Model if _knows(other, name))
            given_by = "epsilon" if name == "privacy" else name.replace("_", "-")
            raise typer.BadParameter(
                f"--model {model.value} does not have it; leave it out, or add {others}", param_hint=f"--{given_by}"
            )


def _knows(model: Model, name: str) -> bool:
    """Return whether a model has the parameter; that of privacy is there in one that can't be trained with it."""
    if name == "privacy":
        return model is Model.DOPPELGANGER
    return name in _new(model).get_params(deep=False)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given; the others are left to the only place that knows their defaults."""
    return {name: value for name, value in options.items() if value is not None}


def _read_schema(path: Path) -> Schema:
    from dgsynth.data.schema import Schema

    return Schema.from_json(path.read_text(encoding="utf-8"))


def _training_parameters(options: _TrainingOptions) -> dict[str, Any]:
    parameters = asdict(options)
    words = {name: value.value for name, value in parameters.items() if isinstance(value, StrEnum)}
    return {**parameters, **words}


def _privacy_parameters(options: _PrivacyOptions) -> dict[str, Any]:
    """Return the estimator's parameters for training within a budget; none where no option was given."""
    from dgsynth import PrivacyConfig

    given = _given(asdict(options))
    if given and options.epsilon is None:
        raise typer.BadParameter(
            "privacy needs a budget; give it, or leave its other options out", param_hint="--epsilon"
        )
    if not given:
        return {}
    if "public_samples" in given:
        given["n_samples"] = given.pop("public_samples")
    return {"privacy": PrivacyConfig(**given), "timestamps": "regular"}


def _summary(model: Trainable, output: Path) -> dict[str, Any]:
    """Return what training came to, as JSON holds it; the rest is in `dgsynth info --json`."""
    spent = _spent(model)
    return {
        "file": str(output),
        "synthesizer": type(getattr(model, "best_", model)).__name__,
        "choice": getattr(model, "choice_", None),
        "steps": model.n_steps_,
        "epochs": model.n_epochs_,
        "epsilon": None if spent is None else spent[0],
    }


def _spent(model: Trainable) -> tuple[float, float] | None:
    """Return the epsilon and the delta that a training within a budget spent."""
    budget = getattr(model, "privacy", None)
    return None if budget is None or not hasattr(model, "epsilon_") else (model.epsilon_, budget.delta)


def _print_trained(model: Trainable, output: Path) -> None:
    """Print what training came to, and where the model is."""
    if (spent := _spent(model)) is not None:
        typer.echo("spent epsilon {:.3g} at delta {:g}".format(*spent))
    best = ""
    if "early_stopping" in model.get_params(deep=False) and hasattr(model, "best_step_"):  # auto says how good it is
        best = f", the best weights of step {model.best_step_} (score {model.best_score_:.2f})"
    typer.echo(f"trained {model.n_steps_} steps{best}; the model is in {output}")
