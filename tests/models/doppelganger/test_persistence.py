"""Model files: everything comes back, and nothing harmful or damaged is accepted."""

import json
import stat

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from small_models import KEYS, SMALL, homes

import dgsynth
from dgsynth import DGSynthesizer
from dgsynth.errors import ModelFileError


@pytest.fixture(scope="module")
def model():
    return DGSynthesizer(
        max_steps=4, random_state=0, scaling={"bytes": "log"}, categorical=["rooms"], **KEYS, **SMALL
    ).fit(homes())


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_a_loaded_model_is_the_saved_one(model, path):
    loaded = dgsynth.load(path)
    pd.testing.assert_frame_equal(loaded.sample(50, random_state=1), model.sample(50, random_state=1))
    pd.testing.assert_frame_equal(loaded.history_, model.history_)
    assert loaded.get_params() == model.get_params()
    assert loaded.schema_ == model.schema_ and loaded.n_steps_ == 4


@pytest.mark.filterwarnings("error")
def test_a_loaded_model_can_be_trained_on(path):
    loaded = dgsynth.load(path).set_params(warm_start=True)
    assert loaded.fit(homes()).n_steps_ == 8
    assert len(loaded.history_) == 8
    assert loaded.feature_names_in_.tolist() == homes().columns.tolist()


@pytest.mark.parametrize(
    "change",
    [{"generator_averaging": 0.0}, {"initial_state": "learned"}, {"auxiliary_discriminator": False, "packing": 2}],
)
def test_every_kind_of_model_comes_back(change, tmp_path):
    model = DGSynthesizer(max_steps=2, random_state=0, **KEYS, **SMALL).set_params(**change).fit(homes())
    model.save(tmp_path / "m.safetensors")
    loaded = dgsynth.load(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(5, random_state=1), model.sample(5, random_state=1))


def test_metadata_only_and_array_models_come_back(tmp_path):
    for i, data in enumerate([np.random.default_rng(0).random((9, 3)), np.random.default_rng(0).random((9, 4, 2))]):
        model = DGSynthesizer(max_steps=2, random_state=0, **SMALL).fit(data)
        model.save(tmp_path / f"{i}.safetensors")
        loaded = dgsynth.load(tmp_path / f"{i}.safetensors")
        np.testing.assert_array_equal(loaded.sample(5, random_state=1), model.sample(5, random_state=1))


def test_the_file_has_the_permissions_of_any_new_file(path, tmp_path):
    (tmp_path / "other").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_nothing_is_left_beside_the_file(path):
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


def test_a_model_is_saved_under_its_suffix(model, tmp_path):
    with pytest.raises(ValueError, match=r"\.safetensors file"):
        model.save(tmp_path / "model.pkl")


def read(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["dgsynth"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def refused(path, words):
    with pytest.raises(ModelFileError, match=words) as error:
        dgsynth.load(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        dgsynth.load(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_truncated_file_is_refused(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "damaged")


def test_a_foreign_file_is_refused(path):
    save_file({"a": torch.zeros(3)}, path)
    refused(path, "not one of dgsynth's")
    path.write_bytes(b"\x80\x04\x95cposix\nsystem\n")
    refused(path, "damaged")
    path.write_bytes((10**15).to_bytes(8, "little") + b"{}")
    refused(path, "damaged")


def test_numbers_that_are_not_finite_are_refused(path):
    header, tensors = read(path)
    next(t for n, t in tensors.items() if n.endswith("weight")).view(-1)[3] = float("nan")
    save_file(tensors, path, {"dgsynth": json.dumps(header)})
    refused(path, "not finite")


def changed(header, keys, value):
    *parents, last = keys
    place = header
    for key in parents:
        place = place[key]
    place[last] = value
    return header


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (["format_version"], 99, "format version 99; this dgsynth reads 1"),
        (["kind"], "checkpoint", "not a dgsynth model"),
        (["networks", "lstm_units"], 10**9, "lstm_units is 1000000000"),
        (["networks", "lstm_units"], 13, "expected"),
        (["networks", "lstm_layers"], 1000, "1000 LSTM layers"),
        (["networks", "discriminator_units"], [24] * 100, "discriminator_units"),
        (["networks", "initial_state"], "evil", "initial_state is 'evil'"),
        (["networks"], {}, "networks are described"),
        (["encoder", "schema", "max_length"], 2**30, "tensor"),
        (["encoder", "schema", "metadata"], 5, "damaged"),
        (["encoder", "sample_len"], -1, "sample_len must be at least 1"),
        (["encoder", "timestamps", "step_kind"], "weeks", "weeks"),
        (["encoder", "measurements", 0, "low"], "__import__('os')", "low must be a finite number"),
        (["parameters", "pairs"], [["epochs", -5]], "'epochs' parameter"),
        (["parameters", "pairs"], [["surprise", 1]], "surprise"),
        (["parameters"], [1], "damaged"),
        (["n_steps"], 7, "history"),
        (["n_epochs"], "many", "n_epochs is 'many'"),
        (["run_seed"], 2**63, "run_seed is 9223372036854775808"),
    ],
)
def test_a_hand_edited_header_is_refused(path, keys, value, words):
    header, tensors = read(path)
    save_file(tensors, path, {"dgsynth": json.dumps(changed(header, keys, value))})
    refused(path, words)


def test_a_file_does_not_say_where_to_write(model, path, tmp_path):
    header, tensors = read(path)
    header["parameters"]["pairs"] += [["checkpoint_dir", str(tmp_path)], ["encoded_dir", str(tmp_path)]]
    save_file(tensors, path, {"dgsynth": json.dumps(header)})
    assert dgsynth.load(path).get_params() == model.get_params()


@pytest.mark.parametrize("scores", [torch.zeros(3), torch.zeros(2, 4), torch.zeros((), dtype=torch.int64)])
def test_scores_of_another_shape_are_refused(path, scores):
    header, tensors = read(path)
    save_file({**tensors, "validation_scores": scores}, path, {"dgsynth": json.dumps(header)})
    refused(path, "validation scores are not rows")


def test_a_file_without_later_parameters_is_read(model, path):
    header, tensors = read(path)
    later = {"early_stopping", "validation_fraction", "validation_steps", "n_iter_no_change", "max_restarts"}
    pairs = header["parameters"]["pairs"]
    header["parameters"]["pairs"] = [pair for pair in pairs if pair[0] not in later]
    assert len(header["parameters"]["pairs"]) == len(pairs) - len(later)
    del header["run_seed"], header["n_restarts"]
    save_file(tensors, path, {"dgsynth": json.dumps(header)})
    loaded = dgsynth.load(path)
    assert loaded.get_params() == model.get_params()
    assert loaded.set_params(warm_start=True).fit(homes()).n_steps_ == 8


@pytest.mark.parametrize("text", ["not json", "[1, 2]", "{" * 10_000, '{"kind": "model", "format_version": 1}'])
def test_a_header_that_is_none_is_refused(path, text):
    _, tensors = read(path)
    save_file(tensors, path, {"dgsynth": text})
    refused(path, "header|kind|damaged")


def test_missing_and_misshapen_tensors_are_refused(path):
    header, tensors = read(path)
    name = next(n for n in tensors if n.endswith("head.weight") and n.startswith("networks"))
    save_file({**tensors, name: tensors[name][:1].clone()}, path, {"dgsynth": json.dumps(header)})
    refused(path, "measurement_generator.head.weight.*expected")
    del tensors[name]
    save_file(tensors, path, {"dgsynth": json.dumps(header)})
    refused(path, "is missing")
