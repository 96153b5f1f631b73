"""Training as the commands do it: the device checked first, and what was understood of the data said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dgsynth.cli.terminal import tell

if TYPE_CHECKING:
    import pandas as pd

    from dgsynth.models.auto.estimator import AutoSynthesizer
    from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
    from dgsynth.models.doppelganger.estimator import DGSynthesizer

    Trainable = AutoSynthesizer | DGSynthesizer | AutoregressiveSynthesizer


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
    from dgsynth.models.auto.estimator import AutoSynthesizer
    from dgsynth.models.doppelganger.settings import settings_text
    from dgsynth.training.callbacks import Callback, InterruptWatch, Progress, Training

    class Tell(Callback):
        said = quiet

        def on_fit_begin(self, trainer: Training) -> None:
            if not self.said:  # once, where there are several trainings
                tell(f"{model.schema_}\n")
                if settings := getattr(model, "settings_", None):
                    tell(f"{settings_text(settings)}\n")
                self.said = True

    watch = InterruptWatch()
    if isinstance(model, AutoSynthesizer):
        model.set_params(callbacks=[Tell()], verbose=int(not quiet)).fit(frame)
        return model.interrupted_
    # In this order, and not by verbose=1, so that the bar comes below the columns.
    model.set_params(callbacks=[Tell(), watch] if quiet else [Tell(), watch, Progress()]).fit(frame)
    return watch.interrupted
