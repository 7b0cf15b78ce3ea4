"""Settings: round trips, and refusals that name field, value and rule."""

import pytest
import yaml

from m3_ros.config import M3Config, SplatConfig, load_config
from m3_ros.settings import ConfigError, from_dict, to_dict


def test_yaml_round_trip(tmp_path):
    config = from_dict(M3Config, {"splat": {"voxel_size": 0.01}, "features": {"models": ["clip"]}})
    (tmp_path / "m3.yaml").write_text(yaml.safe_dump(to_dict(config)))
    assert load_config(tmp_path / "m3.yaml") == config


def test_absent_settings_keep_their_defaults():
    config = from_dict(M3Config, {"splat": {"seed": 7}})
    assert config.splat == SplatConfig(seed=7)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"splat": {"voxel_size": -1}}, ("splat.voxel_size", "-1", "at least")),
        ({"splat": {"voxel_size": float("nan")}}, ("splat.voxel_size", "nan", "finite")),
        ({"splat": {"seed": 1.5}}, ("splat.seed", "1.5", "int")),
        ({"features": {"device": "tpu"}}, ("features.device", "tpu", "cuda, cuda:N")),
        ({"splat": {"voxels": 1}}, ("config.splat.voxels", "unknown")),
        ({"splat": 3}, ("config.splat", "3", "mapping")),
    ],
)
def test_a_broken_rule_is_named(values, words):
    with pytest.raises(ConfigError) as error:
        from_dict(M3Config, values)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(tmp_path / "bad.yaml")


def test_every_setting_says_what_it_is_for():
    from dataclasses import fields

    for stage in fields(M3Config):
        for item in fields(getattr(M3Config(), stage.name)):
            assert item.metadata.get("help"), f"{stage.name}.{item.name} has no help"


def test_dict_is_plain_enough_for_yaml():
    assert isinstance(to_dict(M3Config())["features"]["models"], list)
