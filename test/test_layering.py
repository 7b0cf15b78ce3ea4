"""Rules that a reader relies on: who imports whom, where ROS is, how long files are."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "m3_ros"
MAX_LINES = 250

BASE = {
    "capture_settings", "codes", "config", "errors", "files", "geometry", "grasp_settings",
    "memory_settings",
    "motion_settings", "ply_header", "resources", "robot_file", "robot_model", "robot_settings",
    "schema",
    "settings", "signals", "strict_yaml", "types",
}  # fmt: skip
CAPTURE = BASE | {"capture"}
SPLAT = CAPTURE | {"splat"}
FEATURES = SPLAT | {"features"}
MEMORY = FEATURES | {"memory"}
QUERY = MEMORY | {"query"}
GRASP = QUERY | {"grasp"}
ALL = GRASP | {"sim", "evaluate", "view", "nodes"}

# What each stage may import of the package, besides itself.
ALLOWED = {
    "codes": set(),
    "errors": set(),
    "files": {"errors"},
    "ply_header": set(),
    "schema": {"errors"},
    "signals": set(),
    "strict_yaml": set(),
    "geometry": {"types"},
    "capture_settings": {"settings"},
    "grasp_settings": {"settings"},
    "motion_settings": {"settings"},
    "robot_settings": {"settings"},
    "memory_settings": {"settings"},
    "resources": set(),
    "settings": {"errors", "strict_yaml"},
    "types": set(),
    "config": {
        "capture_settings",
        "grasp_settings",
        "memory_settings",
        "motion_settings",
        "robot_settings",
        "settings",
    },
    "robot_file": {"settings"},
    "robot_model": {"config", "resources", "robot_file", "settings", "types"},
    "capture": BASE,
    "splat": CAPTURE,
    "features": SPLAT,
    "memory": FEATURES,
    "query": MEMORY,
    "grasp": QUERY,
    "sim": BASE | {"capture", "grasp"},
    "view": GRASP,
    "evaluate": GRASP | {"sim", "view"},
    "nodes": ALL,
    "cli": ALL,
    "__main__": {"cli"},
}
# Of the grasp stage, the simulation may know the protocol it implements and how to steer a base.
SIM_GRASP = {"m3_ros.grasp.robot", "m3_ros.grasp.base_controller"}
ROS = {
    "action_msgs", "ament_index_python", "builtin_interfaces", "control_msgs", "diagnostic_msgs",
    "geometry_msgs", "launch", "launch_ros", "nav_msgs", "rcl_interfaces", "rclpy", "sensor_msgs",
    "std_msgs", "std_srvs", "tf2_msgs", "tf2_ros", "tf_transformations", "trajectory_msgs",
    "vision_msgs", "visualization_msgs",
}  # fmt: skip
GENERATED = {"action", "msg", "srv"}
FILES = sorted(PACKAGE.rglob("*.py"))


def stage_of(path: Path) -> str:
    """First part of a file's path inside the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside functions, as written."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_stage_has_a_place():
    assert {stage_of(path) for path in FILES} - {"__init__"} <= set(ALLOWED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_stages_import_only_stages_to_their_left(path):
    stage = stage_of(path)
    if stage == "__init__":
        assert not imported(path)
        return
    used = {name.split(".")[1] for name in imported(path) if name.startswith("m3_ros.")}
    allowed = ALLOWED[stage] | {stage} | (GENERATED if stage == "nodes" else set())
    assert used <= allowed, f"{stage} must not import {used - allowed}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_nodes_know_ros(path):
    used = {name.split(".")[0] for name in imported(path)} & ROS
    assert not used or stage_of(path) == "nodes"


def test_simulation_knows_only_the_robot_protocol_of_the_grasp_stage():
    for path in (PACKAGE / "sim").rglob("*.py"):
        modules = {".".join(name.split(".")[:3]) for name in imported(path)}
        used = {name for name in modules if name.startswith("m3_ros.grasp.")}
        assert used <= SIM_GRASP, path


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_generated_interfaces_are_not_hidden():
    for name in GENERATED:
        assert not (PACKAGE / name).exists(), f"m3_ros/{name} would replace the generated one"
    assert not (ROOT / "test/__init__.py").exists()
    assert not (ROOT / "conftest.py").exists()
    docstring_only = ast.parse((PACKAGE / "__init__.py").read_text()).body
    assert len(docstring_only) == 1 and isinstance(docstring_only[0].value, ast.Constant)


def test_every_node_has_a_starter_and_a_launch_file():
    from m3_ros.nodes.stack import STACKS

    cmake = (ROOT / "CMakeLists.txt").read_text()
    started = cmake.split("foreach(node ")[1].split(")")[0].split()
    nodes = {node for stack in STACKS.values() for node in stack}
    assert nodes == set(started)
    for node in nodes:
        assert (PACKAGE / "nodes" / f"{node}.py").exists(), node
    assert {path.name for path in (ROOT / "launch").iterdir()} == {
        f"{stack}.launch.py" for stack in (*STACKS, "bringup")
    }
