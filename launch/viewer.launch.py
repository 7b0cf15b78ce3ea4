"""A page in the browser that shows, asks and steers the nodes that run.

ros2 launch m3_ros viewer.launch.py
"""

from launch import LaunchDescription

from m3_ros.nodes.launch import launch_stack


def generate_launch_description() -> LaunchDescription:
    """Return the viewer."""
    return launch_stack("viewer")
