"""Files that were written when the package had another layout, and the samples that they made then.

`earlier/` holds a model file, a checkpoint and the samples of both, made at commit d73e5ec by the functions below. The
columns are on grids (whole numbers, tenths, categories, days), so that samples are the same bit for bit on any machine.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from dgsynth import DGSynthesizer, load

EARLIER = Path(__file__).parent / "earlier"
N_STEPS = 6


def table() -> pd.DataFrame:
    """Return 12 homes with 3 to 6 days each: categories, whole numbers, tenths, missing values and dates."""
    rows = [
        {
            "home": f"home {home}",
            "date": pd.Timestamp("2024-01-01") + pd.Timedelta(days=day),
            "technology": "DSL" if home % 3 else "cable",
            "rooms": home % 5,
            "load": (home * 7 + day * 3) % 11 / 10,
            "visits": None if (home + day) % 7 == 0 else (home * 5 + day * day) % 13,
        }
        for home in range(12)
        for day in range(3 + home % 4)
    ]
    return pd.DataFrame(rows).astype({"visits": "Int64", "technology": "category", "home": "str"})


def new_model(**parameters) -> DGSynthesizer:
    return DGSynthesizer(
        sequence_key="home",
        sequence_index="date",
        sample_len=2,
        metadata_units=(6,),
        lstm_units=6,
        discriminator_units=(8, 8),
        batch_size=4,
        max_steps=N_STEPS,
        random_state=3,
        n_jobs=1,
        # What the defaults were then.
        preset="paper",
        scaling="linear",
        attain_range=True,
        generator_averaging=0.999,
        **parameters,
    )


def samples(model: DGSynthesizer) -> pd.DataFrame:
    return model.sample(20, random_state=5)


def expected(name: str) -> pd.DataFrame:
    return pd.read_parquet(EARLIER / name)


def test_model_file_gives_the_samples_of_before():
    pd.testing.assert_frame_equal(samples(load(EARLIER / "model.safetensors")), expected("samples.parquet"))


def test_model_file_can_be_trained_on():
    model = load(EARLIER / "model.safetensors").set_params(warm_start=True)
    assert model.fit(table()).n_steps_ == 2 * N_STEPS


def test_training_goes_on_from_the_checkpoint(tmp_path):
    shutil.copy(EARLIER / "checkpoint.safetensors", tmp_path)
    # All its steps are done, so that only what the checkpoint holds makes the samples.
    model = new_model(checkpoint_dir=tmp_path).fit(table())
    assert model.n_steps_ == N_STEPS
    pd.testing.assert_frame_equal(samples(model), expected("samples.parquet"))
    assert new_model(checkpoint_dir=tmp_path).set_params(max_steps=N_STEPS + 2).fit(table()).n_steps_ == N_STEPS + 2


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.safetensors"])
def test_files_are_small(name):
    assert (EARLIER / name).stat().st_size < 100_000
