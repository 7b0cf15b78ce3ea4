"""A long scan does not fill the memory; what is done while scanning is not waited for after it."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, MemoryConfig, SplatConfig
from m3_ros.evaluate.bench_memory import measure_build, measure_stream, run

SPLAT = SplatConfig(voxel_size=0.012, max_iterations=10, sh_degree=0)
CONFIG = M3Config(splat=SPLAT, memory=MemoryConfig(refine_steps=2))
MEASURE = """
import json
from dataclasses import asdict
from m3_ros.evaluate.bench_memory import measure_stream
print(json.dumps(asdict(measure_stream(60, max_components=160))))
"""


def test_memory_stays_bounded_by_the_bank_not_by_the_frames():
    """In a process of its own, whose peak is its own."""
    output = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, check=True, text=True, timeout=300
    ).stdout
    cost = json.loads(output)
    assert cost["rows"] == 60 * 1200
    assert cost["components"] == 160 and 0 < cost["uncovered"] < cost["rows"]
    features_mb = 4e-6 * cost["rows"] * 768
    assert cost["peak_mb"] - cost["before_mb"] < 0.4 * features_mb


def test_a_bank_with_room_covers_every_thing_of_a_long_scan():
    cost = measure_stream(12, dim=96, max_components=200)
    assert cost.uncovered == 0
    assert 40 + 11 * 4 - 10 < cost.components < 200
    assert cost.bank_mb == pytest.approx(2e-6 * cost.components * 96)


def test_what_grew_is_not_waited_for(toy):
    frames = [*toy.frames, *toy.frames]
    costs = measure_build(frames, CONFIG, [toy.model])
    stages = {
        build: [cost.stage for cost in costs if cost.build == build]
        for build in ("incremental", "at once")
    }
    assert stages["at once"] == ["features", "fit", "lift", "color", "result"]
    assert stages["incremental"] == ["features", "incremental", "fit", "lift", "color", "result"]
    assert all(cost.after == (cost.stage not in ("features", "incremental")) for cost in costs)
    assert all(cost.cpu_s >= 0 for cost in costs)


def test_tables_and_json(toy, tmp_path, capsys):
    with ScanWriter(tmp_path / "scan") as writer:
        for frame in toy.frames:
            writer.add(frame)
    report = run(2, 16, tmp_path / "scan", CONFIG, [toy.model], tmp_path / "memory.json")
    assert json.loads((tmp_path / "memory.json").read_text()) == report
    printed = capsys.readouterr().out
    assert "ready after" in printed and "uncovered" in printed
    assert report["stream"] == asdict(measure_stream(2, 16)) | {
        key: report["stream"][key] for key in ("before_mb", "peak_mb", "first_s", "last_s")
    }
