"""Real processes over DDS: each module has a domain of its own, on this machine only."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def separate_domain(own_domain):
    """Every test of a module runs in the module's domain, and so do its processes."""


@pytest.fixture
def start():
    """Start a Python script of this folder as a process; all end with the test."""
    running = []

    def begin(script, *arguments):
        process = subprocess.Popen([sys.executable, str(HERE / script), *arguments])
        running.append(process)
        return process

    yield begin
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=10)


@pytest.fixture
def eventually():
    """Wait until a condition holds; fail with what was awaited otherwise."""

    def wait(condition, what, timeout=60.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not happen within {timeout} s"
            time.sleep(0.05)

    return wait


RVIZ = {
    "RobotModel": "std_msgs/msg/String",
    "PointCloud2": "sensor_msgs/msg/PointCloud2",
    "MarkerArray": "visualization_msgs/msg/MarkerArray",
    "Pose": "geometry_msgs/msg/PoseStamped",
    "Image": "sensor_msgs/msg/Image",
}
"""Types of the topics of RViz' displays."""


@pytest.fixture
def displayed():
    """Topics that the RViz configuration and the Foxglove layout show, with their types."""
    root = Path(__file__).parents[2]
    config = yaml.safe_load((root / "config/m3.rviz").read_text())["Visualization Manager"]
    found = {"/diagnostics": "diagnostic_msgs/msg/DiagnosticArray"}
    found["/camera/camera/color/camera_info"] = "sensor_msgs/msg/CameraInfo"
    for display in config["Displays"]:
        topic = display.get("Topic") or display.get("Description Topic")
        if topic:
            found[topic["Value"]] = RVIZ[display["Class"].rpartition("/")[2]]
    layout = (root / "config/foxglove.json").read_text()
    named = set(re.findall(r'"((?:/\w+)+)"', layout)) - {"/m3/query"}  # a service
    assert named <= set(found)
    return found
