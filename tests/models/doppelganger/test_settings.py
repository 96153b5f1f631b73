"""What parameters of "auto" come to, by the data or as in the paper."""

import numpy as np
import pandas as pd
import pytest
from small_models import KEYS, SMALL, homes

import dgsynth
from dgsynth import DGSynthesizer, Schema, Sequences
from dgsynth.errors import DataError
from dgsynth.models.doppelganger.settings import (
    NAMES,
    STEPS,
    Setting,
    open_parameters,
    settings_from_dict,
    settings_of,
    settings_to_dict,
    settled,
)
from dgsynth.privacy.config import PrivacyConfig


def chosen(data, **parameters):
    """Return the values that are chosen for a data set."""
    found = settings_of(DGSynthesizer(**parameters).get_params(deep=False), data)
    return {name: setting.value for name, setting in found.items()}


def series(length, n=40, season=None, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, length))
    if season:
        values += 3 * np.sin(2 * np.pi * (np.arange(length) + rng.integers(0, season, (n, 1))) / season)
    return Sequences.from_arrays(values[:, :, None])


@pytest.mark.parametrize(
    ("length", "season", "expected"),
    [
        (56, 4, 4),
        (168, 24, 24),
        (288, 36, 12),
        (550, 7, 14),
        (550, None, 11),
        (288, None, 16),
        (7, None, 1),
        (97, None, 10),
    ],
)
def test_a_pass_is_whole_seasons_or_a_part_or_a_divisor(length, season, expected):
    assert chosen(series(length, season=season))["sample_len"] == expected


@pytest.mark.parametrize(("length", "expected"), [(550, 11), (56, 1), (10, 1), (2500, 50)])
def test_the_paper_makes_about_fifty_passes(length, expected):
    assert chosen(series(length, season=7, n=3), preset="paper")["sample_len"] == expected


def test_the_paper_is_one_word():
    found = chosen(Sequences.from_long(homes(), **KEYS), preset="paper")
    assert found == {
        "sample_len": 1,
        "auto_normalize": True,
        "attain_range": False,
        "scaling": "linear",
        "lengths": "flags",
        "metadata_generator": "gan",
        "generator_averaging": 0.0,
        "sharp_flags": False,
        "initial_state": "random",
        "learning_rate_schedule": "constant",
        "early_stopping": False,
        "epochs": 400,
    }


def test_lengths_that_vary_are_metadata_of_a_model_of_their_own():
    found = chosen(Sequences.from_long(homes(), **KEYS))
    assert (found["lengths"], found["metadata_generator"], found["sharp_flags"]) == (
        "metadata",
        "autoregressive",
        False,
    )


def test_flags_that_are_asked_for_are_sharp():
    found = chosen(Sequences.from_long(homes(), **KEYS), lengths="flags")
    assert "lengths" not in found and found["sharp_flags"] and found["initial_state"] == "zero"


def test_series_alone_and_tables_alone_are_left_to_the_networks():
    assert chosen(series(8))["metadata_generator"] == "gan"
    assert chosen(Sequences.from_table(pd.DataFrame({"a": [1, 2, 3]})))["metadata_generator"] == "gan"


def test_levels_that_differ_ask_for_ranges_of_their_own():
    alike = series(50)
    rng = np.random.default_rng(0)
    apart = Sequences.from_arrays(rng.normal(size=(40, 50, 1)) + 5 * rng.normal(size=(40, 1, 1)))
    mostly_zero = Sequences.from_arrays(rng.random((40, 50, 1)) * (rng.random((40, 50, 1)) < 0.1))
    assert chosen(apart)["auto_normalize"]
    assert not chosen(alike)["auto_normalize"] and not chosen(mostly_zero)["auto_normalize"]


def test_steps_grow_with_the_samples_within_bounds():
    steps = [chosen(series(2, n=n))["max_steps"] for n in (10, 4000, 100_000)]
    assert steps[0] == STEPS[0] < steps[1] < steps[2] == STEPS[1]


def test_few_samples_are_all_trained_on():
    assert [chosen(series(3, n=n))["early_stopping"] for n in (190, 210)] == [False, True]


def test_what_is_given_stays():
    given = {"sample_len": 3, "epochs": 2, "scaling": "log", "auto_normalize": False, "early_stopping": True}
    found = chosen(series(56), **given)
    assert not found.keys() & {*given, "max_steps"}
    assert "epochs" not in chosen(series(56), preset="paper", max_steps=9)
    parameters = DGSynthesizer(**given).get_params(deep=False)
    assert settled(parameters, settings_of(parameters, series(56)))["sample_len"] == 3


def test_nothing_is_left_open():
    parameters = DGSynthesizer().get_params(deep=False)
    assert open_parameters(parameters) == {*NAMES, "max_steps"}
    for preset in ("auto", "paper"):
        parameters["preset"] = preset
        own = settled(parameters, settings_of(parameters, series(8)))
        assert not [name for name in NAMES if own[name] == "auto" and name not in ("scaling", "epochs")]
        assert (own["max_steps"] is None) == (preset == "paper")


def test_privacy_looks_at_no_data():
    found = [chosen(data, privacy=PrivacyConfig(1.0, 1e-5)) for data in (series(56, season=4), series(56, n=9))]
    assert found[0] == found[1]
    assert found[0]["sample_len"] == 1 and found[0]["epochs"] == 400 and not found[0]["early_stopping"]


def test_a_fit_tells_what_it_has_chosen(table, capsys):
    model = DGSynthesizer(max_steps=2, verbose=1, random_state=0, **KEYS, **SMALL).fit(table)
    assert "sample_len=1: " in capsys.readouterr().err
    assert model.settings_["lengths"] == Setting("metadata", "samples differ in length")


def test_training_on_keeps_what_it_began_with(table):
    model = DGSynthesizer(max_steps=2, warm_start=True, random_state=0, **KEYS, **SMALL).fit(table)
    before = model.settings_
    assert model.fit(table).settings_ == before and model.n_steps_ == 4
    assert model.set_params(warm_start=False, preset="paper").fit(table).settings_["lengths"].value == "flags"


def test_they_are_in_the_file(table, tmp_path):
    model = DGSynthesizer(max_steps=2, random_state=0, **KEYS, **SMALL).fit(table)
    model.save(tmp_path / "m.safetensors")
    assert dgsynth.load(tmp_path / "m.safetensors").settings_ == model.settings_


@pytest.mark.parametrize(
    "plain",
    [
        {"planet": [1, "why"]},
        {"sample_len": [[1], "why"]},
        {"sample_len": [1, "a\x1b[31m"]},
        {"scaling": ["x" * 99, ""]},
    ],
)
def test_malformed_settings_are_refused(plain):
    assert settings_from_dict(settings_to_dict({"sample_len": Setting(4, "days")})) == {
        "sample_len": Setting(4, "days")
    }
    with pytest.raises(DataError, match="setting"):
        settings_from_dict(plain)


def test_a_declared_schema_is_enough_for_ranges(table):
    schema = Schema.infer(table, sequence_key="home", sequence_index="time")
    model = DGSynthesizer(schema=schema, max_steps=2, random_state=0, **KEYS, **SMALL).fit(table.head(9))
    assert model.settings_["lengths"].value == "metadata"
