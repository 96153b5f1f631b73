"""The privacy report says what was found, in words, numbers and on a page."""

import json

import pytest

from dgsynth import DGSynthesizer
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError
from dgsynth.evaluation import privacy_report

COLUMNS = {"sequence_key": "page", "sequence_index": "date"}
REAL, HOLDOUT, FRESH = (make_web_traffic(60, 12, random_state=seed) for seed in (0, 1, 2))


@pytest.fixture(scope="module")
def of_copies():
    return privacy_report(REAL, REAL, HOLDOUT, **COLUMNS)


def test_copies_are_told(of_copies):
    assert "100.0% of the synthetic samples are exact copies" in of_copies.verdict
    assert of_copies.attacks[0].success_rate > 0.9
    assert 'class="verdict off"' in of_copies._repr_html_()


def test_fresh_samples_are_green():
    found = privacy_report(REAL, FRESH, HOLDOUT, **COLUMNS)
    assert found.copies["exact copies of training samples"] == 0
    assert all(attack.low <= 0.55 for attack in found.attacks)
    assert "no formal guarantee" in found.verdict


def test_attacks_are_drawn(of_copies):
    pytest.importorskip("matplotlib")
    captions = [part.get_suptitle() for part in of_copies.plot().subfigs]
    assert captions == ["Success of the attacks", "Attributes told right"]


def test_numbers_and_page_are_written(of_copies, tmp_path):
    pytest.importorskip("matplotlib")
    told = json.loads(of_copies.to_json(tmp_path / "privacy.json"))
    assert told["verdict"] == of_copies.verdict and len(told["membership"]) == 2 and len(told["attributes"]) == 3
    page = of_copies.to_html(tmp_path / "privacy.html")
    assert page == (tmp_path / "privacy.html").read_text()
    assert "train on more samples" in page and page.count("<img") == 2
    assert of_copies.verdict in str(of_copies)


def test_the_model_is_attacked_where_it_is_given(tmp_path):
    small = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (16, 16)}
    model = DGSynthesizer(**COLUMNS, **small, max_steps=3, random_state=0).fit(REAL)
    found = privacy_report(REAL, FRESH, HOLDOUT, model=model, sensitive=["agent"], **COLUMNS)
    assert [attack.access for attack in found.attacks] == ["whole model", "samples only", "samples only"]
    assert [attribute.column for attribute in found.attributes] == ["agent"]
    model.save(tmp_path / "model.safetensors", generator_only=True)
    lean = DGSynthesizer.load(tmp_path / "model.safetensors")
    assert len(privacy_report(REAL, FRESH, HOLDOUT, model=lean, sensitive=[], **COLUMNS).attacks) == 2
    with pytest.raises(DataError, match="has no discriminator to score samples by"):
        lean.discriminator_scores(REAL)


def test_the_budget_that_was_spent_is_told():
    class Private:
        class networks_:
            discriminator = None

        class privacy:
            delta = 1e-5

        epsilon_ = 2.5

    found = privacy_report(REAL, FRESH, HOLDOUT, model=Private, **COLUMNS)
    assert "epsilon 2.5 at delta 1e-05" in found.verdict and found.guarantee == (2.5, 1e-5)


def test_training_samples_are_no_holdout():
    with pytest.raises(DataError, match="100% of the samples of holdout are in the training data"):
        privacy_report(REAL, FRESH, REAL, **COLUMNS)
