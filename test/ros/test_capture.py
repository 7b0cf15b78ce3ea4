"""The capture node between real processes: a fake camera publishes, a client asks."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray

from m3_ros.capture.scan import Scan
from m3_ros.codes import ScanErrorCode
from m3_ros.config import M3Config
from m3_ros.msg import ScanStatus
from m3_ros.nodes.client import Client
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.stack import Stack, override
from m3_ros.srv import StartScan, StopScan


@pytest.fixture
def capture(tmp_path):
    """The capture node as a process, and a client."""
    settings = [f"storage.scans={tmp_path}", "scan.sync_tolerance=0.01"]
    config = override(M3Config(), settings)
    with Stack(["capture"], config) as stack, Client("test", stack.check) as client:
        yield client


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A capture node that soon says what is missing; and its folder."""
    folder = tmp_path_factory.mktemp("scans")
    settings = [f"storage.scans={folder}", "scan.sync_tolerance=0.01", "scan.start_timeout=0.5"]
    config = override(M3Config(), settings)
    with Stack(["capture"], config) as stack, Client("test", stack.check) as client:
        yield client, folder


def start_camera(start, client, *options):
    start("fake_camera.py", *options)
    client.wait_until(lambda: client.node.count_publishers("/tf_static") > 0, 60.0, "no camera")


def begin(client, **request):
    return client.call(StartScan, "/m3/scan/start", StartScan.Request(**request), timeout=60.0)


def end(client):
    return client.call(StopScan, "/m3/scan/stop", StopScan.Request(), timeout=60.0)


@pytest.mark.parametrize("options", [(), ("--rectified-name",)], ids=["image_raw", "rect_raw"])
def test_a_scan_holds_synchronised_posed_keyframes(start, capture, eventually, options):
    start_camera(start, capture, *options)
    started = begin(capture)
    assert started.success and started.error_code == ScanErrorCode.NONE, started.error_msg
    again = begin(capture)
    assert not again.success and again.error_code == ScanErrorCode.ALREADY_RECORDING
    assert again.folder == started.folder
    states = []
    capture.node.create_subscription(ScanStatus, "/m3/scan_status", states.append, LATCHED)
    eventually(lambda: states and states[-1].keyframes >= 3, "three keyframes")
    stopped = end(capture)
    assert stopped.success, stopped.error_msg
    assert stopped.folder == started.folder
    scan = Scan.open(started.folder)
    assert len(scan) == stopped.keyframes
    frames = list(scan)
    positions = np.array([frame.camtoworld[:3, 3] for frame in frames])
    stamps = np.array([frame.stamp for frame in frames])
    # The camera moves 0.1 m/s along x; a keyframe comes every 0.03 m, and none is missing.
    assert np.allclose(positions[:, 0], 0.1 * (stamps % 1000.0), atol=1e-4)
    assert len(frames) >= 3 and np.diff(positions[:, 0]).min() + 1e-6 >= 0.03
    assert np.median(np.diff(positions[:, 0])) < 0.06
    assert np.allclose(positions[:, 1:], [0.0, 1.0], atol=1e-6)
    assert (frames[0].rgb == [10, 20, 30]).all() and np.allclose(frames[0].depth, 1.0)
    assert np.allclose(frames[0].K[:2, 2], [40.0, 30.0])


def test_stopping_without_a_scan_says_so(capture):
    answer = end(capture)
    assert not answer.success and answer.error_code == ScanErrorCode.NOT_RECORDING
    assert "/m3/scan/start" in answer.error_msg


def test_the_status_of_a_scan_is_published_to_whoever_comes_late(
    start, capture, eventually, tmp_path
):
    start_camera(start, capture)
    assert begin(capture, folder=str(tmp_path / "kitchen")).folder == str(tmp_path / "kitchen")
    states = []
    capture.node.create_subscription(ScanStatus, "/m3/scan_status", states.append, LATCHED)
    eventually(lambda: states and states[-1].keyframes > 1, "two keyframes")
    assert states[-1].recording and states[-1].folder == str(tmp_path / "kitchen")
    assert states[-1].rejected_near > 0 and states[-1].rejected_fast == 0
    keyframes = end(capture).keyframes
    eventually(lambda: not states[-1].recording, "the end of the scan")
    assert states[-1].keyframes == keyframes
    lost = Path(begin(capture, folder=str(tmp_path / "lost")).folder)
    eventually(lambda: states[-1].folder == str(lost) and states[-1].keyframes, "a keyframe")
    shutil.rmtree(lost)
    answer = end(capture)
    assert not answer.success and (answer.keyframes, answer.folder) == (0, "")
    assert answer.error_code == ScanErrorCode.FAILED
    assert "the folder was removed or renamed" in answer.error_msg


def test_diagnostics_say_what_arrives_and_what_does_not(start, impatient, eventually):
    client, _ = impatient
    start_camera(start, client, "--without", "depth")
    states = {}

    def receive(message):
        states.update({status.name: status for status in message.status})

    client.node.create_subscription(DiagnosticArray, "/diagnostics", receive, 10)
    color = "capture: /camera/camera/color/image_raw"
    depth = "capture: /camera/camera/aligned_depth_to_color/image_raw"

    def settled():
        return color in states and states[color].level == b"\0" and states[depth].level == b"\2"

    eventually(settled, "colour reported well and depth missing")
    rate = {item.key: float(item.value) for item in states[color].values}["rate [Hz]"]
    assert 0.0 < rate < 25.0
    # The message says who is missing what.
    assert depth.removeprefix("capture: ") in states[depth].message


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--without", "color"), "/camera/camera/color/image_raw"),
        (("--without", "depth"), "aligned_depth_to_color"),
        (("--without", "info"), "camera_info"),
        (("--without", "odometry"), "/tf|map"),
        (("--skew", "0.025"), "sync_tolerance"),
    ],
    ids=["color", "depth", "info", "transform", "skew"],
)
def test_what_is_missing_is_named_and_the_node_lives(
    start, impatient, eventually, options, complaint
):
    client, folder = impatient
    start_camera(start, client, *options)

    def is_named():
        answer = begin(client)
        if answer.success:  # by the camera info that the camera before has left
            end(client)
            shutil.rmtree(answer.folder)
            return False
        assert answer.error_code == ScanErrorCode.NO_FRAMES
        return any(word in answer.error_msg for word in complaint.split("|"))

    eventually(is_named, complaint)
    assert end(client).error_code == ScanErrorCode.NOT_RECORDING
    assert not list(folder.iterdir())
