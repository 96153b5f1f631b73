"""How a synthesizer shows itself: in a notebook, and in pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dgsynth.data.column import Label
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.models.card import card
from dgsynth.models.parameters import at_least_one, seed_of

if TYPE_CHECKING:
    from dgsynth.evaluation.figures import Figure

_MAX_DRAWN = 1000
"""Most samples that are made for pictures."""


class Shown(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of what notebooks show, and of what can draw its training and its samples."""

    schema_: Schema
    history_: pd.DataFrame

    def plot_history(self) -> Figure:
        """Return the losses by step, and below them the scores of validation where there are such.

        Needs matplotlib: ``pip install 'dgsynth[plot]'``.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        NotFittedError
        DataError
            The model has no losses: it was saved with `generator_only`, say.
        ImportError
            matplotlib is not installed.
        """
        check_is_fitted(self)
        history = self.history_
        if not len(history):
            raise DataError(
                "this model has no losses to draw, as one saved with generator_only; load the whole model, or fit anew"
            )
        from dgsynth.evaluation.plots import plot_training

        return plot_training(history, getattr(self, "validation_scores_", None))

    def plot_samples(
        self,
        X: Any,
        *,
        n: int = 3,
        columns: Sequence[Label] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Figure:
        """Return real beside synthetic samples: some series, and how values, lengths and metadata are distributed.

        Needs matplotlib: ``pip install 'dgsynth[plot]'``.

        Parameters
        ----------
        X : DataFrame, array, list, Table or Sequences
            Real samples in the form that `fit` was given. As many are made, at most 1,000.
        n : int, default=3
            Series of each to draw, chosen at random.
        columns : sequence of labels, default=None
            What to draw; None for the first measurements and metadata.
        random_state : int, RandomState or None
            Of the samples that are made, and of the choice.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        NotFittedError
        DataError
            A column is unknown, or has no values to draw; or `X` can't be read like the data of `fit`.
        ImportError
            matplotlib is not installed.
        """
        check_is_fitted(self)
        n, seed = at_least_one(n, "n"), seed_of(random_state)
        from dgsynth.evaluation.sample_pictures import beside

        return beside(*self._real_and_made(X, seed, _MAX_DRAWN), n, columns, seed)

    def _real_and_made(self, X: Any, seed: int, most: int) -> tuple[Sequences, Sequences]:
        """Return real samples, and as many synthetic ones, at most so many."""
        raise NotImplementedError

    @property
    def _repr_html_(self) -> Callable[[], str]:
        """What shows the model; not there where scikit-learn's configuration asks for text."""
        diagram = super()._repr_html_
        return lambda: diagram() + self._card()

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**keywords)
        if "text/html" in bundle:
            bundle["text/html"] += self._card()
        return bundle

    def _card(self) -> str:
        return "" if getattr(self, "n_steps_", None) is None else card(self)
