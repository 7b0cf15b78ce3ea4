import pytest
import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.parameter import Parameter

from m3_ros.config import M3Config
from m3_ros.nodes.parameters import declare_settings
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
    (gaussians,) = node.describe_parameter("splat.max_gaussians").integer_range
    assert (gaussians.from_value, gaussians.to_value) == (1, 2**63 - 1)


def test_only_the_groups_asked_for_become_parameters(make_node):
    node = make_node(scan__max_frames=7)
    config = declare_settings(node, "scan")
    assert config.scan.max_frames == 7
    assert not node.has_parameter("splat.voxel_size")


def test_lists_arrive_as_tuples(make_node):
    node = make_node(features__models=["compact", "dinov2"])
    assert declare_settings(node, "features").features.models == ("compact", "dinov2")


@pytest.mark.parametrize(
    ("overrides", "error", "complaint"),
    [
        ({"scan__sync_tolerance": 5.0}, InvalidParameterValueException, "scan.sync_tolerance"),
        ({"scan__max_speed": -0.1}, InvalidParameterValueException, "scan.max_speed"),
        ({"scan__max_frames": "many"}, InvalidParameterTypeException, "scan.max_frames"),
        ({"features__device": "abacus"}, ConfigError, "FeatureConfig.device = 'abacus'"),
    ],
)
def test_a_bad_value_is_refused_by_name(make_node, overrides, error, complaint):
    with pytest.raises(error, match=complaint):
        declare_settings(make_node(**overrides), "scan", "features")
