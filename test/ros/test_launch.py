"""The launch files start the nodes of the table; needs ROS 2's launch, which has no wheel."""

import importlib.util
from pathlib import Path

import pytest

launch_ros = pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation")

FILES = sorted((Path(__file__).resolve().parents[2] / "launch").glob("*.launch.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_launch_file_starts_its_stack(path):
    from m3_ros.nodes.stack import STACKS

    spec = importlib.util.spec_from_file_location("launch_file", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entities = module.generate_launch_description().entities
    nodes = [entity for entity in entities if isinstance(entity, launch_ros.actions.Node)]
    started = tuple(node.node_executable for node in nodes)
    assert started == STACKS[path.name.removesuffix(".launch.py")]
