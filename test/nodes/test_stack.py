import pytest
import yaml

from m3_ros.config import M3Config, load_config
from m3_ros.nodes.stack import STACKS, override, run_stack, save_parameters
from m3_ros.settings import ConfigError


def test_the_whole_stack_has_every_node_of_the_others_but_the_simulation_and_the_page():
    others = {node for stack in STACKS for node in STACKS[stack]} - {"simulation", "viewer"}
    assert set(STACKS["m3"]) == others


def test_settings_are_replaced_by_name():
    config = override(M3Config(), ["scan.max_frames=7", "features.models=[compact, dinov2]"])
    assert config.scan.max_frames == 7
    assert config.features.models == ("compact", "dinov2")
    assert config.splat == M3Config().splat


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("max_frames=7", "group.name=value"),
        ("scan.max_frames", "group.name=value"),
        ("scans.max_frames=7", "group.name=value"),
        ("scan.maximum=7", "maximum is unknown"),
        ("scan.max_frames=0", "at least 1"),
        ("scan.max_frames=many", "type"),
        ("scan.max_frames=1:30", "1:30"),
        ("features.models=[", 'features.models=\\[": '),
    ],
)
def test_a_bad_setting_is_named(setting, complaint):
    with pytest.raises(ConfigError, match=complaint):
        override(M3Config(), [setting])


def test_an_unknown_stack_lists_the_known_ones():
    with pytest.raises(ConfigError, match="simulation"):
        run_stack("everything")


def test_parameters_are_a_ros_file_that_reads_back(tmp_path):
    config = override(M3Config(), ["query.agreement_gate=0.05"])
    save_parameters(config, tmp_path / "p.yaml")
    written = yaml.safe_load((tmp_path / "p.yaml").read_text())
    assert written["/**"]["ros__parameters"]["query"]["agreement_gate"] == 0.05
    assert load_config(tmp_path / "p.yaml") == config
