"""`dgsynth info`: show what a model file holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgsynth.cli.options import ModelArgument
from dgsynth.cli.tables import some_names
from dgsynth.cli.terminal import say

if TYPE_CHECKING:
    from dgsynth.models.synthesizer import Synthesizer

_NOT_SHOWN = ("callbacks", "checkpoint_dir", "encoded_dir")
"""Parameters of a single run."""


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
        say(json.dumps(told, indent=2) if as_json else privacy_text(fitted))
        return
    header, constraints = read_header(model, "model"), fitted._fitted_constraints()
    facts = {
        "file": str(model),
        "format_version": header["format_version"],
        "written_with": header["versions"],
        "steps": fitted.n_steps_,
        "epochs": fitted.n_epochs_,
        "synthesizer": type(fitted).__name__,
        "weights": fitted.n_weights_,
        "sample_len": getattr(fitted.encoder_, "sample_len", None),
        "parameters": _plain_parameters(fitted),
        "constraints": [] if constraints is None else constraints.texts,
        "settings": {name: asdict(setting) for name, setting in getattr(fitted, "settings_", {}).items()},
        "schema": fitted.schema_.to_dict(),
    }
    say(json.dumps(facts, indent=2) if as_json else _facts_text(facts, fitted))


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
            f"{facts['synthesizer']} with {facts['weights']:,} weights"
            + ("" if facts["sample_len"] is None else f", {facts['sample_len']} records per pass"),
            f"parameters: {', '.join(changed) or 'the defaults'}",
            *(f"constraint {text}" for text in facts["constraints"]),
            *(f"  {name}={setting['value']!r}: {setting['why']}" for name, setting in facts["settings"].items()),
            "",
            str(model.schema_),
            "",
            *(f"{c.name}: {some_names(list(c.categories), 20)}" for c in model.schema_.metadata if c.categories),
        ]
    ).rstrip()
