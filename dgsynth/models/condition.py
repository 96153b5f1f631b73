"""Given metadata of the samples to be made: met by rejection where not all are given, and given back as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from dgsynth.batch import EncodedBatch, Output
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.encoder import Encoder

MAX_ATTEMPTS = 8192
"""Metadata drawn per sample before a condition counts as next to impossible."""

TOLERANCE = 0.01
"""A generated number meets a given one within this share of its range; it is then set to the given one."""

OFF_START = 10.0
"""More than any start time is off; see `distance`."""

START_ATTEMPTS = 1023
"""Metadata drawn per sample before the nearest start time will do."""


@dataclass(frozen=True)
class GivenColumn:
    """One metadata column that is given: its name, where its encoding begins, its outputs.

    `is_start` says whether it is the start time: samples start where they are asked to, known to the model or not, so
    that the nearest will do where no drawn metadata meet it.
    """

    name: str | int
    start: int
    outputs: tuple[Output, ...]
    is_start: bool = False

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + sum(output.dim for output in self.outputs))


@dataclass(frozen=True)
class Condition:
    """What is asked of the metadata of each sample.

    Attributes
    ----------
    metadata : Tensor of shape (n, A)
        Encoded; only the columns of `given` count.
    given : tuple of GivenColumn
    nearest : bool
        Whether, where no drawn metadata meet the condition, the nearest are taken.
    """

    metadata: Tensor
    given: tuple[GivenColumn, ...]
    nearest: bool = False


def condition_of(encoder: Encoder, metadata: pd.DataFrame) -> Condition:
    """Return what given metadata, checked, ask of encoded ones."""
    columns, timestamps = encoder.metadata_columns, encoder.timestamps
    start = None if timestamps is None else timestamps.column.name
    given = tuple(GivenColumn(name, *columns[name], is_start=name == start) for name in metadata.columns)
    # Where only the start time is left to generate, every visible column is given: the nearest will do.
    left = columns.keys() - set(metadata.columns)
    nearest = left.isdisjoint(column.name for column in encoder.schema.metadata)
    return Condition(torch.from_numpy(encoder.encode_metadata(metadata)), given, nearest)


def decode_given(encoder: Encoder, encoded: EncodedBatch, given: pd.DataFrame | None) -> Sequences:
    """Return generated samples whose given metadata, checked, are as they were given, and not on the data's grid."""
    if given is None:
        return encoder.decode(encoded)
    metadata = encoder.decode_metadata(encoded.metadata.numpy())
    for name in given.columns:
        metadata[name] = given[name]
    return encoder.decode(encoded, metadata)


def meet_by_rejection(draw: Callable[[Tensor, Tensor], Tensor], samples: Tensor, condition: Condition) -> Tensor:
    """Draw for every sample until its condition is met; samples that still wait get more attempts each round.

    Parameters
    ----------
    draw : callable
        Returns rows for sample numbers (m,) and numbers of attempts (m,): metadata first, in their columns.
    samples : int64 Tensor of shape (n,)
    condition : Condition
        Of n rows, as wide as those drawn.

    Returns
    -------
    Tensor of shape (n, width)
        Of each sample the first row drawn that meets its condition, or where the nearest will do, the nearest.

    Raises
    ------
    DataError
        The condition is next to impossible.
    """
    result = condition.metadata.clone()
    nearest = torch.full((len(samples),), torch.inf)
    waiting = torch.arange(len(samples))
    done_attempts, attempts = 0, 1
    while len(waiting) and done_attempts < MAX_ATTEMPTS:
        still_waiting = []
        # Bounded memory: some hundred thousand rows of metadata at a time.
        for group in waiting.split(max(1, 2**17 // attempts)):
            numbers = torch.arange(done_attempts, done_attempts + attempts)
            drawn = draw(samples[group].repeat_interleave(attempts), numbers.repeat(len(group)))
            wanted = condition.metadata[group].repeat_interleave(attempts, 0)
            off = distance(drawn, wanted, condition.given).reshape(len(group), attempts)
            best, which = off.min(dim=1)  # the first of equals
            better = best < nearest[group]
            chosen = drawn.reshape(len(group), attempts, -1)[torch.arange(len(group)), which]
            result[group[better]] = chosen[better]
            nearest[group] = torch.minimum(nearest[group], best)
            is_enough = (
                nearest[group] < OFF_START if done_attempts + attempts >= START_ATTEMPTS else nearest[group] == 0
            )
            still_waiting.append(group[~is_enough])
        waiting = torch.cat(still_waiting)
        done_attempts += attempts
        attempts = min(2 * attempts, 1024)
    impossible = nearest.isinf() if condition.nearest else nearest >= OFF_START
    if impossible.any():
        names = ", ".join(repr(column.name) for column in condition.given)
        raise DataError(
            f"the metadata given for sample {int(samples[impossible][0])} (columns {names}) are next to impossible "
            f"under the model: none of {done_attempts} drawn had them; give fewer columns, other values, or all of "
            "the metadata columns"
        )
    return result


def distance(drawn: Tensor, wanted: Tensor, given: tuple[GivenColumn, ...]) -> Tensor:
    """Return how far drawn metadata are from wanted ones: 0 where they meet them, infinite for another category.

    Below `OFF_START` only the start time is off, by this share of its range; else other numbers are too.
    """
    furthest, off_start = torch.zeros(len(drawn)), torch.zeros(len(drawn))
    for column in given:
        dims = [output.dim for output in column.outputs]
        ours, theirs = drawn[:, column.slice].split(dims, 1), wanted[:, column.slice].split(dims, 1)
        category, category_wanted = ours[-1].argmax(1), theirs[-1].argmax(1)
        if column.outputs[0].activation != "softmax":
            off = (ours[0] - theirs[0]).abs()[:, 0]
            off = torch.where(off <= TOLERANCE, 0, off)
            if column.is_start:
                off_start = off
                continue
            # A nullable number has an indicator [present, missing] behind it; without one both are 0, present.
            furthest = torch.maximum(furthest, torch.where(category_wanted == 0, off, 0))
        furthest = torch.where(category == category_wanted, furthest, torch.inf)
    return furthest * (OFF_START / TOLERANCE) + off_start
