import re
from pathlib import Path

import pytest
import rclpy
from rclpy.parameter import Parameter

from m3_ros.config import M3Config
from m3_ros.nodes.parameters import check_parameter_file, declare_settings
from m3_ros.settings import ConfigError


@pytest.fixture
def make_node():
    context = rclpy.Context()
    rclpy.init(context=context)
    nodes = []

    def make(**overrides):
        parameters = [Parameter(name.replace("__", "."), value=v) for name, v in overrides.items()]
        nodes.append(rclpy.create_node("test", context=context, parameter_overrides=parameters))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    context.shutdown()


def test_defaults_are_those_of_the_settings(make_node):
    node = make_node()
    assert declare_settings(node, *vars(M3Config())) == M3Config()
    described = node.describe_parameter("scan.max_speed")
    assert described.description.endswith("[m/s]") and described.read_only


def test_a_bound_on_one_side_is_described_and_enforced(make_node):
    node = make_node()
    declare_settings(node, "scan", "splat")
    (speed,) = node.describe_parameter("scan.max_speed").floating_point_range
    assert speed.from_value == 0.0 and speed.to_value > 1e300
    (points,) = node.describe_parameter("splat.points_per_frame").integer_range
    assert (points.from_value, points.to_value) == (1, 2**63 - 1)


def test_only_the_groups_asked_for_become_parameters(make_node):
    node = make_node(scan__max_frames=7)
    config = declare_settings(node, "scan")
    assert config.scan.max_frames == 7
    assert not node.has_parameter("splat.voxel_size")


def test_lists_arrive_as_tuples(make_node):
    node = make_node(features__models=["compact", "dinov2"])
    assert declare_settings(node, "features").features.models == ("compact", "dinov2")


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"scan__sync_tolerance": 5.0}, "parameter scan.sync_tolerance = 5.0: it must be at most"),
        (
            {"scan__max_speed": -0.1},
            "parameter scan.max_speed = -0.1: it must be at least 0.0 m/s",
        ),
        (
            {"scan__max_frames": "many"},
            "parameter scan.max_frames = 'many': it must be of type int",
        ),
        ({"scan__max_frames": 2.5}, "parameter scan.max_frames = 2.5: it must be of type int"),
        ({"features__device": "abacus"}, "parameter features.device = 'abacus'"),
        ({"grasp__scan_center": [1.0, 2.0]}, r"parameter grasp.scan_center = .* have 3 values"),
    ],
)
def test_a_bad_value_is_refused_by_name(make_node, overrides, complaint):
    with pytest.raises(ConfigError, match=f"node /test: {complaint}"):
        declare_settings(make_node(**overrides), "scan", "features", "grasp")


def test_whole_numbers_are_taken_for_others(make_node):
    node = make_node(scan__max_speed=1, grasp__scan_center=[1, 0, 2], simulation__exclude=[])
    config = declare_settings(node, "scan", "grasp", "simulation")
    assert config.scan.max_speed == 1.0 and config.grasp.scan_center == (1.0, 0.0, 2.0)
    assert config.simulation.exclude == ()
    assert node.get_parameter("scan.max_speed").type_ == Parameter.Type.DOUBLE


def test_an_unknown_parameter_is_refused_with_the_nearest_name(make_node):
    with pytest.raises(ConfigError, match=r"parameter scan.max_framess .* mean scan.max_frames\?"):
        declare_settings(make_node(scan__max_framess=7), "scan")
    # The settings of other nodes may stand in the same file.
    declare_settings(make_node(splat__max_gaussians=7, autostart=False), "scan")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("/**: {ros__parameters: {scan: {max_framess: 7}}}", "scan.max_framess is unknown"),
        ("/robot1/query: {ros__parameters: {scann.max_frames: 7}}", "scann.max_frames is unknown"),
        ("scan: {max_frames: 7}", "scan must hold ros__parameters"),
        ("/**: [", "is not YAML"),
        ("just words", "must be a mapping"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_faulty_parameter_file_is_refused_by_name(tmp_path, content, complaint):
    path = tmp_path / "robot.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=complaint) as error:
        check_parameter_file(path, ["query"])
    assert str(path) in str(error.value)


def test_parameter_files_may_serve_other_nodes_too(tmp_path):
    path = tmp_path / "robot.yaml"
    path.write_text(
        "/**: {ros__parameters: {scan: {max_frames: 7}}}\ncamera: {ros__parameters: {fps: 5}}"
    )
    check_parameter_file(path, ["query"])
    for path in (Path(__file__).parents[2] / "config").glob("*.yaml"):
        if path.name in ("m3.yaml", "b1_z1.yaml", "simulation.yaml"):
            check_parameter_file(path, ["query", "simulation"])


@pytest.mark.parametrize(
    ("section", "namespace", "is_read"),
    [
        ("/**", "robot1", True),
        ("query", "", True),
        ("/query", "", True),
        ("grasp", "", True),
        ("/robot1/query", "robot1", True),
        ("/*/query", "robot1", True),
        ("/robot1/**", "robot1", True),
        ("query", "robot1", False),
        ("/robot1/query", "", False),
        ("camera", "", False),
        ("/query_node", "", False),
    ],
)
def test_a_file_that_no_node_reads_is_refused(tmp_path, section, namespace, is_read):
    path = tmp_path / "robot.yaml"
    path.write_text(f'"{section}": {{ros__parameters: {{}}}}')
    if is_read:
        check_parameter_file(path, ["query"], namespace, ["grasp"])
        return
    with pytest.raises(ConfigError, match=f"{re.escape(section)}: no section .* or /.*query$"):
        check_parameter_file(path, ["query"], namespace, ["grasp"])
