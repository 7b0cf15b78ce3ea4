"""The starter ./m3 runs in its own environment, whatever another one has left behind."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_BEHIND = {
    "PYTHONHOME": "/usr",
    "PYTHONPATH": "/usr/lib/python3/dist-packages",
    "PYTHONEXECUTABLE": "/usr/bin/python3",
    "__PYVENV_LAUNCHER__": "/usr/bin/python3",
    "PYTHONPLATLIBDIR": "lib64",
    "VIRTUAL_ENV": "/nowhere",
    "COLCON_CURRENT_PREFIX": "/opt/ros/jazzy",
    "COLCON_PYTHON_EXECUTABLE": "/nowhere/python3",
    "RMW_IMPLEMENTATION": "rmw_nowhere_cpp",
    "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",  # set by every Python that has the ROS wheels
}


def run(command, folder):
    environment = os.environ | LEFT_BEHIND
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def test_the_command_line_starts(tmp_path):
    expected = (
        "m3: nowhere is no scan: transforms.json cannot be read: No such file or directory\n"
    )
    assert run([ROOT / "m3", "scan", "show", "nowhere"], tmp_path) == (65, "", expected)


def test_ros_starts(tmp_path):
    code = "import rclpy; print(rclpy.get_rmw_implementation_identifier())"
    command = ["bash", "-c", f"source {ROOT}/tools/environment.sh && python -c '{code}'"]
    assert run(command, tmp_path) == (0, "rmw_fastrtps_cpp\n", "")
