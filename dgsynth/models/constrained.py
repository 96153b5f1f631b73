"""Samples of a model that keep constraints: what was learned in their place brought back, the rest by rejection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError

Ints = npt.NDArray[np.int64]

MAX_ATTEMPTS = 4096
"""Samples drawn in the place of one before a constraint counts as next to impossible."""

_HOPELESS = 2**15
"""Samples drawn in the place of others, whichever these are, of which none keeps the constraints."""

_COMPLETIONS = 64
"""Attempts to complete samples: a part of them is known, and most constraints are kept by repair."""

_MOST_AT_ONCE = 256
_GAP = 1024
"""Samples to be drawn again that lie no further apart are drawn in one go: models make them in blocks of about that."""


@dataclass(eq=False)
class ConstrainedMaker:
    """Makes samples as `maker` does, and those that break a constraint again, until they keep it.

    Sample i depends on the seed and i alone: in round k its attempts are samples i * m to (i + 1) * m - 1 of another
    seed, that of the round, and the first that keeps the constraints is taken; m doubles from round to round.

    Attributes
    ----------
    maker : callable
        Of what is learned in the place of constrained columns.
    constraints : FittedConstraints
    n_drawn, n_kept : int
        Samples so far, in this process.
    """

    maker: Callable[..., Sequences]
    constraints: FittedConstraints
    n_drawn: int = 0
    n_kept: int = 0

    def __call__(
        self,
        seed: int,
        first: int,
        n_samples: int,
        condition: pd.DataFrame | None = None,
        lengths: torch.Tensor | None = None,
    ) -> Sequences:
        made = self._made(seed, first, condition, lengths, np.arange(n_samples))
        waiting = np.flatnonzero(~self.constraints.kept(made))
        self._count(n_samples, n_samples - len(waiting))
        if not len(waiting):
            return made
        n_drawn, n_kept = self.n_drawn, self.n_kept
        parts, places = [made], np.arange(n_samples)
        end, attempts, done, k = n_samples, 1, 0, 0
        while len(waiting) and done < MAX_ATTEMPTS and (self.n_kept > n_kept or self.n_drawn < n_drawn + _HOPELESS):
            k += 1
            still: list[Ints] = []
            for some in _runs(waiting, attempts):
                rows = np.repeat(np.arange(some[0], some[-1] + 1), attempts)
                number = (first + int(some[0])) * attempts
                tried = self._made(seed_of_round(seed, k), number, condition, lengths, rows)
                drawn = tried.take(np.flatnonzero(np.isin(rows, some)))
                kept = self.constraints.kept(drawn).reshape(len(some), attempts)
                found, which = kept.any(axis=1), kept.argmax(axis=1)
                self._count(int(np.where(found, which + 1, attempts).sum()), int(found.sum()))
                chosen = np.flatnonzero(found)
                parts.append(drawn.take(chosen * attempts + which[chosen]))
                places[some[chosen]] = end + np.arange(len(chosen))
                end += len(chosen)
                still.append(some[~found])
            waiting = np.concatenate(still)
            done += attempts
            attempts = min(2 * attempts, _MOST_AT_ONCE)
        if len(waiting):
            broken, sample = self._said(made.take(waiting[:1])), first + int(waiting[0])
            raise DataError(
                f"sample {sample} breaks a constraint in each of {done:,} attempts, {broken} in the first: under the "
                "model it is next to impossible; train longer, give other metadata, or fit without it"
            )
        return _joined(parts).take(places)

    @property
    def acceptance_rate(self) -> float:
        """Share of the samples drawn so far that kept the constraints; NaN where none were drawn."""
        return self.n_kept / self.n_drawn if self.n_drawn else float("nan")

    def _made(
        self, seed: int, first: int, condition: pd.DataFrame | None, lengths: torch.Tensor | None, rows: Ints
    ) -> Sequences:
        """Return samples number `first` and following, asked the same as those at `rows`, not rejected yet."""
        lengths = None if lengths is None else lengths[torch.from_numpy(rows)]
        if condition is None:
            return self.constraints.backward(self.maker(seed, first, len(rows), None, lengths))
        given = condition.take(rows).reset_index(drop=True)
        made = self.maker(seed, first, len(rows), self.constraints.given(given), lengths)
        return self.constraints.put_given(self.constraints.backward(made), given)

    def _count(self, drawn: int, kept: int) -> None:
        self.n_drawn, self.n_kept = self.n_drawn + drawn, self.n_kept + kept

    def _said(self, sample: Sequences) -> str:
        return str(next(c for c, holds in self.constraints.each_kept(sample) if not holds.all()))


def seed_of_round(seed: int, k: int) -> int:
    """Return the seed of the k-th round of attempts, in [0, 2**63)."""
    return int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _runs(waiting: Ints, attempts: int) -> Iterator[Ints]:
    """Yield those that lie near one another together, never too many attempts at a time."""
    starts = np.flatnonzero(np.diff(waiting, prepend=waiting[0]) * attempts > _GAP)
    for run in np.split(waiting, starts):
        yield from np.array_split(run, -(-len(run) * attempts // 2**17)) if len(run) else ()


def _joined(parts: list[Sequences]) -> Sequences:
    return replace(Sequences.concat(parts), schema=parts[0].schema)


def completed(
    draw: Callable[[int], Sequences], seed: int, known: Sequences, constraints: FittedConstraints
) -> Sequences:
    """Return samples of which a part is known, with the rest drawn so that they keep constraints.

    Parameters
    ----------
    draw : callable
        Returns all samples of a seed, as they are learned.
    seed : int
    known : Sequences
        What is known, as users see it.
    constraints : FittedConstraints

    Raises
    ------
    DataError
        What is known of a sample breaks a constraint, or next to all that is drawn beside it.
    """
    made = constraints.completed(draw(seed), known)
    waiting = np.flatnonzero(~constraints.kept(made))
    for k in range(1, _COMPLETIONS):
        if not len(waiting):
            break
        again = constraints.completed(draw(seed_of_round(seed, k)), known)
        kept = constraints.kept(again)[waiting]
        places = np.arange(len(made))
        places[waiting[kept]] += len(made)
        made = _joined([made, again]).take(places)
        waiting = waiting[~kept]
    if len(waiting):
        raise DataError(
            f"sample {waiting[0]} of X breaks a constraint by what is known of it, or next to always by what is drawn; "
            "correct it, or leave it out"
        )
    return made
