"""A simulated robot with camera and LiDAR odometry, under the real robot's names.

ros2 launch m3_ros simulation.launch.py params_file:=/path/to/robot.yaml
"""

from launch import LaunchDescription

from m3_ros.nodes.launch import launch_stack


def generate_launch_description() -> LaunchDescription:
    """Return the simulation node."""
    return launch_stack("simulation")
