"""Files of AutoregressiveSynthesizer: everything comes back, and nothing damaged is accepted."""

import numpy as np
import pandas as pd
import pytest
import torch
from known_tables import SMALL, homes, joint_rows
from safetensors.torch import save_file

import dgsynth
from dgsynth import AutoregressiveSynthesizer, DGSynthesizer
from dgsynth.errors import DataError, ModelFileError
from dgsynth.tensor_file import read_tensor_file, write_tensor_file


@pytest.fixture
def path(homes_model, tmp_path):
    homes_model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_a_loaded_model_is_the_saved_one(homes_model, path):
    for loaded in (AutoregressiveSynthesizer.load(path), dgsynth.load(path)):
        assert type(loaded) is AutoregressiveSynthesizer and loaded.get_params() == homes_model.get_params()
        pd.testing.assert_frame_equal(loaded.sample(50, random_state=1), homes_model.sample(50, random_state=1))
        pd.testing.assert_frame_equal(loaded.history_, homes_model.history_)
        pd.testing.assert_frame_equal(loaded.validation_scores_, homes_model.validation_scores_)
        assert (loaded.best_step_, loaded.best_score_) == (homes_model.best_step_, homes_model.best_score_)
        assert (loaded.schema_, loaded.n_steps_, loaded.seed_) == (homes_model.schema_, 6, homes_model.seed_)
        np.testing.assert_array_equal(loaded.log_prob(homes(seed=1)), homes_model.log_prob(homes(seed=1)))


@pytest.mark.filterwarnings("error")
def test_a_loaded_model_can_be_trained_on(path):
    loaded = dgsynth.load(path).set_params(warm_start=True).fit(homes())
    assert loaded.n_steps_ == 12 and len(loaded.history_) == 12
    assert loaded.feature_names_in_.tolist() == homes().columns.tolist()


def test_every_kind_of_model_comes_back(irregular_model, tmp_path):
    for model in (irregular_model, AutoregressiveSynthesizer(max_steps=2, **SMALL).fit(joint_rows(50))):
        model.save(tmp_path / "any.safetensors")
        again = dgsynth.load(tmp_path / "any.safetensors").sample(20, random_state=1)
        pd.testing.assert_frame_equal(again, model.sample(20, random_state=1))


def test_models_of_arrays_come_back(tmp_path):
    for i, shape in enumerate([(20, 4, 2), (20, 3)]):
        values = np.random.default_rng(0).normal(size=shape)
        model = AutoregressiveSynthesizer(max_steps=2, early_stopping=False, **SMALL).fit(values)
        model.save(tmp_path / f"{i}.safetensors")
        again = dgsynth.load(tmp_path / f"{i}.safetensors").sample(20, random_state=1)
        np.testing.assert_array_equal(again, model.sample(20, random_state=1))


@pytest.mark.parametrize("seed", [1, 11])
def test_cells_on_both_sides_of_zero_come_back(tmp_path, seed):
    rows = pd.DataFrame({"size": np.random.default_rng(seed).normal(size=1000)})
    AutoregressiveSynthesizer(max_steps=1, **SMALL).fit(rows).save(tmp_path / "model.safetensors")
    assert dgsynth.load(tmp_path / "model.safetensors").sample(3)["size"].notna().all()


def test_a_file_for_others_holds_what_samples_need(homes_model, path, tmp_path):
    homes_model.save(tmp_path / "small.safetensors", generator_only=True)
    loaded = dgsynth.load(tmp_path / "small.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(50, random_state=1), homes_model.sample(50, random_state=1))
    assert not hasattr(loaded, "best_step_") and len(loaded.history_) == 0
    assert (tmp_path / "small.safetensors").stat().st_size < path.stat().st_size
    for train in (loaded.partial_fit, loaded.set_params(warm_start=True).fit):
        with pytest.raises(DataError, match="saved with generator_only and can't be trained on"):
            train(homes())
    loaded.save(tmp_path / "again.safetensors")
    assert set(read_tensor_file(tmp_path / "again.safetensors", "model")[1]) == set(
        read_tensor_file(tmp_path / "small.safetensors", "model")[1]
    )


def test_a_file_of_another_model_is_refused(path):
    with pytest.raises(ModelFileError, match=r"holds a AutoregressiveSynthesizer, not a DGSynthesizer"):
        DGSynthesizer.load(path)


def refused(path, words):
    with pytest.raises(ModelFileError, match=words) as error:
        dgsynth.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_truncated_file_is_refused(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "damaged")


def test_a_foreign_file_is_refused(path):
    save_file({"a": torch.zeros(3)}, path)
    refused(path, "not one of dgsynth's")


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (["networks"], {}, "networks are described by"),
        (["networks", "lstm_units"], 9, "expected"),
        (["networks", "record_units"], 10**9, "record_units is 1000000000"),
        (["networks", "embedding_dim"], True, "embedding_dim is True"),
        (["n_steps"], 7, "history does not have one row for each step"),
        (["n_epochs"], -1, "n_epochs is -1"),
        (["encoder", "ranges"], [], "0 ranges are described for 3 measurements"),
        (["encoder", "metadata", 2, "cells", "lows"], [], "cells have no ends"),
        (["encoder", "measurements", 0, "cells", "starts"], [0], "groups of cells"),
        (["encoder", "schema", "max_length"], 2**30, "tensor"),
        (["encoder", "timestamps", "step_kind"], "weeks", "weeks"),
        (["parameters", "pairs"], [["max_steps", -5]], "'max_steps' parameter"),
        (["parameters", "pairs"], [["surprise", 1]], "surprise"),
    ],
)
def test_a_hand_edited_header_is_refused(path, keys, value, words):
    header, tensors = read_tensor_file(path, "model")
    place = header
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    write_tensor_file(path, "model", header, tensors)
    refused(path, words)


@pytest.mark.parametrize("scores", [torch.zeros(3), torch.zeros(2, 4)])
def test_scores_of_another_shape_are_refused(path, scores):
    header, tensors = read_tensor_file(path, "model")
    write_tensor_file(path, "model", header, {**tensors, "validation_scores": scores})
    refused(path, "validation scores are not rows")


def test_missing_misshapen_and_unsound_tensors_are_refused(path):
    header, tensors = read_tensor_file(path, "model")
    name = "generator.record.second"
    for change, words in (
        ({name: tensors[name][:1].clone()}, "record.second.*expected"),
        ({name: torch.full_like(tensors[name], float("nan"))}, "not finite"),
    ):
        write_tensor_file(path, "model", header, {**tensors, **change})
        refused(path, words)
    del tensors[name]
    write_tensor_file(path, "model", header, tensors)
    refused(path, "is missing")
