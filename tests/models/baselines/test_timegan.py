from __future__ import annotations

import numpy as np
import pytest
import torch

from dgsynth import Sequences
from dgsynth.baselines import TimeGANSynthesizer
from dgsynth.evaluation.autocorrelation import mean_autocorrelation
from dgsynth.models.baselines.timegan import _moment_distance
from dgsynth.training.callbacks import Callback

QUICK = {"units": 12, "layers": 1, "random_state": 0, "n_jobs": 1, "learning_rate": 5e-3}
COLUMNS = {"sequence_key": "key", "sequence_index": "time"}


def test_the_three_phases_follow_one_another(levels):
    history = TimeGANSynthesizer(max_steps=9, **QUICK, **COLUMNS).fit(levels(40, 5)).history_
    assert len(history) == 9
    assert (history["reconstruction_loss"].iloc[:3] > 0).all() and (history["reconstruction_loss"].iloc[3:6] == 0).all()
    assert (history["supervised_loss"].iloc[3:] > 0).all()
    assert (history["generator_loss"].iloc[:6] == 0).all() and (history["discriminator_loss"].iloc[6:] > 0).all()


def test_records_are_reconstructed(autoregression):
    class EndAfterThePhase(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 150:
                raise KeyboardInterrupt

    model = TimeGANSynthesizer(max_steps=450, callbacks=[EndAfterThePhase()], **QUICK)
    with pytest.warns(UserWarning, match="interrupted after step 150"):
        history = model.fit(autoregression(0.8, n=100, length=10)).history_
    # 10 times the root mean square error of numbers in [0, 1], whose deviation is about 0.15
    assert history["reconstruction_loss"].iloc[140:150].mean() < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_levels_follow_the_metadata(levels, cell):
    parameters = {**QUICK, **COLUMNS, "learning_rate": 2e-3}
    made = TimeGANSynthesizer(max_steps=1200, cell=cell, **parameters).fit(levels()).sample(300, random_state=0)
    means = made.groupby("kind")["value"].mean()
    assert abs(means["a"]) < 2.5 and abs(means["b"] - 10) < 2.5


def test_the_released_model_knows_no_metadata(levels):
    model = TimeGANSynthesizer(max_steps=90, conditional=False, **QUICK, **COLUMNS).fit(levels())
    means = model.sample(500, random_state=0).groupby("kind")["value"].mean()
    assert abs(means["a"] - means["b"]) < 1.5


@pytest.mark.slow
def test_the_period_is_that_of_the_process():
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * (np.arange(20) / 8 + rng.random((400, 1))))[..., None]
    data = Sequences.from_arrays(TimeGANSynthesizer(max_steps=1500, **QUICK).fit(waves).sample(200, random_state=0))
    correlation = mean_autocorrelation(data, data.schema.measurement_names[0], max_lag=11)
    assert 7 <= 4 + np.nanargmax(correlation[4:]) <= 9 and correlation[4] < -0.3


def test_moments_are_of_the_samples_that_have_a_step():
    records, lengths = torch.tensor([[1.0, 2.0], [3.0, 99.0]])[..., None], torch.tensor([2, 1])
    made = torch.tensor([[2.0, 4.0], [4.0, -99.0]])[..., None]
    # Means 2 and 2 against 3 and 4, deviations 1 and 0 against the same: (1 + 2) / 2.
    assert _moment_distance(made, records, lengths).item() == pytest.approx(1.5)
