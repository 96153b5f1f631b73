"""The `dgsynth` command: fit, sample, info, evaluate, privacy, compare, tune, demo.

Modules of dgsynth, and with them torch and pandas, are imported inside the commands, so that `--help` is quick. What a
user can get wrong is checked before training, since a training run lost to a misspelt file name is a long time lost.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    import pandas as pd

    from dgsynth.data.schema import Schema
    from dgsynth.models.doppelganger.estimator import DGSynthesizer
    from dgsynth.models.synthesizer import Synthesizer

TABLE_SUFFIXES = (".csv", ".csv.gz", ".parquet")
MODEL_SUFFIXES = (".safetensors",)
REPORT_SUFFIXES = (".html",)
JSON_SUFFIXES = (".json",)

DEMO_FILES = ("real.csv", "synthetic.csv", "synthetic.parquet", "model.safetensors")
DEMO_DAYS = 182
"""Half a year: many weeks for the weekly rhythm to show, and a minute or two of training on two cores."""
DEMO_SAMPLE_LEN = 14
"""Two weeks per LSTM pass, so that a pass holds the weekly rhythm whole; it is learned in fewer steps that way."""

COMPARED = ("doppelganger", "hmm", "ar", "rnn", "naive-gan", "timegan", "rcgan", "market-simulator")
"""Models that `compare` knows: those of `dgsynth.comparing.MODELS`, which would be slow to load for the help."""

USAGE_ERROR = 2
OTHER_ERROR = 1
INTERRUPTED = 130

_NOT_SHOWN = ("callbacks", "checkpoint_dir", "encoded_dir")
"""Parameters of a single run."""

app = typer.Typer(
    name="dgsynth",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Scaling(StrEnum):
    """How measurements and numeric metadata are scaled before training."""

    AUTO = "auto"
    LINEAR = "linear"
    LOG = "log"


class Schedule(StrEnum):
    """How the learning rate changes while training goes on."""

    CONSTANT = "constant"
    LINEAR = "linear"


class Precision(StrEnum):
    """What the operands of the LSTM's products are rounded to."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


TableArgument = Annotated[
    Path, typer.Argument(metavar="DATA", exists=True, dir_okay=False, help="Table to learn: .csv, .csv.gz or .parquet.")
]
ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", exists=True, dir_okay=False, help="Model file that `dgsynth fit` wrote.")
]
SequenceKey = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column that names the sample of each row.")]
SequenceIndex = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column that orders the records of a sample: a time or a number.")
]
MetadataColumns = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Columns constant for a sample. Default: those that are, in the data."),
]
MeasurementColumns = Annotated[
    str | None, typer.Option(metavar="X,Y", help="Columns that vary with time. Default: all the others.")
]
CategoricalColumns = Annotated[
    str | None,
    typer.Option(metavar="C,D", help="Columns to read as categories though they hold numbers. Text always is."),
]
TimeColumns = Annotated[
    str | None,
    typer.Option(metavar="FIRST:LAST", help="For a wide table, one row per sample: its first and last time column."),
]
ReportOutput = Annotated[Path | None, typer.Option("--output", "-o", metavar="REPORT", help="Report to write, .html.")]
JsonOutput = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON too.")]
RandomState = Annotated[int | None, typer.Option(metavar="N", min=0, help="Seed; the same seed gives the same result.")]
BatchSize = Annotated[int | None, typer.Option(metavar="N", min=1, help="Samples per training step.")]
LearningRate = Annotated[float | None, typer.Option(metavar="RATE", min=0.0, help="Learning rate of Adam.")]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, or a torch device such as cuda:0.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"dgsynth {version('dgsynth')}")
        raise typer.Exit


