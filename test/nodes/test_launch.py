"""The launch files start the nodes of the table with what their arguments say.

Through a stand-in that records actions, and through ROS 2's launch where it is installed.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from m3_ros.nodes.stack import STACKS
from m3_ros.settings import ConfigError

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
STACK_FILES = sorted(path for path in LAUNCH.glob("*.py") if path.name != "bringup.launch.py")
ARGUMENTS = {
    "namespace", "use_sim_time", "params_file", "log_level", "autostart", "rviz", "viewer",
    "memory", "scans", "camera_namespace", "camera_name", "device", "encoder",
}  # fmt: skip


OURS = ("m3_ros.nodes.launch", "m3_ros.nodes.bringup")


class Recorded:
    """An action, description or substitution: what it was made with."""

    def __init__(self, *arguments, **options):
        self.arguments, self.options = arguments, options

    def visit(self, context):
        """Execute; returns the entities that come of it."""
        return []


class LaunchDescription(Recorded):
    @property
    def entities(self):
        return self.arguments[0]


class DeclareLaunchArgument(Recorded):
    def visit(self, context):
        name = self.arguments[0]
        value = context.launch_configurations.setdefault(name, self.options["default_value"])
        choices = self.options.get("choices")
        if choices and value not in choices:
            raise RuntimeError(f"{name} = {value!r}: it must be one of {choices}")
        return []


class OpaqueFunction(Recorded):
    def visit(self, context):
        return self.options["function"](context)


class Node(Recorded):
    @property
    def node_executable(self):
        return self.options["executable"]


class LaunchContext(SimpleNamespace):
    def __init__(self):
        super().__init__(launch_configurations={})


MODULES = {
    "launch": {"LaunchDescription": LaunchDescription, "LaunchContext": LaunchContext},
    "launch.actions": {
        "DeclareLaunchArgument": DeclareLaunchArgument,
        "OpaqueFunction": OpaqueFunction,
        "GroupAction": type("GroupAction", (Recorded,), {}),
        "IncludeLaunchDescription": type("IncludeLaunchDescription", (Recorded,), {}),
    },
    "launch.launch_description_sources": {"PythonLaunchDescriptionSource": Recorded},
    "launch.substitutions": {"PathJoinSubstitution": Recorded},
    "launch_ros": {},
    "launch_ros.actions": {
        "Node": Node,
        "PushRosNamespace": type("PushRosNamespace", (Recorded,), {}),
    },
    "launch_ros.substitutions": {"FindPackageShare": Recorded},
}


@pytest.fixture
def stand_in(monkeypatch):
    """Put the stand-in where `import` finds it."""
    for name, content in MODULES.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    for name in OURS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in OURS:
        sys.modules.pop(name, None)


def description(name):
    spec = importlib.util.spec_from_file_location("launch_file", LAUNCH / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def started(name, **arguments):
    """The actions that a launch file comes to."""
    from launch import LaunchContext

    context = LaunchContext()
    context.launch_configurations.update(arguments)
    return [
        action for entity in description(name).entities for action in entity.visit(context) or ()
    ]


def parameters(node):
    """A node's parameters as one dict, its files under "file"."""
    merged = {}
    for item in node.options["parameters"]:
        merged |= item if isinstance(item, dict) else {"file": item}
    return merged


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_a_launch_file_starts_its_stack_with_the_defaults(stand_in, path):
    nodes = started(path.name)
    assert tuple(n.node_executable for n in nodes) == STACKS[path.name.removesuffix(".launch.py")]
    for node in nodes:
        assert node.options["name"] == node.node_executable and not node.options["namespace"]
        given = parameters(node)
        assert given.pop("file").endswith("config/m3.yaml")
        assert given == {"use_sim_time": False, "autostart": True}
        assert not node.options["remappings"]


def test_every_argument_is_described_and_has_its_choices(stand_in):
    declared = {
        entity.arguments[0]: entity.options
        for entity in description("m3.launch.py").entities
        if "default_value" in entity.options
    }
    assert set(declared) == ARGUMENTS
    assert all(options["description"] for options in declared.values())
    assert "choices" not in declared["device"]
    for name in ("use_sim_time", "autostart", "rviz", "viewer"):
        assert declared[name]["choices"] == ["true", "false"]
        with pytest.raises(RuntimeError, match=name):
            started("m3.launch.py", **{name: "perhaps"})


def test_arguments_reach_the_nodes(stand_in):
    (node,) = started(
        "query.launch.py", namespace="/robot1", use_sim_time="true", autostart="false",
        memory="/data/memory", scans="/data/scans", camera_name="wrist", device="cuda",
        encoder="clip", log_level="debug",
    )  # fmt: skip
    given = parameters(node)
    del given["file"]
    assert given == {
        "use_sim_time": True,
        "autostart": False,
        "storage.memory": "/data/memory",
        "storage.scans": "/data/scans",
        "features.device": "cuda",
        "features.models": ["clip"],
        "robot.color_topic": "camera/wrist/color/image_raw",
        "robot.depth_topic": "camera/wrist/aligned_depth_to_color/image_raw",
        "robot.camera_info_topic": "camera/wrist/color/camera_info",
    }
    assert node.options["namespace"] == "robot1"
    assert ("/tf", "tf") in node.options["remappings"]
    assert node.options["ros_arguments"] == ["--log-level", "debug"]


