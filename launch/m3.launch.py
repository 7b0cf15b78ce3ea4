"""The whole system on a robot: scan, memory, query, grasp.

ros2 launch m3_ros m3.launch.py params_file:=/path/to/robot.yaml
"""

from launch import LaunchDescription

from m3_ros.nodes.launch import launch_stack


def generate_launch_description() -> LaunchDescription:
    """Return all nodes but the simulation."""
    return launch_stack("m3")
