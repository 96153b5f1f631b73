"""Candidates trained for their share of the time, and ranked by held-out samples."""

import math
import warnings
from functools import partial

import numpy as np
import pytest
from racers import TABLE, Raise, Stop, scores, small_autoregressive, small_doppelganger

from dgsynth import Sequences
from dgsynth.errors import DivergenceError
from dgsynth.models.auto import race as racing
from dgsynth.models.auto.race import Entry, hold_out, leaderboard, race, trained

DATA = Sequences.from_table(TABLE)


@pytest.fixture
def run(monkeypatch):
    """Return a function that lets two models race, whose scores are given."""

    def run(*given, callbacks=None, seconds=60.0, **more):
        score = scores(*given)
        monkeypatch.setattr(racing, "judge_of", lambda judge: score)
        parameters = {"random_state": 0, "callbacks": [Stop()] if callbacks is None else callbacks, **more}
        models = {"one": small_autoregressive, "other": small_doppelganger}
        makers = {name: partial(make, **parameters) for name, make in models.items()}
        return race(makers, *hold_out(DATA, 0), seconds, shown=False)

    return run


@pytest.mark.parametrize(("n", "size"), [(20, 4), (100, 20), (6000, 1000)])
def test_a_fifth_is_held_out_up_to_a_thousand(n, size):
    data = Sequences.from_table(TABLE.iloc[np.arange(n) % 40])
    training, judge = hold_out(data, 0)
    assert (len(training), len(judge)) == (n - size, size)


def test_the_best_comes_first(run):
    assert [(entry.name, entry.score) for entry in run(0.3, 0.6)] == [("other", 0.6), ("one", 0.3)]


def test_of_about_equal_ones_the_first_candidate_comes_first(run):
    assert [entry.name for entry in run(0.595, 0.6)] == ["one", "other"]


def test_of_about_equal_ones_the_one_with_the_least_excess_comes_first(run):
    assert [entry.name for entry in run((1.0, 0.3), (0.995, 0.2))] == ["other", "one"]
    assert [entry.name for entry in run((1.0, 0.3), (0.9, 0.2))] == ["one", "other"]


def test_as_many_samples_are_scored_as_are_held_out(run, monkeypatch):
    kept = []
    monkeypatch.setattr(racing, "trained", lambda *given: kept.append(given) or trained(*given))
    run(0.3, 0.6)
    assert [len(data) for _, _, data, _ in kept] == [32, 32]
    assert [len(made) for made in racing.judge_of(None).of] == [8, 8]


@pytest.mark.filterwarnings("ignore:.* is left out")
@pytest.mark.parametrize(("took", "left"), [(10, 50), (40, 30)])
def test_shares_are_equal_and_what_one_leaves_is_for_the_next(run, monkeypatch, took, left):
    """What one takes beyond its share, after its last step, is not at the cost of the next."""
    shares = []

    def trained(name, make, data, clock):
        shares.append(clock.seconds)
        return Entry(name, seconds=took)

    monkeypatch.setattr(racing, "trained", trained)
    run(seconds=60)
    assert shares == [30, left]


def test_the_clock_ends_a_training_that_would_go_on(run):
    assert all(entry.model.n_steps_ >= 1 for entry in run(0.3, 0.6, callbacks=(), seconds=0.02))


def test_steps_are_limited_where_that_is_asked(run):
    assert [entry.model.n_steps_ for entry in run(0.3, 0.6, callbacks=(), max_steps=3, seconds=60)] == [3, 3]


def test_models_keep_their_parameters(run):
    models = {entry.name: entry.model for entry in run(0.3, 0.6)}
    assert models["one"].max_steps is None and models["other"].max_steps is None
    assert [type(callback) for callback in models["one"].callbacks] == [Stop]


def test_one_that_diverges_comes_last_with_its_reason(run):
    with pytest.warns(UserWarning, match="one is left out: it is too much"):
        entries = run(0.3, callbacks=(Raise(DivergenceError("it is too much"), 1), Stop()))
    assert [entry.name for entry in entries] == ["other", "one"]
    assert leaderboard(entries)["remark"].tolist() == ["", "it is too much"]


def test_an_interrupt_in_training_ends_the_race(run):
    (entry,) = run(callbacks=(Raise(KeyboardInterrupt(), 1),))
    assert entry.interrupted and entry.model.n_steps_ == 1 and math.isnan(entry.score)


def test_an_interrupt_of_the_second_leaves_the_first_ahead(run):
    first, second = run(0.1, callbacks=(Raise(KeyboardInterrupt(), 2), Stop()))
    assert (first.name, first.score, first.interrupted) == ("one", 0.1, False)
    assert second.interrupted


def test_an_interrupt_in_scoring_ends_the_race(run):
    (entry,) = run(KeyboardInterrupt())
    assert entry.interrupted and entry.model.n_steps_ == 2


def test_what_a_model_warns_of_is_a_remark_but_for_what_is_said_once():
    class Warn(Stop):
        def on_fit_begin(self, trainer):
            warnings.warn("look out", stacklevel=2)

    table = Sequences.from_table(TABLE.iloc[np.arange(200) % 40].assign(key=[f"row {i}" for i in range(200)]))
    entry = trained("one", partial(small_doppelganger, callbacks=[Warn(), Stop()]), table, None)
    assert entry.remark == "look out"
