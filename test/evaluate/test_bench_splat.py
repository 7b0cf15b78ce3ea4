"""The benchmark runs, and what it says is what it wrote."""

import json

from m3_ros.evaluate import bench_splat


def test_writes_every_row_beside_the_reference(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_splat, "COUNTS", (200, 400))
    monkeypatch.setattr(bench_splat, "SIZES", ((32, 24),))
    monkeypatch.setattr(bench_splat, "REPEATS", 1)
    monkeypatch.setattr(bench_splat, "fit_simulated", lambda qualities: [])
    report = bench_splat.run(tmp_path / "splat.json")
    assert json.loads((tmp_path / "splat.json").read_text()) == json.loads(json.dumps(report))
    assert [s["channels"] for s in report["steps"]] == [4, 20, 52] * 2
    assert all(s["step_ms"] >= s["forward_ms"] > 0 for s in report["steps"])
    assert [s["reference_ms"] is not None for s in report["steps"]] == [True] * 3 + [False] * 3
