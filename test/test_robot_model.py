"""A robot's file and URDF: what is read, and what is refused with file, field, value and rule."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from m3_ros.config import RobotConfig
from m3_ros.resources import resource
from m3_ros.robot_model import load_robot
from m3_ros.settings import ConfigError

ROOT = Path(__file__).resolve().parents[1]
Z1 = yaml.safe_load((ROOT / "config/robots/b1_z1.yaml").read_text())


@pytest.fixture
def load(tmp_path):
    """Loads the default robot with values replaced by their dotted names."""

    def load(**changes):
        content = yaml.safe_load((ROOT / "config/robots/b1_z1.yaml").read_text())
        for name, value in changes.items():
            *parts, last = name.split("__")
            place = content
            for part in parts:
                place = place[part]
            if value is None:
                del place[last]
            else:
                place[last] = value
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content))
        return load_robot(RobotConfig(model=str(path)))

    return load


def test_limits_and_frames_come_from_the_urdf():
    robot = load_robot()
    assert robot.joints == (*Z1["arm"]["joints"], Z1["gripper"]["joint"])
    np.testing.assert_allclose(robot.lower[1:3], [0.0, -2.87979])
    np.testing.assert_allclose(robot.max_effort, [30, 60, 30, 30, 30, 30, 30])
    assert (robot.arm_base_frame, robot.wrist_frame) == ("z1_link00", "z1_link06")
    assert robot.gripper_pivot == pytest.approx(0.049)
    assert robot.mjcf.name == "b1_z1.xml"


def test_opening_and_joint_position_are_each_other_s_inverse():
    for name in ("b1_z1", "ur5e_2f85"):
        gripper = load_robot(RobotConfig(model=name)).gripper
        assert gripper.opening(gripper.closed_position) == 0.0
        assert gripper.opening(gripper.position(0.07)) == pytest.approx(0.07)


def test_a_urdf_may_lie_beside_its_file(load, tmp_path):
    text = resource("urdf/b1_z1.urdf").read_text()
    (tmp_path / "mine.urdf").write_text(text.replace("2.61799", "1.5"))
    assert load(urdf="mine.urdf").upper[0] == 1.5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gripper__max_width": "wide"}, ("gripper.max_width = 'wide'", "float")),
        ({"gripper__max_width": -1.0}, ("gripper.max_width = -1.0", "at least 0.001 m")),
        ({"gripper__max_width": None}, ("robot.gripper.max_width is missing", "widest part")),
        ({"gripper__pivot": None}, ("one of pivot and parallel",)),
        ({"gripper__opening_per_position": 0.0}, ("must not be zero",)),
        ({"gripper__max_opening": 1.6}, ("max_opening = 1.6", "-1.6000 .. 0.0000")),
        ({"gripper__joint": "joint6"}, ("moves", "jointGripper")),
        ({"gripper__joint": "thumb"}, ("'thumb'", "b1_z1.urdf")),
        ({"gripper__links": ["thumb"]}, ("'thumb'", "b1_z1.urdf")),
        ({"gripper__controller__type": "mine"}, ("robot.gripper.controller.type is unknown",)),
        ({"arm__joints": ["joint1", 2]}, ("arm.joints = 2", "str")),
        ({"arm__postures__home": [0.0, 1.0]}, ("(0.0, 1.0)", "6 values")),
        ({"arm__postures": {"home": [0.0] * 6}}, ("lacks 'scan'",)),
        ({"arm__tool_frame": "z1_link03"}, ("arm.tool_frame = 'z1_link03'", "joint6")),
        ({"base__footprint": [[0, 1]]}, ("base.footprint",)),
        ({"urdf": "none.urdf"}, ("urdf = 'none.urdf'", "no such file")),
        ({"elbow": 3}, ("robot.elbow is unknown",)),
    ],
)
def test_a_wrong_value_is_named(load, changes, words):
    with pytest.raises(ConfigError) as error:
        load(**changes)
    message = str(error.value)
    assert "mine.yaml" in message and "\n" not in message
    assert all(word in message for word in words), message


def test_a_broken_urdf_is_named(load, tmp_path, capfd):
    (tmp_path / "mine.urdf").write_text("<robot")
    with pytest.raises(ConfigError, match=r"mine.yaml: urdf = .*mine.urdf.*not a URDF"):
        load(urdf="mine.urdf")


def test_an_unknown_robot_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"robot.model = 'c3po'.* b1_z1, ur5e_2f85"):
        load_robot(RobotConfig(model="c3po"))


def test_the_base_frame_is_the_urdf_s_root():
    with pytest.raises(ConfigError, match="robot.base_frame = 'z1_link00'.* root link"):
        load_robot(RobotConfig(base_frame="z1_link00"))


def test_a_robot_without_mjcf_says_so_when_it_is_simulated():
    robot = load_robot(RobotConfig(model="ur5e_2f85"))
    with pytest.raises(ConfigError, match=r"ur5e_2f85.yaml: mjcf = ''"):
        _ = robot.mjcf


def test_the_urdf_of_the_second_robot_is_what_xacro_makes():
    import xml.etree.ElementTree as ElementTree

    import xacro

    path = ROOT / "urdf/ur5e_2f85.urdf"
    made = xacro.process_file(str(path.with_name("ur5e_2f85.urdf.xacro"))).documentElement.toxml()
    kept = ElementTree.tostring(ElementTree.parse(path).getroot(), encoding="unicode")
    canonical = ElementTree.canonicalize
    assert canonical(made, strip_text=True) == canonical(kept, strip_text=True)


@pytest.mark.parametrize("path", sorted((ROOT / "m3_ros").rglob("*.py")), ids=lambda p: p.stem)
def test_no_python_file_names_a_part_of_a_robot(path):
    """Such names stand in config/robots/ alone; "b1_z1" is the default of robot.model."""
    text = path.read_text().replace('"b1_z1"', "")
    found = re.search(r"\b[zZ]1_|\bZ1\b|\bB1\b|b1_z1|\bjoint[1-9]\b|jointGripper|[uU][rR]5e", text)
    assert not found, found
