"""Training as the commands do it: the device checked first, and what was understood of the data said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dgsynth.cli.progress import tell

if TYPE_CHECKING:
    import pandas as pd

    from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
    from dgsynth.models.doppelganger.estimator import DGSynthesizer

    Trainable = DGSynthesizer | AutoregressiveSynthesizer


def check_device(name: str | None) -> None:
    """Check that torch can use the device."""
    import torch

    if name in (None, "auto"):
        return
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # no such device; or a torch without CUDA
        raise typer.BadParameter(f"torch can't use {name!r} here; try auto or cpu", param_hint="--device") from error


def train(model: Trainable, frame: pd.DataFrame, *, quiet: bool) -> bool:
    """Fit the model, saying first what was understood of the data; return whether the user interrupted it."""
    from dgsynth.training.callbacks import Callback, Progress, Training

    interrupted = False

    class Watch(Callback):
        def on_fit_begin(self, trainer: Training) -> None:
            if not quiet:
                tell(f"{model.schema_}\n")

        def on_fit_end(self, trainer: Training) -> None:
            nonlocal interrupted
            interrupted = trainer.interrupted

    # In this order, and not by verbose=1, so that the bar comes below the columns.
    model.set_params(callbacks=[Watch()] if quiet else [Watch(), Progress()]).fit(frame)
    return interrupted
