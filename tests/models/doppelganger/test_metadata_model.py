"""A DGSynthesizer whose metadata, or lengths, come from elsewhere than the paper has them."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from small_models import KEYS, SIZES, Interrupt, homes

import dgsynth
from dgsynth import AutoregressiveSynthesizer, DGSynthesizer, PrivacyConfig
from dgsynth.errors import DataError, ModelFileError
from dgsynth.models.doppelganger import metadata_learning
from dgsynth.tensor_file import read_tensor_file, write_tensor_file
from dgsynth.training.callbacks import TimeLimit
from dgsynth.training.checkpoint import Checkpoint

BOTH = {"metadata_generator": "autoregressive", "lengths": "metadata"}
SETTINGS = {"sequence_key": "home", "random_state": 0, "n_jobs": 1, **SIZES}
N_REAL, N_MADE = 3000, 4000


def households(n=N_REAL, seed=0):
    """Return a long table whose metadata, pairs of them and lengths have known frequencies."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["flat", "house", "farm"], n, p=[0.6, 0.3, 0.1])
    region = np.where(rng.random(n) < 0.8, np.where(kind == "flat", "town", "land"), rng.choice(["town", "land"], n))
    lengths = np.where(kind == "flat", 3, rng.choice([1, 5, 9], n, p=[0.5, 0.3, 0.2]))
    home = np.repeat(np.arange(n), lengths)
    table = pd.DataFrame({"kind": kind, "region": region, "area": rng.normal(80, 20, n).round(6)})
    return table.loc[home].reset_index(drop=True).assign(home=home, load=rng.random(len(home)))


def metadata_of(table):
    return table.groupby("home", sort=False)[["kind", "region", "area"]].first()


def frequencies(table, *columns):
    """Return how frequent the values of columns are together; "length" counts records."""
    frame = metadata_of(table).assign(length=table.groupby("home", sort=False).size())
    return frame.value_counts(list(columns), normalize=True)


def total_variation(one, other):
    return one.sub(other, fill_value=0).abs().sum() / 2


@pytest.fixture(scope="module")
def table():
    return households()


@pytest.fixture(scope="module")
def trained(table):
    return DGSynthesizer(max_steps=2, **BOTH, **SETTINGS).fit(table)


@pytest.fixture(scope="module")
def made(trained):
    return trained.sample(N_MADE, random_state=1)


@pytest.fixture
def few_steps(monkeypatch):
    """Let the metadata be learned next to nothing of, where it is not what counts."""
    monkeypatch.setitem(metadata_learning.PARAMETERS, "max_steps", 3)


# 3,000 real samples differ from their law by about sqrt(cells / (2 pi 3000)), which is 0.02 for 8 cells; a model learns
# it with about as much noise again.
@pytest.mark.parametrize("columns", [["kind"], ["region"], ["kind", "region"], ["length"], ["kind", "length"]])
def test_frequencies_are_those_of_the_data_after_two_steps(table, made, columns):
    assert total_variation(frequencies(table, *columns), frequencies(made, *columns)) < 0.06


def test_lengths_go_with_the_metadata(made):
    """A flat has 3 records and all others have 1, 5 or 9: in the data always."""
    kinds = made.groupby("home", sort=False)["kind"].first()
    assert ((made.groupby("home", sort=False).size() == 3) == (kinds == "flat")).mean() > 0.95


def test_lengths_may_be_metadata_of_the_gan_too(table):
    model = DGSynthesizer(max_steps=2, lengths="metadata", **SETTINGS, metadata_generator="gan").fit(table)
    generated = model.sample(200, random_state=1).groupby("home").size()
    assert model.networks_.metadata_generator is not None and generated.between(1, 9).all()
    assert generated.nunique() > 1
    given = {"kind": "flat", "region": "town", "area": 80.0}
    assert model.sample(5, metadata=given, lengths=12).groupby("home").size().tolist() == [12] * 5


def test_given_metadata_are_kept_and_the_others_go_with_them(table, trained):
    given = pd.DataFrame({"kind": ["house"] * 1000, "area": np.linspace(60, 90, 1000) + 1 / 3})
    frame = metadata_of(trained.sample(metadata=given, random_state=2)).reset_index(drop=True)
    pd.testing.assert_frame_equal(frame[["kind", "area"]], given, check_dtype=False)
    real = metadata_of(table)
    expected = (real.loc[real["kind"] == "house", "region"] == "land").mean()
    assert (frame["region"] == "land").mean() == pytest.approx(expected, abs=0.08)


def test_what_the_data_never_had_may_be_given(trained):
    made = trained.sample(3, metadata={"kind": "farm", "length": 3}, random_state=0)
    assert made.groupby("home").size().tolist() == [3, 3, 3] and (made["kind"] == "farm").all()


def test_other_metadata_go_with_forced_lengths(trained):
    """Only a flat has 3 records."""
    made = trained.sample(200, lengths=3, random_state=0)
    assert (made.groupby("home").size() == 3).all() and (made.groupby("home")["kind"].first() == "flat").mean() > 0.8
    assert (trained.sample(4, lengths=20, random_state=0).groupby("home").size() == 20).all()  # longer than any


