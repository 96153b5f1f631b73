from __future__ import annotations


def test_demo_writes_its_files(succeed, tmp_path):
    out = succeed("demo", "-o", tmp_path / "demo", "--max-steps", 2, "--n-samples", 30)
    names = {"real.csv", "synthetic.csv", "synthetic.parquet", "model.safetensors", "report.html"}
    assert {path.name for path in (tmp_path / "demo").iterdir()} == names
    assert "report.html" in out
