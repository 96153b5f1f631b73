"""AutoregressiveSynthesizer: tables and records learned by their likelihood, as a scikit-learn estimator."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from dgsynth.constraints.declared import Constraint
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.kernels.packing import Precision
from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenEncoder
from dgsynth.models.autoregressive.held_out import hold_out, validation_of
from dgsynth.models.autoregressive.learned import Learned
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.parameters import (
    CONSTRAINTS,
    VALIDATION,
    check_no_privacy,
    network_config,
    training_config,
)
from dgsynth.models.autoregressive.rare import without_rare
from dgsynth.models.autoregressive.trained import TrainedAutoregressive
from dgsynth.models.autoregressive.training import Trainer
from dgsynth.models.parameters import fit_seed, resolve_device, threads
from dgsynth.training.callbacks import OPEN_END, Callback, Progress
from dgsynth.training.checkpoint import Checkpoint, run_identity
from dgsynth.transforms.timestamps import Timestamps

_EPOCHS, _FEWEST_STEPS = 30, 300
"""How long training takes where nothing is held out, and `max_steps` is not given."""


class AutoregressiveSynthesizer(TrainedAutoregressive):
    """Learns tables, and records of mixed columns, column after column and record after record.

    A column becomes one or two tokens: its categories; for numbers the values that recur, and quantile bins between
    them. A network predicts each token from those before it: metadata first, then one record after another, with an
    LSTM for what went before. Trained by the likelihood, it is calibrated on frequencies, stops by itself when
    held-out samples no longer become likelier, and can draw anything given anything else: metadata given in part,
    series that go on, cells that are missing.

    Parameters
    ----------
    sequence_key, sequence_index, time_columns, metadata, measurements, categorical, schema, constraints, timestamps
        How a table is read, and what all records keep, as in `DGSynthesizer`.
    relative : {"auto"} or bool, default="auto"
        Whether numeric measurements are coded within each sample's own range, which then is generated as metadata
        (Lin et al., section 4.2). "auto" does so for those of which most values share their bin with others, and whose
        ranks vary more between samples than within.
    protect_rare : int, default=0
        A category that fewer samples have is not generated, and numbers keep within what at least so many samples
        reach: for models that are handed out. This is no differential privacy.
    units, lstm_units : int or "auto", default="auto"
        Hidden units of each token's predictor, and of the LSTM over the records. "auto" is 64 and 128 units for
        tables and records, and an LSTM of 160.
    dropout : float in [0, 1) or "auto", default="auto"
        Share of the predictors' hidden units, and of what they see of the LSTM, that a training step leaves out. "auto"
        is a quarter of the units for at most 50,000 rows or records, less in proportion for more, and half of the LSTM.
    drawn_orders : float in [0, 1] or "auto", default="auto"
        Share of the training steps that predict the columns in an order drawn at random, so that any of them can be
        given later. With 0 only the first columns can be given. "auto" is 0.5 for metadata and tables, and 0.1 within
        records.
    max_steps : int, default=None
        Train for so many steps (batches) at most. None trains until it no longer pays. A fifth more follow, slow ones,
        in which the weights settle.
    early_stopping : bool, default=True
        Whether samples are held out, training stops when they no longer become likelier, and the best weights are
        kept. Without it `max_steps` says when training ends, or 30 epochs. `partial_fit` holds out none.
    validation_fraction : float in (0, 1), default=0.1
        Share of the samples held out: at least 2 and at most 2,500, chosen by `random_state`.
    n_iter_no_change : int, default=6
        Training stops after so many validations in a row without a better one. Each comes after 1.05 times the steps
        of the one before, and 25 steps later at least.
    batch_size : int or "auto", default="auto"
        Samples of a step. "auto" is 1,024 rows of a table or records, of 16 samples at least.
    learning_rate : float, default=0.003
    privacy : None
        `AutoregressiveSynthesizer` does not train with differential privacy; `DGSynthesizer` does.
    callbacks : sequence of Callback, default=()
    checkpoint_dir : path-like, default=None
        Where training writes its state every half minute. `fit` goes on from what it finds there, bit for bit, if
        data and parameters (but `max_steps`) are the same.
    device : str, default="auto"
        "auto" is CUDA where there is one, else Apple's MPS, else the CPU.
    precision : {"float32", "bfloat16"}, default="float32"
        What the operands of products are rounded to in training. Samples are drawn in float32.
    n_jobs : int, default=None
        CPU threads; None is torch's own choice, -1 all cores.
    random_state : int, RandomState or None, default=None
        With an int, `fit` is reproducible bit for bit for a fixed number of threads.
    verbose : int, default=0
        1 shows a progress bar with losses.
    warm_start : bool, default=False
        Whether `fit` goes on training the fitted model, on data of the same schema.

    Attributes
    ----------
    schema_ : Schema
        What was learned about the table: columns, kinds, ranges, form.
    encoder_ : TokenEncoder
    networks_ : AutoregressiveNetwork
        As trained.
    generator_ : AutoregressiveNetwork
        What samples are made with: the averaged weights, where `early_stopping` those of `best_step_`, settled.
    history_ : DataFrame
        Losses by step: minus the log-likelihood of a sample's metadata and of its records, in nats.
    n_steps_, n_epochs_ : int
    seed_ : int
    validation_scores_ : DataFrame
        Where `early_stopping`: run (always 0), step and score of each validation. A score is the geometric mean of
        the probabilities that held-out tokens are given.
    best_step_, best_score_ : int, float
        Where `early_stopping`.

    References
    ----------
    The tokens, the relative coding of bins and the stopping rule are this library's own. Uria et al.: Neural
    autoregressive distribution estimation, JMLR 2016, for orders drawn in training; Germain et al.: MADE, ICML 2015,
    for the masks; Lin et al., IMC 2020, section 4.2, for ranges as metadata.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"size": ["s", "m", "l", "m"] * 10, "price": [1.0, 2.5, 4.0, 2.0] * 10})
    >>> model = AutoregressiveSynthesizer(max_steps=2, random_state=0).fit(table)
    >>> model.sample(3, metadata={"size": "m"}, random_state=1)["size"].tolist()
    ['m', 'm', 'm']
    """

    _parameter_constraints: dict[str, list[Any]] = {**TrainedAutoregressive._parameter_constraints, **CONSTRAINTS}

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
        constraints: Sequence[Constraint | str] = (),
        timestamps: Timestamps = "auto",
        relative: bool | str = "auto",
        protect_rare: int = 0,
        units: int | str = "auto",
        lstm_units: int | str = "auto",
        dropout: float | str = "auto",
        drawn_orders: float | str = "auto",
        max_steps: int | None = None,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 6,
        batch_size: int | str = "auto",
        learning_rate: float = 3e-3,
        privacy: None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | os.PathLike[str] | None = None,
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
        self.relative = relative
        self.protect_rare = protect_rare
        self.units = units
        self.lstm_units = lstm_units
        self.dropout = dropout
        self.drawn_orders = drawn_orders
        self.max_steps = max_steps
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.privacy = privacy
        self.callbacks = callbacks
        self.checkpoint_dir = checkpoint_dir
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
        AutoregressiveSynthesizer
            Itself. After a KeyboardInterrupt too, with a warning, trained as far as it came.

        Raises
        ------
        DataError
            The data can't be used; a ValueError that names the column and the remedy.
        DivergenceError
            The loss stopped being finite.
        OSError
            `checkpoint_dir` can't be written.
        """
        check_no_privacy(self.privacy)
        self._validate_params()
        goes_on = self.warm_start and hasattr(self, "networks_")
        return self._fit(X, goes_on=goes_on, epochs=None, validates=self.early_stopping)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one epoch over the samples of `X`; the first call fixes the schema. `early_stopping` is ignored."""
        check_no_privacy(self.privacy)
        self._validate_params()
        return self._fit(X, goes_on=hasattr(self, "networks_"), epochs=1, validates=False)

    def _fit(self, X: Any, *, goes_on: bool, epochs: int | None, validates: bool) -> Self:
        if goes_on and len(self.history_) != self.n_steps_:
            raise DataError(
                "this model was saved with generator_only and can't be trained on; load the whole model, or fit anew"
            )
        self._check_features(X, reset=not goes_on)
        sequences = self._constrain(self._read(X, self.schema_ if goes_on else self.schema), goes_on=goes_on)
        if not goes_on:
            self._warn_of_misreadings(X, sequences)
            sequences = self._start(sequences)
        tokens = self.encoder_.encode(sequences)
        del sequences  # training needs the room, and not the table
        with threads(self.n_jobs):
            if not goes_on:
                self.networks_.begin_with(tokens)
            self._train(tokens, epochs, validates)
        return self

    def _start(self, sequences: Sequences) -> Sequences:
        """Set up all that is learned before the first step, and return the samples as they are to be encoded."""
        self.seed_ = fit_seed(self.random_state, self.checkpoint_dir)
        if self.protect_rare > 1 and self.constraints_ is not None:
            raise DataError(
                "protect_rare replaces values column by column, which breaks constraints; leave one of both out"
            )
        if self.protect_rare > 1:
            sequences = without_rare(sequences, self.protect_rare, self.seed_)
        self.encoder_ = TokenEncoder.fit(sequences, self.timestamps, self.relative, self.protect_rare)
        self.schema_ = self._codec().schema
        config = network_config(self.get_params(deep=False))
        self.networks_ = AutoregressiveNetwork.of_seed(self.encoder_.layout, config, self.seed_)
        self.__dict__.pop("_learned", None)
        return sequences

    def _train(self, tokens: TokenBatch, epochs: int | None, validates: bool) -> None:
        device, layout = resolve_device(self.device), self.encoder_.layout
        held_out = None
        if validates:
            tokens, held_out = hold_out(tokens, self.validation_fraction, self.seed_, layout)
        config = training_config(self.get_params(deep=False), tokens)
        callbacks = [*([Progress()] if self.verbose else []), *self.callbacks]
        trainer = Trainer(self.networks_.to(device), TokenData(tokens, layout, device), config, self.seed_, callbacks)
        if hasattr(self, "_learned"):
            trainer.restore(self._learned.training_state)
        since = trainer.step
        validation = None
        if held_out is not None:
            validation = validation_of(TokenData(held_out, layout, device), config, self.n_iter_no_change)
            trainer.callbacks.append(validation)
        if self.checkpoint_dir is not None:
            settings = {**asdict(self.networks_.config), **asdict(config)}
            identity = run_identity((tokens.metadata, tokens.records, tokens.lengths), settings, self.seed_)
            identity |= {} if validation is None else {name: getattr(self, name) for name in VALIDATION}
            checkpoint = Checkpoint(self.checkpoint_dir, identity, validation=validation)
            checkpoint.resume(trainer)
            trainer.callbacks.append(checkpoint)  # after the validation of a step, which is a part of its state
        trainer.run(max(since + self._n_steps(trainer, epochs, validates) - trainer.step, 0))
        self._keep(Learned.of(trainer, validation, since, callbacks))
        if trainer.interrupted:
            warnings.warn(
                f"training was interrupted after step {trainer.step}; the model is usable as it stands", stacklevel=4
            )

    def _n_steps(self, trainer: Trainer, epochs: int | None, validates: bool) -> int:
        if epochs is not None:
            return epochs * trainer.steps_per_epoch
        if self.max_steps is not None:
            return self.max_steps
        return OPEN_END if validates else max(_FEWEST_STEPS, _EPOCHS * trainer.steps_per_epoch)
