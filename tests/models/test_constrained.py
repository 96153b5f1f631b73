import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import dgsynth
from dgsynth import (
    AutoregressiveSynthesizer,
    AutoSynthesizer,
    DGSynthesizer,
    FixedCombinations,
    Inequality,
    Monotonic,
    PrivacyConfig,
    Sum,
)
from dgsynth.baselines import HMMSynthesizer, NaiveGANSynthesizer, RNNSynthesizer
from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError, ModelFileError
from dgsynth.models.constrained import ConstrainedMaker
from dgsynth.tensor_file import read_tensor_file, write_tensor_file

LONG = {"sequence_key": "home", "sequence_index": "day", "random_state": 0}
CONSTRAINTS = (
    Inequality("low", "high"),
    Inequality("since", "until"),
    FixedCombinations(["city", "zip"]),
    Sum("total", ["low", "high"]),
    Monotonic("meter"),
)


def homes(n=24, length=6):
    rng = np.random.default_rng(0)
    place = rng.integers(0, 4, n)
    since = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), "D")
    until = since + pd.to_timedelta(rng.integers(0, 9, n), "D")
    metadata = pd.DataFrame({"city": np.array(list("wxyz"))[place], "zip": place * 11, "since": since, "until": until})
    frame = metadata.loc[np.repeat(np.arange(n), length)].reset_index(drop=True)
    frame.insert(0, "home", np.repeat(np.arange(n), length))
    frame.insert(1, "day", np.tile(np.arange(length), n))
    frame["low"] = np.round(rng.normal(20, 5, n * length), 1)
    frame["high"] = np.round(frame["low"] + rng.exponential(4, n * length), 1)
    frame["total"] = np.round(frame["low"] + frame["high"], 1)
    frame["meter"] = frame.groupby("home")["day"].cumsum() + 100
    return frame


def assert_kept(made, real):
    assert made.dtypes.equals(real.dtypes)
    assert made.columns.equals(real.columns)
    assert (made["low"] <= made["high"]).all()
    assert (made["since"] <= made["until"]).all()
    assert (made["total"] == np.round(made["low"] + made["high"], 1)).all()
    assert (made.groupby("home")["meter"].diff().dropna() >= 0).all()
    assert set(zip(made["city"], made["zip"], strict=True)) <= set(zip(real["city"], real["zip"], strict=True))


MODELS = {
    "doppelganger": DGSynthesizer(max_steps=3),
    "with_autoregressive_metadata": DGSynthesizer(max_steps=3, metadata_generator="autoregressive", lengths="metadata"),
    "autoregressive": AutoregressiveSynthesizer(max_steps=3, early_stopping=False),
    "auto": AutoSynthesizer(time_limit=1),
    "hmm": HMMSynthesizer(n_iter=2),
    "naive_gan": NaiveGANSynthesizer(max_steps=3),
    "rnn": RNNSynthesizer(max_steps=3),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_keeps_constraints_also_from_its_file(name, tmp_path):
    real = homes()
    model = clone(MODELS[name]).set_params(**LONG, constraints=CONSTRAINTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(real)
    made = model.sample(60, random_state=1)
    assert_kept(made, real)
    assert 0 < model.acceptance_rate_ <= 1
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    assert loaded.constraints == CONSTRAINTS
    assert loaded.schema_ == model.schema_
    loaded.sample_to(tmp_path / "made.parquet", 60, chunk_size=25, random_state=1)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "made.parquet"), made)


