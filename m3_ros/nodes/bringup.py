"""A robot's drivers and our nodes as a launch description, for `launch/bringup.launch.py`."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from launch import LaunchContext, LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.substitutions import FindPackageShare

from m3_ros.config import RobotConfig
from m3_ros.files import user_path
from m3_ros.nodes.launch import ARGUMENTS, BOOLEAN, Argument, describe, require, stack_nodes
from m3_ros.nodes.stack import STACKS, TF_REMAPPINGS
from m3_ros.robot_model import load_robot
from m3_ros.settings import ConfigError

CAMERAS = {
    # Depth of both in their best mode (docs/robot.md); the colour of a D405 comes from its depth
    # module.
    "d405": {
        "device_type": "d405",
        "depth_module.depth_profile": "848x480x30",
        "depth_module.color_profile": "848x480x30",
    },
    "d435": {
        "device_type": "d435",
        "depth_module.depth_profile": "848x480x30",
        "rgb_camera.color_profile": "848x480x30",
    },
    "none": None,
}
"""Parameters of realsense2_camera besides aligned depth and synchronised images."""
ODOMETRY = {
    "none": ("", ""),
    "fast_lio": ("camera_init", "body"),
    "point_lio": ("camera_init", "aft_mapped"),
    "lio_sam": ("map", ""),
    "kiss_icp": ("odom_lidar", ""),
}
"""World frame of LiDAR odometry, and the IMU's frame where its tree ends there."""
POSE = ("x", "y", "z", "roll", "pitch", "yaw")
ROBOT_ARGUMENTS = (
    Argument("robot", RobotConfig().model, "name in config/robots/, or a file like those"),
    Argument("stack", "m3", "our nodes", tuple(name for name in STACKS if name != "simulation")),
    Argument("camera", "d405", "RealSense on the wrist; none if it runs already", tuple(CAMERAS)),
    Argument("odometry", "none", "LiDAR odometry that runs: its frames", tuple(ODOMETRY)),
    Argument(
        "imu_to_base",
        "0 0 0 0 0 0",
        "pose of the base in the frame of the odometry's IMU: x y z (m) roll pitch yaw (rad)",
    ),
    Argument("state_publisher", "true", "start robot_state_publisher with our URDF", BOOLEAN),
    Argument("ros2_control", "false", "start ros2_control and the controllers", BOOLEAN),
    Argument("controllers_file", "", "the one that the robot's file names when empty"),
)


def launch_robot() -> LaunchDescription:
    """Return the description, with the arguments of a stack and `ROBOT_ARGUMENTS`."""
    return describe((*ARGUMENTS, *ROBOT_ARGUMENTS), _start)


def _start(context: LaunchContext) -> list[object]:
    chosen = context.launch_configurations
    robot = RobotConfig(model=chosen["robot"])
    urdf = load_robot(robot).urdf.read_text()
    settings = {"robot.model": chosen["robot"]}
    world, imu = ODOMETRY[chosen["odometry"]]
    if world:
        settings["robot.world_frame"] = world
    # First our nodes, whose file of parameters may be refused.
    nodes = stack_nodes(context, chosen["stack"], settings)
    needed = {
        "realsense2_camera": CAMERAS[chosen["camera"]],
        "robot_state_publisher": chosen["state_publisher"] == "true",
        "tf2_ros": imu,
        "controller_manager": chosen["ros2_control"] == "true",
    }
    actions = [require(*(package for package, used in needed.items() if used)), *nodes]
    if CAMERAS[chosen["camera"]]:
        actions.append(_camera(chosen))
    if chosen["state_publisher"] == "true":
        description = {"robot_description": urdf}
        actions.append(
            _node(chosen, "robot_state_publisher", "robot_state_publisher", [description])
        )
    if imu:
        actions.append(_imu_mount(chosen, imu, robot.base_frame))
    if chosen["ros2_control"] == "true":
        actions += _controllers(chosen, urdf)
    return actions


def _node(
    chosen: dict[str, str],
    package: str,
    executable: str,
    parameters: list[object],
    remappings: Sequence[tuple[str, str]] = (),
    **options: object,
) -> Node:
    """Return a node of another package, in the robot's namespace and with its TF and clock."""
    namespace = chosen["namespace"].strip("/")
    return Node(
        package=package,
        executable=executable,
        namespace=namespace,
        remappings=[*(TF_REMAPPINGS if namespace else ()), *remappings],
        parameters=[*parameters, {"use_sim_time": chosen["use_sim_time"] == "true"}],
        output="screen",
        **options,
    )


def _camera(chosen: dict[str, str]) -> GroupAction:
    """Return the camera's driver; its frames come from the URDF, where the mount is."""
    arguments = {
        "camera_namespace": chosen["camera_namespace"] or "camera",
        "camera_name": chosen["camera_name"] or "camera",
        "align_depth.enable": "true",
        "enable_sync": "true",
        "publish_tf": "false",
        **CAMERAS[chosen["camera"]],
    }
    source = PathJoinSubstitution(
        [FindPackageShare("realsense2_camera"), "launch", "rs_launch.py"]
    )
    driver = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(source), launch_arguments=arguments.items()
    )
    namespace = chosen["namespace"].strip("/")
    # Scoped: the driver's arguments stay its own.
    return GroupAction([*([PushRosNamespace(namespace)] if namespace else []), driver])


def _imu_mount(chosen: dict[str, str], imu: str, base: str) -> Node:
    """Return the static transform from the odometry's IMU to the base.

    Raises:
        ConfigError: `imu_to_base` is not six numbers.
    """
    words = chosen["imu_to_base"].split()
    try:
        if [isfinite(float(word)) for word in words] != [True] * len(POSE):
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"imu_to_base = {chosen['imu_to_base']!r}: it must be {len(POSE)} finite numbers, "
            f"{' '.join(POSE)}, in m and rad"
        ) from None
    pairs = zip((*POSE, "frame-id", "child-frame-id"), (*words, imu, base), strict=True)
    arguments = [part for name, value in pairs for part in (f"--{name}", value)]
    return _node(
        chosen,
        "tf2_ros",
        "static_transform_publisher",
        [],
        name="imu_to_base",
        arguments=arguments,
    )


def _controllers(chosen: dict[str, str], urdf: str) -> list[Node]:
    """Return ros2_control and the spawner of the robot's controllers.

    Since Jazzy the manager takes the URDF from the topic robot_description only, and controllers
    take their parameters from the spawner; Humble's manager takes both as its own parameters.
    """
    model = load_robot(RobotConfig(model=chosen["robot"]))
    path = user_path(chosen["controllers_file"] or model.controllers)
    if not path.is_file():
        raise ConfigError(f"controllers_file {path} is missing: it must be a YAML file")
    namespace = chosen["namespace"].strip("/")
    manager = f"/{namespace}/controller_manager" if namespace else "/controller_manager"
    names = [part.controller.name.strip("/") for part in (model.arm, model.gripper)]
    return [
        _node(
            chosen,
            "controller_manager",
            "ros2_control_node",
            [{"robot_description": urdf}, str(path)],
            remappings=[("~/robot_description", "robot_description")],
        ),
        _node(
            chosen,
            "controller_manager",
            "spawner",
            [],
            arguments=[
                *("joint_state_broadcaster", *names),
                *("--param-file", str(path), "--controller-manager", manager),
            ],
        ),
    ]
