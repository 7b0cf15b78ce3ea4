"""The CPU is measured, and a GPU beside it; one that is absent is said to be."""

import json

import pytest
import torch

from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, SplatConfig
from m3_ros.evaluate import bench_device


@pytest.fixture
def measured(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_device, "STEPS", ((50, (32, 24), 4),) * 2)
    monkeypatch.setattr(bench_device, "REPEATS", 1)
    monkeypatch.setattr(bench_device, "load_language_extractor", lambda *_: toy.model)
    with ScanWriter(tmp_path / "scan") as writer:
        for frame in toy.frames[:4]:
            writer.add(frame)
    config = M3Config(splat=SplatConfig(voxel_size=0.02, max_iterations=2))
    report = bench_device.run(tmp_path / "scan", config, tmp_path / "device.json")
    assert json.loads((tmp_path / "device.json").read_text()) == json.loads(json.dumps(report))
    return report


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_the_cpu_is_measured_and_the_reason_told(measured, capsys):
    assert list(measured["devices"]) == ["cpu"] and "CUDA" in measured["absent"]
    figures = measured["devices"]["cpu"]
    assert len(figures) == 5 and all(value > 0 for value in figures.values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device to measure")
def test_a_gpu_is_measured_beside_the_cpu(measured):
    cpu, gpu = measured["devices"].values()
    assert set(cpu) < set(gpu) and all(value > 0 for value in gpu.values())