def rivals():
    """Return a table whose constraint `x <= y` is left to rejection: both follow from others already."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 30, (300, 4)), columns=list("abcd"))
    frame["x"], frame["y"] = frame["a"] + frame["b"], frame["c"] + frame["d"]
    return frame[frame["x"] <= frame["y"]]


@pytest.fixture(scope="module")
def rejecting():
    constraints = ["x = a + b", "y = c + d", "x <= y"]
    model = AutoregressiveSynthesizer(max_steps=2, early_stopping=False, random_state=0, constraints=constraints)
    return model.fit(rivals())


def test_what_has_no_transform_is_kept_by_rejection(rejecting):
    assert rejecting.constraints_.texts[2] == "x <= y (by rejection)"
    made = rejecting.sample(400, random_state=0)
    assert (made["x"] <= made["y"]).all()
    assert 0.2 < rejecting.acceptance_rate_ < 0.95
    assert len(made.drop_duplicates()) > 390


def test_a_sample_depends_on_its_number_alone(rejecting):
    whole = rejecting.sample(60, random_state=3)
    pd.testing.assert_frame_equal(rejecting.sample(7, random_state=3), whole[:7])
    parts = rejecting.iter_samples(60, 13, random_state=3)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_given_metadata_hold_in_attempts_too(rejecting):
    given = pd.DataFrame({"a": np.arange(20, 30)})
    made = rejecting.sample(metadata=given, random_state=0)
    assert made["a"].tolist() == given["a"].tolist()
    assert (made["x"] <= made["y"]).all()


def test_the_rate_is_told(rejecting, capsys):
    rejecting.set_params(verbose=1).sample(100, random_state=0)
    rejecting.set_params(verbose=0)
    assert "samples drawn kept the constraints; the others were drawn again" in capsys.readouterr().err


def test_what_no_sample_keeps_is_refused():
    fitted = FittedConstraints.fit(Sequences.from_any(rivals()), ["x = a + b", "y = c + d", "x <= y"])
    high = rivals().assign(a=99)
    bad = fitted.forward(Sequences.from_any(high))
    maker = ConstrainedMaker(lambda seed, first, n, *_: bad.take(np.zeros(n, dtype=int)), fitted)
    with pytest.raises(DataError, match=r"sample 5 breaks a constraint in each of 4,.* attempts, x <= y in the first"):
        maker(0, 5, 2)
    with pytest.raises(DataError, match=r"sample 0 breaks a constraint in each of 63 attempts"):
        maker(0, 0, 1000)


@pytest.fixture(scope="module")
def orders():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"low": np.round(rng.normal(10, 3, 300), 1)})
    frame["high"] = np.round(frame["low"] + rng.exponential(2, 300), 1)
    place = rng.integers(0, 5, 300)
    frame["city"], frame["zip"] = np.array(list("vwxyz"))[place], place * 7
    return frame


@pytest.fixture(scope="module")
def fitted(orders):
    model = AutoregressiveSynthesizer(max_steps=40, early_stopping=False, random_state=0)
    return model.set_params(constraints=["low <= high", "combination: city, zip"]).fit(orders)


def test_given_values_of_both_sides_come_back(fitted):
    made = fitted.sample(3, metadata={"low": 10.0, "high": 12.3, "city": "w", "zip": 7})
    assert made.drop_duplicates().to_dict("list") == {"low": [10.0], "high": [12.3], "city": ["w"], "zip": [7]}
    assert (fitted.sample(20, metadata={"low": 12.0})["high"] >= 12.0).all()


def test_given_values_of_a_derived_column_stay_off_its_grid(fitted):
    made = fitted.sample(4, metadata={"low": 10.03, "high": 12.345})
    assert made[["low", "high"]].drop_duplicates().to_dict("list") == {"low": [10.03], "high": [12.345]}


def test_a_start_can_not_be_given_where_a_constraint_ties_the_times():
    real = homes().assign(due=lambda rows: rows["day"] + rows["zip"])
    model = RNNSynthesizer(max_steps=2, constraints=["day <= due"], **LONG).fit(real)
    made = model.sample(20, random_state=0)
    assert (made["day"] <= made["due"]).all()
    with pytest.raises(DataError, match="start and step move column 'day', which the constraint day <= due ties to"):
        model.sample(2, start=3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"high": 12.0}, "ties to 'low'; give this too, or leave 'high' out"),
        ({"low": 9.0, "high": 8.0}, "breaks the constraint low <= high"),
        ({"city": "w"}, "ties to 'zip'"),
        ({"city": "w", "zip": 0}, "has a combination of 'city', 'zip'"),
        ({"price": 1}, r"the model's metadata columns are \['low', 'high', 'city', 'zip'\]"),
        ({"high": None, "low": 1.0}, "column 'high'"),
    ],
)
def test_given_metadata_that_can_not_be_are_refused(fitted, given, said):
    with pytest.raises(DataError, match=said):
        fitted.sample(2, metadata=given)


def test_samples_that_break_a_constraint_have_no_likelihood(fitted, orders):
    rows = orders.head(4).copy()
    rows.loc[1, "high"], rows.loc[2, "zip"] = 0.0, (rows.loc[2, "zip"] + 7) % 35
    assert np.isfinite(fitted.log_prob(rows)).tolist() == [True, False, False, True]


def test_what_is_tied_to_others_has_probabilities_given_these(fitted, orders):
    shares = fitted.predict_proba(orders.head(5), "city")
    assert shares.columns.tolist() == list("vwxyz")
    assert shares.idxmax(axis=1).tolist() == orders["city"].head(5).tolist()
    assert shares.max(axis=1).tolist() == [1.0] * 5


def test_missing_cells_are_filled_so_that_all_is_kept(fitted, orders):
    rows = orders.head(60).astype({"zip": "Int64"})
    for place, name in enumerate(rows):
        rows.loc[place::5, name] = None
    made = fitted.impute(rows, random_state=0)
    assert made.notna().all(axis=None)
    assert all((made[name] == rows[name])[rows[name].notna()].all() for name in rows)
    assert (made["low"] <= made["high"]).all()
    assert set(zip(made["city"], made["zip"], strict=True)) <= set(zip(orders["city"], orders["zip"], strict=True))


def test_series_go_on_as_they_must():
    real = homes()
    model = AutoregressiveSynthesizer(max_steps=3, early_stopping=False, constraints=CONSTRAINTS, **LONG).fit(real)
    begun = real[real["day"] < 4].reset_index(drop=True)
    made = model.extend(begun, 6, random_state=0)
    pd.testing.assert_frame_equal(made[made["day"] < 4].reset_index(drop=True), begun)
    assert_kept(made, real)
    gaps = real.astype({"meter": "Int64"})
    gaps.loc[::3, "meter"], gaps.loc[::4, "total"] = pd.NA, None
    filled = model.impute(gaps, random_state=0)
    assert_kept(filled.astype(real.dtypes), real)


def test_training_goes_on_with_what_was_learned(tmp_path):
    real = homes()
    model = DGSynthesizer(max_steps=2, warm_start=True, constraints=["low <= high"], **LONG).fit(real)
    model.save(tmp_path / "model.safetensors")
    model = dgsynth.load(tmp_path / "model.safetensors").fit(real)
    assert model.n_steps_ == 4
    broken = real.copy()
    broken.loc[7, ["low", "high"]] = real["low"].max(), real["high"].min()
    with pytest.raises(DataError, match="1 of 144 records break the constraint low <= high"):
        model.fit(broken)
    scores = model.discriminator_scores(real.assign(high=real["high"].where(real["home"] != 3, 0.0)))
    assert np.flatnonzero(np.isinf(scores)).tolist() == [3]


def test_privacy_and_rare_values_do_not_go_with_constraints():
    model = DGSynthesizer(constraints=["low <= high"], privacy=PrivacyConfig(epsilon=1, n_samples=24), **LONG)
    with pytest.raises(DataError, match="constraints learn differences and combinations from the data, which voids"):
        model.fit(homes())
    with pytest.raises(DataError, match="protect_rare replaces values column by column, which breaks constraints"):
        AutoregressiveSynthesizer(constraints=["low <= high"], protect_rare=5, **LONG).fit(homes())


def test_scores_are_of_the_table(rejecting):
    assert 0 < rejecting.score(rivals()) <= 1


def test_broken_training_data_are_refused_once():
    with pytest.raises(DataError, match=r"^144 of 144 records break the constraint high <= -1"):
        AutoSynthesizer(time_limit=1, constraints=["high <= -1"], **LONG).fit(homes())


def test_damaged_constraints_in_a_file_are_refused(fitted, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    header, tensors = read_tensor_file(tmp_path / "model.safetensors", "model")
    header["constraints"]["steps"][0]["columns"] = ["os.system"]
    write_tensor_file(tmp_path / "model.safetensors", "model", header, tensors)
    with pytest.raises(ModelFileError, match="is damaged"):
        dgsynth.load(tmp_path / "model.safetensors")
