"""What parameters of "auto" come to: values that suit the data, or those of a preset; each with its reason."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.levels import share_between_samples
from dgsynth.transforms.numbers import to_numbers

Preset = Literal["auto", "paper"]

PASSES = 50
"""Of the paper, section 4.4: "setting S so that T/S is around 50 gives good results"."""

FEW_PASSES = 10
"""About so many are made where the data are to choose: the samples are as good, and training is faster."""

LONGEST_PASS = 14
"""More records are not made by a pass, unless a season is longer: of Wikipedia's 550 days 55 are too many for it."""

NEAR = 1.5
"""A divisor serves as S if it is at most so many times smaller or larger than what is wanted."""

LEVELS_DIFFER = 0.1
"""Share of a measurement's variance that lies between samples, from which on each has a range of its own."""

FEWEST_HELD_OUT = 20
"""Samples that must be held out for a score by them to be worth them."""

STEPS = (3000, 12_000)
"""Fewest and most steps that a fit takes by itself."""

STEPS_PER_ROOT = 100.0
"""Steps of a fit are this times the square root of the number of samples, within STEPS."""


_SHORT, _LONG = 32, 200
"""Characters that a value and a reason have at most."""


@dataclass(frozen=True)
class Setting:
    """A value that was chosen, and why.

    Attributes
    ----------
    value : int, float, bool or str
    why : str
        In a few words.
    """

    value: int | float | bool | str
    why: str


Settings = dict[str, Setting]
"""Those of the parameters that were left to be chosen, by name."""

_PAPER: dict[str, Any] = {
    "auto_normalize": True,
    "attain_range": False,
    "scaling": "linear",
    "lengths": "flags",
    "metadata_generator": "gan",
    "generator_averaging": 0.0,
    "sharp_flags": False,
    "initial_state": "random",
    "learning_rate_schedule": "constant",
    "early_stopping": False,
    "epochs": 400,
}

_PRIVATE: dict[str, Any] = {
    **{name: value for name, value in _PAPER.items() if name != "scaling"},  # which must be said
    "attain_range": True,
    "generator_averaging": 0.999,
}
"""They look at no data."""

NAMES = ("sample_len", *_PAPER)
"""Parameters that may be "auto"."""


def settings_of(parameters: Mapping[str, Any], sequences: Sequences) -> Settings:
    """Return what is chosen for each parameter that was left to be chosen.

    Parameters
    ----------
    parameters : mapping of str
        Those of the estimator.
    sequences : Sequences
        What is trained on; with privacy only their schema is looked at, which is declared.
    """
    left = open_parameters(parameters)
    if parameters["privacy"] is not None:
        found = _fixed(_PRIVATE, "looks at no data, since privacy is asked for", sequences)
    elif parameters["preset"] == "paper":
        found = _fixed(_PAPER, "as in the paper, Appendix B", sequences)
    else:
        found = _by_data(parameters, sequences, left)
    return {name: setting for name, setting in found.items() if name in left}


def begun(parameters: Mapping[str, Any], sequences: Sequences, before: Settings | None) -> Settings:
    """Return what a fit chooses, and tell it where `verbose`; what a model that goes on was begun with stays.

    Parameters
    ----------
    parameters, sequences
        As in `settings_of`.
    before : dict of str to Setting, or None
        What was chosen when training began, where it goes on.
    """
    if before is not None and open_parameters(parameters) <= before.keys() | {"epochs", "max_steps"}:
        return before
    settings = settings_of(parameters, sequences) | (before or {})
    if parameters["verbose"]:
        print(settings_text(settings), file=sys.stderr)
    return settings


def settings_text(settings: Settings) -> str:
    """Return a line for each choice, with its reason."""
    return "\n".join(f"{name}={setting.value!r}: {setting.why}" for name, setting in settings.items())


def open_parameters(parameters: Mapping[str, Any]) -> set[str]:
    """Return the names of the parameters that are left to be chosen."""
    left = {name for name in NAMES if isinstance(parameters[name], str) and parameters[name] == "auto"}
    if parameters["max_steps"] is not None:
        left.discard("epochs")
    return left | {"max_steps"} if "epochs" in left else left


