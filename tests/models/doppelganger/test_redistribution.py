"""The metadata generator re-trained alone: marginals are met, and nothing else changes."""

import numpy as np
import pandas as pd
import pytest

import dgsynth
from dgsynth import DGSynthesizer
from dgsynth.data.column import Column
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError
from dgsynth.models.doppelganger.redistribution import with_marginals

COLUMNS = {"sequence_key": "page", "sequence_index": "date"}
SMALL = {"metadata_units": (50,), "lstm_units": 8, "discriminator_units": (50, 50)}
GIVEN = pd.DataFrame({"domain": ["en.wikipedia.org", "ja.wikipedia.org"], "access": "all-access", "agent": "spider"})


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    networks = {"metadata_generator": "gan", "learning_rate_schedule": "constant", "early_stopping": False}
    model = DGSynthesizer(**COLUMNS, **SMALL, **networks, max_steps=300, random_state=0)
    model.fit(make_web_traffic(300, 6, random_state=0)).save(path)
    return path


@pytest.fixture
def model(file):
    return dgsynth.load(file)


def shares(model, column, n=4000):
    pages = model.sample(n, random_state=1).groupby("page", sort=False).first()
    return pages[column].value_counts(normalize=True)


def test_a_masked_column_is_uniform(model):
    before = shares(model, "domain")
    made = shares(model.refit_metadata({"domain": "uniform"}, max_steps=500, random_state=0), "domain")
    assert before.max() > 0.15
    # 4,000 samples of 9 categories are off by about 0.02 by chance.
    assert np.abs(made - 1 / 9).sum() / 2 < 0.06


def test_marginals_are_met(model):
    model.refit_metadata({"agent": {"spider": 3, "all-agents": 7}}, max_steps=500, random_state=0)
    assert shares(model, "agent")["spider"] == pytest.approx(0.3, abs=0.05)


def test_weights_lift_what_they_name_and_keep_the_rest_in_proportion(model):
    before = shares(model, "domain")
    model.refit_metadata(
        lambda frame: np.where(frame["domain"] == "en.wikipedia.org", 5, 1), max_steps=500, random_state=0
    )
    after = shares(model, "domain")
    odds = 5 * before["en.wikipedia.org"]
    assert after["en.wikipedia.org"] == pytest.approx(odds / (odds + 1 - before["en.wikipedia.org"]), abs=0.06)


def test_a_table_gives_the_joint_distribution(model):
    table = pd.DataFrame(
        {"domain": ["en.wikipedia.org", "fr.wikipedia.org"], "access": "desktop", "agent": "all-agents"}
    )
    model.refit_metadata(table, max_steps=500, random_state=0)
    pages = model.sample(1000, random_state=1).groupby("page").first()
    assert pages["domain"].value_counts(normalize=True).reindex(table["domain"]).between(0.4, 0.6).all()
    assert (pages["access"] == "desktop").mean() > 0.95


def test_columns_that_a_table_lacks_stay_as_the_model_makes_them(model):
    """A spider's accesses are all-access in these data, whatever share of spiders is asked for."""
    pages = model.sample(2000, random_state=1).groupby("page").first()
    before = (pages.loc[pages["agent"] == "spider", "access"] == "all-access").mean()
    model.refit_metadata(pd.DataFrame({"agent": ["spider"]}), max_steps=500, random_state=0)
    after = (model.sample(2000, random_state=1).groupby("page").first()["access"] == "all-access").mean()
    assert after == pytest.approx(before, abs=0.06)


def test_what_is_made_for_given_metadata_does_not_change(model):
    before = model.sample(metadata=GIVEN, random_state=7)
    model.refit_metadata({"domain": "uniform"}, max_steps=50, random_state=0)
    pd.testing.assert_frame_equal(model.sample(metadata=GIVEN, random_state=7), before)


def test_only_the_metadata_generator_changes(model):
    """Bit for bit, running statistics of BatchNorm too."""
    before = {name: tensor.clone() for name, tensor in model.generator_.state_dict().items()}
    model.refit_metadata({"domain": "uniform"}, max_steps=50, random_state=0)
    changed = {
        name.split(".")[0] for name, tensor in model.generator_.state_dict().items() if not tensor.equal(before[name])
    }
    assert changed == {"metadata_generator"}


