"""Capture posed keyframes of the wrist camera.

ros2 launch m3_ros scan.launch.py params_file:=/path/to/robot.yaml
"""

from launch import LaunchDescription

from m3_ros.nodes.launch import launch_stack


def generate_launch_description() -> LaunchDescription:
    """Return the capture node."""
    return launch_stack("scan")
