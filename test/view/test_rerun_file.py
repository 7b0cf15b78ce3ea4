"""Recordings for the viewer Rerun; read back by its own tool where rerun-sdk is installed."""

import subprocess
import sys

import numpy as np
import pytest

from m3_ros.capture.scan import Scan
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.codes import QueryStatus
from m3_ros.errors import UsageError
from m3_ros.files import WriteError
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.shape import OrientedBox
from m3_ros.view.rerun_file import save_memory_recording, save_scan_recording


@pytest.fixture
def sdk():
    return pytest.importorskip("rerun", reason="rerun-sdk (0.7 GB) is not installed by set-up")


def names(path):
    """Return the entities that Rerun's tool finds in a recording, after verifying it."""

    def tool(command):
        arguments = [sys.executable, "-m", "rerun", "rrd", command, str(path)]
        return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout

    tool("verify")
    return {word for word in tool("print").split() if word.startswith("/")}


def test_a_memory_its_keyframes_and_an_answer_are_read_back(sdk, toy_memory, tmp_path):
    box = OrientedBox(np.zeros(3), np.eye(3), np.ones(3))
    target = TargetObject(0, "box", 0.9, QueryStatus.FOUND, box, 0.01, True, np.zeros((4, 3)))
    shares = np.linspace(0.0, 1.0, len(toy_memory.gaussians), dtype=np.float32)
    result = QueryResult(QueryStatus.FOUND, [target], None, "'box' is there", shares)
    save_memory_recording(tmp_path / "a.rrd", toy_memory, result=result)
    found = names(tmp_path / "a.rrd")
    assert {"/world/gaussians", "/world/relevancy", "/world/targets", "/answer"} <= found
    assert "/world/keyframes/0/image/rgb" in found
    assert [path.name for path in tmp_path.iterdir()] == ["a.rrd"]


def test_a_scan_is_read_back_frame_by_frame(sdk, toy, tmp_path):
    with ScanWriter(tmp_path / "scan") as writer:
        for frame in toy.frames[:3]:
            writer.add(frame)
    scan = Scan.open(tmp_path / "scan")
    save_scan_recording(tmp_path / "b.rrd", scan)
    found = names(tmp_path / "b.rrd")
    assert {"/world/path", "/world/camera/image/depth", "/world/measured/2"} <= found


def test_a_recording_that_cannot_be_written_is_named(sdk, toy_memory, tmp_path):
    with pytest.raises(WriteError, match=r"nowhere.*cannot be written"):
        save_memory_recording(tmp_path / "nowhere/a.rrd", toy_memory)


def test_without_the_sdk_the_package_is_named_and_no_file_is_left(
    monkeypatch, toy_memory, tmp_path
):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(UsageError, match="install rerun-sdk"):
        save_memory_recording(tmp_path / "a.rrd", toy_memory)
    assert not list(tmp_path.iterdir())
