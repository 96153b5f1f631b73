"""What the baselines have in common: they are fitted, sampled and filed like DGSynthesizer, on encoded data."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.models.baselines.network import Network, generate
from dgsynth.models.condition import condition_of, decode_given
from dgsynth.models.model_file import (
    check_suffix,
    count,
    damage_named,
    header_of,
    history_frame,
    model_of,
    to_plain,
    weights_digest,
)
from dgsynth.models.parameters import resolve_device, seed_of, threads
from dgsynth.models.synthesizer import Maker, Synthesizer
from dgsynth.tensor_file import load_weights, read_tensor_file, write_tensor_file
from dgsynth.training.batching import Batches, BatchOrder, RealBatch, TrainingData
from dgsynth.training.callbacks import Callback, Progress
from dgsynth.training.loop import Phases
from dgsynth.transforms.encoder import Encoder, EncoderOptions
from dgsynth.transforms.scaling import Scaling
from dgsynth.transforms.state import encoder_to_dict
from dgsynth.transforms.timestamps import Timestamps


class Baseline(Synthesizer):
    """Base of the baselines. There is no going on with training: neither warm_start nor checkpoints.

    Parameters
    ----------
    sequence_key, sequence_index, time_columns, metadata, measurements, categorical, schema, constraints, timestamps
    scaling
        How a table is read and its columns are scaled, and what all records keep, as in `DGSynthesizer`.
    callbacks : sequence of Callback, default=()
    device : str, default="auto"
    n_jobs : int, default=None
        CPU threads; None is torch's own choice, -1 all cores.
    random_state : int, RandomState or None, default=None
        With an int, `fit` is reproducible bit for bit for a fixed number of threads.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    schema_ : Schema
    encoder_ : Encoder
        Numbers are scaled to [0, 1] and categories one-hot as in `DGSynthesizer`; a record is a step of its own, and
        samples are not normalized by their own range, which are ideas of DoppelGANger.
    network_ : Network
    history_ : DataFrame
        Losses by step; 0 where a phase of training has none.
    n_steps_, n_epochs_, seed_ : int
    """

    encoder_: Encoder
    network_: Network
    history_: pd.DataFrame

    _parameter_constraints: dict[str, list[Any]] = {**Synthesizer._parameter_constraints}

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
        scaling: Scaling | Mapping[Any, Scaling] = "auto",
        callbacks: Sequence[Callback] = (),
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
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
        self.scaling = scaling
        self.callbacks = callbacks
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Spell out in the signature of `__init__` what it hands on as ``**common``, for scikit-learn and for help."""
        super().__init_subclass__(**keywords)
        own, common = (inspect.signature(kind.__init__).parameters for kind in (cls, Baseline))
        named = [parameter for parameter in own.values() if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
        handed_on = [parameter for name, parameter in common.items() if name not in own]
        cls.__init__.__signature__ = inspect.Signature([*named, *handed_on])  # type: ignore[attr-defined]

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the samples of `X`.

        Parameters
        ----------
        X : DataFrame, pyarrow Table, array of shape (n, T, K) or (n, m), list of arrays of shape (T_i, K), or Sequences
            As in `DGSynthesizer.fit`.
        y : ignored

        Returns
        -------
        Baseline
            Itself. After a KeyboardInterrupt too, with a warning, trained as far as it came.

        Raises
        ------
        DataError
            The data can't be used, or are of a kind that the model can't learn.
        DivergenceError
            A loss stopped being finite.
        ImportError
            The model needs a library that is not installed.
        """
        self._validate_params()
        self._check_features(X)
        sequences = Sequences.from_any(X, **self._roles(), schema=self.schema)
        self._warn_of_misreadings(X, sequences)
        sequences = self._constrain(sequences)
        options = EncoderOptions(1, False, self.scaling, (0, 1), self.timestamps)
        encoder = Encoder.fit(sequences, options)
        self._check(encoder)
        self.encoder_, self.seed_ = encoder, seed_of(self.random_state)
        self.schema_ = self._codec().schema
        data = encoder.encode(sequences)
        del sequences  # training needs the room, and not the table
        with threads(self.n_jobs), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed_)
            network, phases = self._learn(data)
        self.network_ = network.cpu().eval().requires_grad_(False)
        self.n_steps_, self.n_epochs_ = phases.step, phases.epoch
        self.history_ = history_frame(phases.history.values(), phases.history.names, phases.step)
        if phases.interrupted:
            warnings.warn(
                f"training was interrupted after step {phases.step} of {phases.total_steps}; the model is usable as "
                "it stands",
                stacklevel=2,
            )
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one .safetensors file; see `load`."""
        check_is_fitted(self)
        check_suffix(path)
        header = {**header_of(self), "sizes": self.network_.sizes, "losses": list(self.history_.columns)}
        tensors = {f"network.{name}": tensor for name, tensor in self.network_.state_dict().items()}
        tensors["history"] = torch.from_numpy(self.history_.to_numpy().copy())
        write_tensor_file(path, "model", header, tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the model in a file that `save` wrote; nothing in the file is executed.

        Raises
        ------
        FileNotFoundError
        ModelFileError
            The file is damaged, foreign, of another model or of another format version.
        """
        header, tensors = read_tensor_file(path, "model")
        name = Path(path).name
        with damage_named(name):
            model = model_of(header, cls, name)
            losses = header["losses"]
            if not isinstance(losses, list) or {*map(type, losses)} != {str}:
                raise ValueError(f"its losses are {losses!r}")
            model.history_ = history_frame(tensors.pop("history"), losses, model.n_steps_)
            sizes = {size: count(header["sizes"], size) for size in header["sizes"]}
            with torch.device("meta"):  # shapes only: what the header claims is compared before memory is taken
                model.network_ = model._network(model.encoder_.layout, sizes)
        load_weights(model.network_, {n.removeprefix("network."): tensor for n, tensor in tensors.items()}, name)
        model.network_.eval().requires_grad_(False)
        return model

    def _check(self, encoder: Encoder) -> None:
        """Raise DataError where the model can't learn data that are encoded so."""

    def _network(self, layout: Layout, sizes: dict[str, int]) -> Network:
        """Return the model before it has learned anything."""
        raise NotImplementedError

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        """Return the trained network, and the loop that trained it; torch's randomness is that of `seed_`."""
        raise NotImplementedError

    def _batches(self, data: EncodedBatch, batch_size: int) -> Batches[RealBatch]:
        """Return shuffled batches on the device, padded to max_length records with flags."""
        on_device = TrainingData(data, self.encoder_.layout, resolve_device(self.device))
        return Batches(on_device.batch, BatchOrder(len(data), batch_size, 1, self.seed_))

    def _phases(self, losses: Sequence[str], steps_per_epoch: int) -> Phases:
        return Phases(losses, steps_per_epoch, [*([Progress()] if self.verbose else []), *self.callbacks])

    @property
    def n_weights_(self) -> int:
        """Numbers that the network holds, rows of metadata included."""
        check_is_fitted(self)
        return sum(tensor.numel() for tensor in self.network_.state_dict().values())

    def _maker(self) -> Maker:
        return self._constrained(partial(_samples, self.network_, self.encoder_, self.n_jobs))

    def _digest(self) -> str:
        common = inspect.signature(Baseline.__init__).parameters
        own = {name: to_plain(value) for name, value in self.get_params(deep=False).items() if name not in common}
        described = {"synthesizer": type(self).__name__, "parameters": own, "encoder": encoder_to_dict(self.encoder_)}
        return weights_digest(described, dict(self.network_.state_dict()))


def _samples(
    network: Network,
    encoder: Encoder,
    n_jobs: int | None,
    seed: int,
    first: int,
    n_samples: int,
    condition: pd.DataFrame | None = None,
    lengths: Tensor | None = None,
) -> Sequences:
    """Return samples; what it needs of the model travels to other processes."""
    with threads(n_jobs):
        given = None if condition is None else condition_of(encoder, condition)
        encoded = generate(network, seed, first, n_samples, given, lengths)
    return decode_given(encoder, encoded, condition)
