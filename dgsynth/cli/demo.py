"""`dgsynth demo`: simulate web traffic, learn it and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dgsynth.cli.options import Quiet
from dgsynth.cli.outputs import make_folder, need_matplotlib
from dgsynth.cli.tables import write_table
from dgsynth.cli.training import train

_FILES = ("real.csv", "synthetic.csv", "synthetic.parquet", "model.safetensors")
_DAYS = 182
"""Half a year: many weeks for the weekly rhythm to show, and a minute or two of training on two cores."""
_SAMPLE_LEN = 14
"""Two weeks per LSTM pass, so that a pass holds the weekly rhythm whole; it is learned in fewer steps that way."""


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
    need_matplotlib()
    make_folder(output)
    from dgsynth.data.simulate import make_web_traffic
    from dgsynth.evaluation import evaluate as judge
    from dgsynth.models.doppelganger.estimator import DGSynthesizer

    def say(text: str) -> None:
        if not quiet:
            typer.echo(text)

    say(f"Simulating {n_samples} pages with {_DAYS} days of views each ...")
    columns: dict[str, Any] = {"sequence_key": "page", "sequence_index": "date"}
    real = make_web_traffic(n_samples, _DAYS, random_state=random_state)
    write_table(real, output / "real.csv")
    say(f"Learning them in {max_steps} steps ...")
    model = DGSynthesizer(**columns, sample_len=_SAMPLE_LEN, max_steps=max_steps, random_state=random_state)
    if train(model, real, quiet=quiet):
        raise KeyboardInterrupt
    model.save(output / "model.safetensors")
    say(f"Making {n_samples} new ones ...")
    synthetic = model.sample(n_samples, random_state=random_state)
    write_table(synthetic, output / "synthetic.csv")
    write_table(synthetic, output / "synthetic.parquet")
    say("Comparing them ...")
    report = judge(real, synthetic, model=model, random_state=random_state, **columns)
    report.to_html(output / "report.html")
    say(f"\n{report}\n\nLook at {output / 'report.html'}: real beside synthetic, in pictures.")
    say(f"Beside it: {', '.join(_FILES)}.")
    say(f"More of them: dgsynth sample {output / 'model.safetensors'} -n 5000 -o more.parquet")
