"""How samples lie in Parquet files: what readers other than Arrow find there."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgsynth import DGSynthesizer

SMALL = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (8,), "max_steps": 2, "random_state": 0}


def table(n=30, length=4):
    random = np.random.default_rng(0)
    metadata = pd.DataFrame({"home": np.arange(n), "a.b": random.choice(["x", "y", None], n)})
    frame = metadata.loc[np.repeat(np.arange(n), length)].reset_index(drop=True)
    frame["isp"] = pd.Categorical(frame["home"].mod(3).map({0: "low", 1: "mid", 2: "high"}), ["low", "mid", "high"])
    return frame.assign(
        hour=np.tile(np.arange(length), n), fine=random.random(n * length), cents=random.random(n * length).round(2)
    )


@pytest.fixture
def written(tmp_path):
    """Return the file of 50 samples, in chunks, and its columns' descriptions in the last row group."""
    path = tmp_path / "out.parquet"
    model = DGSynthesizer(sequence_key="home", sequence_index="hour", **SMALL).fit(table())
    model.sample_to(path, 50, chunk_size=20, random_state=0)
    file = pq.ParquetFile(path)
    group = file.metadata.row_group(2)
    chunks = [group.column(i) for i in range(group.num_columns)]
    return file, {chunk.path_in_schema: chunk for chunk in chunks}


def test_text_is_stored_as_text_and_read_as_text(written):
    file, _ = written
    text = file.schema.column(file.schema.names.index("a.b"))
    assert (text.physical_type, text.logical_type.type) == ("BYTE_ARRAY", "STRING")
    assert pa.types.is_large_string(file.schema_arrow.field("a.b").type) or pa.types.is_string(
        file.schema_arrow.field("a.b").type
    )
    assert pa.types.is_dictionary(file.schema_arrow.field("isp").type)
    assert file.read().schema.pandas_metadata["columns"]


def test_only_numbers_without_a_grid_have_no_dictionary(written):
    _, chunks = written
    assert [name for name, chunk in chunks.items() if not chunk.has_dictionary_page] == ["fine"]


def test_only_keys_have_statistics(written):
    _, chunks = written
    assert [name for name, chunk in chunks.items() if chunk.is_stats_set] == ["home"]
    assert (chunks["home"].statistics.min, chunks["home"].statistics.max) == (40, 49)
