"""The estimator's fit: training on, interrupting, resuming, parameters and errors."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from small_models import KEYS, SMALL, Interrupt, homes

from dgsynth import DGSynthesizer, Schema
from dgsynth.errors import DataError, ModelFileError
from dgsynth.tensor_file import read_tensor_file, write_tensor_file
from dgsynth.training.callbacks import Callback
from dgsynth.training.checkpoint import FILE_NAME

# Training on, interrupting, resuming


def test_warm_start_goes_on_and_a_cold_one_begins_anew(table):
    settings = {"random_state": 0, "learning_rate_schedule": "constant", **KEYS, **SMALL}
    model = DGSynthesizer(max_steps=3, warm_start=True, **settings).fit(table)
    model.fit(table)
    assert model.n_steps_ == 6 and len(model.history_) == 6
    whole = DGSynthesizer(max_steps=6, **settings).fit(table)
    pd.testing.assert_frame_equal(model.history_, whole.history_)
    assert model.set_params(warm_start=False).fit(table).n_steps_ == 3


def test_partial_fit_trains_one_epoch_at_a_time(table):
    model = DGSynthesizer(random_state=0, **KEYS, **SMALL)
    model.partial_fit(table).partial_fit(table)
    assert model.n_epochs_ == 2 and model.n_steps_ == 2 * (40 // 16)


def test_new_data_must_fit_the_schema(table):
    model = DGSynthesizer(max_steps=2, warm_start=True, random_state=0, **KEYS, **SMALL).fit(table)
    with pytest.raises(DataError, match="isp"):
        model.fit(table.assign(isp="another"))


def test_an_interrupt_leaves_a_usable_model(table):
    model = DGSynthesizer(max_steps=50, callbacks=[Interrupt(4)], random_state=0, **KEYS, **SMALL)
    with pytest.warns(UserWarning, match="interrupted after step 4 of 50"):
        model.fit(table)
    assert len(model.sample(3)) >= 3 and model.n_steps_ == 4


def test_a_run_goes_on_from_its_checkpoint(table, tmp_path):
    settings = {"random_state": 0, "n_jobs": 1, "learning_rate_schedule": "constant", **KEYS, **SMALL}
    whole = DGSynthesizer(max_steps=8, **settings).fit(table)
    DGSynthesizer(max_steps=3, checkpoint_dir=tmp_path, **settings).fit(table)
    resumed = DGSynthesizer(max_steps=8, checkpoint_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_)
    pd.testing.assert_frame_equal(resumed.sample(9, random_state=0), whole.sample(9, random_state=0))


def test_a_checkpoint_of_another_run_is_refused(table, tmp_path):
    DGSynthesizer(max_steps=2, checkpoint_dir=tmp_path, random_state=0, **KEYS, **SMALL).fit(table)
    other = DGSynthesizer(max_steps=2, checkpoint_dir=tmp_path, random_state=0, **KEYS, **SMALL)
    with pytest.raises(ModelFileError, match=r"another run: learning_rate is 0.001 there and 0.01 here"):
        other.set_params(learning_rate=0.01).fit(table)
    with pytest.raises(ModelFileError, match="another run: data"):
        other.set_params(learning_rate=0.001).fit(homes(seed=1))


@pytest.mark.parametrize("name", ["generator_optimizer.0.exp_avg", "discriminator_optimizer.step", "history"])
def test_a_checkpoint_that_lacks_a_part_is_refused(table, tmp_path, name):
    model = DGSynthesizer(max_steps=2, checkpoint_dir=tmp_path, random_state=0, **KEYS, **SMALL).fit(table)
    header, tensors = read_tensor_file(tmp_path / FILE_NAME, "checkpoint")
    del tensors[name]
    write_tensor_file(tmp_path / FILE_NAME, "checkpoint", {"identity": header["identity"]}, tensors)
    with pytest.raises(ModelFileError, match="is damaged"):
        model.fit(table)


def is_mapped(folder):
    """Return whether this process has mapped a file of the folder, be it without a name."""
    return str(folder) in Path("/proc/self/maps").read_text()


class Mapped(Callback):
    """Notes whether records are mapped in a step, and then raises an error of the class that it is given."""

    def __init__(self, folder, error=None):
        self.folder, self.error, self.seen = folder, error, False

    def on_step_end(self, trainer):
        self.seen = is_mapped(self.folder)
        if self.error is not None:
            raise self.error


def test_records_in_a_file_train_the_same_model(table, tmp_path):
    settings = {"max_steps": 5, "random_state": 0, "n_jobs": 1, **KEYS, **SMALL}
    in_memory = DGSynthesizer(**settings).fit(table)
    in_file = DGSynthesizer(encoded_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(in_file.history_, in_memory.history_, check_exact=True)
    pd.testing.assert_frame_equal(in_file.sample(9, random_state=0), in_memory.sample(9, random_state=0))


def test_a_run_goes_on_from_its_checkpoint_with_records_in_a_file(table, tmp_path):
    settings = {"random_state": 0, "n_jobs": 1, "learning_rate_schedule": "constant", **KEYS, **SMALL}
    encoded_dir = tmp_path / "encoded"
    encoded_dir.mkdir()
    mapped = {"checkpoint_dir": tmp_path, "encoded_dir": str(encoded_dir)}
    DGSynthesizer(max_steps=3, **mapped, **settings).fit(table)
    DGSynthesizer(max_steps=5, checkpoint_dir=tmp_path, **settings).fit(table)
    resumed = DGSynthesizer(max_steps=8, **mapped, **settings).fit(table)
    whole = DGSynthesizer(max_steps=8, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_, check_exact=True)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs Linux to see what is mapped")
@pytest.mark.filterwarnings("ignore:training was interrupted")
@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ArithmeticError])
def test_the_file_of_records_goes_with_the_run(table, tmp_path, error):
    watch = Mapped(tmp_path, error)
    with suppress(ArithmeticError):
        DGSynthesizer(max_steps=2, callbacks=[watch], encoded_dir=tmp_path, **KEYS, **SMALL).fit(table)
    assert watch.seen and not is_mapped(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_metadata_alone_need_no_file(tmp_path):
    rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": list("abab")})
    assert len(DGSynthesizer(max_steps=2, encoded_dir=tmp_path, **SMALL).fit(rows).sample(3)) == 3


def test_a_mapped_array_is_taken(tmp_path):
    values = np.random.default_rng(0).random((20, 6, 2)).astype("float32")
    np.save(tmp_path / "values.npy", values)
    settings = {"max_steps": 3, "random_state": 0, "n_jobs": 1, **SMALL}
    mapped = DGSynthesizer(encoded_dir=tmp_path, **settings).fit(np.load(tmp_path / "values.npy", mmap_mode="r"))
    pd.testing.assert_frame_equal(mapped.history_, DGSynthesizer(**settings).fit(values).history_, check_exact=True)
    assert mapped.sample(2).dtype == np.float32


def test_a_missing_encoded_dir_is_named(table, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"encoded_dir is '.*nowhere'.* name an existing folder"):
        DGSynthesizer(max_steps=1, encoded_dir=tmp_path / "nowhere", **KEYS, **SMALL).fit(table)


KILLED_RUN = """
    import sys
    sys.path.insert(0, {tests!r})
    from test_doppelganger_estimator import KEYS, SMALL, homes
    from dgsynth import DGSynthesizer
    from dgsynth.training import checkpoint
    checkpoint.SECONDS_BETWEEN = 0.0
    checkpoint.Checkpoint.__init__.__defaults__ = (0.0,)
    settings = dict(random_state=0, n_jobs=1, learning_rate_schedule="constant", **KEYS, **SMALL)
    DGSynthesizer(max_steps=10**6, checkpoint_dir={folder!r}, **settings).fit(homes())
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_bit_for_bit(table, tmp_path):
    script = textwrap.dedent(KILLED_RUN).format(tests=os.path.dirname(__file__), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", script])
    file = tmp_path / "checkpoint.safetensors"
    deadline = time.monotonic() + 120
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)  # some dozens of steps, one checkpoint each, so that the kill falls anywhere
    process.send_signal(signal.SIGKILL)
    process.wait()
    settings = {"random_state": 0, "n_jobs": 1, "learning_rate_schedule": "constant", **KEYS, **SMALL}
    resumed = DGSynthesizer(max_steps=1, checkpoint_dir=tmp_path, **settings).fit(table)
    steps = resumed.n_steps_ + 10
    resumed = DGSynthesizer(max_steps=steps, checkpoint_dir=tmp_path, **settings).fit(table)
    whole = DGSynthesizer(max_steps=steps, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_)


