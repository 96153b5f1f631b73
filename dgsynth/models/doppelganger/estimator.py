"""DGSynthesizer: DoppelGANger as a scikit-learn estimator."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np

from dgsynth.batch import EncodedBatch
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.kernels.packing import Precision
from dgsynth.models.doppelganger.checkpointing import checkpoint_of
from dgsynth.models.doppelganger.config import InitialState, MetadataSource, Schedule, TrainingConfig
from dgsynth.models.doppelganger.held_out import MOST_HELD_OUT, HeldOut, hold_out, is_due
from dgsynth.models.doppelganger.learned import Learned, Spent
from dgsynth.models.doppelganger.metadata_learning import metadata_model_of
from dgsynth.models.doppelganger.metadata_model import MetadataModel
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.parameters import CONSTRAINTS, encoder_options, network_config, training_config
from dgsynth.models.doppelganger.private_fit import check_privacy, given_schema, made_public
from dgsynth.models.doppelganger.settings import Preset, begun, settled
from dgsynth.models.doppelganger.trained import TrainedDoppelGANger
from dgsynth.models.doppelganger.training.private import PrivateTrainer
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.models.parameters import fit_seed, resolve_device, threads
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.training.batching import TrainingData
from dgsynth.training.callbacks import Callback, Progress, TimeLimit
from dgsynth.training.splitting import n_held_out
from dgsynth.training.validation import Validation
from dgsynth.transforms.encoder import Encoder, LengthsIn
from dgsynth.transforms.scaling import Scaling
from dgsynth.transforms.timestamps import Timestamps


class DGSynthesizer(TrainedDoppelGANger):
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
    constraints : sequence of Inequality, FixedCombinations, Range, Monotonic, Sum or str, default=()
        What every record keeps, in the training data and in samples: see docs/CONSTRAINTS.md. Not with `privacy`.
    timestamps : {"auto", "regular", "irregular"}, default="auto"
        Whether records are equally spaced, in time or on a calendar; what isn't is modelled (paper, section 4.1).
    preset : {"auto", "paper"}, default="auto"
        What parameters of "auto" come to: what suits the data (docs/SETTINGS.md), or the paper's Appendix B. What is
        given stays. With `privacy` nothing is chosen by the data: "auto" is then the paper's, but for `attain_range`
        and `generator_averaging`.
    sample_len : int or "auto", default="auto"
        S, the records generated per LSTM pass. By the data: whole seasons, about 10 passes; the paper's: about 50
        passes (section 4.4).
    auto_normalize : bool or "auto", default="auto"
        Scale each sample by its own range, and generate the range (paper, section 4.2); of measurements that can be
        missing also the share that is.
    attain_range : bool or "auto", default="auto"
        Whether generated measurements are stretched so that they reach the range that was generated for them, as real
        ones do. False is the paper's, whose samples often stay below their own peak. Matters with `auto_normalize`.
    scaling : {"auto", "linear", "log"} or dict of label to one of these, default="auto"
        "linear" is the paper's. "log" takes log(1 + x / u) first. "auto" does so for columns without negative values
        whose skewness is above 3, leaves outliers that stretch the scale a small part of it, gives a value that stands
        out of its neighbours a stretch of its own, and scales the samples' ranges likewise.
    feature_range : (0, 1) or (-1, 1), default=(0, 1)
        What numbers are scaled to; the generators' outputs are a sigmoid or a tanh accordingly.
    lengths : {"auto", "flags", "metadata"}, default="auto"
        Where samples differ in length, "metadata" also generates the length as a hidden column of the metadata, which
        all networks are given and samples keep to. "flags" is the paper's: the record that ends a sample says so.
    metadata_generator : {"auto", "gan", "autoregressive"}, default="auto"
        "gan" is the paper's network. "autoregressive" learns the metadata by their likelihood before the networks are
        trained, as `AutoregressiveSynthesizer` does; these learn what goes with real metadata. Frequencies are
        calibrated, and metadata given to `sample` in part are met exactly, without rejection. Not with `privacy`.
        Ranges stay with the min/max generator. `warm_start` learns it anew, `partial_fit` trains it for an epoch.
    generator_averaging : float in [0, 1) or "auto", default="auto"
        Decay of the moving average of the generator's weights that `sample` uses, 0.999 by itself; 0 is the paper's.
    sharp_flags : bool or "auto", default="auto"
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
    initial_state : {"auto", "random", "zero", "learned"}, default="auto"
        What the LSTM starts from. Random is the paper's; from "zero" lengths are learned more surely.
    discriminator_units : sequence of int, default=(200, 200, 200, 200)
        Hidden layers of both discriminators.
    auxiliary_discriminator : bool, default=True
        Whether a second discriminator judges the metadata alone (paper, section 4.3).
    auxiliary_weight : float, default=1.0
        Alpha, its weight in the generator's loss.
    epochs : int or "auto", default="auto"
        "auto" counts steps instead, by the number of samples; the paper's are 400, for its 50,000 samples.
    max_steps : int, default=None
        Train for so many steps (batches) instead of `epochs`.
    early_stopping : bool or "auto", default="auto"
        Whether `fit` scores the generator in training by what it makes, compared with samples that are held out. The
        best weights are kept, training stops when the score no longer rises, and begins anew from another seed when a
        run has collapsed. Schema, ranges and categories are still learned from all samples. `partial_fit` does none
        of this, and a `fit` that goes on by `warm_start` does not begin anew. "auto" does it where 20 samples or more
        are held out.
    validation_fraction : float in (0, 1), default=0.1
        Share of the samples held out where `early_stopping`: at least 2 and at most 1,000, chosen by `random_state`.
    validation_steps : int, default=None
        Steps between validations; None is a twentieth of the steps of the fit, at least 50. There is one more at the
        end.
    n_iter_no_change : int, default=None
        Training stops after so many validations in a row without a better score, and not in the first quarter of the
        steps. None never does: a learning rate that falls settles at the end.
    max_restarts : int, default=2
        How often training may begin anew: where, from a quarter of the steps on, no score reaches 0.4, or a loss is
        not finite. Each time with a warning.
    batch_size : int, default=100
    learning_rate : float, default=0.001
    learning_rate_schedule : {"auto", "constant", "linear"}, default="auto"
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
        bit, if data and parameters are the same, with what validation has found; `epochs` and `max_steps` may be
        others, which where the learning rate falls is then another run.
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
        1 tells what was chosen by the data, and shows a progress bar with losses and time left.
    warm_start : bool, default=False
        Whether `fit` goes on training the fitted model, on data of the same schema.

    Attributes
    ----------
    schema_ : Schema
        What was learned about the table: columns, kinds, ranges, form.
    settings_ : dict of str to Setting
        What each parameter came to that was left to be chosen: its `value`, and `why`.
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
    Promise, and Open Questions. IMC 2020. The sizes of the networks are those of its Appendix B.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"home": [1, 1, 2, 2], "day": [0, 1, 0, 1], "kwh": [3.0, 4.0, 1.0, 1.5]})
    >>> model = DGSynthesizer(sequence_key="home", sequence_index="day", max_steps=2, random_state=0)
    >>> model.fit(table).sample(3, random_state=1).columns.tolist()
    ['home', 'day', 'kwh']
    """

    _parameter_constraints: dict[str, list[Any]] = {**TrainedDoppelGANger._parameter_constraints, **CONSTRAINTS}

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
        constraints: Sequence[Any] = (),
        timestamps: Timestamps = "auto",
        preset: Preset = "auto",
        sample_len: int | str = "auto",
        auto_normalize: bool | str = "auto",
        attain_range: bool | str = "auto",
        scaling: Scaling | Mapping[Any, Scaling] = "auto",
        feature_range: tuple[int, int] = (0, 1),
        lengths: LengthsIn | Literal["auto"] = "auto",
        metadata_generator: MetadataSource | Literal["auto"] = "auto",
        generator_averaging: float | str = "auto",
        sharp_flags: bool | str = "auto",
        metadata_noise_dim: int = 5,
        minmax_noise_dim: int = 5,
        measurement_noise_dim: int = 5,
        metadata_units: Sequence[int] = (100, 100),
        lstm_units: int = 100,
        lstm_layers: int = 1,
        feedback: bool = False,
        initial_state: InitialState | Literal["auto"] = "auto",
        discriminator_units: Sequence[int] = (200, 200, 200, 200),
        auxiliary_discriminator: bool = True,
        auxiliary_weight: float = 1.0,
        epochs: int | str = "auto",
        max_steps: int | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        validation_steps: int | None = None,
        n_iter_no_change: int | None = None,
        max_restarts: int = 2,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        learning_rate_schedule: Schedule | Literal["auto"] = "auto",
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
        self.constraints = constraints
        self.timestamps = timestamps
        self.preset = preset
        self.sample_len = sample_len
        self.auto_normalize = auto_normalize
        self.attain_range = attain_range
        self.scaling = scaling
        self.feature_range = feature_range
        self.lengths = lengths
        self.metadata_generator = metadata_generator
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
            Itself. After a KeyboardInterrupt too, with a warning, as far as it came; raised where metadata are learned.

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
        return self._fit(X, goes_on=self.warm_start and hasattr(self, "networks_"), is_part=False)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one epoch over the samples of `X`; the first call fixes the schema. `early_stopping` is ignored."""
        self._validate_params()
        if self.privacy is not None and self.privacy.epsilon is not None:
            raise ValueError(
                "partial_fit with privacy can't know how many calls shall share epsilon; give noise_multiplier of "
                "PrivacyConfig instead, and read epsilon_"
            )
        return self._fit(X, goes_on=hasattr(self, "networks_"), is_part=True)

    def _fit(self, X: Any, *, goes_on: bool, is_part: bool) -> Self:
        self._check_features(X, reset=not goes_on)
        self._check_fit(goes_on, validates=self.early_stopping is True and not is_part)
        parameters = self.get_params(deep=False)
        sequences = self._read(X, self.schema_ if goes_on else given_schema(parameters))
        sequences = self._constrain(sequences, goes_on=goes_on)
        self.settings_ = begun(parameters, sequences, getattr(self, "settings_", None) if goes_on else None)
        own = settled(parameters, self.settings_)
        if is_part:
            own |= {"epochs": 1, "max_steps": None, "early_stopping": False, "learning_rate_schedule": "constant"}
        validates = own["early_stopping"]
        size = n_held_out(self.validation_fraction, len(sequences), MOST_HELD_OUT) if validates else 0
        if not goes_on:
            self._warn_of_misreadings(X, sequences)
            sequences = self._start(sequences, own)
        elif self.privacy is not None and self.privacy.n_samples is not None:
            self.schema_epsilon_ = getattr(self, "schema_epsilon_", 0.0)  # of what went before
            self.n_public_samples_ = self.privacy.n_samples
        held_out = None
        if size:
            sequences, held_out = hold_out(sequences, size, self.seed_, self.encoder_, self.precision)
        encoded = self.encoder_.encode(sequences, self.encoded_dir, each_alone=self.privacy is not None)
        metadata = self.encoder_.metadata_frame(sequences)
        del sequences  # training needs the room, and not the table
        with threads(self.n_jobs):
            given = metadata, self.encoder_, self.seed_, resolve_device(self.device)
            learned = getattr(self, "_learned", None) if is_part else None
            before = (None, 0) if learned is None else (learned.metadata_model, learned.n_steps)
            limits = [callback for callback in self.callbacks if isinstance(callback, TimeLimit)]
            callbacks = [*([Progress()] if self.verbose else []), *limits]
            model = metadata_model_of(self.networks_.config, *given, callbacks, *before)
            held_out = None if held_out is None else replace(held_out, metadata_model=model)
            restarts = 0 if goes_on else self.max_restarts
            self._train(encoded, own, held_out, restarts, model)
        return self

    def _check_fit(self, goes_on: bool, *, validates: bool) -> None:
        """Refuse to train on a model without discriminators, and what would void privacy."""
        if goes_on and self.networks_.discriminator is None:
            raise DataError(
                "this model was saved with generator_only and can't be trained on; load the whole model, or fit anew"
            )
        check_privacy(
            self.privacy,
            goes_on=goes_on,
            epsilon_before=getattr(self, "epsilon_", None),
            knows_number=hasattr(self, "n_public_samples_"),
            validates=validates,
            packing=self.packing,
            metadata_generators={
                "gan" if self.metadata_generator == "auto" else self.metadata_generator,
                self.networks_.config.metadata_generator if goes_on else "gan",
            },
        )

    def _start(self, sequences: Sequences, own: Mapping[str, Any]) -> Sequences:
        """Set up all that is learned before the first step, and return the samples as they are to be encoded."""
        self.seed_ = fit_seed(self.random_state, self.checkpoint_dir)
        self._keep_spent(None)
        if self.privacy is not None:
            assert self.schema is not None, "it was checked"
            self.schema_epsilon_ = self.privacy.schema_epsilon
            sequences, self.n_public_samples_ = made_public(sequences, self.schema, self.privacy, self.seed_)
        options = encoder_options(own)
        private = self.privacy is not None
        self.encoder_ = Encoder.of_schema(sequences.schema, options) if private else Encoder.fit(sequences, options)
        self.schema_ = self._codec().schema
        config = network_config(own, self.encoder_.layout)
        self.networks_ = DoppelGANger.of_seed(self.encoder_.layout, config, self.seed_)
        self.__dict__.pop("_learned", None)
        return sequences

    def _train(
        self,
        encoded: EncodedBatch,
        own: Mapping[str, Any],
        held_out: HeldOut | None,
        max_restarts: int,
        metadata_model: MetadataModel | None,
    ) -> None:
        layout, config = self.encoder_.layout, training_config(own)
        data = TrainingData(encoded, layout, resolve_device(self.device), moves_records=self.encoded_dir is None)
        trainer = self._trainer(data, config)
        steps = own["max_steps"] or own["epochs"] * trainer.steps_per_epoch
        until = trainer.step + steps
        validation = None
        if held_out is not None:
            every = self.validation_steps or is_due
            validation = Validation(held_out.score, every, self.n_iter_no_change, max_restarts)
            trainer.callbacks.append(validation)
        if self.checkpoint_dir is not None:
            built = self.encoder_, self.networks_.config, config, self.seed_
            checkpoint = checkpoint_of(own, encoded, *built, validation)
            checkpoint.resume(trainer)
            trainer.callbacks.append(checkpoint)  # after the validation of a step, which is a part of its state
        try:
            trainer.run(max(until - trainer.step, 0))
        finally:
            if isinstance(trainer, PrivateTrainer):  # weights have changed in their place, however the run ended
                spent = self.schema_epsilon_ + trainer.epsilon, self.schema_epsilon_, self.n_public_samples_
                self._keep_spent(Spent(*spent, list(trainer.ledger)))
        self._keep(Learned.of(trainer, validation, metadata_model))
        if trainer.interrupted:
            warnings.warn(
                f"training was interrupted after step {trainer.step} of {until}; the model is usable as it stands",
                stacklevel=4,
            )

    def _trainer(self, data: TrainingData, config: TrainingConfig) -> Trainer:
        """Return a trainer that stands where training stands."""
        callbacks = [*([Progress()] if self.verbose else []), *self.callbacks]
        given = self.networks_.to(data.device), data, config, self.seed_, callbacks
        private = None if self.privacy is None else PrivateTrainer(*given, self.privacy, self.n_public_samples_)
        trainer = Trainer(*given) if private is None else private
        if hasattr(self, "_learned"):
            trainer.restore(self._learned.training_state)
        if private is not None:
            private.ledger = list(getattr(self, "privacy_ledger_", []))
        return trainer
