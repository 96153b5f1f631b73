"""The hidden Markov model: each record comes from a state, and each state from the one before."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.errors import DataError
from dgsynth.kernels.philox import Stream
from dgsynth.models.baselines.base import Baseline
from dgsynth.models.baselines.emission import draw_records, number_columns, unroll
from dgsynth.models.baselines.empirical import EmpiricalRows
from dgsynth.models.baselines.network import Network, ragged, without_records
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition
from dgsynth.models.parameters import POSITIVE, RATE
from dgsynth.training.loop import Phases

CANDIDATES = (2, 4, 8, 16, 32)
"""Numbers of states that "auto" tries in this order."""

_MOST_WORSE = 2
"""So many in a row with a higher BIC end the search. EM finds local optima: it may rise once and fall again."""

_RECORDS_FOR_CHOICE = 50_000
"""About so many records, of random samples, on which the number of states is chosen and the states are begun with."""

_MOST_RECORDS = 500_000
"""About so many records, of random samples, are the most that the model is fitted on."""

_MIN_COVARIANCE = 1e-3
"""Least variance of a state, in units of a column's own."""


Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class HMMSynthesizer(Baseline):
    """Hidden Markov model with Gaussian emissions, fitted by hmmlearn's EM.

    Metadata are drawn from the rows of the training data, which a saved model holds, and have nothing to do with the
    series: "there is no natural way to jointly generate metadata and time series in HMMs". Needs hmmlearn.

    Parameters
    ----------
    n_states : int or "auto", default="auto"
        Hidden states; "auto" takes those of `CANDIDATES` with the lowest Bayesian information criterion, each fitted on
        some 50,000 records of random samples, and tries no more after two in a row that were worse.
    covariance_type : {"diag", "full"}, default="full"
        Of the numbers of a record, in each state.
    n_iter : int, default=50
        Most iterations of EM, over some 500,000 records of random samples at most.
    tolerance : float, default=1e-4
        EM ends where the log-likelihood per record rises by less.
    **common
        Those of `Baseline`: sequence_key, sequence_index, random_state, verbose and so on. `device` is not used.

    Notes
    -----
    A record's columns are scaled to variance one for EM. Where lengths vary, whether a sample ends is one of them, so
    that an end can have states of its own. EM takes categories and the end for Gaussian numbers; in generation each is
    drawn by its mean in the state, which is its frequency there.

    References
    ----------
    Lin et al. (2020), Section 5.1.2, "HMM". The paper does not say how many states, nor how lengths are made.

    Examples
    --------
    >>> import numpy as np
    >>> model = HMMSynthesizer(n_states=2, random_state=0).fit(np.random.default_rng(0).random((10, 6, 1)))
    >>> model.sample(3, random_state=1).shape
    (3, 6, 1)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Baseline._parameter_constraints,
        "n_states": [POSITIVE, StrOptions({"auto"})],
        "covariance_type": [StrOptions({"diag", "full"})],
        "n_iter": [POSITIVE],
        "tolerance": [RATE],
    }

    def __init__(
        self,
        *,
        n_states: int | str = "auto",
        covariance_type: str = "full",
        n_iter: int = 50,
        tolerance: float = 1e-4,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.n_states = n_states
        self.covariance_type = covariance_type
        self.n_iter = n_iter
        self.tolerance = tolerance

    def _network(self, layout: Layout, sizes: dict[str, int]) -> HMMNetwork:
        return HMMNetwork(layout, sizes)

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        metadata = EmpiricalRows.of(data.metadata)
        layout = self.encoder_.layout
        phases = self._phases(["negative_log_likelihood"], 1)
        states = 0
        if layout.has_measurements:
            observations = Observations(data, layout)
            with _without_log():
                model = self._begin(observations, phases)
                self._iterate(model, *observations.part(_MOST_RECORDS, self.seed_), phases, 0.5)
            states = model.n_components
            _warn_of_parameters(model, observations.values)
        network = self._network(layout, {"rows": len(metadata.rows), "states": states})
        network.metadata = metadata
        if states:
            network.take(model, observations)
        return network, phases

    def _begin(self, observations: Observations, phases: Phases) -> Any:
        """Return a model of the number of states asked for, or of that with the lowest BIC, fitted on some records."""
        values, lengths = observations.part(_RECORDS_FOR_CHOICE, self.seed_)
        distinct = len(np.unique(values, axis=0))
        if self.n_states != "auto":
            if int(self.n_states) > distinct:
                raise DataError(
                    f"n_states={self.n_states}, but the data have {distinct} distinct records; ask for fewer"
                )
            candidates = [int(self.n_states)]
        else:
            candidates = [n for n in CANDIDATES if n <= distinct] or [1]
        best, lowest, n_worse = None, np.inf, 0
        for n_states in candidates:
            model = self._new(n_states)
            try:
                share = 0.5 * n_states / sum(candidates)  # of the time that it takes
                self._iterate(model, values, lengths, phases, share)
                if not np.isfinite(getattr(model, "means_", 0.0)).all():
                    raise ValueError("a state that no record is in")
            except ValueError as error:
                if best is not None:
                    break
                raise DataError(
                    f"too few records ({len(values)}) for the number of hidden states ({n_states}); give more samples, "
                    "or take another model"
                ) from error
            criterion = _safely(model, model.bic, values, lengths) if hasattr(model, "means_") else np.inf
            if best is None or criterion < lowest:
                best, lowest, n_worse = model, criterion, 0
            else:
                n_worse += 1
            if n_worse == _MOST_WORSE:
                break
        return best

    def _new(self, n_states: int) -> Any:
        gaussian_hmm = _gaussian_hmm()
        # With a prior a state that no sample goes on from, as one of ends, has transitions all the same.
        return gaussian_hmm(
            n_states,
            self.covariance_type,
            _MIN_COVARIANCE,
            transmat_prior=1.001,
            n_iter=1,
            random_state=self.seed_ % 2**32,
            implementation="scaling",
        )

    def _iterate(self, model: Any, values: Floats, lengths: Ints, phases: Phases, share: float) -> None:
        """Take iterations of EM until the likelihood hardly rises."""
        before = -np.inf

        def take_step(step: int) -> Tensor:
            nonlocal before
            likelihood = _em_step(model, values, lengths) / len(values)
            phases.stop = phases.stop or likelihood - before < self.tolerance
            before = likelihood
            return torch.tensor([-likelihood])

        phases.run_phase(take_step, self.n_iter, share)


class Observations:
    """What EM sees: the records and whether a sample ends with them, each column scaled to mean 0 and variance 1.

    Parameters
    ----------
    data : EncodedBatch
    layout : Layout

    Attributes
    ----------
    values : float64 array of shape (sum of lengths, D)
        One column for the end, where there are flags.
    lengths : int64 array of shape (n,)
    """

    def __init__(self, data: EncodedBatch, layout: Layout) -> None:
        self.lengths = data.lengths.numpy()
        columns = [data.records.numpy().astype(np.float64)]
        if layout.has_flags:
            ends = np.zeros((len(data.records), 1))
            ends[self.lengths.cumsum() - 1] = 1
            columns.append(ends)
        values = np.concatenate(columns, axis=1)
        self.mean, deviation = values.mean(axis=0), values.std(axis=0)
        self.deviation = np.where(deviation > 1e-9, deviation, 1.0)
        self.values = (values - self.mean) / self.deviation

    def part(self, n_records: int, seed: int) -> tuple[Floats, Ints]:
        """Return values and lengths of random samples with about so many records; at least one sample."""
        if len(self.values) <= n_records:
            return self.values, self.lengths
        order = np.random.default_rng(seed).permutation(len(self.lengths))
        n_samples = max(1, int(np.searchsorted(self.lengths[order].cumsum(), n_records)))
        chosen = np.sort(order[:n_samples])
        starts = self.lengths.cumsum() - self.lengths
        lengths = self.lengths[chosen]
        rows = np.repeat(starts[chosen] - (lengths.cumsum() - lengths), lengths) + np.arange(lengths.sum())
        return self.values[rows], lengths


class HMMNetwork(Network):
    """Start, transitions and emissions, and the metadata's distribution."""

    start: Tensor
    transitions: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, layout: Layout, sizes: dict[str, int]) -> None:
        super().__init__()
        self.layout, self.sizes = layout, sizes
        self.metadata = EmpiricalRows(sizes["rows"], layout.metadata_dim)
        states, n_numbers = sizes["states"], len(number_columns(layout.step_outputs))
        self.register_buffer("start", torch.zeros(states))
        self.register_buffer("transitions", torch.zeros(states, states))
        self.register_buffer("means", torch.zeros(states, layout.step_dim))
        self.register_buffer("factors", torch.zeros(states, n_numbers, n_numbers))

    def take(self, model: Any, observations: Observations) -> None:
        """Take over what EM has learned, in the terms of the records."""
        width, numbers = sum(output.dim for output in self.layout.record), number_columns(self.layout.step_outputs)
        means = model.means_ * observations.deviation + observations.mean
        self.means[:, :width] = torch.from_numpy(means[:, :width]).clamp(0, 1)
        if self.layout.has_flags:
            ends = torch.from_numpy(means[:, width]).clamp(0, 1)
            self.means[:, width:] = torch.stack([1 - ends, ends], dim=1)
        scale = observations.deviation[numbers]
        covariances = model.covars_[:, numbers][:, :, numbers] * scale[:, None] * scale
        self.factors.copy_(torch.from_numpy(np.linalg.cholesky(covariances)))
        self.start.copy_(torch.from_numpy(model.startprob_))
        self.transitions.copy_(torch.from_numpy(model.transmat_))

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        layout = self.layout
        metadata = self.metadata.draw(noise, condition)
        if not layout.has_measurements:
            return without_records(metadata, layout, lengths)
        longest = layout.max_length if lengths is None else int(lengths.max())
        normal = noise.normal(Stream.MEASUREMENT, layout.step_dim, longest)
        uniform = noise.uniform(Stream.STATE, 1, longest)
        state = _next_states(self.start.expand(len(noise), -1), uniform[:, 0])

        def emit(t: int) -> Tensor:
            return draw_records(self.means[state], normal[:, t], self.factors[state], layout.step_outputs)

        def advance(record: Tensor, t: int) -> Tensor:
            nonlocal state
            state = _next_states(self.transitions[state], uniform[:, t])
            return emit(t)

        steps, lengths = unroll(emit(0), advance, layout, lengths)
        return EncodedBatch(metadata, metadata[:, :0], ragged(steps, lengths, layout), lengths)


