"""The Typer app with its commands, and `main`, which runs it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from dgsynth.cli.compare import compare
from dgsynth.cli.demo import demo
from dgsynth.cli.doctor import doctor
from dgsynth.cli.errors import INTERRUPTED, explain, fail, show_warning
from dgsynth.cli.evaluate import evaluate
from dgsynth.cli.fit import fit
from dgsynth.cli.info import info
from dgsynth.cli.privacy import privacy
from dgsynth.cli.sample import sample
from dgsynth.cli.studio import studio
from dgsynth.cli.terminal import say, shows_bars
from dgsynth.cli.tune import tune
from dgsynth.cli.typer_groups import with_groups

COMMANDS: tuple[Callable[..., None], ...] = (
    fit,
    sample,
    info,
    evaluate,
    privacy,
    compare,
    tune,
    demo,
    studio,
    doctor,
)
"""In the order of the help."""

WELCOME = """dgsynth learns a table, of time series or of plain rows, and makes new ones like it.

  dgsynth demo                               see it work on simulated data, in a minute or two
  dgsynth fit data.csv -o data.safetensors   learn a table (of series: with --sequence-key and --sequence-index)
  dgsynth sample data.safetensors -n 1000 -o synthetic.csv
  dgsynth doctor                             what is installed and in use
  dgsynth --help                             all commands; dgsynth fit --help has examples

dgsynth --install-completion lets the Tab key complete commands, files and columns."""

app = typer.Typer(
    name="dgsynth",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in COMMANDS:
    app.command()(with_groups(command))


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
    dgsynth fit visits.csv -o visits.safetensors \\
      --sequence-key page --sequence-index date
    dgsynth sample visits.safetensors -n 1000 -o synthetic.csv
    dgsynth evaluate visits.csv synthetic.csv \\
      --sequence-key page --sequence-index date -o report.html
    dgsynth compare visits.csv \\
      --sequence-key page --sequence-index date -o compare.html
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, 2 for wrong usage or data, 130 for Ctrl-C, 1 for anything else."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Taken wherever it stands: who sees an error appends it to the same line.
    debug = "--debug" in given or os.environ.get("DGSYNTH_TRACEBACK", "") not in ("", "0")
    given = [argument for argument in given if argument != "--debug"]
    if not given and "_DGSYNTH_COMPLETE" not in os.environ:
        say(WELCOME)
        sys.exit()
    if not shows_bars():
        os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported: bars would fill a log
    warnings.showwarning = show_warning
    try:
        sys.exit(app(given, prog_name="dgsynth", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        fail("interrupted", INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        fail(*explain(error))


def _print_version(asked: bool) -> None:
    if asked:
        from dgsynth.versions import __version__

        typer.echo(f"dgsynth {__version__}")
        raise typer.Exit
