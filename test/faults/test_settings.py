"""Settings with one thing wrong: each is refused by file, field or line, value and rule."""

import time

import pytest

from m3_ros import strict_yaml
from m3_ros.config import load_config
from m3_ros.settings import ConfigError
from m3_ros.strict_yaml import parse_yaml

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(f'*{old}' for _ in range(9))}]\n"
    for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"simulation: {{seed: 1{'0' * 400}}}", "it must be a whole number of 64 bits"),
        (f"splat: {{voxel_size: 1{'0' * 400}}}", "splat.voxel_size = 1000"),
        (f"splat: {{voxel_size: 1{'0' * 5000}}}", "line 1: a number of 5001 digits is too long"),
        ("simulation: {depth_range: [a, 1.0]}", "depth_range = 'a': it must be of type float"),
        ("grasp: {scan_center: [a, b, c]}", "scan_center = 'a': it must be of type float"),
        ("features: {models: [1, 2]}", "features.models = 1: it must be of type str"),
        ("features: {models: []}", "features.models = (): it must have at least one value"),
        ("1: 2", "line 1: key 1 must be a text; quote it"),
        ("on: 2", "line 1: key on must be a text; quote it"),
        ("[1]: 2", "line 1: key [...] must be a text"),
        ("/**:", "/**: it must hold ros__parameters"),
        ("/**: {}", "/**: it must hold ros__parameters"),
        ("/**: {ros__parameters: 3}", "config = 3: it must be a mapping of settings"),
        ("splat: {seed: 1}\nsplat: {seed: 2}", "line 2: key splat stands there twice; keep one"),
        ("splat: {seed: 1, seed: 2}", "line 1: key seed stands there twice"),
        ("splat: {seed: 1:30}", "line 1: 1:30 is another number in YAML"),
        ("splat: {seed: 010}", "line 1: 010 is another number in YAML"),
        ("splat: {seed: 1_000}", "line 1: 1_000 is another number in YAML"),
        ("robot: {color_topic: ''}", "color_topic = '': it must be the name of a topic"),
        ("robot: {color_topic: 'bad topic!!'}", "color_topic = 'bad topic!!': it must be"),
        ("robot: {color_topic: /a, depth_topic: /a}", "it must not be that of color_topic too"),
        ("robot: {world_frame: ''}", "world_frame = '': it must be the name of a frame"),
        ("a: &a [*a]", "line 1: an alias must not stand inside what it names"),
        (BOMB, "it has more than 100000 values with its aliases"),
        ("[" * 20_000, "is nested too deeply"),
        ("a: [", "is not YAML that is read: line"),
        ("x" * 2_000_000, "over 1048576 bytes; that is no settings file"),
        (b"\xff\xff", "is no text: byte 0 is not UTF-8"),
        ("splat: {voxels: 1}", "config.splat.voxels is unknown"),
        ("simulation: {depth_range: [1, 0.5]}", "(1.0, 0.5): the first must be the less"),
        ("features: {models: [a, a]}", "('a', 'a'): it must have at least one value, each once"),
        ("features: {models: a}", "features.models = 'a': it must be of type list of str"),
        ("grasp: {scan_center: 1}", "scan_center = 1: it must be of type list of float"),
        ("storage: {memory: ''}", "storage.memory = '': it must have at least one value"),
        ("features: {models: ['']}", "features.models = ('',): it must have at least one"),
        (f"robot: {{color_topic: {'a' * 300}}}", "at most 247 characters"),
        ("robot: {world_frame: /map}", "world_frame = '/map': it must be the name of a frame"),
        ('robot: {world_frame: "a\\n"}', "it must be the name of a frame"),
        ("splat: {seed: 1}\n/**: {ros__parameters: {}}", "splat: it must stand inside /**"),
        ("splat: {voxel_size: 1e400}", "voxel_size = inf: it must be finite"),
        ("splat: {voxel_size: 1e3x}", "voxel_size = '1e3x': it must be of type float"),
        ("[]", "config = []: it must be a mapping of settings"),
        ("false", "config = False: it must be a mapping of settings"),
        ("''", "config = '': it must be a mapping of settings"),
        ("- 1", "it must be a mapping of settings"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    ],
    ids=lambda text: str(text)[:40],
)  # fmt: skip
def test_a_setting(tmp_path, text, words):
    path = tmp_path / "m3.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    start = time.process_time()
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert time.process_time() - start < 5.0
    sentence = str(error.value)
    assert str(path) in sentence and words in sentence and len(sentence) < 800


def test_values_without_aliases_are_counted_too(monkeypatch):
    monkeypatch.setattr(strict_yaml, "MAX_NODES", 100)
    assert parse_yaml(f"[{'1,' * 99}]") == [1] * 99
    with pytest.raises(ValueError, match="it has more than 100 values"):
        parse_yaml(f"[{'1,' * 100}]")


def test_a_device_without_an_end_is_refused():
    with pytest.raises(ConfigError, match="/dev/zero has over 1048576 bytes"):
        load_config("/dev/zero")


@pytest.mark.parametrize("text", ["", "---\n", "# all defaults\n", "{}", "\ufeff{}"])
def test_a_file_without_settings_is_read(tmp_path, text):
    (tmp_path / "m3.yaml").write_text(text)
    assert load_config(tmp_path / "m3.yaml").splat.seed == 0


@pytest.mark.parametrize("number", ["1e-2", "1.0e-2", "0.01e0", ".1E-1", "1.E-2"])
def test_a_number_without_a_point_or_sign_is_read(tmp_path, number):
    """YAML 1.1 takes it for a text, which no user expects."""
    (tmp_path / "m3.yaml").write_text(f"splat: {{voxel_size: {number}}}")
    assert load_config(tmp_path / "m3.yaml").splat.voxel_size == 0.01


def test_aliases_with_an_end_are_read(tmp_path):
    (tmp_path / "m3.yaml").write_text("splat: {seed: &seed 7}\nsimulation: {seed: *seed}\n")
    config = load_config(tmp_path / "m3.yaml")
    assert (config.splat.seed, config.simulation.seed) == (7, 7)