@app.callback()
def dgsynth(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; so does DGSYNTH_TRACEBACK=1.")
    ] = False,
) -> None:
    """Learn a data set of time series with metadata, and make new ones (DoppelGANger).

    \b
    dgsynth demo                                     see it work on simulated data
    dgsynth fit visits.csv -o visits.safetensors --sequence-key page --sequence-index date
    dgsynth sample visits.safetensors -n 1000 -o synthetic.csv
    dgsynth evaluate visits.csv synthetic.csv --sequence-key page --sequence-index date -o report.html
    dgsynth compare visits.csv --sequence-key page --sequence-index date -o compare.html
    """


@app.command()
def fit(
    data: TableArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="Model file to write, .safetensors.")],
    sequence_key: SequenceKey = None,
    sequence_index: SequenceIndex = None,
    metadata: MetadataColumns = None,
    measurements: MeasurementColumns = None,
    categorical: CategoricalColumns = None,
    time_columns: TimeColumns = None,
    schema: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Schema as JSON, instead of inferring it."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Passes over the data. Default: 400.")] = None,
    max_steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Train for so many steps instead.")] = None,
    sample_len: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records that the LSTM generates per pass.")
    ] = None,
    scaling: Annotated[Scaling | None, typer.Option(help="Scale of the numbers; log suits those over decades.")] = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    learning_rate_schedule: Annotated[
        Schedule | None, typer.Option(help="Whether the learning rate is constant, or falls to 0 until the end.")
    ] = None,
    sharp_flags: Annotated[
        bool,
        typer.Option(
            "--sharp-flags",
            help="Show the discriminators surer ends of samples than the generator makes: better lengths.",
        ),
    ] = False,
    early_stopping: Annotated[
        bool,
        typer.Option(
            "--early-stopping",
            help="Hold out a tenth of the samples, keep the weights that do best by these, stop when they no longer "
            "get better, and start again when training has collapsed.",
        ),
    ] = False,
    random_state: RandomState = None,
    checkpoint_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Keep checkpoints here, and go on from the newest."),
    ] = None,
    encoded_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            writable=True,
            help="Hold the encoded records in a file in this folder, gone at the end, instead of in memory.",
        ),
    ] = None,
    device: Device = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of the LSTM's products; bfloat16 is faster on processors that multiply it."),
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(
            metavar="EPSILON",
            min=0.0,
            help="Train with differential privacy within this budget. Needs --schema, --public-samples and --scaling "
            "linear or log; records are taken as equally spaced.",
        ),
    ] = None,
    delta: Annotated[float | None, typer.Option(metavar="DELTA", help="Of --epsilon. Default: 1e-5.")] = None,
    max_grad_norm: Annotated[
        float | None, typer.Option(metavar="NORM", help="What privacy clips each sample's gradient to. Default: 1.")
    ] = None,
    public_samples: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of samples, if it is public; else bought.")
    ] = None,
    schema_epsilon: Annotated[
        float | None,
        typer.Option(
            metavar="EPSILON", help="Part of --epsilon that buys ranges and lengths that the schema leaves open."
        ),
    ] = None,
    generator_only: Annotated[
        bool,
        typer.Option("--generator-only", help="Leave the discriminators out of the file: for models to be handed out."),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on a table.

    \b
    A long table has one row per record:
      dgsynth fit visits.csv -o visits.safetensors --sequence-key page --sequence-index date
    A wide one has one row per sample:
      dgsynth fit pages.csv -o pages.safetensors --time-columns 2015-07-01:2016-12-31
    Training that can be stopped with Ctrl-C and taken up again by the same command:
      dgsynth fit visits.csv -o visits.safetensors --sequence-key page --checkpoint-dir checkpoints
    """
    _prepare_output(output, MODEL_SUFFIXES)
    _check_device(device)
    from dgsynth import DGSynthesizer, PrivacyConfig

    frame = _read_table(data)
    given: dict[str, Any] = {
        **_roles(frame, sequence_key, sequence_index, metadata, measurements, categorical, time_columns),
        "schema": None if schema is None else _read_schema(schema),
        "epochs": epochs,
        "max_steps": max_steps,
        "sample_len": sample_len,
        "scaling": None if scaling is None else scaling.value,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "learning_rate_schedule": None if learning_rate_schedule is None else learning_rate_schedule.value,
        "sharp_flags": sharp_flags or None,
        "early_stopping": early_stopping or None,
        "random_state": random_state,
        "checkpoint_dir": checkpoint_dir,
        "encoded_dir": encoded_dir,
        "device": device,
        "precision": None if precision is None else precision.value,
    }
    privacy: dict[str, Any] = {
        "epsilon": epsilon,
        "delta": delta,
        "max_grad_norm": max_grad_norm,
        "n_samples": public_samples,
        "schema_epsilon": schema_epsilon,
    }
    if epsilon is not None:
        given["privacy"] = PrivacyConfig(**{name: value for name, value in privacy.items() if value is not None})
        given["timestamps"] = "regular"
    elif any(value is not None for value in privacy.values()):
        raise typer.BadParameter(
            "privacy needs a budget; give it, or leave its other options out", param_hint="--epsilon"
        )
    # What is not given is left to the estimator, the only place that knows the defaults.
    parameters = {name: value for name, value in given.items() if value is not None}
    model = DGSynthesizer(**parameters)
    interrupted = _train(model, frame, quiet=quiet)
    if interrupted:
        # A half-trained model must not take the place of a good one, nor must hours of training be lost.
        output = output.with_suffix(f".interrupted{output.suffix}")
    if model.n_steps_:
        model.save(output, generator_only=generator_only)
        if not quiet:
            if model.privacy is not None:
                typer.echo(f"spent epsilon {model.epsilon_:.3g} at delta {model.privacy.delta:g}")
            best = (
                f", the best weights of step {model.best_step_} (score {model.best_score_:.2f})"
                if early_stopping
                else ""
            )
            typer.echo(f"trained {model.n_steps_} steps{best}; the model is in {output}")
    if interrupted:
        raise KeyboardInterrupt


@app.command()
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
    _prepare_output(output, TABLE_SUFFIXES)
    from dgsynth import load

    fitted = load(model)
    given = _condition(metadata)
    if given is None and lengths is None:
        fitted.set_params(verbose=int(not quiet))
        try:
            fitted.sample_to(output, n_samples, random_state=random_state)
        except KeyboardInterrupt:
            _fail("interrupted; repeat the command to go on", INTERRUPTED)
    else:
        made = fitted.sample(n_samples, metadata=given, lengths=lengths, random_state=random_state)
        _write_table(made, output)
    if not quiet:
        typer.echo(f"{n_samples} samples are in {output}")


@app.command()
def info(
    model: ModelArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    privacy: Annotated[
        bool, typer.Option("--privacy", help="Show what the file tells of the training data, before handing it out.")
    ] = False,
) -> None:
    """Show what a model file holds.

    \b
    dgsynth info visits.safetensors
    dgsynth info visits.safetensors --privacy
    dgsynth info visits.safetensors --json
    """
    from dgsynth import load
    from dgsynth.tensor_file import read_header

    fitted = load(model)
    if privacy:
        from dgsynth.disclosure import disclosed, guarantee, privacy_text

        holds, left_out = disclosed(fitted)
        told = {"holds": dict(holds), "does_not_hold": dict(left_out), "guarantee": guarantee(fitted)}
        typer.echo(json.dumps(told, indent=2) if as_json else privacy_text(fitted))
        return
    header = read_header(model, "model")
    facts = {
        "file": str(model),
        "format_version": header["format_version"],
        "written_with": header["versions"],
        "steps": fitted.n_steps_,
        "epochs": fitted.n_epochs_,
        "synthesizer": type(fitted).__name__,
        "weights": fitted.n_weights_,
        "sample_len": fitted.encoder_.sample_len,
        "parameters": _plain_parameters(fitted),
        "schema": fitted.schema_.to_dict(),
    }
    typer.echo(json.dumps(facts, indent=2) if as_json else _facts_text(facts, fitted))


@app.command()
def evaluate(
    real: Annotated[Path, typer.Argument(metavar="REAL", exists=True, dir_okay=False, help="Table of real data.")],
    synthetic: Annotated[
        Path, typer.Argument(metavar="SYNTHETIC", exists=True, dir_okay=False, help="Table with the same columns.")
    ],
    output: ReportOutput = None,
    json_output: JsonOutput = None,
    sequence_key: SequenceKey = None,
    sequence_index: SequenceIndex = None,
    metadata: MetadataColumns = None,
    measurements: MeasurementColumns = None,
    categorical: CategoricalColumns = None,
    time_columns: TimeColumns = None,
    holdout: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            exists=True,
            dir_okay=False,
            help="Real data that the model was not trained on: fidelity and memorisation are judged by these.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", exists=True, dir_okay=False, help="Model file, for the curves of its training."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Metadata column to predict from the series (downstream).")
    ] = None,
    forecast: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Measurement whose next records to predict (downstream).")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Leave out the discriminative and predictive scores, which train networks.")
    ] = False,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Compare a synthetic table with a real one.

    Every distance stands beside its floor: what two random halves of the real data would have. REAL is what the model
    was trained on, so that copies of it can be found.

    \b
    dgsynth evaluate visits.csv synthetic.csv --sequence-key page --sequence-index date -o report.html
    dgsynth evaluate visits.csv synthetic.csv --sequence-key page --sequence-index date --json metrics.json
    dgsynth evaluate train.csv synthetic.csv --sequence-key page --holdout test.csv --target agent -o report.html
    """
    _prepare_reports(output, json_output, quiet)
    from dgsynth import load
    from dgsynth.evaluation import evaluate as compare

    frame = _read_table(real)
    report = compare(
        frame,
        _read_table(synthetic),
        holdout=None if holdout is None else _read_table(holdout),
        model=None if model is None else load(model),
        target=target,
        forecast=forecast,
        costly=not fast,
        random_state=random_state or 0,
        progress=None if quiet else _say_once(),
        **_roles(frame, sequence_key, sequence_index, metadata, measurements, categorical, time_columns),
    )
    _write_reports(report, output, json_output, quiet)


@app.command()
def privacy(
    real: Annotated[
        Path, typer.Argument(metavar="REAL", exists=True, dir_okay=False, help="Table that the model was trained on.")
    ],
    synthetic: Annotated[
        Path, typer.Argument(metavar="SYNTHETIC", exists=True, dir_okay=False, help="Table that it made.")
    ],
    holdout: Annotated[
        Path,
        typer.Option(
            metavar="TABLE", exists=True, dir_okay=False, help="Other real samples, that it was not trained on."
        ),
    ],
    output: ReportOutput = None,
    json_output: JsonOutput = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", exists=True, dir_okay=False, help="Model file, for an attacker who holds it."),
    ] = None,
    sensitive: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Metadata columns that an attacker wants to know. Default: all categories."),
    ] = None,
    sequence_key: SequenceKey = None,
    sequence_index: SequenceIndex = None,
    metadata: MetadataColumns = None,
    measurements: MeasurementColumns = None,
    categorical: CategoricalColumns = None,
    time_columns: TimeColumns = None,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Attack the training data by what would be handed out, and say how well that goes.

    \b
    dgsynth privacy train.csv synthetic.csv --holdout test.csv --sequence-key page --sequence-index date -o privacy.html
    dgsynth privacy train.csv synthetic.csv --holdout test.csv --sequence-key page --model visits.safetensors
    """
    _prepare_reports(output, json_output, quiet)
    from dgsynth import DGSynthesizer
    from dgsynth.evaluation import privacy_report

    frame = _read_table(real)
    report = privacy_report(
        frame,
        _read_table(synthetic),
        _read_table(holdout),
        model=None if model is None else DGSynthesizer.load(model),
        sensitive=_names(sensitive),
        random_state=random_state or 0,
        progress=None if quiet else lambda text: typer.echo(text, err=True),
        **_roles(frame, sequence_key, sequence_index, metadata, measurements, categorical, time_columns),
    )
    _write_reports(report, output, json_output, quiet)


@app.command()
def compare(
    data: TableArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="REPORT", help="Page to write, .html.")
    ] = None,
    models: Annotated[str, typer.Option(metavar="A,B", help=f"all, or some of: {', '.join(COMPARED)}.")] = "all",
    seconds: Annotated[
        float, typer.Option(metavar="N", min=0.1, help="Training of each model ends after so many seconds.")
    ] = 300.0,
    json_output: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON too.")
    ] = None,
    sequence_key: SequenceKey = None,
    sequence_index: SequenceIndex = None,
    metadata: MetadataColumns = None,
    measurements: MeasurementColumns = None,
    categorical: CategoricalColumns = None,
    time_columns: TimeColumns = None,
    holdout: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            exists=True,
            dir_okay=False,
            help="Real data to judge by. Default: a fifth of DATA, which is not trained on.",
        ),
    ] = None,
    sample_len: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Records that doppelganger generates per pass.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Leave out the discriminative and predictive scores, which train networks.")
    ] = False,
    random_state: RandomState = None,
    quiet: Quiet = False,
) -> None:
    """Train several synthesizers on a table, and rank them metric by metric.

    DoppelGANger and the paper's seven baselines, each within the same time; all are judged by the same real samples,
    which none was trained on.

    \b
    dgsynth compare visits.csv --sequence-key page --sequence-index date -o compare.html
    dgsynth compare visits.csv --sequence-key page --models doppelganger,ar,rnn --seconds 60 --json compare.json
    """
    _prepare_reports(output, json_output, quiet)
    chosen = list(COMPARED) if models == "all" else _names(models) or []
    unknown = [name for name in chosen if name not in COMPARED]
    if unknown or not chosen:
        raise typer.BadParameter(
            f"{models!r} must be all, or some of {', '.join(COMPARED)}, with commas between them", param_hint="--models"
        )
    from dgsynth.comparing import compare as rank
    from dgsynth.comparing import new_model

    frame = _read_table(data)
    own = {} if sample_len is None else {"sample_len": sample_len}
    result = rank(
        {name: new_model(name, **(own if name == "doppelganger" else {})) for name in dict.fromkeys(chosen)},
        frame,
        holdout=None if holdout is None else _read_table(holdout),
        seconds=seconds,
        costly=not fast,
        random_state=random_state or 0,
        progress=None if quiet else lambda text: typer.echo(text, err=True),
        **_roles(frame, sequence_key, sequence_index, metadata, measurements, categorical, time_columns),
    )
    _write_reports(result, output, json_output, quiet)
    if result.interrupted:
        raise KeyboardInterrupt


@app.command()
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
    max_steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Train for so many steps instead.")] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Seeds to train each from.")] = 1,
    json_output: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the table of candidates as JSON too.")
    ] = None,
    sequence_key: SequenceKey = None,
    sequence_index: SequenceIndex = None,
    metadata: MetadataColumns = None,
    measurements: MeasurementColumns = None,
    categorical: CategoricalColumns = None,
    time_columns: TimeColumns = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    random_state: RandomState = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Choose sample_len, and epochs and seeds if asked.

    Every candidate is trained on 80 % of the samples, and scored by how close it comes to the others.

    \b
    dgsynth tune visits.csv -o visits.safetensors --sequence-key page --sequence-index date --max-steps 2000
    dgsynth tune visits.csv -o visits.safetensors --sequence-key page --sample-len 7,14 --epochs 100,400 --seeds 2
    """
    _prepare_output(output, MODEL_SUFFIXES)
    if json_output is not None:
        _prepare_output(json_output, JSON_SUFFIXES, "--json")
    lengths, stages = _numbers(sample_len, "--sample-len"), _numbers(epochs, "--epochs")
    if stages is not None and max_steps is not None:
        raise typer.BadParameter("give either --epochs or --max-steps", param_hint="--max-steps")
    _check_device(device)
    from dgsynth import DGSynthesizer
    from dgsynth.tuning import tune as choose

    frame = _read_table(data)
    given: dict[str, Any] = {
        **_roles(frame, sequence_key, sequence_index, metadata, measurements, categorical, time_columns),
        "max_steps": max_steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "device": device,
    }
    model = DGSynthesizer(**{name: value for name, value in given.items() if value is not None})
    result = choose(
        model,
        frame,
        sample_len=lengths,
        epochs=stages,
        n_seeds=seeds,
        random_state=random_state or 0,
        progress=None if quiet else lambda text: typer.echo(text, err=True),
    )
    if result.interrupted:
        # The best of some candidates must not take the place of the best of all, nor must their training be lost.
        output = output.with_suffix(f".interrupted{output.suffix}")
    result.best_model.save(output)
    if json_output is not None:
        json_output.write_text(result.table.to_json(orient="records", indent=2) + "\n", encoding="utf-8")
    if not quiet:
        options = " ".join(
            f"--{name.replace('_', '-')} {value}" for name, value in result.best_params.items() if value is not None
        )
        typer.echo(f"{result}\n\nThe best model, trained on 80 % of the samples, is in {output}.")
        typer.echo(f"To train on all of them: dgsynth fit {data} {options} ...")
    if result.interrupted:
        raise KeyboardInterrupt


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", file_okay=False, help="Folder to fill.")] = (
        Path("demo")
    ),
    max_steps: Annotated[int, typer.Option(metavar="N", min=1, help="Training steps.")] = 3000,
    n_samples: Annotated[
        int, typer.Option(metavar="N", min=10, help="Pages to simulate, and again to generate.")
    ] = 1000,
    random_state: Annotated[int, typer.Option(metavar="N", min=0, help="Seed.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Simulate web traffic, learn it and compare.

    Takes a minute or two on two cores.

    \b
    dgsynth demo
    dgsynth demo -o somewhere --max-steps 300
    """
    _need_matplotlib()
    _make_folder(output)
    from dgsynth.data.simulate import make_web_traffic
    from dgsynth.evaluation import evaluate as compare
    from dgsynth.models.doppelganger.estimator import DGSynthesizer

    def say(text: str) -> None:
        if not quiet:
            typer.echo(text)

    say(f"Simulating {n_samples} pages with {DEMO_DAYS} days of views each ...")
    columns: dict[str, Any] = {"sequence_key": "page", "sequence_index": "date"}
    real = make_web_traffic(n_samples, DEMO_DAYS, random_state=random_state)
    _write_table(real, output / "real.csv")
    say(f"Learning them in {max_steps} steps ...")
    model = DGSynthesizer(**columns, sample_len=DEMO_SAMPLE_LEN, max_steps=max_steps, random_state=random_state)
    if _train(model, real, quiet=quiet):
        raise KeyboardInterrupt
    model.save(output / "model.safetensors")
    say(f"Making {n_samples} new ones ...")
    synthetic = model.sample(n_samples, random_state=random_state)
    _write_table(synthetic, output / "synthetic.csv")
    _write_table(synthetic, output / "synthetic.parquet")
    say("Comparing them ...")
    report = compare(real, synthetic, model=model, random_state=random_state, **columns)
    report.to_html(output / "report.html")
    say(f"\n{report}\n\nLook at {output / 'report.html'}: real beside synthetic, in pictures.")
    say(f"Beside it: {', '.join(DEMO_FILES)}.")
    say(f"More of them: dgsynth sample {output / 'model.safetensors'} -n 5000 -o more.parquet")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, 2 for wrong usage or data, 130 for Ctrl-C, 1 for anything else."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Taken wherever it stands: who sees an error appends it to the same line.
    debug = "--debug" in given or os.environ.get("DGSYNTH_TRACEBACK", "") not in ("", "0")
    given = [argument for argument in given if argument != "--debug"] or ["--help"]
    warnings.showwarning = _show_warning
    try:
        sys.exit(app(given, prog_name="dgsynth", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        _fail(*_explain(error))


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _explain(error: Exception) -> tuple[str, int]:
    """Return what to say about an error, and the exit code."""
    if hasattr(error, "format_message"):  # of the command line itself: unknown option, missing argument
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        return error.format_message().rstrip(".") + hint, USAGE_ERROR
    if isinstance(error, OSError) and error.strerror:
        bad_input = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
        return f"{error.filename}: {error.strerror}", USAGE_ERROR if bad_input else OTHER_ERROR
    if isinstance(error, ValueError | TypeError | FileNotFoundError):
        return str(error), USAGE_ERROR
    if isinstance(error, ArithmeticError | ImportError | OSError):
        return str(error), OTHER_ERROR
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)", OTHER_ERROR


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"warning: {' '.join(str(message).split())}", err=True)


def _prepare_output(path: Path, suffixes: tuple[str, ...], option: str = "--output") -> None:
    """Check that `path` can be written, and create its folder."""
    if not path.name.endswith(suffixes):
        raise typer.BadParameter(f"{path} must end in {' or '.join(suffixes)}", param_hint=option)
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file", param_hint=option)
    _make_folder(path.parent)


def _prepare_reports(page: Path | None, numbers: Path | None, quiet: bool) -> None:
    """Check that the report's page and its numbers can be written, and that one of them or the screen is wanted."""
    if page is None and numbers is None and quiet:
        raise typer.BadParameter("nothing to do: give --output or --json, or leave out --quiet")
    if page is not None:
        _prepare_output(page, REPORT_SUFFIXES)
        _need_matplotlib()
    if numbers is not None:
        _prepare_output(numbers, JSON_SUFFIXES, "--json")


def _write_reports(report: Any, page: Path | None, numbers: Path | None, quiet: bool) -> None:
    if page is not None:
        report.to_html(page)
    if numbers is not None:
        report.to_json(numbers)
    if not quiet:
        typer.echo(str(report))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"can't create the folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"can't write into the folder {folder}")


def _need_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise ImportError("the report needs matplotlib; install it with: pip install 'dgsynth[plot]'")


def _say_once() -> Callable[[str], None]:
    """Return what tells on stderr what is being compared, each text once."""
    said: set[str] = set()

    def say(text: str) -> None:
        if text not in said:
            typer.echo(f"comparing: {text.lower()}", err=True)
        said.add(text)

    return say


def _check_device(name: str | None) -> None:
    import torch

    if name in (None, "auto"):
        return
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # no such device; or a torch without CUDA
        raise typer.BadParameter(f"torch can't use {name!r} here; try auto or cpu", param_hint="--device") from error


def _read_table(path: Path) -> pd.DataFrame:
    from dgsynth.data.io import read_table

    return read_table(path)


def _write_table(table: Any, path: Path) -> None:
    import pandas as pd

    from dgsynth.data.io import write_table
    from dgsynth.errors import DataError

    if not isinstance(table, pd.DataFrame):
        raise DataError("this model was fitted on arrays and makes arrays, not tables; sample it from Python")
    write_table(table, path)


def _read_schema(path: Path) -> Schema:
    from dgsynth.data.schema import Schema

    return Schema.from_json(path.read_text(encoding="utf-8"))


def _roles(
    frame: pd.DataFrame,
    sequence_key: str | None,
    sequence_index: str | None,
    metadata: str | None,
    measurements: str | None,
    categorical: str | None,
    time_columns: str | None,
) -> dict[str, Any]:
    """Return the options that say how a table is read, as the keywords of the estimator; None where not given."""
    return {
        "sequence_key": sequence_key,
        "sequence_index": sequence_index,
        "metadata": _names(metadata),
        "measurements": _names(measurements),
        "categorical": _names(categorical),
        "time_columns": _time_columns(frame, time_columns),
    }


def _names(text: str | None) -> list[str] | None:
    """Return the names of a comma-separated list."""
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str | None, option: str) -> list[int] | None:
    """Return the positive whole numbers of a comma-separated list."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"{text!r} must be whole numbers from 1 on, such as 1,5,10", param_hint=option)
    return [int(part) for part in parts]


def _time_columns(frame: pd.DataFrame, text: str | None) -> list[Any] | None:
    """Return the columns from FIRST to LAST, both included; their names may hold colons too, as times do."""
    if text is None:
        return None
    columns = {str(name): name for name in frame.columns}
    parts = text.split(":")
    ways = [(":".join(parts[:i]), ":".join(parts[i:])) for i in range(1, len(parts))]
    for first, last in ways:
        if first in columns and last in columns:
            names = list(columns)
            start, stop = names.index(first), names.index(last) + 1
            if start < stop:
                return list(frame.columns[start:stop])
    raise typer.BadParameter(
        f"{text!r} must be FIRST:LAST, two columns of the table in this order; it has {_some(list(columns))}",
        param_hint="--time-columns",
    )


def _condition(pairs: list[str] | None) -> dict[str, str] | None:
    """Return the COLUMN=VALUE pairs; the model reads the values as its columns hold them."""
    for pair in pairs or ():
        if not pair.partition("=")[1]:
            raise typer.BadParameter(f"{pair!r} must be COLUMN=VALUE", param_hint="--metadata")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs or ())} or None


def _train(model: DGSynthesizer, frame: pd.DataFrame, *, quiet: bool) -> bool:
    """Fit the model, saying first what was understood of the data; return whether the user interrupted it."""
    from dgsynth.training.callbacks import Callback, Progress, Training

    interrupted = False

    class Watch(Callback):
        def on_fit_begin(self, trainer: Training) -> None:
            if not quiet:
                typer.echo(f"{model.schema_}\n", err=True)

        def on_fit_end(self, trainer: Training) -> None:
            nonlocal interrupted
            interrupted = trainer.interrupted

    # In this order, and not by verbose=1, so that the bar comes below the columns.
    model.set_params(callbacks=[Watch()] if quiet else [Watch(), Progress()]).fit(frame)
    return interrupted


def _plain_parameters(model: Synthesizer) -> dict[str, Any]:
    """Return the estimator's parameters as JSON holds them, without those of a single run."""
    parameters = {k: v for k, v in model.get_params(deep=False).items() if k not in _NOT_SHOWN}
    plain: dict[str, Any] = json.loads(json.dumps(parameters, default=str))
    return plain


def _facts_text(facts: dict[str, Any], model: Synthesizer) -> str:
    defaults = _plain_parameters(type(model)())
    changed = [f"{name}={value!r}" for name, value in facts["parameters"].items() if value != defaults[name]]
    versions = ", ".join(f"{name} {version}" for name, version in facts["written_with"].items())
    return "\n".join(
        [
            f"{facts['file']}: format version {facts['format_version']}, written with {versions}",
            f"trained {facts['steps']} steps, {facts['epochs']} whole epochs",
            f"{facts['synthesizer']} with {facts['weights']:,} weights, {facts['sample_len']} records per pass",
            f"parameters: {', '.join(changed) or 'the defaults'}",
            "",
            str(model.schema_),
            "",
            *(f"{c.name}: {_some(list(c.categories), 20)}" for c in model.schema_.metadata if c.categories),
        ]
    ).rstrip()


def _some(names: Sequence[Any], most: int = 6) -> str:
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")
