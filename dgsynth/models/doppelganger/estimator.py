"""DGSynthesizer: DoppelGANger as a scikit-learn estimator."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from dgsynth.batch import EncodedBatch
from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.data.validation import warn_of_identifiers
from dgsynth.errors import DataError
from dgsynth.kernels.packing import Precision
from dgsynth.models.condition import Condition
from dgsynth.models.doppelganger import persistence
from dgsynth.models.doppelganger.config import InitialState, NetworkConfig, Schedule, TrainingConfig
from dgsynth.models.doppelganger.generation import Generators, draw_metadata, generate
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.networks.metadata_generator import MetadataGenerator
from dgsynth.models.doppelganger.redistribution import N_ROWS, total_variations, weighed, with_marginals
from dgsynth.models.doppelganger.training.losses import LOSSES
from dgsynth.models.doppelganger.training.metadata_refit import refitted
from dgsynth.models.doppelganger.training.private import PrivateTrainer
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.models.synthesizer import (
    SCORE_SEED,
    Maker,
    Synthesizer,
    at_least_one,
    layer_widths,
    resolve_device,
    scorer,
    seed_of,
    threads,
)
from dgsynth.privacy.accountant import need_opacus
from dgsynth.privacy.bounds import buy
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.privacy.declared import check_declared
from dgsynth.privacy.noise import BUYING, draws_of
from dgsynth.training.batching import TrainingData
from dgsynth.training.callbacks import Callback, Progress
from dgsynth.training.checkpoint import Checkpoint, checkpoint_seed, run_identity
from dgsynth.training.state import sampled_networks
from dgsynth.training.validation import Validation, best_row
from dgsynth.transforms.encoder import Encoder, EncoderOptions
from dgsynth.transforms.scaling import Scaling
from dgsynth.transforms.timestamps import Timestamps

_POSITIVE = Interval(Integral, 1, None, closed="left")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")

_MAX_HELD_OUT = 1000
"""Most samples that are held out for validation, and made at each: more of them tell little more."""

_VALIDATED = ("validation_scores_", "best_step_", "best_score_", "n_restarts_")
"""Attributes of a model that was validated in training."""

_FEWEST_ROWS = 2000
"""A table of wanted metadata is repeated to so many rows, so that what it lacks can be drawn for them."""

_FAR = 0.05
"""Total variation of a re-trained marginal that is worth a warning."""

_PRIVATE = ("epsilon_", "privacy_ledger_", "schema_epsilon_", "n_public_samples_")
"""Attributes of a model that was trained with privacy."""


class DGSynthesizer(Synthesizer):
    """Learns a data set of time series with metadata and makes new ones (DoppelGANger).

    Parameters
    ----------
    sequence_key : column label, default=None
        Long tables: the column that tells which sample a record belongs to. It is not modelled.
    sequence_index : column label, default=None
        Long tables: the column that orders the records of a sample: a datetime or a number.
    time_columns : list of labels, or dict of measurement name to list of labels, default=None
        Wide tables: the columns that hold one measurement over time, in order.
    metadata, measurements : list of labels, default=None
        Columns to model; by default all, and in a long table what is constant within every key is metadata.
    categorical : sequence of labels, default=()
        Numeric columns whose values are categories. In an array, column numbers.
    schema : Schema, default=None
        Declared columns, kinds and ranges; by default inferred from the data.
    timestamps : {"auto", "regular", "irregular"}, default="auto"
        Whether records are equally spaced; what is irregular is modelled (paper, section 4.1).
    sample_len : int or "auto", default="auto"
        S, the records generated per LSTM pass; "auto" makes about 50 passes (paper, section 4.4). Where the
        data have a season, a multiple of its period is learned soonest (14 for weeks of daily records).
    auto_normalize : bool, default=True
        Scale each sample by its own range, and generate the range (paper, section 4.2); of measurements that can be
        missing also the share that is.
    attain_range : bool, default=True
        Whether generated measurements are stretched so that they reach the range that was generated for them, as real
        ones do. False is the paper's, whose samples often stay below their own peak. Matters with `auto_normalize`.
    scaling : {"auto", "linear", "log"} or dict of label to one of these, default="auto"
        "linear" is the paper's. "log" takes log(1 + x / u) first; "auto" does so for columns without negative
        values whose skewness is above 3.
    feature_range : (0, 1) or (-1, 1), default=(0, 1)
        What numbers are scaled to; the generators' outputs are a sigmoid or a tanh accordingly.
    generator_averaging : float in [0, 1), default=0.999
        Decay of the moving average of the generator's weights that `sample` uses; 0 is the paper's.
    sharp_flags : bool, default=False
        False is the paper's. Where samples differ in length, True shows discriminators surer probabilities that a
        record is the last than the generator makes, which keeps their gradient alive. Lengths are learned several times
        better.
    metadata_noise_dim, minmax_noise_dim, measurement_noise_dim : int, default=5
        Noise of each generator; for measurements per pass.
    metadata_units : sequence of int, default=(100, 100)
        Hidden layers of the metadata and min/max generators.
    lstm_units : int, default=100
    lstm_layers : int, default=1
    feedback : bool, default=False
        Whether a pass reads the records of the pass before.
    initial_state : {"random", "zero", "learned"}, default="random"
        What the LSTM starts from. Random is the paper's; from "zero" lengths are learned more surely.
    discriminator_units : sequence of int, default=(200, 200, 200, 200)
        Hidden layers of both discriminators.
    auxiliary_discriminator : bool, default=True
        Whether a second discriminator judges the metadata alone (paper, section 4.3).
    auxiliary_weight : float, default=1.0
        Alpha, its weight in the generator's loss.
    epochs : int, default=400
    max_steps : int, default=None
        Train for so many steps (batches) instead of `epochs`.
    early_stopping : bool, default=False
        Whether `fit` scores the generator in training by what it makes, compared with samples that are held out. The
        best weights are kept, training stops when the score no longer rises, and begins anew from another seed when a
        run has collapsed. Schema, ranges and categories are still learned from all samples. `partial_fit` does none
        of this, and a `fit` that goes on by `warm_start` does not begin anew.
    validation_fraction : float in (0, 1), default=0.1
        Share of the samples held out where `early_stopping`: at least 2 and at most 1,000, chosen by `random_state`.
    validation_steps : int, default=None
        Steps between validations; None is a twentieth of the steps of the fit, at least 50. There is one more at the
        end.
    n_iter_no_change : int, default=10
        Training stops after so many validations in a row without a better score, and not in the first quarter of the
        steps.
    max_restarts : int, default=2
        How often training may begin anew: where, from a quarter of the steps on, no score reaches 0.5, or a loss is
        not finite. Each time with a warning.
    batch_size : int, default=100
    learning_rate : float, default=0.001
    learning_rate_schedule : {"constant", "linear"}, default="constant"
        "constant" is the paper's. "linear" lets it fall towards 0 over the steps of the fit (those before a
        `warm_start` count too), which settles what swings at the end; `partial_fit` keeps it constant.
    beta_1 : float, default=0.5
    gradient_penalty_weight : float, default=10.0
    discriminator_rounds, generator_rounds : int, default=1
        Steps of each per batch.
    packing : int, default=1
        Samples that a discriminator judges together (PacGAN).
    privacy : PrivacyConfig, default=None
        Trains with differential privacy, the unit of which is a sample: see docs/PRIVACY.md. The schema must then be
        declared. Needs opacus (``pip install 'dgsynth[privacy]'``).
    callbacks : sequence of Callback, default=()
    checkpoint_dir : path-like, default=None
        Where training writes its state every half minute. `fit` goes on from what it finds there, bit for
        bit, if data and parameters (but `epochs` and `max_steps`) are the same, with what validation has found.
    encoded_dir : path-like, default=None
        An existing folder where `fit` writes the encoded records to a file that it maps, instead of holding them in
        memory: 4 bytes (float32) for each encoded number, without padding. The file has no name there and goes with
        the run, however that ends; the model is the same, bit for bit.
    device : str, default="auto"
        "auto" is CUDA where there is one, else Apple's MPS, else the CPU.
    precision : {"float32", "bfloat16"}, default="float32"
        What the operands of the LSTM's products are rounded to, in training and when samples are made; sums, states,
        weights that are trained, discriminators and their penalty stay float32. bfloat16 is faster where the processor
        multiplies it (avx512_bf16); the samples of a random_state are then other ones. May be changed after `fit`.
    n_jobs : int, default=None
        CPU threads; None is torch's own choice, -1 all cores.
    random_state : int, RandomState or None, default=None
        With an int, `fit` is reproducible bit for bit for a fixed number of threads.
    verbose : int, default=0
        1 shows a progress bar with losses and time left.
    warm_start : bool, default=False
        Whether `fit` goes on training the fitted model, on data of the same schema.

    Attributes
    ----------
    schema_ : Schema
        What was learned about the table: columns, kinds, ranges, form.
    encoder_ : Encoder
    networks_ : DoppelGANger
        As trained.
    generator_ : DoppelGANger
        What `sample` uses: `networks_`, or a copy with the averaged weights; where `early_stopping`, those of
        `best_step_`. Training on begins at `networks_` all the same.
    history_ : DataFrame
        Losses by step, of the last run.
    n_steps_, n_epochs_ : int
        Steps and whole epochs trained, in the last run.
    seed_ : int
    validation_scores_ : DataFrame
        Where `early_stopping`: run (0, and 1 more for each restart), step and score of each validation. A score is in
        (0, 1]; 1 is as close to the samples held out as these are among themselves: see `score`.
    best_step_, best_score_ : int, float
        Where `early_stopping`: the step of the weights that are kept, in their run, and their score; `n_steps_` and
        NaN if the fit was interrupted before the first validation.
    n_restarts_ : int
        Where `early_stopping`.
    epsilon_ : float
        Where `privacy`: what was spent in all, at its `delta`; also where training was stopped early or went on.
    privacy_ledger_ : list of Releases
        Where `privacy`: noise multiplier, sample rate and number of all updates of the discriminators.
    schema_epsilon_ : float
        Where `privacy`: the part of `epsilon_` that bought ranges, lengths and the number of samples.
    n_public_samples_ : int
        Where `privacy`: the number of samples, as declared or bought.

    References
    ----------
    Lin, Jain, Wang, Fanti, Sekar: Using GANs for Sharing Networked Time Series Data: Challenges, Initial
    Promise, and Open Questions. IMC 2020. Defaults are those of its Appendix B, but for `scaling` and
    `generator_averaging`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"home": [1, 1, 2, 2], "day": [0, 1, 0, 1], "kwh": [3.0, 4.0, 1.0, 1.5]})
    >>> model = DGSynthesizer(sequence_key="home", sequence_index="day", max_steps=2, random_state=0)
    >>> model.fit(table).sample(3, random_state=1).columns.tolist()
    ['home', 'day', 'kwh']
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Synthesizer._parameter_constraints,
        "sample_len": [_POSITIVE, StrOptions({"auto"})],
        "auto_normalize": ["boolean"],
        "attain_range": ["boolean"],
        "feature_range": [tuple, list],
        "generator_averaging": [Interval(Real, 0, 1, closed="left")],
        "sharp_flags": ["boolean"],
        "metadata_noise_dim": [_POSITIVE],
        "minmax_noise_dim": [_POSITIVE],
        "measurement_noise_dim": [_POSITIVE],
        "metadata_units": ["array-like"],
        "lstm_units": [_POSITIVE],
        "lstm_layers": [_POSITIVE],
        "feedback": ["boolean"],
        "initial_state": [StrOptions({"random", "zero", "learned"})],
        "discriminator_units": ["array-like"],
        "auxiliary_discriminator": ["boolean"],
        "auxiliary_weight": [_NOT_NEGATIVE],
        "epochs": [_POSITIVE],
        "max_steps": [_POSITIVE, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "validation_steps": [_POSITIVE, None],
        "n_iter_no_change": [_POSITIVE],
        "max_restarts": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [_POSITIVE],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"constant", "linear"})],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "gradient_penalty_weight": [_NOT_NEGATIVE],
        "discriminator_rounds": [_POSITIVE],
        "generator_rounds": [_POSITIVE],
        "packing": [_POSITIVE],
        "privacy": [PrivacyConfig, None],
        "checkpoint_dir": [str, os.PathLike, None],
        "encoded_dir": [str, os.PathLike, None],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        *,
        sequence_key: str | int | None = None,
        sequence_index: str | int | None = None,
        time_columns: Sequence[Any] | Mapping[Any, Sequence[Any]] | None = None,
        metadata: Sequence[Any] | None = None,
        measurements: Sequence[Any] | None = None,
        categorical: Sequence[Any] = (),
        schema: Schema | None = None,
        timestamps: Timestamps = "auto",
        sample_len: int | str = "auto",
        auto_normalize: bool = True,
        attain_range: bool = True,
        scaling: Scaling | Mapping[Any, Scaling] = "auto",
        feature_range: tuple[int, int] = (0, 1),
        generator_averaging: float = 0.999,
        sharp_flags: bool = False,
        metadata_noise_dim: int = 5,
        minmax_noise_dim: int = 5,
        measurement_noise_dim: int = 5,
        metadata_units: Sequence[int] = (100, 100),
        lstm_units: int = 100,
        lstm_layers: int = 1,
        feedback: bool = False,
        initial_state: InitialState = "random",
        discriminator_units: Sequence[int] = (200, 200, 200, 200),
        auxiliary_discriminator: bool = True,
        auxiliary_weight: float = 1.0,
        epochs: int = 400,
        max_steps: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_steps: int | None = None,
        n_iter_no_change: int = 10,
        max_restarts: int = 2,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        learning_rate_schedule: Schedule = "constant",
        beta_1: float = 0.5,
        gradient_penalty_weight: float = 10.0,
        discriminator_rounds: int = 1,
        generator_rounds: int = 1,
        packing: int = 1,
        privacy: PrivacyConfig | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | os.PathLike[str] | None = None,
        encoded_dir: str | os.PathLike[str] | None = None,
        device: str = "auto",
        precision: Precision = "float32",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        self.sequence_key = sequence_key
        self.sequence_index = sequence_index
        self.time_columns = time_columns
        self.metadata = metadata
        self.measurements = measurements
        self.categorical = categorical
        self.schema = schema
        self.timestamps = timestamps
        self.sample_len = sample_len
        self.auto_normalize = auto_normalize
        self.attain_range = attain_range
        self.scaling = scaling
        self.feature_range = feature_range
        self.generator_averaging = generator_averaging
        self.sharp_flags = sharp_flags
        self.metadata_noise_dim = metadata_noise_dim
        self.minmax_noise_dim = minmax_noise_dim
        self.measurement_noise_dim = measurement_noise_dim
        self.metadata_units = metadata_units
        self.lstm_units = lstm_units
        self.lstm_layers = lstm_layers
        self.feedback = feedback
        self.initial_state = initial_state
        self.discriminator_units = discriminator_units
        self.auxiliary_discriminator = auxiliary_discriminator
        self.auxiliary_weight = auxiliary_weight
        self.epochs = epochs
        self.max_steps = max_steps
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_steps = validation_steps
        self.n_iter_no_change = n_iter_no_change
        self.max_restarts = max_restarts
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.beta_1 = beta_1
        self.gradient_penalty_weight = gradient_penalty_weight
        self.discriminator_rounds = discriminator_rounds
        self.generator_rounds = generator_rounds
        self.packing = packing
        self.privacy = privacy
        self.callbacks = callbacks
        self.checkpoint_dir = checkpoint_dir
        self.encoded_dir = encoded_dir
        self.device = device
        self.precision = precision
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the samples of `X`.

        Parameters
        ----------
        X : DataFrame, pyarrow Table, array of shape (n, T, K) or (n, m), list of arrays of shape (T_i, K), or Sequences
            A long table where `sequence_key` is set, a wide one where `time_columns` is; without either a
            table or 2-D array is fitted as metadata only, one sample per row.
        y : ignored

        Returns
        -------
        DGSynthesizer
            Itself. After a KeyboardInterrupt too, with a warning, trained as far as it came.

        Raises
        ------
        DataError
            The data can't be used; a ValueError that names the column and the remedy.
        DivergenceError
            A loss stopped being finite, and no restart and no validated weights are left.
        OSError
            `encoded_dir` or `checkpoint_dir` can't be written.
        ImportError
            `privacy` is asked for, and opacus is not installed.
        """
        self._validate_params()
        goes_on = self.warm_start and hasattr(self, "networks_")
        return self._fit(
            X,
            self._training_config(),
            goes_on=goes_on,
            epochs=self.epochs,
            max_steps=self.max_steps,
            validates=self.early_stopping,
        )

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one epoch over the samples of `X`; the first call fixes the schema. `early_stopping` is ignored."""
        self._validate_params()
        if self.privacy is not None and self.privacy.epsilon is not None:
            raise ValueError(
                "partial_fit with privacy can't know how many calls shall share epsilon; give noise_multiplier of "
                "PrivacyConfig instead, and read epsilon_"
            )
        config = replace(self._training_config(), learning_rate_schedule="constant")
        goes_on = hasattr(self, "networks_")
        return self._fit(X, config, goes_on=goes_on, epochs=1, max_steps=None, validates=False)

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
        sequences = read_like(X, self.schema_, **self._roles())
        known = np.flatnonzero(self.encoder_.can_encode(sequences))
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
        """Re-train the metadata generator alone to a wanted distribution: to hide the real one, or to have rare cases.

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
        random_state : int, RandomState or None

        Returns
        -------
        DGSynthesizer
            Itself. Training on with the data later, or from a checkpoint, draws the metadata back to theirs.

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
        generator = self.generator_.metadata_generator
        if generator is None:
            raise DataError("this model has no metadata, of which the distribution could be changed")
        wanted = self._wanted_metadata(target, seed)
        device = next(generator.parameters()).device
        rows = torch.from_numpy(self.encoder_.encode_metadata(wanted)).to(device)
        with threads(self.n_jobs):
            made = refitted(generator, self.generator_.config.metadata_noise_dim, rows, max_steps, seed)
        self._take_over(made)
        columns = self._metadata_columns()
        drawn = self.encoder_.decode_metadata(draw_metadata(self._generators(), seed, N_ROWS).numpy())
        named = list(columns) if callable(target) else list(target)
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
        check_is_fitted(self)
        persistence.save(self, path, generator_only=generator_only)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the model in a file that `save` wrote; nothing in the file is executed.

        Raises
        ------
        FileNotFoundError
        ModelFileError
            The file is damaged, foreign, or of another format version.
        """
        return persistence.load(path, cls)

    def _fit(
        self, X: Any, config: TrainingConfig, *, goes_on: bool, epochs: int, max_steps: int | None, validates: bool
    ) -> Self:
        if isinstance(X, np.ndarray | pd.DataFrame) and X.ndim == 2:
            validate_data(self, X, reset=not goes_on, skip_check_array=True)
        self._check_privacy(goes_on, validates)
        schema = self._declared_schema() if self.privacy is not None and not goes_on else self.schema
        sequences = self._read(X, self.schema_ if goes_on else schema)
        n_held_out = self._n_held_out(len(sequences)) if validates else 0
        if not goes_on:
            sequences = self._start(sequences)
        elif self.privacy is not None and self.privacy.n_samples is not None:
            self.schema_epsilon_ = getattr(self, "schema_epsilon_", 0.0)  # of what went before
            self.n_public_samples_ = self.privacy.n_samples
        held_out = None
        if n_held_out:
            sequences, held_out = self._hold_out(sequences, n_held_out)
        encoded = self.encoder_.encode(sequences, self.encoded_dir, each_alone=self.privacy is not None)
        del sequences  # training needs the room, and not the table
        with threads(self.n_jobs):
            restarts = 0 if goes_on else self.max_restarts
            self._train(encoded, config, epochs, max_steps, held_out, restarts)
        return self

    def _metadata_columns(self) -> dict[Any, Column]:
        """Return the metadata columns that users see, by name."""
        return {column.name: column for column in self.schema_.metadata}

    def _wanted_metadata(self, target: Any, seed: int) -> pd.DataFrame:
        """Return a table of all metadata columns, hidden ones too, with the wanted distribution."""
        rng = np.random.default_rng(seed)
        if isinstance(target, pd.DataFrame):
            rows = self._metadata_frame(target)
            rows = rows.iloc[rng.permutation(np.resize(np.arange(len(rows)), max(len(rows), _FEWEST_ROWS)))]
            condition = self._condition(rows.reset_index(drop=True))
            return self.encoder_.decode_metadata(draw_metadata(self._generators(), seed, len(rows), condition).numpy())
        pool = self.encoder_.decode_metadata(draw_metadata(self._generators(), seed, N_ROWS).numpy())
        if callable(target):
            return weighed(pool, target, rng)
        if not isinstance(target, Mapping) or not target:
            raise TypeError(f"target must be a table, a dict of marginals or a function, got {type(target).__name__}")
        return with_marginals(pool, self._metadata_columns(), target, rng)

    def _take_over(self, made: MetadataGenerator) -> None:
        """Put a metadata generator in the place of the model's, in all that is kept of it."""
        weights = made.state_dict()
        for networks in (self.networks_, self.generator_):
            assert networks.metadata_generator is not None
            networks.metadata_generator.load_state_dict(weights)
        for name, tensor in weights.items():
            for kept in (f"networks.metadata_generator.{name}", f"averaged.metadata_generator.{name}"):
                if self._training_state is not None and kept in self._training_state:
                    self._training_state[kept] = tensor.clone()
        self._sampling.clear()

    def _n_held_out(self, n_samples: int) -> int:
        """Return how many samples are held out for validation."""
        n_held_out = min(max(round(self.validation_fraction * n_samples), 2), _MAX_HELD_OUT)
        if n_held_out >= n_samples:
            raise DataError(
                f"early_stopping with validation_fraction={self.validation_fraction:g} holds out {n_held_out} of "
                f"{n_samples} samples, which leaves none to train on; give more samples, or lower validation_fraction"
            )
        return n_held_out

    def _hold_out(self, sequences: Sequences, n_held_out: int) -> tuple[Sequences, _HeldOut]:
        """Return the samples to train on and those held out, chosen by the seed."""
        order = np.random.default_rng(self.seed_).permutation(len(sequences))
        train, chosen = np.sort(order[n_held_out:]), np.sort(order[:n_held_out])
        held_out = _HeldOut(n_held_out, scorer(sequences.take(chosen)), self.encoder_, self.precision)
        return sequences.take(train), held_out

    def _start(self, sequences: Sequences) -> Sequences:
        """Set up all that is learned before the first step, and return the samples as they are to be encoded."""
        warn_of_identifiers(sequences.schema, len(sequences))
        self.seed_ = self._fit_seed()
        for name in _PRIVATE:
            self.__dict__.pop(name, None)
        if self.privacy is not None:
            sequences = self._made_public(sequences, self.privacy)
        options = self._encoder_options()
        private = self.privacy is not None
        self.encoder_ = Encoder.of_schema(sequences.schema, options) if private else Encoder.fit(sequences, options)
        self.schema_ = sequences.schema
        self.networks_ = DoppelGANger.of_seed(self.encoder_.layout, self._network_config(), self.seed_)
        self._training_state: dict[str, torch.Tensor] | None = None
        return sequences

    def _train(
        self,
        encoded: EncodedBatch,
        config: TrainingConfig,
        epochs: int,
        max_steps: int | None,
        held_out: _HeldOut | None,
        max_restarts: int,
    ) -> None:
        device = resolve_device(self.device)
        layout = self.encoder_.layout
        data = TrainingData(encoded, layout, device, moves_records=self.encoded_dir is None)
        trainer = self._trainer(data, config)
        steps = max_steps or epochs * trainer.steps_per_epoch
        until = trainer.step + steps
        validation = None
        if held_out is not None:
            every = self.validation_steps or max(50, steps // 20)
            validation = Validation(held_out.score, every, self.n_iter_no_change, max_restarts)
            trainer.callbacks.append(validation)
        if self.checkpoint_dir is not None:
            settings = {**asdict(self.networks_.config), **asdict(config), "sample_len": layout.sample_len}
            identity = run_identity(encoded, settings, self.seed_)
            identity |= {} if validation is None else self._validation_settings()
            identity |= {} if self.privacy is None else {"privacy": asdict(self.privacy)}
            checkpoint = Checkpoint(self.checkpoint_dir, identity, validation=validation)
            checkpoint.resume(trainer)
            trainer.callbacks.append(checkpoint)  # after the validation of a step, which is a part of its state
        try:
            trainer.run(max(until - trainer.step, 0))
        finally:
            self._keep_spent(trainer)  # weights have changed in their place, however the run ended
        self._keep(trainer, validation)
        if trainer.interrupted:
            warnings.warn(
                f"training was interrupted after step {trainer.step} of {until}; the model is usable as it stands",
                stacklevel=4,
            )

    def _trainer(self, data: TrainingData, config: TrainingConfig) -> Trainer:
        """Return a trainer that stands where training stands."""
        given = self.networks_.to(data.device), data, config, self.seed_, self._callbacks()
        private = None if self.privacy is None else PrivateTrainer(*given, self.privacy, self.n_public_samples_)
        trainer = Trainer(*given) if private is None else private
        if self._training_state is not None:
            trainer.restore(self._training_state)
        if private is not None:
            private.ledger = list(getattr(self, "privacy_ledger_", []))
        return trainer

    def _keep_spent(self, trainer: Trainer) -> None:
        if not isinstance(trainer, PrivateTrainer):
            return
        self.epsilon_ = self.schema_epsilon_ + trainer.epsilon
        self.privacy_ledger_ = list(trainer.ledger)

    def _check_privacy(self, goes_on: bool, validates: bool) -> None:
        """Refuse what would void the guarantee."""
        if goes_on and self.networks_.discriminator is None:
            raise DataError(
                "this model was saved with generator_only and can't be trained on; load the whole model, or fit anew"
            )
        if self.privacy is None:
            if goes_on and hasattr(self, "epsilon_"):
                raise DataError(
                    f"this model was trained with privacy (epsilon {self.epsilon_:.3g}), which training on without "
                    "would void; give privacy=, or fit a new model"
                )
            return
        need_opacus()
        if validates:
            raise ValueError(
                "early_stopping scores the model by real samples, which voids privacy; leave one of both out"
            )
        if self.packing > 1:
            raise ValueError(
                f"packing={self.packing} mixes samples, whose gradients privacy must clip one by one; take 1"
            )
        if goes_on and not hasattr(self, "epsilon_") and not self.privacy.public_start:
            raise DataError(
                "this model was trained without privacy before, which its guarantee would not cover; if all that it "
                "learned from is public, say so by public_start=True of PrivacyConfig, else fit a new model"
            )
        if (
            self.privacy.n_samples is None
            and not (goes_on and hasattr(self, "n_public_samples_"))
            and (goes_on or not self.privacy.schema_epsilon)
        ):
            raise ValueError(
                "with privacy the number of samples is not read off the data; declare it by n_samples of "
                "PrivacyConfig, or buy it with schema_epsilon"
            )

    def _declared_schema(self) -> Schema:
        assert self.privacy is not None
        return check_declared(self.schema, self.scaling, self.timestamps, bought=self.privacy.schema_epsilon > 0)

    def _made_public(self, sequences: Sequences, privacy: PrivacyConfig) -> Sequences:
        """Return the samples with what their schema leaves open bought from a part of the budget."""
        assert self.schema is not None
        self.schema_epsilon_ = privacy.schema_epsilon
        if not privacy.schema_epsilon:
            assert privacy.n_samples is not None, "it was checked"
            self.n_public_samples_ = privacy.n_samples
            return sequences
        draws = draws_of(privacy.noise, self.seed_, BUYING)
        bought = buy(sequences, self.schema, privacy.n_samples, privacy.schema_epsilon, draws)
        self.n_public_samples_ = bought.n_samples
        return bought.sequences

    def _validation_settings(self) -> dict[str, Any]:
        names = ("early_stopping", "validation_fraction", "validation_steps", "n_iter_no_change", "max_restarts")
        return {name: getattr(self, name) for name in names}

    def _keep(self, trainer: Trainer, validation: Validation | None) -> None:
        """Take over what the trainer has learned."""
        self.networks_ = trainer.networks
        self.generator_ = self.networks_
        best = None if validation is None else validation.best
        if best or trainer.average is not None:
            self.generator_ = sampled_networks(self.networks_, best or trainer.state())
        self.n_steps_, self.n_epochs_ = trainer.step, trainer.epoch
        if validation is None:
            self._forget_scores()
        else:
            self._keep_scores(validation.scores, validation.run)
        losses = trainer.history.values().numpy()
        self.history_ = pd.DataFrame(losses, columns=list(LOSSES), index=pd.RangeIndex(1, len(losses) + 1, name="step"))
        self._training_state = trainer.state()
        self._sampling: dict[str, Generators] = {}

    def _keep_scores(self, scores: Sequence[tuple[int, int, float]], n_restarts: int) -> None:
        """Take over what validation has found: run, step and score of each."""
        self.validation_scores_ = pd.DataFrame(scores, columns=["run", "step", "score"]).astype(
            {"run": "int64", "step": "int64", "score": "float64"}
        )
        self.n_restarts_ = n_restarts
        _, self.best_step_, self.best_score_ = best_row(scores) if scores else (0, self.n_steps_, float("nan"))

    def _forget_scores(self) -> None:
        for name in _VALIDATED:
            self.__dict__.pop(name, None)

    def _generators(self) -> Generators:
        """Return what sampling reads of the trained generators; it is made once for each precision."""
        if self.precision not in self._sampling:
            self._validate_params()
            self._sampling[self.precision] = Generators.of(self.generator_.eval(), self.precision)
        return self._sampling[self.precision]

    @property
    def n_weights_(self) -> int:
        """Weights of the generators."""
        check_is_fitted(self)
        return sum(weight.numel() for weight in self.generator_.generator_parameters())

    def _maker(self) -> Maker:
        return partial(_samples, self._generators(), self.encoder_, self.n_jobs)

    def _digest(self) -> str:
        return persistence.digest(self)

    def _fit_seed(self) -> int:
        if self.random_state is None and self.checkpoint_dir is not None:
            seed = checkpoint_seed(self.checkpoint_dir)
            if seed is not None:
                return seed
        return seed_of(self.random_state)

    def _callbacks(self) -> list[Callback]:
        return [*([Progress()] if self.verbose else []), *self.callbacks]

    def _encoder_options(self) -> EncoderOptions:
        low, high = self.feature_range
        if (low, high) not in ((0, 1), (-1, 1)):
            raise ValueError(f"feature_range must be (0, 1) or (-1, 1), got {self.feature_range!r}")
        return EncoderOptions(
            self.sample_len, self.auto_normalize, self.scaling, (low, high), self.timestamps, self.attain_range
        )

    def _network_config(self) -> NetworkConfig:
        return NetworkConfig(
            metadata_noise_dim=self.metadata_noise_dim,
            minmax_noise_dim=self.minmax_noise_dim,
            measurement_noise_dim=self.measurement_noise_dim,
            metadata_units=layer_widths(self.metadata_units, "metadata_units"),
            lstm_units=self.lstm_units,
            lstm_layers=self.lstm_layers,
            feedback=self.feedback,
            initial_state=self.initial_state,
            discriminator_units=layer_widths(self.discriminator_units, "discriminator_units"),
            auxiliary_discriminator=self.auxiliary_discriminator,
            packing=self.packing,
        )

    def _training_config(self) -> TrainingConfig:
        return TrainingConfig(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            learning_rate_schedule=self.learning_rate_schedule,
            beta_1=self.beta_1,
            gradient_penalty_weight=self.gradient_penalty_weight,
            auxiliary_weight=self.auxiliary_weight,
            discriminator_rounds=self.discriminator_rounds,
            generator_rounds=self.generator_rounds,
            generator_averaging=self.generator_averaging,
            sharp_flags=self.sharp_flags,
            precision=self.precision,
        )


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Samples held out of training, which score the networks; made once per fit."""

    size: int
    scorer: Callable[[Sequences], float]
    encoder: Encoder
    precision: Precision

    def score(self, networks: DoppelGANger) -> float:
        made = generate(Generators.of(networks, self.precision), SCORE_SEED, 0, self.size)
        return self.scorer(self.encoder.decode(made))


def _samples(
    generators: Generators,
    encoder: Encoder,
    n_jobs: int | None,
    seed: int,
    first: int,
    n_samples: int,
    condition: Condition | None = None,
    lengths: torch.Tensor | None = None,
) -> Sequences:
    """Return samples; what it needs of the model travels to other processes."""
    with threads(n_jobs):
        encoded = generate(generators, seed, first, n_samples, condition=condition, lengths=lengths)
    return encoder.decode(encoded)
