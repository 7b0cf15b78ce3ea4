"""`m3 doctor` finds what is here, says what to do about the rest, and fails only without need."""

import shutil
import sys
from types import SimpleNamespace

import pytest

from m3_ros.cli import doctor
from m3_ros.config import M3Config, ScanConfig
from m3_ros.splat import native


def lines(checks):
    return {check.subject: str(check) for check in checks}


def test_a_machine_that_runs_the_tests_is_usable(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rclpy", None)
    assert doctor.doctor() == 0
    said = capsys.readouterr().out
    for subject in ("python", "m3_ros", "torch", "numpy", "CPU rasterizer", "CUDA", "gsplat"):
        assert f"\nok    {subject:<22}" in "\n" + said
    assert "ok    model compact" in said and "FAIL" not in said
    ros = next(line for line in said.splitlines() if " ROS 2 " in line)
    assert ros.startswith("note") and "source install/setup.bash" in ros


def test_a_missing_package_fails_and_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rclpy", None)
    monkeypatch.setitem(sys.modules, "ruckig", None)
    assert doctor.doctor() == 1
    assert "FAIL  ruckig                 absent; install it: pip install ruckig" in (
        capsys.readouterr().out
    )


def test_kernels_that_were_not_built_fail(monkeypatch):
    monkeypatch.setenv("M3_SPLAT_ISA", "z80")
    native.isa.cache_clear()
    native.library.cache_clear()
    try:
        line = lines(doctor.device())["CPU rasterizer"]
    finally:
        native.isa.cache_clear()
        native.library.cache_clear()
    assert line.startswith("FAIL") and "make setup" in line


def test_gsplat_is_wanted_only_where_cuda_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "gsplat", None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert lines(doctor.device())["gsplat"].split() == ["ok", "gsplat", "absent"]
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
    found = lines(doctor.device())
    assert "a GPU" in found["CUDA"] and "pip install gsplat" in found["gsplat"]


def test_weights_that_are_absent_are_no_failure(monkeypatch):
    monkeypatch.setattr("m3_ros.features.model_cards.ModelCard.snapshot", lambda *_: None)
    found = lines(doctor.weights())
    assert found["model compact"].startswith("ok") and "m3 models" in found["model clip"]
    assert found["model clip"].startswith("note")


@pytest.mark.parametrize(("free", "state"), [(3e9, "note"), (6e9, "ok")])
def test_a_full_scan_should_fit_on_the_disk(monkeypatch, tmp_path, free, state):
    asked = []

    def usage(path):
        asked.append(path)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.setenv("HOME", str(tmp_path))
    config = M3Config(scan=ScanConfig(max_frames=1000))  # 4.6 MB each at most
    found = lines(doctor.disk(config))
    assert [found[f"disk of {what}"].split()[0] for what in ("scans", "memory")] == [state] * 2
    assert asked == [tmp_path, tmp_path], "the nearest folder that exists"
