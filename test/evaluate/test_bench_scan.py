"""Figures of scans: every frame is held out once, and withheld depth is still scored."""

import json
from dataclasses import replace

import numpy as np
import pytest

from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, SplatConfig
from m3_ros.evaluate import bench_scan
from m3_ros.evaluate.bench_scan import mean
from m3_ros.splat.held_out import HeldOutScores, ViewScore


def test_scans_are_measured_with_and_without_depth(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_scan, "FOLDS", 2)
    with ScanWriter(tmp_path / "scan") as writer:
        for frame in toy.frames[:4]:
            writer.add(frame)
    config = M3Config(splat=SplatConfig(voxel_size=0.02, max_iterations=3, sh_degree=0))
    used, withheld = bench_scan.run(
        [tmp_path / "scan"], config, ["draft"], tmp_path / "figures.json"
    )
    assert used.depth and not withheld.depth
    assert used.folds == 2 and used.scores.frames == 4 and used.scores.held_out
    assert used.scores.depth_error < withheld.scores.depth_error
    written = json.loads((tmp_path / "figures.json").read_text())["scans"]
    assert [row["scores"]["frames"] for row in written] == [4, 4]


def test_a_run_that_is_broken_off_leaves_its_figures(toy, tmp_path, monkeypatch):
    scores = HeldOutScores(2, True, ViewScore(20.0, 0.5), ViewScore(22.0, 0.6), 0.01)
    rows = iter([bench_scan.ScanFigures("scan", True, "draft", 2, 4, 3.0, 9.0, 1.0, scores)])
    monkeypatch.setattr(bench_scan, "scan_figures", lambda *_: next(rows))
    with ScanWriter(tmp_path / "scan") as writer:
        for frame in toy.frames[:3]:
            writer.add(frame)
    with pytest.raises(StopIteration):
        bench_scan.run([tmp_path / "scan"], M3Config(), ["draft"], tmp_path / "figures.json")
    assert len(json.loads((tmp_path / "figures.json").read_text())["scans"]) == 1


def test_means_are_of_all_folds():
    one = HeldOutScores(2, True, ViewScore(20.0, 0.5), ViewScore(22.0, 0.6), 0.01)
    two = replace(one, as_is=ViewScore(30.0, 0.7), depth_error=0.03)
    both = mean([one, two])
    assert both.frames == 4 and both.as_is == ViewScore(25.0, pytest.approx(0.6))
    assert both.corrected == ViewScore(22.0, pytest.approx(0.6))
    assert both.depth_error == pytest.approx(0.02)
    assert np.isnan(mean([one, replace(two, depth_error=np.nan)]).depth_error)