def test_a_faulty_file_of_parameters_starts_nothing(stand_in, tmp_path):
    path = tmp_path / "robot.yaml"
    with pytest.raises(ConfigError, match="robot.yaml cannot be read"):
        started("m3.launch.py", params_file=str(path))
    path.write_text("/**: {ros__parameters: {scan: {max_framess: 7}}}")
    with pytest.raises(ConfigError, match="scan.max_framess is unknown"):
        started("m3.launch.py", params_file=str(path))


def test_rviz_shows_the_topics_of_its_robot(stand_in):
    *_, rviz = started("query.launch.py", rviz="true", namespace="robot1")
    assert rviz.node_executable == "rviz2"
    assert ("/m3/gaussians", "m3/gaussians") in rviz.options["remappings"]


def by_executable(actions):
    return {a.node_executable: a for a in actions if hasattr(a, "node_executable")}


def camera_arguments(actions):
    (group,) = (action for action in actions if type(action).__name__ == "GroupAction")
    return dict(group.arguments[0][-1].options["launch_arguments"])


@pytest.mark.parametrize(
    ("camera", "profile"),
    [("d405", "depth_module.color_profile"), ("d435", "rgb_camera.color_profile")],
)
def test_bringup_starts_the_camera_with_aligned_and_synchronised_images(stand_in, camera, profile):
    given = camera_arguments(started("bringup.launch.py", camera=camera, camera_name="wrist"))
    assert given["align_depth.enable"] == given["enable_sync"] == "true" and profile in given
    assert given["device_type"] == camera
    assert (given["camera_namespace"], given["camera_name"]) == ("camera", "wrist")


def test_a_driver_that_is_not_installed_is_named_before_anything_starts(stand_in):
    """A launch that fails half-way leaves the nodes running that it has started."""
    first, *_ = started("bringup.launch.py", camera="d405")
    with pytest.raises(ConfigError, match="realsense2_camera is not installed: sudo apt install"):
        first.visit(None)


def test_a_launch_argument_that_is_misspelt_is_told(stand_in, caplog):
    started("scan.launch.py", param_file="my_robot.yaml", other="x")
    assert caplog.messages == ["launch argument param_file is ignored; did you mean params_file?"]


def test_bringup_publishes_the_robot_and_the_mount_of_the_imu(stand_in):
    actions = started(
        "bringup.launch.py", odometry="fast_lio", imu_to_base="0.1 0 -0.2 0 0 3.14", stack="scan"
    )
    nodes = by_executable(actions)
    assert {"capture", "robot_state_publisher", "static_transform_publisher"} == set(nodes)
    assert "<robot" in parameters(nodes["robot_state_publisher"])["robot_description"]
    mount = nodes["static_transform_publisher"].options["arguments"]
    assert mount[mount.index("--frame-id") + 1] == "body"
    assert mount[mount.index("--child-frame-id") + 1] == "base_link"
    assert mount[mount.index("--yaw") + 1] == "3.14"
    assert parameters(nodes["capture"])["robot.world_frame"] == "camera_init"
    for pose in ("1 2", "nan 0 0 0 0 0"):
        with pytest.raises(ConfigError, match=f"imu_to_base = '{pose}': it must be 6 finite"):
            started("bringup.launch.py", odometry="fast_lio", imu_to_base=pose)


def test_bringup_starts_the_controllers_in_the_namespace_of_the_robot(stand_in, tmp_path):
    path = tmp_path / "controllers.yaml"
    options = {"ros2_control": "true", "controllers_file": str(path), "namespace": "robot1"}
    with pytest.raises(ConfigError, match="controllers_file .* is missing"):
        started("bringup.launch.py", **options)
    path.write_text("{}")
    nodes = by_executable(started("bringup.launch.py", **options))
    assert parameters(nodes["ros2_control_node"])["file"] == str(path)
    spawned = nodes["spawner"].options["arguments"]
    assert {"joint_state_broadcaster", "joint_trajectory_controller"} <= set(spawned)
    assert spawned[-1] == "/robot1/controller_manager"
    # Since Jazzy controllers read no parameters of the manager.
    assert spawned[spawned.index("--param-file") + 1] == str(path)
    topic = ("~/robot_description", "robot_description")
    assert topic in nodes["ros2_control_node"].options["remappings"]


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_ros_itself_reads_the_launch_files(path):
    pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation")
    nodes = started(path.name)
    assert tuple(n.node_executable for n in nodes) == STACKS[path.name.removesuffix(".launch.py")]
