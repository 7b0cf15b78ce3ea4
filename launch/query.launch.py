"""Answer queries from a memory, verified by the wrist camera.

ros2 launch m3_ros query.launch.py params_file:=/path/to/robot.yaml
"""

from launch import LaunchDescription

from m3_ros.nodes.launch import launch_stack


def generate_launch_description() -> LaunchDescription:
    """Return the query node."""
    return launch_stack("query")
