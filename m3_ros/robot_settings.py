"""Settings that name the robot, its frames and its topics."""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.settings import Stage, setting


@dataclass(frozen=True)
class RobotConfig(Stage):
    """The robot, and names of its frames and topics."""

    model: str = setting(
        "b1_z1", "robot: a name in config/robots/, or the path of a file like those"
    )
    world_frame: str = setting("map", "fixed frame of the memory, the LiDAR odometry's world")
    base_frame: str = setting("base_link", "the robot's base, in the URDF and in TF")
    camera_frame: str = setting("camera_color_optical_frame", "the wrist camera's optical frame")
    color_topic: str = setting("camera/camera/color/image_raw", "colour images")
    depth_topic: str = setting(
        "camera/camera/aligned_depth_to_color/image_raw",
        "depth, 16UC1 or 32FC1: aligned to colour, or with a camera info beside it",
    )
    camera_info_topic: str = setting("camera/camera/color/camera_info", "colour intrinsics")
    joint_states_topic: str = setting("joint_states", "arm and gripper joints")
    joint_prefix: str = setting(
        "", "what the driver puts before the URDF's joint names, for example left_"
    )
    cmd_vel_topic: str = setting("cmd_vel", "velocity commands of the base")
    cmd_vel_stamped: bool = setting(
        False, "these commands are TwistStamped, as many bases take since jazzy; else Twist"
    )
    gripper_action: str = setting(
        "parallel",
        "the gripper's action: ParallelGripperCommand, or the older GripperCommand",
        choices=("parallel", "gripper_command"),
    )