def settled(parameters: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return parameters with what was chosen in the place of those that were left to be chosen."""
    left = open_parameters(parameters)
    return {**parameters, **{name: setting.value for name, setting in settings.items() if name in left}}


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    """Return settings as plain values that JSON can hold."""
    return {name: [setting.value, setting.why] for name, setting in settings.items()}


def settings_from_dict(plain: dict[str, Any]) -> Settings:
    """Return what `settings_to_dict` described.

    Raises
    ------
    DataError, TypeError or ValueError
        The description is malformed.
    """
    settings = {}
    for name, (value, why) in plain.items():
        if name not in {*NAMES, "max_steps"} or type(value) not in (int, float, bool, str) or len(str(value)) > _SHORT:
            raise DataError(f"the setting {name!r} is {value!r}")
        if type(why) is not str or len(why) > _LONG or not why.isprintable():
            raise DataError(f"the reason of the setting {name!r} is {why!r}")
        settings[name] = Setting(value, why)
    return settings


def _fixed(values: Mapping[str, Any], why: str, sequences: Sequences) -> Settings:
    """Return values that depend on no sample, and the paper's S."""
    found = {name: Setting(value, why) for name, value in values.items()}
    sample_len = max(1, round(sequences.schema.max_length / PASSES))
    return {**found, "sample_len": Setting(sample_len, "about 50 passes, as in section 4.4 of the paper")}


def _by_data(parameters: Mapping[str, Any], sequences: Sequences, left: Collection[str]) -> Settings:
    """Return what suits the data; what takes a look at all records is found for the parameters `left` alone."""
    schema, n_samples = sequences.schema, len(sequences)
    varies = bool(schema.measurements) and not schema.fixed_length
    found = {"scaling": Setting("auto", "by column: a logarithm where it is skewed, knots where outliers stretch it")}
    found["lengths"] = Setting(
        *(("metadata", "samples differ in length") if varies else ("flags", "all are of one length"))
    )
    as_metadata = parameters["lengths"] if parameters["lengths"] != "auto" else found["lengths"].value
    has_metadata = bool(schema.metadata) or (varies and as_metadata == "metadata")
    found["metadata_generator"] = (
        Setting("autoregressive", "the frequencies of metadata are learned by their likelihood")
        if has_metadata and schema.measurements
        else Setting("gan", "there are no metadata beside measurements")
    )
    flags = varies and as_metadata == "flags"
    why = "flags say where samples end" if flags else "no flags are needed"
    found["sharp_flags"] = Setting(flags, why)
    found["initial_state"] = Setting("zero" if flags else "random", why)
    if "sample_len" in left:
        found["sample_len"] = _sample_len(sequences)
    if "auto_normalize" in left:
        found["auto_normalize"] = _auto_normalize(sequences)
    found["attain_range"] = Setting(True, "samples reach their own range, as real ones do")
    found["generator_averaging"] = Setting(0.999, "averaged weights swing less")
    found["learning_rate_schedule"] = Setting("linear", "the learning rate falls to the end")
    size = round(parameters["validation_fraction"] * n_samples)
    validates = size >= FEWEST_HELD_OUT
    found["max_steps"] = _max_steps(n_samples)
    found["early_stopping"] = Setting(
        validates,
        f"{size:,} held-out samples say which weights are best"
        if validates
        else f"{n_samples:,} samples are too few to hold some out",
    )
    return found


def _max_steps(n_samples: int) -> Setting:
    """Return how many steps a fit takes by itself."""
    fewest, most = STEPS
    steps = int(np.clip(STEPS_PER_ROOT * np.sqrt(n_samples), fewest, most))
    return Setting(steps, f"{STEPS_PER_ROOT:g} times the root of {n_samples:,} samples, within {fewest:,} and {most:,}")


def _sample_len(sequences: Sequences) -> Setting:
    """Return S: whole seasons, or a part of a long one, few passes, a divisor of T where there is no season."""
    # Not at the head of the file: whoever trains nothing does not wait for the import.
    from dgsynth.evaluation.season import seasons

    longest = sequences.schema.max_length
    wanted = min(max(longest / FEW_PASSES, 1.0), LONGEST_PASS)
    found = seasons(sequences, longest // 4)
    season = statistics.mode(found) if found else None
    if season is None:
        chosen, text = _near_divisor(longest, wanted), "no season was found"
    elif season > 2 * wanted:
        chosen = _near_divisor(season, wanted)
        text = f"a part of a season of {season} records"
    else:
        chosen = season * max(1, round(wanted / season))
        text = f"whole seasons of {season} records"
    return Setting(chosen, f"{text}, {math.ceil(max(longest, 1) / chosen)} passes")


def _near_divisor(number: int, wanted: float) -> int:
    """Return the divisor that is nearest to what is wanted; that itself, rounded, where none is near."""
    divisors = [d for d in range(1, number + 1) if number % d == 0 and wanted / NEAR <= d <= wanted * NEAR]
    return min(divisors, key=lambda d: abs(math.log(d / wanted)), default=max(round(wanted), 1))


def _auto_normalize(sequences: Sequences) -> Setting:
    """Return whether samples are scaled by their own ranges: where levels differ between them."""
    sample = np.repeat(np.arange(len(sequences)), sequences.lengths)
    shares = [0.0]
    for column in sequences.schema.measurements:
        if not column.has_categories:
            numbers = to_numbers(sequences.measurements[column.name], column)
            is_present = ~np.isnan(numbers)
            if is_present.any():
                code = np.unique(numbers[is_present], return_inverse=True)[1]
                shares.append(share_between_samples(code, sample[is_present]))
    share = max(shares)
    text = f"{share:.0%} of a measurement's variance lies between samples"
    return Setting(share >= LEVELS_DIFFER, text)