def _next_states(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Return states (B,) drawn by probabilities (B, states), at uniform numbers (B, 1)."""
    ends = probabilities.cumsum(1)
    # The last state with a probability, where rounding leaves the ends below the number.
    return (uniform * ends[:, -1:] >= ends).sum(1).clamp(max=probabilities.shape[1] - 1)


@contextmanager
def _without_log() -> Iterator[None]:
    """Keep what hmmlearn logs from the terminal, where it says the same of each start."""
    log = logging.getLogger("hmmlearn")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with np.errstate(divide="ignore", invalid="ignore"):  # states that no record is in, see `_begin`
            yield
    finally:
        log.setLevel(level)


def _warn_of_parameters(model: Any, values: Floats) -> None:
    """Warn where a fitted model has more parameters than there are records."""
    states, width = model.n_components, values.shape[1]
    of_state = width + (width if model.covariance_type == "diag" else width * (width + 1) // 2)
    n_parameters = states**2 - 1 + states * of_state
    if n_parameters > len(values):
        warnings.warn(
            f"HMMSynthesizer has {n_parameters} parameters for {len(values)} records, which it may learn by heart; "
            "give more samples, or set n_states=1 and covariance_type='diag'",
            stacklevel=4,
        )


def _em_step(model: Any, values: Floats, lengths: Ints) -> float:
    """Take one iteration of EM, and return the log-likelihood before it."""
    _safely(model, model.fit, values, lengths)
    model.init_params = ""
    n_columns = values.shape[1]
    covariances = model.covars_ + _MIN_COVARIANCE * np.eye(n_columns)  # of M-steps: it does not add up
    model.covars_ = covariances if model.covariance_type == "full" else np.diagonal(covariances, axis1=1, axis2=2)
    return float(model.monitor_.history[-1])


def _safely(model: Any, method: Callable[..., Any], values: Floats, lengths: Ints) -> Any:
    """Return what a method of the model returns, with probabilities as logarithms where they are too small else."""
    try:
        return method(values, lengths)
    except ValueError as error:
        if "underflow" not in str(error) or model.implementation == "log":
            raise
        model.implementation = "log"  # slower, but nothing is too improbable for it
        return method(values, lengths)


def _gaussian_hmm() -> Any:
    try:
        from hmmlearn.hmm import GaussianHMM
    except ImportError as error:
        raise ImportError("HMMSynthesizer needs hmmlearn; install it with: pip install 'dgsynth[baselines]'") from error
    return GaussianHMM
