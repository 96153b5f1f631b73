"""Bars end as they should, as text and as widgets."""

import sys

import pytest

from dgsynth.progress import Bar
from dgsynth.training.callbacks import Progress
from dgsynth.training.loop import Phases


def train(step, steps, callbacks=()):
    phases = Phases(["loss"], 10, [progress := Progress(), *callbacks])
    try:
        phases.run_phase(step, steps)
    finally:
        assert progress._bar.disable  # closed
    return progress._bar


def zero(_step):
    import torch

    return torch.zeros(1)


def test_a_training_that_ends_early_leaves_a_whole_bar(capfd):
    from dgsynth.training.callbacks import Callback

    class Stop(Callback):
        def on_step_end(self, trainer):
            trainer.stop = trainer.step == 7

    bar = train(zero, 1000, [Stop()])
    assert (bar.n, bar.total) == (7, 7)
    assert "7/7" in capfd.readouterr().err


def test_a_training_that_fails_closes_its_bar_as_it_stands(capfd):
    def fail(step):
        return zero(step) if step < 3 else 1 / 0

    with pytest.raises(ZeroDivisionError):
        train(fail, 10)
    assert "10/10" not in capfd.readouterr().err


def test_a_widget_is_told_how_far_it_will_go():
    class Slider:
        max = 1000

    bar = Bar(total=1000, disable=True)
    bar.container = type("Box", (), {"children": [None, Slider(), None]})()
    bar.expect(20)
    assert bar.container.children[1].max == bar.total == 20


def test_the_missing_widgets_are_no_warning(monkeypatch):
    import importlib
    import warnings

    from tqdm import TqdmWarning

    import dgsynth.progress

    class Auto:
        @property
        def tqdm(self):
            warnings.warn("IProgress not found", TqdmWarning, stacklevel=2)
            return Bar.__mro__[1]

    monkeypatch.setitem(sys.modules, "tqdm.auto", Auto())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.reload(dgsynth.progress)
    monkeypatch.undo()
    importlib.reload(dgsynth.progress)
