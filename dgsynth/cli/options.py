"""The options and arguments that several commands share, and the words that options choose from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dgsynth.cli.completing import column_lists, column_names


class Scaling(StrEnum):
    """How measurements and numeric metadata are scaled before training."""

    AUTO = "auto"
    LINEAR = "linear"
    LOG = "log"


class Preset(StrEnum):
    """What a doppelganger's parameters are where they are not given."""

    AUTO = "auto"
    PAPER = "paper"


class Schedule(StrEnum):
    """How the learning rate changes while training goes on."""

    CONSTANT = "constant"
    LINEAR = "linear"


class Lengths(StrEnum):
    """What says where a generated sample ends."""

    FLAGS = "flags"
    METADATA = "metadata"


class MetadataGenerator(StrEnum):
    """What generates the metadata of a doppelganger."""

    GAN = "gan"
    AUTOREGRESSIVE = "autoregressive"


class Model(StrEnum):
    """Which synthesizer learns the table."""

    AUTO = "auto"
    DOPPELGANGER = "doppelganger"
    AUTOREGRESSIVE = "autoregressive"


class Precision(StrEnum):
    """What the operands of the LSTM's products are rounded to."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def file_argument(metavar: str, text: str) -> Any:
    """Return an argument that names a file to read."""
    return typer.Argument(metavar=metavar, exists=True, dir_okay=False, help=text)


def file_option(metavar: str, text: str) -> Any:
    """Return an option that names a file to read."""
    return typer.Option(metavar=metavar, exists=True, dir_okay=False, help=text)


def table_argument(metavar: str, text: str) -> Any:
    """Return an argument that names a table to read."""
    return typer.Argument(metavar=metavar, help=f"{text} {_TABLE_FILES}")


def table_option(metavar: str, text: str) -> Any:
    """Return an option that names a table to read."""
    return typer.Option(metavar=metavar, help=text)


_TABLE_FILES = "A .csv, .csv.gz or .parquet file, a folder of them, or a quoted pattern such as 'visits-*.parquet'."

TableArgument = Annotated[Path, table_argument("DATA", "Table to learn.")]
ModelArgument = Annotated[Path, file_argument("MODEL", "Model file that `dgsynth fit` wrote.")]
SequenceKey = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", autocompletion=column_names, help="Column that names the sample of each row."),
]
SequenceIndex = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        autocompletion=column_names,
        help="Column that orders the records of a sample: a time or a number.",
    ),
]
MetadataColumns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        autocompletion=column_lists,
        help="Columns constant for a sample. Default: those that are, in the data.",
    ),
]
MeasurementColumns = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y", autocompletion=column_lists, help="Columns that vary with time. Default: all the others."
    ),
]
CategoricalColumns = Annotated[
    str | None,
    typer.Option(
        metavar="C,D",
        autocompletion=column_lists,
        help="Columns to read as categories though they hold numbers. Text always is.",
    ),
]
TimeColumns = Annotated[
    str | None,
    typer.Option(metavar="FIRST:LAST", help="For a wide table, one row per sample: its first and last time column."),
]
ReportOutput = Annotated[Path | None, typer.Option("--output", "-o", metavar="REPORT", help="Report to write, .html.")]
JsonOutput = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the numbers as JSON too; - prints them, and nothing else."),
]
MaxSteps = Annotated[int | None, typer.Option(metavar="N", min=1, help="Train for so many steps instead.")]
BatchSize = Annotated[int | None, typer.Option(metavar="N", min=1, help="Samples per training step.")]
LearningRate = Annotated[float | None, typer.Option(metavar="RATE", min=0.0, help="Learning rate of Adam.")]
RandomState = Annotated[int | None, typer.Option(metavar="N", min=0, help="Seed; the same seed gives the same result.")]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, or a torch device such as cuda:0.")]
Fast = Annotated[
    bool, typer.Option("--fast", help="Leave out the discriminative and predictive scores, which train networks.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@dataclass(frozen=True)
class ReadingOptions:
    """Options that say how the files of tables are written, and what their columns are."""

    separator: Annotated[
        str | None, typer.Option(metavar="CHAR", help="What divides the cells of a .csv file. Default: recognised.")
    ] = None
    decimal: Annotated[
        str | None, typer.Option(metavar="CHAR", help="Decimal mark of a .csv file, . or ,. Default: recognised.")
    ] = None
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a .csv file that isn't UTF-8: latin-1, cp1252, utf-16.")
    ] = None
    missing: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Text that stands for a missing value, besides the empty; may be repeated."),
    ] = None
    date_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="How dates are written, such as %d/%m/%Y. ISO 8601 always is.")
    ] = None
    dtype: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=KIND",
            help="What a column is: text, number, integer, category, date or boolean; may be repeated.",
        ),
    ] = None


@dataclass(frozen=True)
class RoleOptions:
    """Options that say how a table is read."""

    sequence_key: SequenceKey = None
    sequence_index: SequenceIndex = None
    metadata: MetadataColumns = None
    measurements: MeasurementColumns = None
    categorical: CategoricalColumns = None
    time_columns: TimeColumns = None
