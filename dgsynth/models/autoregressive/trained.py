"""A trained autoregressive model: its samples, what it says of others, what it adds to them, its file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from dgsynth.data.schema import Column
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.models.asked import lengths_of
from dgsynth.models.autoregressive import persistence
from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.encoder import Known, TokenBatch, TokenEncoder
from dgsynth.models.autoregressive.encoder_state import token_encoder_from_dict, token_encoder_to_dict
from dgsynth.models.autoregressive.generation import Draw, Given, generate
from dgsynth.models.autoregressive.held_out import parts
from dgsynth.models.autoregressive.learned import Learned
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.tokens import UNKNOWN, CategoryTokens
from dgsynth.models.constrained import completed
from dgsynth.models.model_file import scores_frame
from dgsynth.models.parameters import at_least_one, seed_of, threads
from dgsynth.models.synthesizer import Maker, Synthesizer
from dgsynth.training.validation import best_row

_VALIDATED = ("validation_scores_", "best_step_", "best_score_")
"""Attributes of a model that was validated in training."""


def _has_categories(model: TrainedAutoregressive) -> bool:
    """Return whether a model is fitted and has a metadata column to give probabilities of: else there is no method."""
    check_is_fitted(model)
    if not any(isinstance(tokens, CategoryTokens) for tokens in model.encoder_.metadata):
        raise AttributeError(
            "the model has no categorical metadata column; draw numbers by sample(metadata=...) instead"
        )
    return True


class TrainedAutoregressive(Synthesizer):
    """What an `AutoregressiveSynthesizer` does once it is trained."""

    drawn_orders: float | str

    encoder_: TokenEncoder
    networks_: AutoregressiveNetwork
    generator_: AutoregressiveNetwork
    history_: pd.DataFrame
    validation_scores_: pd.DataFrame
    best_step_: int
    best_score_: float

    def sample(
        self,
        n_samples: int = 1,
        *,
        metadata: pd.DataFrame | Mapping[Any, Any] | None = None,
        lengths: int | Sequence[int] | np.ndarray | None = None,
        start: Any = None,
        step: Any = None,
        temperature: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Return new samples in the form that `fit` was given.

        Parameters
        ----------
        n_samples, metadata, lengths, start, step
            As in `Synthesizer.sample`; but metadata that are not given are drawn given those that are, without
            rejection, also for combinations that the data never had.
        temperature : float, default=1.0
            Logits are divided by it: below 1 samples keep to what is likely, above 1 they stray.
        random_state : int, RandomState or None
            Sample i depends on the model, this and i alone, so that `sample(10, random_state=7)` are the first
            ten of `sample(1000, random_state=7)`. None draws fresh randomness.

        Returns
        -------
        DataFrame, array, list, Table or Sequences

        Raises
        ------
        NotFittedError
        DataError
            A column or value that is given is not known, or can't be.
        ValueError
            `temperature` is not positive.
        """
        asked = self._asked(n_samples, metadata, lengths, start, step)
        return self._made(self._maker_of(_positive(temperature)), random_state, asked)

    def log_prob(self, X: Any) -> np.ndarray:
        """Return the log-likelihood of each sample, in nats.

        Of categories, and of numbers on a grid (integers, decimals), it is the logarithm of a probability; of numbers
        without one a density. Of measurements that are coded within their sample's own range it is that of their bins
        alone, so that it compares samples, but not models.

        Parameters
        ----------
        X : DataFrame, array, list, Table or Sequences
            In the form that `fit` was given.

        Returns
        -------
        float64 array of shape (n,)
            -inf for a sample with a number that the model never makes.

        Raises
        ------
        NotFittedError
        DataError
            A category is unknown, or a value is missing where none was.

        Notes
        -----
        A sample that breaks a constraint has -inf. Of constraints that are kept by rejection, what this leaves of the
        likelihood is not made up for.
        """
        check_is_fitted(self)
        return self._log_prob(self._like(X))

    @available_if(_has_categories)  # type: ignore[untyped-decorator]  # scikit-learn has no types
    def predict_proba(self, X: Any, column: Any) -> pd.DataFrame:
        """Return how likely each category of a metadata column is, given all the rest of a sample: records too.

        Parameters
        ----------
        X : DataFrame, array, list, Table or Sequences
            In the form that `fit` was given. What the column holds there does not count.
        column : column label
            A categorical or boolean metadata column; of a plain table any such column.

        Returns
        -------
        DataFrame of n rows
            A column for each category, in the schema's order; rows add up to 1.

        Raises
        ------
        NotFittedError
        DataError
            There is no such column, or it is numeric.
        """
        check_is_fitted(self)
        known = self._codec().metadata_columns
        if column not in known:
            raise DataError(f"there is no metadata column {column!r}; the model's metadata columns are {list(known)}")
        tokens_of = self.encoder_.metadata_columns.get(column)
        described = self.schema_.column(column) if tokens_of is None else tokens_of.column
        if not described.has_categories:
            raise DataError(
                f"column {column!r} is {described.kind}, and has no categories to give probabilities; draw it by "
                "sample(metadata=...) instead"
            )
        sequences, categories = self._like(X), list(described.categories or ())
        found = np.empty((len(sequences), len(categories)))
        if tokens_of is None:  # a constraint ties it to others, so that it has no token of its own
            for i, value in enumerate(categories):
                found[:, i] = self._log_prob(_with_value(sequences, described, value))
        else:
            tokens = self.encoder_.encode(self._learned_form(_with_value(sequences, described, categories[0])))
            place = self.encoder_.first_token(column)
            for i in range(len(categories)):
                tokens.metadata[:, place] = i
                found[:, i] = self._log_prob_of(tokens)
        found = np.exp(found - found.max(axis=1, keepdims=True))
        return pd.DataFrame(found / found.sum(axis=1, keepdims=True), columns=pd.Index(categories, name=column))

    def extend(
        self,
        X: Any,
        lengths: int | Sequence[int] | np.ndarray | None = None,
        *,
        n_draws: int | None = None,
        temperature: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Return samples that go on: the records of `X`, as they are, and new ones after them.

        Parameters
        ----------
        X : DataFrame, list, Table or Sequences
            The beginnings, in the form that `fit` was given.
        lengths : int or array of shape (n,), optional
            Records that each sample has in the end, those of `X` included. By default the model says where a sample
            ends, which may be at its last given record.
        n_draws : int, optional
            Return a list of so many continuations of all samples: a forecast with its uncertainty.
        temperature : float, default=1.0
        random_state : int, RandomState or None
            Draw d of sample i depends on the model, the number of samples, this, d and i alone.

        Returns
        -------
        What `X` is, with its keys; or a list of `n_draws` of these

        Raises
        ------
        NotFittedError
        DataError
            The model has no records, or a sample of `X` has more than it shall have in the end.
        ValueError
            `lengths` is neither an int nor an int for every sample.
        """
        check_is_fitted(self)
        if self.generator_.record is None:
            raise DataError("this model has learned a table without records, which can't be extended; use sample")
        sequences = self._like(X)
        end = lengths_of(lengths, len(sequences))
        wanted = None if end is None else end.numpy()
        if wanted is not None and (wanted < sequences.lengths).any():
            i = int(np.flatnonzero(wanted < sequences.lengths)[0])
            raise DataError(
                f"sample {i} of X has {sequences.lengths[i]} records, more than the {wanted[i]} that it shall have in "
                "the end; raise lengths"
            )
        if wanted is None and (sequences.lengths > self.schema_.max_length).any():
            raise DataError(
                f"X has a sample of more than {self.schema_.max_length} records, the longest that the model knows the "
                "end of; give lengths"
            )
        learned = self._learned_form(sequences)
        tokens = self.encoder_.encode(learned, unknown_ranges=True)
        known = Known.all_of(learned, self.encoder_)
        given = _with_lengths(Given(tokens.metadata, tokens.records, tokens.lengths), end, self.encoder_)
        return self._completed(sequences, given, known, end, n_draws, temperature, random_state, present=False)

    def impute(
        self,
        X: Any,
        *,
        n_draws: int | None = None,
        temperature: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Return samples with their missing cells drawn; all other values stay as they are.

        A missing measurement is drawn given its sample's metadata, all that is known of its record, and the records
        before it; missing metadata given the metadata that are known. Values drawn before count as known.

        Parameters
        ----------
        X : DataFrame, list, Table or Sequences
            In the form that `fit` was given; any value may be missing but keys and timestamps.
        n_draws : int, optional
            Return a list of so many imputations, for what follows to be averaged over (multiple imputation).
        temperature : float, default=1.0
        random_state : int, RandomState or None

        Returns
        -------
        What `X` is, with its keys; or a list of `n_draws` of these

        Raises
        ------
        NotFittedError
        DataError
            A category is unknown; or the model was trained with ``drawn_orders=0``.
        """
        check_is_fitted(self)
        if self.drawn_orders == 0:
            raise DataError("impute needs a model that was trained with drawn_orders above 0; fit again with 0.5")
        sequences = self._like(X)
        learned = self._learned_form(sequences, unknown=True)
        tokens = self.encoder_.encode(learned, unknown=True)
        known = Known.all_of(learned, self.encoder_)
        given = Given(tokens.metadata, tokens.records, tokens.lengths)
        end = torch.from_numpy(sequences.lengths.astype(np.int64))
        return self._completed(sequences, given, known, end, n_draws, temperature, random_state, present=True)

    def save(self, path: str | os.PathLike[str], *, generator_only: bool = False) -> None:
        """Write the fitted model to one .safetensors file; see `load`.

        Parameters
        ----------
        path : path-like
        generator_only : bool, default=False
            Leave out what samples are not made with: the weights as trained, losses and validation scores. The model
            can't be trained on then. For models that are handed to others.
        """
        check_is_fitted(self, "_learned")
        persistence.save(self, path, self._learned, generator_only=generator_only)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the model in a file that `save` wrote; nothing in the file is executed.

        Raises
        ------
        FileNotFoundError
        ModelFileError
            The file is damaged, foreign, or of another format version.
        """
        model, learned = persistence.load(path, cls)
        model._keep(learned)
        return model

    @property
    def n_weights_(self) -> int:
        """Weights that samples are made with."""
        check_is_fitted(self)
        return sum(weight.numel() for weight in self.generator_.parameters())

    def _keep(self, learned: Learned) -> None:
        """Take over what training has made."""
        self._learned = learned
        self.networks_, self.generator_ = learned.networks, learned.generator
        self.n_steps_, self.n_epochs_, self.history_ = learned.n_steps, learned.n_epochs, learned.history
        for name in _VALIDATED:
            self.__dict__.pop(name, None)
        if learned.scores is not None:
            self.validation_scores_ = scores_frame(learned.scores)
            best = best_row(learned.scores) if learned.scores else (0, self.n_steps_, float("nan"))
            _, self.best_step_, self.best_score_ = best

    def _maker(self) -> Maker:
        return self._maker_of(1.0)

    def _maker_of(self, temperature: float) -> Maker:
        return self._constrained(partial(_samples, self.generator_, self.encoder_, self.n_jobs, temperature))

    def _digest(self) -> str:
        return persistence.digest(self.encoder_, self.generator_)

    def _encoder_to_dict(self) -> dict[str, Any]:
        return token_encoder_to_dict(self.encoder_)

    def _encoder_from_dict(self, plain: dict[str, Any]) -> TokenEncoder:
        return token_encoder_from_dict(plain)

    def _why_not_given(self, names: list[Any]) -> str | None:
        columns = list(self.encoder_.metadata_columns)
        if self.drawn_orders != 0 or set(names) == set(columns[: len(names)]):
            return None
        return (
            f"metadata gives columns {names}, and this model was trained with drawn_orders=0, so that only the first "
            f"of {columns} can be given; fit again with drawn_orders=0.5"
        )

    def _like(self, X: Any) -> Sequences:
        """Return a table with the columns of the model in the same roles."""
        # Not at the head of the file: whoever samples does not wait for the import.
        from dgsynth.evaluation.tables import check_same_columns, read_like

        sequences = Sequences.from_any(X) if isinstance(X, Sequences) else read_like(X, self.schema_, **self._roles())
        check_same_columns(self._codec().extremes(), sequences, "given")
        return sequences

    def _learned_form(self, sequences: Sequences, *, unknown: bool = False) -> Sequences:
        """Return samples as they are learned; with `unknown` those with missing values to be drawn."""
        constraints = self._fitted_constraints()
        return sequences if constraints is None else constraints.forward(sequences, unknown=unknown)

    def _log_prob(self, sequences: Sequences) -> np.ndarray:
        """Return the log-likelihood of each sample; of those that the constraints rule out -inf."""
        constraints, found = self._fitted_constraints(), np.full(len(sequences), -np.inf)
        possible = np.arange(len(sequences))
        if constraints is not None:
            possible = np.flatnonzero(constraints.can_make(sequences))
            sequences = constraints.forward(sequences.take(possible))
        if len(possible):
            tokens = self.encoder_.encode(sequences)
            found[possible] = self._log_prob_of(tokens) + self.encoder_.log_density(sequences, tokens)
        return found

    def _log_prob_of(self, tokens: TokenBatch) -> np.ndarray:
        """Return the log-likelihood of each sample's tokens."""
        network, layout = self.generator_, self.encoder_.layout
        found = np.zeros(len(tokens))
        data = TokenData(tokens, layout, network.device)
        with threads(self.n_jobs), torch.no_grad():
            for some in parts(tokens):
                batch = data.batch(some)
                of_metadata, of_records = network.losses(batch, network.natural_order())
                total = of_metadata.double().sum(1)
                if layout.has_records:
                    total.index_add_(0, batch.places[0].to(network.device), of_records.double().sum(1))
                found[some[batch.order.numpy()]] = -total.cpu().numpy()
        return found

    def _completed(
        self,
        sequences: Sequences,
        given: Given,
        known: Known,
        lengths: torch.Tensor | None,
        n_draws: int | None,
        temperature: float,
        random_state: Any,
        *,
        present: bool,
    ) -> Any:
        """Return samples with what is unknown of them drawn, as often as wanted, in the form of `sequences`."""
        draws = 1 if n_draws is None else at_least_one(n_draws, "n_draws")
        seed, heat, made = seed_of(random_state), _positive(temperature), []
        forbidden = self.encoder_.missing_tokens if present else None
        draw = Draw(seed, given, lengths, heat, forbidden)
        constraints = self._fitted_constraints()
        for i in range(draws):
            drawn = partial(self._drawn, draw, known, i * len(sequences), len(sequences))
            samples = drawn(seed) if constraints is None else completed(drawn, seed, sequences, constraints)
            schema = replace(samples.schema, form=sequences.schema.form)
            made.append(replace(samples, keys=sequences.keys, schema=schema).restore())
        return made[0] if n_draws is None else made

    def _drawn(self, draw: Draw, known: Known, first: int, n_samples: int, seed: int) -> Sequences:
        """Return samples of a seed, of which a part is known."""
        with threads(self.n_jobs):
            drawn = generate(self.generator_, replace(draw, seed=seed), first, n_samples)
        return self.encoder_.decode(drawn.tokens, drawn.of_metadata.numpy(), drawn.of_records.numpy(), known)


def _samples(
    network: AutoregressiveNetwork,
    encoder: TokenEncoder,
    n_jobs: int | None,
    temperature: float,
    seed: int,
    first: int,
    n_samples: int,
    condition: pd.DataFrame | None = None,
    lengths: torch.Tensor | None = None,
) -> Sequences:
    """Return samples; what it needs of the model travels to other processes."""
    given = Given(None if condition is None else encoder.encode_metadata(condition))
    known = None if condition is None else Known(condition)
    if lengths is not None:
        given = _with_lengths(given, lengths, encoder)
    draw = Draw(seed, given, lengths, temperature, length_of=encoder.length_of)
    with threads(n_jobs):
        drawn = generate(network, draw, first, n_samples)
    return encoder.decode(drawn.tokens, drawn.of_metadata.numpy(), drawn.of_records.numpy(), known)


def _with_value(sequences: Sequences, column: Column, value: Any) -> Sequences:
    """Return samples with the same value in a metadata column."""
    metadata = sequences.metadata.copy()
    metadata[column.name] = pd.Series([value] * len(sequences), dtype=column.pandas_dtype)
    return replace(sequences, metadata=metadata)


def _with_lengths(given: Given, lengths: torch.Tensor | None, encoder: TokenEncoder) -> Given:
    """Return what is known of samples once their lengths are; None where they are not."""
    n_length = encoder.layout.n_length
    if not n_length:
        return given
    if given.metadata is None:
        assert lengths is not None, "something is known"
        metadata = encoder.encode_metadata(pd.DataFrame(index=range(len(lengths))))
    else:
        metadata = given.metadata.clone()
    metadata[:, -n_length:] = UNKNOWN if lengths is None else encoder.encode_lengths(lengths)
    return replace(given, metadata=metadata)


def _positive(temperature: float) -> float:
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature!r}; give a number above 0")
    return float(temperature)
