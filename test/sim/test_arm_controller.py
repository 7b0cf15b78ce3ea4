"""The arm controller follows what it accepts, refuses what breaks a limit, stops when blocked."""

import numpy as np
import pytest

from m3_ros.grasp.robot import JointTrajectory
from m3_ros.robot_model import load_robot
from m3_ros.sim.arm_controller import GOAL_TIME, ArmController, ArmStatus, TrajectoryRefused

ROBOT = load_robot()
LIMITS = np.stack([ROBOT.lower, ROBOT.upper], axis=-1)[:6]
HOME = np.array([0.0, 0.785, -1.0, -0.523, 0.0, 0.0])


def move(goal, duration=2.0, start=HOME):
    return JointTrajectory(np.stack([start, goal]), np.zeros((2, 6)), np.array([0.0, duration]))


@pytest.fixture
def arm():
    return ArmController(ROBOT, HOME)


def test_it_holds_until_told_and_follows_from_then(arm):
    position, velocity = arm.set_point(5.0)
    np.testing.assert_array_equal(position, HOME)
    assert not velocity.any()
    goal = HOME + 0.3
    arm.start(move(goal), now=5.0)
    assert arm.status is ArmStatus.MOVING
    np.testing.assert_allclose(arm.set_point(5.0)[0], HOME)
    np.testing.assert_allclose(arm.set_point(6.0)[0], HOME + 0.15)
    np.testing.assert_allclose(arm.set_point(7.0)[0], goal)
    assert not arm.set_point(99.0)[1].any()


def test_it_says_when_the_goal_is_reached(arm):
    goal = HOME + 0.1
    arm.start(move(goal), now=0.0)
    arm.watch(arm.set_point(1.0)[0], now=1.0)
    assert arm.status is ArmStatus.MOVING
    arm.watch(goal, now=2.0)
    assert arm.status is ArmStatus.REACHED
    np.testing.assert_allclose(arm.set_point(3.0)[0], goal)


def test_it_stops_where_the_arm_is_blocked(arm):
    arm.start(move(HOME + 0.5), now=0.0)
    arm.watch(HOME, now=1.5)
    assert arm.status is ArmStatus.BLOCKED
    np.testing.assert_allclose(arm.set_point(2.0)[0], HOME)


def test_a_goal_that_is_never_reached_is_blocked_too(arm):
    goal = HOME + 0.1
    arm.start(move(goal), now=0.0)
    arm.watch(goal - 0.05, now=2.0 + 0.9 * GOAL_TIME)
    assert arm.status is ArmStatus.MOVING
    arm.watch(goal - 0.05, now=2.0 + 1.1 * GOAL_TIME)
    assert arm.status is ArmStatus.BLOCKED


def test_a_new_trajectory_replaces_the_old_one_on_the_way(arm):
    arm.start(move(HOME + 0.4), now=0.0)
    here, speed = arm.set_point(1.0)
    onward = JointTrajectory(
        np.stack([here, HOME]), np.stack([speed, np.zeros(6)]), np.array([0.0, 2.0])
    )
    arm.start(onward, now=1.0)
    np.testing.assert_allclose(arm.set_point(3.0)[0], HOME)


@pytest.mark.parametrize("joint", range(6))
@pytest.mark.parametrize("side", [0, 1])
def test_limits_are_enforced_for_every_joint(arm, joint, side):
    beyond = HOME.copy()
    beyond[joint] = LIMITS[joint, side] + (0.01 if side else -0.01)
    with pytest.raises(TrajectoryRefused, match=rf"joint{joint + 1} would move through .* limits"):
        arm.start(move(beyond, duration=10.0), now=0.0)
    assert arm.status is ArmStatus.HOLDING
    arm.start(move(np.clip(beyond, *LIMITS.T), duration=10.0), now=0.0)


def test_overshoot_between_points_counts(arm):
    """Both points are inside, but the curve between them leaves the limit of joint2."""
    velocities = np.array([[0.0, -2.5, 0, 0, 0, 0], [0.0, 2.5, 0, 0, 0, 0]])
    swing = JointTrajectory(np.stack([HOME, HOME]), velocities, np.array([0.0, 2.0]))
    with pytest.raises(TrajectoryRefused, match="joint2 would move through -0"):
        arm.start(swing, now=0.0)


def test_too_fast_elsewhere_and_other_joints_are_refused(arm):
    with pytest.raises(TrajectoryRefused, match=r"would turn at .* its limit is 3.1415"):
        arm.start(move(HOME + 0.5, duration=0.1), now=0.0)
    with pytest.raises(TrajectoryRefused, match=r"joint3 would start 0.200 rad from"):
        start = HOME - np.array([0, 0, 0.2, 0, 0, 0])
        arm.start(move(HOME, start=start), now=0.0)
    with pytest.raises(TrajectoryRefused, match="5 columns: it must have 6"):
        arm.start(JointTrajectory(np.zeros((2, 5)), np.zeros((2, 5)), np.arange(2.0)), 0.0)