def test_a_sample_depends_on_its_number_alone(trained, made):
    few = trained.sample(10, random_state=1)
    pd.testing.assert_frame_equal(few, made[made["home"] < few["home"].max() + 1])
    chunks = list(trained.iter_samples(10, 4, random_state=1))
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), few)


@pytest.mark.parametrize("generator_only", [False, True])
def test_the_file_holds_it(trained, tmp_path, generator_only):
    trained.save(tmp_path / "m.safetensors", generator_only=generator_only)
    loaded = dgsynth.load(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(50, random_state=1), trained.sample(50, random_state=1))
    assert (loaded.n_weights_, loaded._digest()) == (trained.n_weights_, trained._digest())
    assert loaded.get_params() == trained.get_params()


@pytest.mark.parametrize("change", ["columns", "weights", "description"])
def test_a_damaged_file_is_refused(trained, tmp_path, change):
    path = tmp_path / "m.safetensors"
    trained.save(path)
    header, tensors = read_tensor_file(path, "model")
    header = {name: value for name, value in header.items() if name not in ("kind", "format_version")}
    if change == "columns":
        header["metadata_model"]["encoder"]["schema"]["metadata"][0]["name"] = "other"
    elif change == "weights":
        del tensors["metadata_model.metadata.embedding"]
    else:
        del header["metadata_model"]
    write_tensor_file(path, "model", header, tensors)
    with pytest.raises(ModelFileError, match="is damaged"):
        dgsynth.load(path)


def test_clones_and_pickles_keep_it(trained):
    assert clone(trained).get_params() == trained.get_params()
    pickled = pickle.loads(pickle.dumps(trained))
    pd.testing.assert_frame_equal(pickled.sample(9, random_state=1), trained.sample(9, random_state=1))


def test_every_kind_of_column_comes_back(few_steps, tmp_path):
    """Missing values, booleans, dates with a zone, and a hidden start time."""
    table = homes(30)
    table["time"] += pd.to_timedelta(table["home"], "D")
    model = DGSynthesizer(max_steps=2, random_state=0, **BOTH, **KEYS, **SIZES).fit(table)
    made = model.sample(40, random_state=0)
    assert made.dtypes.equals(table.dtypes) and made.groupby("home")["time"].first().nunique() > 1
    given = {"since": pd.Timestamp("2011-02-03", tz="UTC"), "owned": True, "income": None}
    row = model.sample(2, metadata=given, random_state=0).groupby("home").first()
    assert (row["since"] == given["since"]).all() and row["owned"].all() and row["income"].isna().all()
    model.save(tmp_path / "m.safetensors")
    pd.testing.assert_frame_equal(dgsynth.load(tmp_path / "m.safetensors").sample(40, random_state=0), made)


@pytest.mark.filterwarnings("ignore:training went badly")
@pytest.mark.parametrize("stopping", [{}, {"early_stopping": True, "validation_steps": 3, "max_restarts": 0}])
def test_a_run_goes_on_from_its_checkpoint(few_steps, few_splits, tmp_path, stopping):
    table, settings = households(60), {**SETTINGS, **BOTH, **stopping, "max_steps": 6}
    whole = DGSynthesizer(**settings).fit(table)
    with pytest.MonkeyPatch.context() as patch, pytest.warns(UserWarning, match="interrupted after step 4"):
        patch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))  # written at every step
        DGSynthesizer(checkpoint_dir=tmp_path, callbacks=[Interrupt(4)], **settings).fit(table)
    resumed = DGSynthesizer(checkpoint_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_, check_exact=True)
    assert resumed._digest() == whole._digest()
    for other, name in (({"metadata_generator": "gan"}, "metadata_generator"), ({"lengths": "flags"}, "lengths")):
        with pytest.raises(ModelFileError, match=f"belongs to another run: {name} is"):
            DGSynthesizer(checkpoint_dir=tmp_path, **{**settings, **other}).fit(table)


def test_validation_scores_what_is_made_with_drawn_metadata(few_steps, monkeypatch, few_splits):
    seen = []
    monkeypatch.setattr(
        "dgsynth.models.doppelganger.held_out.scorer", lambda held_out: lambda made: seen.append(made) or 0.9
    )
    settings = {**SETTINGS, **BOTH, "early_stopping": True, "validation_fraction": 0.3, "max_steps": 2}
    model = DGSynthesizer(**settings).fit(households(40))
    assert model.best_score_ == 0.9 and len(seen[0]) == 12
    assert set(seen[0].metadata.columns) == {"kind", "region", "area"}