# Parameters and errors


def test_nothing_is_sampled_before_fit():
    with pytest.raises(NotFittedError):
        DGSynthesizer().sample(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 0}, "'epochs' parameter of DGSynthesizer must be"),
        ({"early_stopping": "yes"}, "'early_stopping' parameter"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
        ({"validation_steps": 0}, "'validation_steps' parameter"),
        ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter"),
        ({"max_restarts": -1}, "'max_restarts' parameter"),
        ({"scaling": "cubic"}, "'scaling' parameter"),
        ({"scaling": {"bytes": "cubic"}}, "scaling of column 'bytes'"),
        ({"scaling": {"byte": "log"}}, "scaling names column 'byte'"),
        ({"sample_len": 0}, "'sample_len' parameter"),
        ({"feature_range": (0, 2)}, "feature_range must be"),
        ({"metadata_units": (0,)}, "metadata_units must be positive ints"),
        ({"initial_state": "hot"}, "'initial_state' parameter"),
        ({"device": "warp"}, "device"),
        ({"sequence_key": "house"}, "'house'"),
    ],
)
def test_bad_parameters_are_named(table, change, words):
    with pytest.raises((ValueError, RuntimeError), match=words):
        DGSynthesizer(max_steps=2, **KEYS, **SMALL).set_params(**change).fit(table)


def test_a_schema_can_be_declared(table):
    schema = Schema.infer(table, **KEYS).with_column("rooms", minimum=0, maximum=20)
    model = DGSynthesizer(schema=schema, max_steps=2, random_state=0, **KEYS, **SMALL).fit(table)
    assert model.schema_.column("rooms").maximum == 20
    assert (
        model.sample(3, metadata={"rooms": 20, "isp": "a", "owned": True, "income": 50.0, "since": "2015-01-01"})
        .rooms.eq(20)
        .all()
    )


def test_progress_is_shown_on_request(table, capsys):
    DGSynthesizer(max_steps=2, verbose=1, random_state=0, **KEYS, **SMALL).fit(table)
    assert "training" in capsys.readouterr().err
    DGSynthesizer(max_steps=2, random_state=0, **KEYS, **SMALL).fit(table)
    assert capsys.readouterr().err == ""
