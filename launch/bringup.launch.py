"""A real robot: camera driver, robot_state_publisher, static transforms, controllers, our nodes.

ros2 launch m3_ros bringup.launch.py camera:=d405 ros2_control:=true odometry:=fast_lio
"""

from launch import LaunchDescription

from m3_ros.nodes.bringup import launch_robot


def generate_launch_description() -> LaunchDescription:
    """Return what docs/robot.md starts one by one."""
    return launch_robot()
