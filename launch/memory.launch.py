"""Build memories from scans.

ros2 launch m3_ros memory.launch.py params_file:=/path/to/robot.yaml
"""

from launch import LaunchDescription

from m3_ros.nodes.launch import launch_stack


def generate_launch_description() -> LaunchDescription:
    """Return the memory node."""
    return launch_stack("memory")
