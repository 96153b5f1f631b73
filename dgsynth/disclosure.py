"""What a model file tells of the data that it was trained on, to be read before it is handed out."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from dgsynth.constraints.joint import Joint
from dgsynth.data.column import Column
from dgsynth.models.autoregressive.encoder import TokenEncoder
from dgsynth.models.autoregressive.estimator import AutoregressiveSynthesizer
from dgsynth.models.autoregressive.tokens import NumberTokens
from dgsynth.models.doppelganger.estimator import DGSynthesizer
from dgsynth.models.synthesizer import Synthesizer
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.encoder import Encoder

MOST_SHOWN = 200
"""Categories of a column that are listed."""


class Disclosure(NamedTuple):
    """One thing that a file tells, or does not."""

    what: str
    detail: str


def disclosed(model: Synthesizer) -> tuple[list[Disclosure], list[Disclosure]]:
    """Return what the file of a model holds that comes from its training data, and what it does not hold.

    Parameters
    ----------
    model : fitted Synthesizer
        As it was loaded.

    Examples
    --------
    >>> import numpy as np
    >>> from dgsynth import AutoregressiveSynthesizer
    >>> table = np.random.default_rng(0).normal(size=(60, 2))
    >>> model = AutoregressiveSynthesizer(max_steps=5, random_state=0).fit(table)
    >>> told, kept = disclosed(model)
    >>> told[0].what
    'column names'
    """
    schema = model.schema_
    holds = [Disclosure("column names", ", ".join(str(column.name) for column in schema.columns))]
    known = [column for column in schema.columns if column.has_categories or column.minimum is not None]
    holds += [_of_column(column, hasattr(model, "epsilon_")) for column in known]
    if schema.measurements:
        text = f"{schema.min_length} to {schema.max_length} records" if not schema.fixed_length else "all of one length"
        holds.append(Disclosure("lengths", text))
    holds += _of_constraints(model)
    if model.encoder_.timestamps is not None:
        stamps = model.encoder_.timestamps
        text = f"where the first sample starts, and steps ({stamps.step_kind})"
        closed = getattr(getattr(stamps.calendar, "open", None), "closed", ())
        holds.append(Disclosure("timestamps", text + (f", {len(closed)} days without records" if closed else "")))
    if isinstance(model, AutoregressiveSynthesizer):
        return holds + _of_tokens(model.encoder_) + _of_training(model), [
            Disclosure("training samples", "no series, no metadata rows, no keys")
        ]
    if not isinstance(model, DGSynthesizer):
        return [*holds, Disclosure("training rows", "baselines keep the distinct rows of metadata, as they are")], []
    private = hasattr(model, "epsilon_")
    holds += _of_scales(model.encoder_)
    if model.n_epochs_ and not private:
        least = model.n_steps_ // model.n_epochs_ * model.batch_size
        text = f"{least:,} to {least + model.batch_size - 1:,}, from steps, epochs and batch_size"
        holds.append(Disclosure("number of samples", text))
    left_out = [Disclosure("training samples", "no series, no metadata rows, no keys")]
    (left_out if model.networks_.discriminator is None else holds).append(_of_discriminators(model, private))
    (holds if len(model.history_) and not private else left_out).append(
        Disclosure("losses of real samples by step", "an aggregate, exact unless trained with privacy")
    )
    if hasattr(model, "validation_scores_"):
        holds.append(Disclosure("validation scores", "an aggregate of the samples held out"))
    if model._learned.metadata_model is not None:
        holds += _of_tokens(model._learned.metadata_model.encoder)
    return holds, left_out


def guarantee(model: Synthesizer) -> str:
    """Return in a sentence what is guaranteed of the training samples.

    Examples
    --------
    >>> import numpy as np
    >>> from dgsynth import AutoregressiveSynthesizer
    >>> table = np.random.default_rng(0).normal(size=(60, 2))
    >>> model = AutoregressiveSynthesizer(max_steps=5, random_state=0).fit(table)
    >>> guarantee(model)
    'None: trained without differential privacy. `dgsynth privacy` shows how well attacks go.'
    """
    if not isinstance(model, DGSynthesizer) or not hasattr(model, "epsilon_") or model.privacy is None:
        return "None: trained without differential privacy. `dgsynth privacy` shows how well attacks go."
    text = (
        f"Differential privacy of samples, with epsilon {model.epsilon_:.3g} at delta {model.privacy.delta:g}, "
        "provided that what the schema declares is public"
    )
    if model.schema_epsilon_:
        text += f" (epsilon {model.schema_epsilon_:.3g} of it bought what the schema had left open)"
    if model.privacy.public_start:
        text += ", and all that the model had learned before"
    if model.privacy.noise == "seeded":
        text += ". The noise came from random_state: void for whoever can guess that"
    return text + "."


def privacy_text(model: Synthesizer) -> str:
    """Return all of it as text.

    Examples
    --------
    >>> import numpy as np
    >>> from dgsynth import AutoregressiveSynthesizer
    >>> table = np.random.default_rng(0).normal(size=(60, 2))
    >>> model = AutoregressiveSynthesizer(max_steps=5, random_state=0).fit(table)
    >>> print(privacy_text(model).splitlines()[0])
    The file tells of the training data:
    """
    holds, left_out = disclosed(model)
    lines = ["The file tells of the training data:"]
    lines += [f"  {what}: {detail}" for what, detail in holds]
    lines += ["", "It does not hold:", *(f"  {what}: {detail}" for what, detail in left_out)] if left_out else []
    return "\n".join([*lines, "", f"Guarantee: {guarantee(model)}"])


def _of_column(column: Column, private: bool) -> Disclosure:
    if column.has_categories:
        names = [str(category) for category in column.categories or ()]
        more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
        return Disclosure(f"categories of {column.name}", ", ".join(names[:MOST_SHOWN]) + more)
    ends = [
        pd.Timestamp(int(end or 0)) if column.kind == "datetime" else end for end in (column.minimum, column.maximum)
    ]
    origin = "declared, or bought with noise" if private else "extreme values of some sample, unless declared"
    return Disclosure(f"range of {column.name}", f"{ends[0]} to {ends[1]}: {origin}")


def _of_constraints(model: Synthesizer) -> list[Disclosure]:
    """Return what the file holds of what is learned in the place of constrained columns."""
    constraints = model._fitted_constraints()
    if constraints is None:
        return []
    found = []
    for step in constraints.steps:
        if isinstance(step, Joint):
            what = f"combinations of {', '.join(map(str, step.derived))}"
            found.append(Disclosure(what, f"all {len(step.combinations):,} that occur in the training data"))
            continue
        learned = [name for name in (*step.names, step.first_name) if name is not None]
        found += [_of_column(model.encoder_.schema.column(name), private=False) for name in learned]
    return found


def _of_scales(encoder: Encoder) -> list[Disclosure]:
    """Return what the scales of a DoppelGANger's columns and ranges tell."""
    columns = [*encoder.metadata, *encoder.measurements]
    with_knots = [str(t.column.name) for t in columns if isinstance(t, ContinuousTransform) and t.scaler.knots]
    found = []
    if with_knots:
        text = "the quantiles 0.005 and 0.995, or values that many records have, with their share: "
        found.append(Disclosure("knots of scales", text + ", ".join(with_knots)))
    if any(encoder.range_scales):
        found.append(Disclosure("scales of ranges", "the extreme ranges of samples, quantiles and shares of them"))
    return found


def _of_tokens(encoder: TokenEncoder) -> list[Disclosure]:
    """Return what an autoregressive model holds of its columns beside the schema."""
    columns = [*encoder.all_metadata, *encoder.measurements]
    cells = [f"{c.column.name} {len(c.cells)}" for c in columns if isinstance(c, NumberTokens)]
    text = "between values of the training data, which recur or bound bins of at least four: " + ", ".join(cells)
    found = [Disclosure("quantiles", text)] if cells else []
    found.append(Disclosure("frequencies", "of each category, each number that recurs and each bin, in the biases"))
    return found


def _of_training(model: AutoregressiveSynthesizer) -> list[Disclosure]:
    found = []
    if len(model.history_):
        found.append(Disclosure("losses of real samples by step", "an aggregate, exact"))
    if hasattr(model, "validation_scores_"):
        found.append(Disclosure("validation scores", "an aggregate of the samples held out"))
    return found


def _of_discriminators(model: DGSynthesizer, private: bool) -> Disclosure:
    text = "covered by the guarantee" if private else "they tell training samples best; leave out by generator_only"
    return Disclosure("discriminators", text if model.networks_.discriminator is not None else "left out")
