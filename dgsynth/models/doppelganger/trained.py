"""A trained DoppelGANger: what it makes, what its discriminator says, its metadata re-distributed, its file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from dgsynth.data.schema import Column
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.kernels.packing import Precision
from dgsynth.models.asked import checked_metadata, given_frame
from dgsynth.models.condition import condition_of
from dgsynth.models.doppelganger import persistence
from dgsynth.models.doppelganger.generation import Generators, draw_metadata
from dgsynth.models.doppelganger.learned import Learned, Spent
from dgsynth.models.doppelganger.making import make_samples
from dgsynth.models.doppelganger.metadata_learning import train_on
from dgsynth.models.doppelganger.metadata_model import MetadataModel
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.networks.metadata_generator import MetadataGenerator
from dgsynth.models.doppelganger.redistribution import N_ROWS, total_variations, weighed, with_marginals
from dgsynth.models.doppelganger.settings import Settings
from dgsynth.models.doppelganger.training.metadata_refit import refitted
from dgsynth.models.model_file import scores_frame
from dgsynth.models.parameters import at_least_one, seed_of, threads
from dgsynth.models.synthesizer import Maker, Synthesizer
from dgsynth.privacy.accountant import Releases
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.training.batching import TrainingData
from dgsynth.training.validation import best_row
from dgsynth.transforms.encoder import Encoder

_VALIDATED = ("validation_scores_", "best_step_", "best_score_", "n_restarts_")
"""Attributes of a model that was validated in training."""

_PRIVATE = ("epsilon_", "privacy_ledger_", "schema_epsilon_", "n_public_samples_")
"""Attributes of a model that was trained with privacy."""

_FEWEST_ROWS = 2000
"""A table of wanted metadata is repeated to so many rows, so that what it lacks can be drawn for them."""

_FAR = 0.05
"""Total variation of a re-trained marginal that is worth a warning."""


class TrainedDoppelGANger(Synthesizer):
    """What a `DGSynthesizer` does once it is trained, whatever its training was."""

    packing: int
    precision: Precision
    privacy: PrivacyConfig | None

    _learned: Learned
    encoder_: Encoder
    networks_: DoppelGANger
    generator_: DoppelGANger
    settings_: Settings
    history_: pd.DataFrame
    validation_scores_: pd.DataFrame
    best_step_: int
    best_score_: float
    n_restarts_: int
    epsilon_: float
    privacy_ledger_: list[Releases]
    schema_epsilon_: float
    n_public_samples_: int

    def discriminator_scores(self, X: Any) -> np.ndarray:
        """Return the discriminator's score of samples: what an attacker who holds the model ranks them by.

        Parameters
        ----------
        X : DataFrame, array, list, Table or Sequences
            In the form that `fit` was given; values may lie outside the learned ranges.

        Returns
        -------
        float64 array of shape (n,)
            Higher for what the discriminator takes for real; -inf for a sample that was not trained on for certain,
            with an unknown category, say.

        Raises
        ------
        DataError
            The model was saved with generator_only.
        """
        check_is_fitted(self)
        from dgsynth.evaluation.tables import read_like

        discriminator = self.networks_.discriminator
        if discriminator is None:
            raise DataError("this model was saved with generator_only, and has no discriminator to score samples by")
        sequences, constraints = read_like(X, self.schema_, **self._roles()), self._fitted_constraints()
        can_be = np.ones(len(sequences), dtype=bool)
        if constraints is not None:
            can_be, sequences = constraints.can_make(sequences), constraints.forward(sequences)
        known = np.flatnonzero(can_be & self.encoder_.can_encode(sequences))
        scores = np.full(len(sequences), -np.inf)
        device = next(self.networks_.parameters()).device
        for some in np.array_split(known, max(len(known) // 500, 1)):
            if len(some):
                encoded = self.encoder_.encode(sequences.take(some))
                rows = TrainingData(encoded, self.encoder_.layout, device).batch(np.arange(len(some))).rows
                with torch.inference_mode():
                    scores[some] = discriminator(rows.repeat(1, self.packing)).double().cpu().numpy()
        return scores

    def refit_metadata(
        self,
        target: pd.DataFrame | Mapping[Any, Mapping[Any, float] | str] | Callable[[pd.DataFrame], Any],
        *,
        max_steps: int = 2000,
        random_state: int | np.random.RandomState | None = None,
    ) -> Self:
        """Re-train what generates metadata alone to a wanted distribution: to hide the real one, or to have rare cases.

        All the rest stays as it is, bit for bit: what is made for given metadata does not change. It takes seconds and
        none of the training data. The law of measurements given metadata stays that of the data, which may be wrong
        for a distribution that is far from theirs (paper, section 6.1).

        Parameters
        ----------
        target : DataFrame, dict of column to weights or "uniform", or callable
            - A table of metadata, one row per sample, with all or some of the columns; the others then are as the
              model makes them for these.
            - For some columns the weight of each value, which need not add up to 1, or "uniform", which masks a
              column: all its categories, or numbers in 20 bins over its range, become equally frequent. The
              dependence between columns stays the model's as far as that allows; a value that the model next to never
              makes takes its other columns from random samples.
            - A function from a table of the model's own metadata to a weight for each row.
        max_steps : int, default=2000
            With ``metadata_generator="autoregressive"`` at most; training ends earlier where held-out rows of the
            wanted metadata no longer become likelier.
        random_state : int, RandomState or None

        Returns
        -------
        DGSynthesizer
            Itself. Training on with the data later, or from a checkpoint, draws the metadata back to theirs; an
            autoregressive model of them is learned anew then.

        Warns
        -----
        UserWarning
            A column's frequencies are off by more than 0.05 (total variation).

        Raises
        ------
        DataError
            The target names an unknown column or value, or the model has no metadata.
        DivergenceError
            Weights stopped being finite; the model stays as it was.

        References
        ----------
        Lin et al. (2020), Section 6.1.
        """
        check_is_fitted(self)
        max_steps, seed = at_least_one(max_steps, "max_steps"), seed_of(random_state)
        generator, model = self.generator_.metadata_generator, self._learned.metadata_model
        if generator is None and model is None:
            raise DataError(
                "this model has no metadata, of which the distribution could be changed; fit one on data with such"
            )
        wanted = self._wanted_metadata(target, seed)
        device = next(self.generator_.parameters()).device
        with threads(self.n_jobs):
            if model is not None:
                model = train_on(model, wanted, self.encoder_, seed, device, max_steps=max_steps)
                self._learned = replace(self._learned, metadata_model=model)
            elif generator is not None:
                rows = torch.from_numpy(self.encoder_.encode_metadata(wanted)).to(device)
                noise_dim = self.generator_.config.metadata_noise_dim
                self._take_over(refitted(generator, noise_dim, rows, max_steps, seed))
        columns = self._metadata_columns()
        drawn = self._drawn_metadata(seed, N_ROWS)
        named = [name for name in columns if callable(target) or name in target]
        for name, distance in total_variations(wanted[named], drawn, columns).items():
            if distance > _FAR:
                warnings.warn(
                    f"the frequencies of column {name!r} are off the wanted ones by {distance:.2f} (total variation); "
                    f"raise max_steps={max_steps}, or choose a distribution that is nearer to the data's",
                    stacklevel=2,
                )
        return self

    def save(self, path: str | os.PathLike[str], *, generator_only: bool = False) -> None:
        """Write the fitted model to one .safetensors file; see `load`.

        Parameters
        ----------
        path : path-like
        generator_only : bool, default=False
            Leave out what samples are not made with: the discriminators, which tell most about the training data, and
            the losses. The model can't be trained on then. For models that are handed to others.
        """
        check_is_fitted(self, "_learned")
        kept = self._learned, self.settings_, self._spent(), self.privacy
        persistence.save(self, path, *kept, generator_only=generator_only)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the model in a file that `save` wrote; nothing in the file is executed.

        Raises
        ------
        FileNotFoundError
        ModelFileError
            The file is damaged, foreign, or of another format version.
        """
        model, learned, spent, settings = persistence.load(path, cls)
        model.settings_ = settings
        model._keep(learned)
        model._keep_spent(spent)
        return model

    @property
    def n_weights_(self) -> int:
        """Weights of the generators, and of what draws metadata in the place of one."""
        check_is_fitted(self)
        model = self._learned.metadata_model
        n_drawing = 0 if model is None else sum(weight.numel() for weight in model.network.parameters())
        return n_drawing + sum(weight.numel() for weight in self.generator_.generator_parameters())

    def _keep(self, learned: Learned) -> None:
        """Take over what training has made."""
        self._learned = learned
        self.networks_, self.generator_ = learned.networks, learned.generator
        self.n_steps_, self.n_epochs_, self.history_ = learned.n_steps, learned.n_epochs, learned.history
        self._sampling: dict[str, Generators] = {}
        for name in _VALIDATED:
            self.__dict__.pop(name, None)
        if learned.scores is not None:
            self.validation_scores_ = scores_frame(learned.scores)
            self.n_restarts_ = learned.n_restarts
            best = best_row(learned.scores) if learned.scores else (0, self.n_steps_, float("nan"))
            _, self.best_step_, self.best_score_ = best

    def _keep_spent(self, spent: Spent | None) -> None:
        """Take over what privacy has spent."""
        for name in _PRIVATE:
            self.__dict__.pop(name, None)
        if spent is not None:
            self.epsilon_, self.schema_epsilon_, self.n_public_samples_, self.privacy_ledger_ = spent

    def _spent(self) -> Spent | None:
        if not hasattr(self, "epsilon_"):
            return None
        return Spent(self.epsilon_, self.schema_epsilon_, self.n_public_samples_, self.privacy_ledger_)

    def _generators(self) -> Generators:
        """Return what sampling reads of the trained generators; it is made once for each precision."""
        if self.precision not in self._sampling:
            self._validate_params()
            self._sampling[self.precision] = Generators.of(
                self.generator_.eval(), self.precision, self.encoder_.lengths
            )
        return self._sampling[self.precision]

    def _maker(self) -> Maker:
        model = self._learned.metadata_model
        return self._constrained(partial(_samples, self._generators(), self.encoder_, model, self.n_jobs))

    def _digest(self) -> str:
        return persistence.digest(self.encoder_, self.generator_, self.precision, self._learned.metadata_model)

    def _metadata_columns(self) -> dict[Any, Column]:
        """Return the metadata columns that users see, by name; what constraints put in the place of others too."""
        return {column.name: column for column in self.encoder_.schema.metadata}

    def _wanted_metadata(self, target: Any, seed: int) -> pd.DataFrame:
        """Return a table of all metadata columns, hidden ones too, with the wanted distribution."""
        rng = np.random.default_rng(seed)
        if isinstance(target, pd.DataFrame):
            rows = self._learned_metadata(checked_metadata(self._codec(), given_frame(target)))
            rows = rows.iloc[rng.permutation(np.resize(np.arange(len(rows)), max(len(rows), _FEWEST_ROWS)))]
            return self._drawn_metadata(seed, len(rows), rows.reset_index(drop=True))
        pool = self._drawn_metadata(seed, N_ROWS)
        if callable(target):
            return weighed(pool, target, rng)
        if not isinstance(target, Mapping) or not target:
            raise TypeError(
                f"target must be a table, a dict of marginals or a function, got {type(target).__name__}; give one"
            )
        return with_marginals(pool, self._metadata_columns(), target, rng)

    def _drawn_metadata(self, seed: int, n_samples: int, given: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the metadata of the first samples of a seed, hidden columns too."""
        model = self._learned.metadata_model
        if model is not None:
            return model.draw(seed, 0, n_samples, given)
        condition = None if given is None else condition_of(self.encoder_, given)
        return self.encoder_.decode_metadata(draw_metadata(self._generators(), seed, n_samples, condition).numpy())

    def _take_over(self, made: MetadataGenerator) -> None:
        """Put a metadata generator in the place of the model's, in all that is kept of it."""
        weights = made.state_dict()
        for networks in (self.networks_, self.generator_):
            assert networks.metadata_generator is not None
            networks.metadata_generator.load_state_dict(weights)
        state = self._learned.training_state
        for name, tensor in weights.items():
            for kept in (f"networks.metadata_generator.{name}", f"averaged.metadata_generator.{name}"):
                if kept in state:
                    state[kept] = tensor.clone()
        self._sampling.clear()


def _samples(
    generators: Generators,
    encoder: Encoder,
    model: MetadataModel | None,
    n_jobs: int | None,
    seed: int,
    first: int,
    n_samples: int,
    condition: pd.DataFrame | None = None,
    lengths: torch.Tensor | None = None,
) -> Sequences:
    """Return samples; what it needs of the model travels to other processes."""
    with threads(n_jobs):
        return make_samples(generators, encoder, model, seed, first, n_samples, condition, lengths)
