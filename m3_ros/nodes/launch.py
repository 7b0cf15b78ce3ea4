"""A stack as a launch description, for the files in `launch/`."""

from __future__ import annotations

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from m3_ros.nodes.stack import STACKS


def launch_stack(stack: str) -> LaunchDescription:
    """Return a stack's nodes, with the launch arguments `config` (YAML file) and `log_level`."""
    default = PathJoinSubstitution([FindPackageShare("m3_ros"), "config", "m3.yaml"])
    arguments = [
        DeclareLaunchArgument("config", default_value=default, description="file of parameters"),
        DeclareLaunchArgument("log_level", default_value="info", description="debug ... fatal"),
    ]
    nodes = [
        Node(
            package="m3_ros",
            executable=name,
            name=name,
            output="screen",
            parameters=[LaunchConfiguration("config")],
            arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
        )
        for name in STACKS[stack]
    ]
    return LaunchDescription(arguments + nodes)
