"""The timing of feature extraction: what it times, prints and writes."""

import json

import pytest

from m3_ros.evaluate import bench_features


def test_models_are_timed_beside_scaling(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench_features, "SIZE", (48, 64))
    monkeypatch.setattr(bench_features, "REPEATS", 1)
    found = bench_features.run(["compact"], tmp_path / "times.json")
    assert [t.model for t in found] == ["compact"] and found[0].dim == 240
    assert found[0].image_ms > 0 and found[0].batch_ms > 0
    written = json.loads((tmp_path / "times.json").read_text())["models"][0]
    assert written["ratio"] == pytest.approx(found[0].ratio)
    assert "compact" in capsys.readouterr().out


def test_all_models_whose_weights_are_here_are_meant(monkeypatch):
    asked = []
    monkeypatch.setattr("m3_ros.features.model_cards.ModelCard.snapshot", lambda *_: None)
    monkeypatch.setattr(bench_features, "measure", lambda name: asked.append(name) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench_features.run()
    assert asked == ["compact"]


def test_cpu_time_counts_work_not_waiting():
    import time

    assert bench_features.cpu_ms(lambda: time.sleep(0.02)) < 15
    assert bench_features.cpu_ms(lambda: sum(range(200_000))) > 0.5