def test_training_on_learns_metadata_anew_and_a_part_trains_them_for_an_epoch(few_steps):
    table = households(60)
    model = DGSynthesizer(warm_start=True, max_steps=2, **BOTH, **SETTINGS).fit(table)
    first = model._learned.metadata_model
    again = model.fit(table)._learned.metadata_model
    assert model.n_steps_ == 4
    assert all(torch.equal(tensor, again.tensors()[name]) for name, tensor in first.tensors().items())
    part = model.partial_fit(table)._learned.metadata_model
    assert part.encoder is again.encoder
    assert not all(torch.equal(tensor, part.tensors()[name]) for name, tensor in again.tensors().items())
    assert DGSynthesizer(**BOTH, **SETTINGS).partial_fit(table).partial_fit(table).n_steps_ == 2 * (60 // 16)


@pytest.mark.slow
def test_metadata_are_redistributed_and_nothing_else_changes(trained, tmp_path):
    trained.save(tmp_path / "m.safetensors")
    model = dgsynth.load(tmp_path / "m.safetensors")
    given = {"kind": "farm", "region": "town", "area": 70.0, "length": 5}
    before, digest = model.sample(5, metadata=given, random_state=3), model._digest()
    model.refit_metadata({"kind": "uniform"}, max_steps=300, random_state=0)
    after = model.sample(2000, random_state=1)
    # 2,000 samples of 3 categories are off by about 0.015 by chance.
    assert np.abs(frequencies(after, "kind") - 1 / 3).sum() / 2 < 0.05
    lengths = after.groupby("home").size()[after.groupby("home")["kind"].first() == "flat"]
    assert (lengths == 3).mean() > 0.95  # what goes with what stays
    pd.testing.assert_frame_equal(model.sample(5, metadata=given, random_state=3), before)
    assert model._digest() != digest and trained._digest() == digest
    model.save(tmp_path / "refitted.safetensors")
    loaded = dgsynth.load(tmp_path / "refitted.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(9, random_state=1), model.sample(9, random_state=1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "share"),
    [
        (pd.DataFrame({"kind": ["farm"] * 3 + ["flat"]}), 0.75),
        (lambda frame: np.where(frame["kind"] == "farm", 9, 1), 0.5),
    ],
)
def test_a_table_and_weights_are_targets_too(trained, tmp_path, target, share):
    trained.save(tmp_path / "m.safetensors")
    model = dgsynth.load(tmp_path / "m.safetensors").refit_metadata(target, max_steps=200, random_state=0)
    assert frequencies(model.sample(2000, random_state=1), "kind")["farm"] == pytest.approx(share, abs=0.06)


def test_files_may_be_written_by_other_processes(few_steps, tmp_path):
    model = DGSynthesizer(max_steps=1, **BOTH, **SETTINGS).fit(households(30))
    maker = pickle.loads(pickle.dumps(model._maker()))
    model.sample_to(tmp_path / "made.parquet", 7, chunk_size=3, random_state=1)
    written = pd.read_parquet(tmp_path / "made.parquet")
    pd.testing.assert_frame_equal(written, model.sample(7, random_state=1))
    assert maker(1, 0, 7).n_records > 7


def test_the_discriminator_scores_samples_with_their_lengths(few_steps):
    table = households(30)
    scores = DGSynthesizer(max_steps=1, **BOTH, **SETTINGS).fit(table).discriminator_scores(table)
    assert scores.shape == (30,) and np.isfinite(scores).all()


def test_privacy_is_refused(table):
    with pytest.raises(DataError, match="fit a new model with metadata_generator='gan', or leave privacy out"):
        DGSynthesizer(privacy=PrivacyConfig(epsilon=1.0), **BOTH, **SETTINGS).fit(table)


def test_metadata_alone_are_refused():
    table = metadata_of(households(30)).reset_index(drop=True)
    with pytest.raises(DataError, match=f"fit an {AutoregressiveSynthesizer.__name__}, or take"):
        DGSynthesizer(metadata_generator="autoregressive", **SIZES).fit(table)


@pytest.mark.parametrize("lengths", ["flags", "metadata"])
def test_without_metadata_and_varying_lengths_neither_has_an_effect(lengths):
    arrays = np.random.default_rng(0).random((20, 5, 1))
    paper = DGSynthesizer(max_steps=2, random_state=0, **SIZES).fit(arrays)
    other = DGSynthesizer(
        max_steps=2, random_state=0, metadata_generator="autoregressive", lengths=lengths, **SIZES
    ).fit(arrays)
    assert other._digest() == paper._digest() and other.networks_.config == paper.networks_.config


def test_lengths_alone_are_metadata_enough():
    rng = np.random.default_rng(0)
    lengths = rng.choice([2, 7], 100, p=[0.8, 0.2])
    model = DGSynthesizer(max_steps=2, random_state=0, **BOTH, **SIZES).fit([rng.random((n, 1)) for n in lengths])
    made = np.array([len(series) for series in model.sample(1000, random_state=0)])
    assert set(made) == {2, 7} and (made == 2).mean() == pytest.approx((lengths == 2).mean(), abs=0.05)


def test_a_limit_of_time_holds_for_the_metadata_too(monkeypatch):
    monkeypatch.setitem(metadata_learning.PARAMETERS, "max_steps", 10**9)
    monkeypatch.setitem(metadata_learning.PARAMETERS, "n_iter_no_change", 10**9)
    DGSynthesizer(max_steps=2, callbacks=[TimeLimit(0.0)], **BOTH, **SETTINGS).fit(households(60))