def test_it_is_reproducible_and_kept_in_the_file(file, tmp_path):
    one, other = (
        dgsynth.load(file).refit_metadata({"domain": "uniform"}, max_steps=50, random_state=3) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.sample(9, random_state=1), other.sample(9, random_state=1))
    one.save(tmp_path / "refitted.safetensors")
    loaded = dgsynth.load(tmp_path / "refitted.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(9, random_state=1), one.sample(9, random_state=1))


def test_training_on_begins_at_the_new_metadata(model):
    model.refit_metadata({"domain": "uniform"}, max_steps=50, random_state=0)
    weights = model.networks_.metadata_generator.mlp[0].weight.detach().clone()
    model.set_params(warm_start=True, max_steps=1, learning_rate=1e-12).fit(make_web_traffic(300, 6, random_state=0))
    assert np.allclose(model.networks_.metadata_generator.mlp[0].weight.detach(), weights, atol=1e-6)


def test_a_value_that_the_model_never_makes_comes_all_the_same():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"kind": rng.choice(["a", "b", "c"], 300, p=[0.5, 0.499, 0.001]), "size": rng.normal(size=300)}
    )
    table.loc[0, "kind"] = "c"
    model = DGSynthesizer(**SMALL, max_steps=200, random_state=0).fit(table)
    model.refit_metadata({"kind": "uniform", "size": "uniform"}, max_steps=800, random_state=0)
    made = model.sample(2000, random_state=1)
    assert made["kind"].value_counts(normalize=True)["c"] == pytest.approx(1 / 3, abs=0.07)
    bins = np.histogram(made["size"], 4, (table["size"].min(), table["size"].max()))[0] / 2000
    assert (np.abs(bins - 0.25) < 0.1).all()


def test_marginals_that_exclude_each_other_are_told():
    """Where two columns are always equal, they can't have other frequencies."""
    pool = pd.DataFrame({"a": ["x", "y"] * 50, "b": ["x", "y"] * 50})
    columns = {name: Column(name, "categorical", "str", categories=("x", "y")) for name in pool}
    with pytest.warns(UserWarning, match="contradict each other .* column 'a' can only be met .* of 0.40"):
        with_marginals(pool, columns, {"a": {"x": 9, "y": 1}, "b": {"x": 1, "y": 1}}, np.random.default_rng(0))


def test_too_few_steps_are_told(model):
    with pytest.warns(UserWarning, match="'agent' are off the wanted ones .* raise max_steps=1"):
        model.refit_metadata({"agent": {"spider": 1}}, max_steps=1, random_state=0)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"planet": "uniform"}, "names column 'planet'; the model's metadata columns are"),
        ({"agent": {"human": 1}}, "column 'agent' holds 'human', which is not among the 2 categories"),
        ({"agent": {"spider": -1}}, "weights of column 'agent' must be finite, none negative"),
        ({"agent": "normal"}, "must be weights or 'uniform', got 'normal'"),
        (lambda frame: np.zeros(len(frame)), "none negative and not all zero"),
        (lambda frame: [1.0], r"got an array of shape \(1,\)"),
        (lambda frame: ["much"] * len(frame), "the weights must be numbers, got"),
        ({"agent": {"spider": "much"}}, "the weights of column 'agent' must be numbers"),
        (pd.DataFrame({"planet": ["earth"]}), "names column 'planet'"),
    ],
)
def test_what_can_not_be_is_refused(model, target, message):
    with pytest.raises(DataError, match=message):
        model.refit_metadata(target)


def test_a_model_without_metadata_is_refused():
    model = DGSynthesizer(**SMALL, max_steps=1).fit(np.random.default_rng(0).random((20, 5, 1)))
    with pytest.raises(DataError, match="has no metadata"):
        model.refit_metadata({"kind": "uniform"})


def test_a_few_whole_numbers_are_uniform_each_for_itself():
    rooms = Column("rooms", "integer", "int64", minimum=1, maximum=8)
    pool = pd.DataFrame({"rooms": np.random.default_rng(0).binomial(7, 0.3, 20_000) + 1})
    made = with_marginals(pool, {"rooms": rooms}, {"rooms": "uniform"}, np.random.default_rng(0))
    assert (
        np.abs(made["rooms"].value_counts(normalize=True) - 1 / 8).max() < 0.005
    )  # 20,000 rows, each drawn once and rarer ones repeated
