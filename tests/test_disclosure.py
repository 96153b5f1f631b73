"""What a file tells of its data is what is in it."""

import pytest

import dgsynth
from dgsynth import DGSynthesizer
from dgsynth.baselines import ARSynthesizer
from dgsynth.data.simulate import make_web_traffic
from dgsynth.disclosure import disclosed, guarantee, privacy_text

COLUMNS = {"sequence_key": "page", "sequence_index": "date"}
SMALL = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (16, 16), "max_steps": 6, "batch_size": 20}


@pytest.fixture(scope="module")
def model():
    return DGSynthesizer(**COLUMNS, **SMALL, random_state=0).fit(make_web_traffic(60, 6, random_state=0))


def test_all_categories_and_ranges_are_named(model):
    holds, left_out = disclosed(model)
    details = dict(holds)
    assert details["categories of agent"] == "all-agents, spider"
    column = model.schema_.column("views")
    assert f"{column.minimum} to {column.maximum}" in details["range of views"]
    assert "60 to 79" in details["number of samples"]
    assert "discriminators" in details and [what for what, _ in left_out] == ["training samples"]


def test_what_generator_only_leaves_out_is_said(model, tmp_path):
    model.save(tmp_path / "model.safetensors", generator_only=True)
    holds, left_out = disclosed(dgsynth.load(tmp_path / "model.safetensors"))
    assert {"discriminators", "losses of real samples by step"} <= {what for what, _ in left_out}
    assert not {"discriminators", "losses of real samples by step"} & {what for what, _ in holds}


def test_a_model_that_draws_metadata_says_what_it_holds():
    fitted = DGSynthesizer(metadata_generator="autoregressive", **COLUMNS, **SMALL, random_state=0)
    found = dict(disclosed(fitted.fit(make_web_traffic(30, 6, random_state=0)))[0])
    assert {"frequencies", "discriminators", "losses of real samples by step"} <= found.keys()


def test_without_privacy_nothing_is_guaranteed(model):
    assert guarantee(model).startswith("None: trained without differential privacy")
    assert privacy_text(model).endswith(guarantee(model))


def test_a_baseline_says_that_it_keeps_rows():
    fitted = ARSynthesizer(**COLUMNS, max_steps=2, random_state=0).fit(make_web_traffic(30, 6, random_state=0))
    assert "keep the distinct rows of metadata" in privacy_text(fitted)
