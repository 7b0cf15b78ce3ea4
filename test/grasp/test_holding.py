import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.grasp.holding import closing_effort, empty_message, holding_message, is_holding
from m3_ros.grasp.planning import Planner
from m3_ros.grasp.robot import JointState
from m3_ros.robot_model import load_robot

EMPTY_OPENING, SQUEEZE = 0.03, 3.0  # of the Z1, rad and N m


def joints(opening, effort, speed=0.0):
    """The Z1's gripper: its position is negative when open, a positive effort closes."""
    return JointState(
        np.append(np.zeros(6), -opening),
        np.append(np.zeros(6), speed),
        np.append(np.full(6, 20.0), effort),  # those of the arm do not count
        0.0,
    )


@pytest.mark.parametrize(
    ("opening", "effort", "speed", "holds"),
    [
        (0.4, SQUEEZE, 0.0, True),
        (EMPTY_OPENING, SQUEEZE, 0.0, True),
        (0.4, 2.05, 0.0, True),
        (0.4, 1.95, 0.0, False),  # friction of the joint may show so much
        (EMPTY_OPENING - 0.005, SQUEEZE, 0.0, False),  # closed on nothing
        (0.4, -SQUEEZE, 0.0, False),  # they push outwards
        (0.4, SQUEEZE, 0.07, True),
        (0.4, SQUEEZE, 0.08, False),  # they still close
        (0.4, SQUEEZE, -0.08, False),
        (0.4, 0.0, 0.0, False),
        (0.4, float("nan"), 0.0, False),
    ],
)
def test_jaws_hold_that_rest_apart_and_squeeze(planner, opening, effort, speed, holds):
    assert is_holding(planner, joints(opening, effort, speed)) is holds


def test_a_gripper_that_opens_with_its_position_closes_with_negative_effort(robot_with_fingers):
    state = JointState(np.full(7, 0.02), np.zeros(7), np.full(7, -20.0), 0.0)
    assert closing_effort(robot_with_fingers.robot_model.gripper, state) == 20.0
    assert is_holding(robot_with_fingers, state)


@pytest.fixture(scope="module")
def robot_with_fingers():
    from m3_ros.config import RobotConfig

    return Planner(load_robot(RobotConfig(model="ur5e_2f85")), GraspConfig())


def test_the_sentence_names_joint_opening_effort_and_both_ways_out(planner):
    message = holding_message(planner, joints(0.4, 3.0))
    for part in ("jointGripper", "0.400 rad", "3.0 N m", "m3 place", "m3 release"):
        assert part in message


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (joints(0.0, SQUEEZE), "jointGripper is 0.000 rad open, closed completely"),
        (joints(0.4, SQUEEZE, 0.5), "jointGripper moves"),
        (joints(0.4, 0.0), "no effort of jointGripper"),
        (joints(0.4, float("nan")), "no effort of jointGripper"),
        (joints(0.4, 0.5), "closes with 0.5 N m, not more than 2.0"),
    ],
)
def test_why_nothing_is_held_is_said(planner, state, why):
    assert why in empty_message(planner, state)
