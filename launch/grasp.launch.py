"""Find and grasp; the arm moves only on a goal.

ros2 launch m3_ros grasp.launch.py params_file:=/path/to/robot.yaml
"""

from launch import LaunchDescription

from m3_ros.nodes.launch import launch_stack


def generate_launch_description() -> LaunchDescription:
    """Return the query node, the guard and the grasp node."""
    return launch_stack("grasp")
