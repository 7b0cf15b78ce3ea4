"""A stack as a launch description, for the files in `launch/`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from m3_ros.files import user_path
from m3_ros.nodes.parameters import check_parameter_file
from m3_ros.nodes.stack import STACKS, TF_REMAPPINGS
from m3_ros.resources import resource
from m3_ros.settings import ConfigError

logger = logging.getLogger(__name__)

BOOLEAN = ("true", "false")
SIMILAR = 0.8  # difflib's ratio of a name of eight letters and one with two of them exchanged


class Argument(NamedTuple):
    """A launch argument; with `setting`, it replaces that one of `params_file` unless empty."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] | None = None
    setting: str = ""

    def declare(self) -> DeclareLaunchArgument:
        """Return its declaration."""
        options = {"choices": list(self.choices)} if self.choices else {}
        return DeclareLaunchArgument(
            self.name, default_value=self.default, description=self.description, **options
        )


FROM_FILE = "; as in params_file when empty"
ARGUMENTS = (
    Argument(
        "namespace", "", "namespace of all nodes and topics of one robot; TF is then its own"
    ),
    Argument("use_sim_time", "false", "take the time from /clock", BOOLEAN),
    Argument("params_file", "", "ROS parameter file; config/m3.yaml of the package when empty"),
    Argument(
        "log_level", "info", "least severity logged", ("debug", "info", "warn", "error", "fatal")
    ),
    Argument("autostart", "true", "configure and activate the nodes", BOOLEAN),
    Argument("rviz", "false", "show the memory and the robot in RViz", BOOLEAN),
    Argument("viewer", "false", "serve a page that shows and steers the nodes", BOOLEAN),
    Argument("memory", "", f"folder of the memory{FROM_FILE}", setting="storage.memory"),
    Argument("scans", "", f"folder of scans{FROM_FILE}", setting="storage.scans"),
    Argument("camera_namespace", "", f"namespace of the camera's driver{FROM_FILE}"),
    Argument("camera_name", "", f"name of the camera's driver{FROM_FILE}"),
    Argument("device", "", f"auto, cpu, cuda or cuda:N{FROM_FILE}", setting="features.device"),
    Argument("encoder", "", f"name or name:weights of the model, docs/models.md{FROM_FILE}"),
)
CAMERA_TOPICS = {
    "robot.color_topic": "color/image_raw",
    "robot.depth_topic": "aligned_depth_to_color/image_raw",
    "robot.camera_info_topic": "color/camera_info",
}
"""Of realsense2_camera, below its namespace and name."""


def launch_stack(stack: str) -> LaunchDescription:
    """Return a stack's nodes, with the launch arguments `ARGUMENTS`.

    The launch ends before any node starts with a `ConfigError` where `params_file` is missing or
    sets a parameter that is unknown.
    """
    return describe(ARGUMENTS, lambda context: stack_nodes(context, stack))


def describe(
    arguments: tuple[Argument, ...], start: Callable[[LaunchContext], list[object]]
) -> LaunchDescription:
    """Return the description of what `start` makes of launch arguments.

    ROS ignores arguments that a file does not declare; one that looks like a declared one is told.
    """
    names = [argument.name for argument in arguments]

    def check_and_start(context: LaunchContext) -> list[object]:
        for name in sorted(set(context.launch_configurations) - set(names)):
            if near := get_close_matches(name, names, 1, SIMILAR):
                logger.warning(f"launch argument {name} is ignored; did you mean {near[0]}?")
        return start(context)

    declared = [argument.declare() for argument in arguments]
    return LaunchDescription([*declared, OpaqueFunction(function=check_and_start)])


def require(*packages: str) -> OpaqueFunction:
    """Return an action that raises `ConfigError` where a package is not installed.

    It must come first: a launch that fails leaves the nodes running that it has started.
    """

    def check(_: LaunchContext) -> None:
        for package in packages:
            try:
                get_package_prefix(package)
            except PackageNotFoundError:
                raise ConfigError(
                    f"package {package} is not installed: "
                    f"sudo apt install ros-$ROS_DISTRO-{package.replace('_', '-')}, or start "
                    "without it (--show-args)"
                ) from None

    return OpaqueFunction(function=check)


def stack_nodes(
    context: LaunchContext, stack: str, settings: dict[str, object] | None = None
) -> list[Node | OpaqueFunction]:
    """Return the nodes of a stack as the launch arguments say; `settings` replace the file's."""
    chosen = context.launch_configurations
    path = user_path(chosen["params_file"] or resource("config/m3.yaml"))
    namespace = chosen["namespace"].strip("/")
    ours = {node for nodes in STACKS.values() for node in nodes}
    check_parameter_file(path, STACKS[stack], namespace, ours)
    common = {
        "namespace": namespace,
        "remappings": list(TF_REMAPPINGS) if namespace else [],
        "output": "screen",
        "ros_arguments": ["--log-level", chosen["log_level"]],
    }
    sim_time = {"use_sim_time": chosen["use_sim_time"] == "true"}
    own = {**sim_time, "autostart": chosen["autostart"] == "true", **overrides(chosen)}
    own |= settings or {}
    nodes = [
        Node(
            package="m3_ros",
            executable=name,
            name=name,
            parameters=[str(path), own],
            **common,
        )
        for name in STACKS[stack]
    ]
    if chosen["viewer"] == "true":
        nodes.append(Node(package="m3_ros", executable="viewer", parameters=[sim_time], **common))
    if chosen["rviz"] == "true":
        return [require("rviz2"), *nodes, _rviz(common, sim_time)]
    return nodes


def overrides(chosen: dict[str, str]) -> dict[str, object]:
    """Return the settings that launch arguments replace, by their names `group.name`."""
    values: dict[str, object] = {
        argument.setting: chosen[argument.name]
        for argument in ARGUMENTS
        if argument.setting and chosen[argument.name]
    }
    if chosen["encoder"]:
        values["features.models"] = [chosen["encoder"]]
    if chosen["camera_namespace"] or chosen["camera_name"]:
        # An empty half is the driver's default, as both are /camera/camera.
        driver = f"{chosen['camera_namespace'] or 'camera'}/{chosen['camera_name'] or 'camera'}"
        values |= {name: f"{driver}/{topic}" for name, topic in CAMERA_TOPICS.items()}
    return values


def _rviz(common: dict[str, object], parameters: dict[str, object]) -> Node:
    """Return RViz; in a namespace it shows that robot's topics."""
    layout = resource("config/m3.rviz")
    remappings = list(common["remappings"])
    if common["namespace"]:
        displays = yaml.safe_load(layout.read_text())["Visualization Manager"]["Displays"]
        keys = ("Topic", "Description Topic")
        topics = [display[key]["Value"] for display in displays for key in keys if key in display]
        remappings += [(topic, topic.lstrip("/")) for topic in topics]
    return Node(
        package="rviz2",
        executable="rviz2",
        name="rviz",
        arguments=["-d", str(layout)],
        parameters=[parameters],
        **{**common, "remappings": remappings},
    )
