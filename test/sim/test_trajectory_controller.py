"""The trajectory controller accepts and follows what ros2_control's does."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.sim.trajectory_controller import TrajectoryController
from m3_ros.sim.trajectory_rules import (
    JointTolerance,
    Parameters,
    Point,
    ResultCode,
    Trajectory,
    TrajectoryRejected,
    check_trajectory,
    goal_tolerances,
)

JOINTS = ("a", "b")
PARAMETERS = Parameters(JOINTS)
GOOD = Trajectory(JOINTS, [Point([0.1, 0.2], time_from_start=1.0)])
STILL = np.zeros(2)


def points(*rows):
    return Trajectory(JOINTS, list(rows))


RULES = {
    "no joint names": (Trajectory((), GOOD.points), {}, "must be all of"),
    "no joint names, partial allowed": (
        Trajectory((), GOOD.points), {"allow_partial_joints_goal": True}, "joint_names is empty"
    ),
    "a joint left out": (
        Trajectory(("a",), [Point([0.1], time_from_start=1.0)]), {}, "must be all of"
    ),
    "no points: an empty trajectory is no stop": (points(), {}, "points is empty"),
    "another name": (Trajectory(("a", "c"), GOOD.points), {}, "joint c is none of"),
    "the last point moves": (
        points(Point([0.1, 0.2], [0.0, 0.1], time_from_start=1.0)), {}, "last point is not zero"
    ),
    "it lies in the past": (replace(GOOD, stamp=8.0), {}, "in the past"),
    "times are equal": (
        points(Point([0, 0], time_from_start=1.0), Point([0, 0], time_from_start=1.0)),
        {}, "point 1 does not increase",
    ),
    "times go back": (
        points(Point([0, 0], time_from_start=1.0), Point([0, 0], time_from_start=0.5)),
        {}, "point 1 does not increase",
    ),
    "no positions": (points(Point((), [0, 0], time_from_start=1.0)), {}, "0 positions"),
    "too few positions": (points(Point([0.1], time_from_start=1.0)), {}, "1 positions"),
    "velocities of one joint": (
        points(Point([0, 0], [0], time_from_start=1.0)), {}, "1 velocities"
    ),
    "accelerations of three": (
        points(Point([0, 0], [0, 0], [0, 0, 0], time_from_start=1.0)), {}, "3 accelerations"
    ),
    "a position that is no number": (
        points(Point([0, np.nan], time_from_start=1.0)), {}, "must be finite"
    ),
    "an infinite velocity": (
        points(Point([0, 0], [0, np.inf]), Point([0, 0], time_from_start=1.0)), {}, "finite"
    ),
    "effort": (points(Point([0, 0], effort=[1, 1], time_from_start=1.0)), {}, "has effort"),
}  # fmt: skip
ACCEPTED = {
    "positions only": (GOOD, {}),
    "other order": (Trajectory(("b", "a"), GOOD.points), {}),
    "first point at once": (points(Point([0, 0]), Point([1, 0], time_from_start=1.0)), {}),
    "starts in the past, ends in the future": (replace(GOOD, stamp=9.5), {}),
    "a joint left out where that is allowed": (
        Trajectory(("a",), [Point([0.1], time_from_start=1.0)]),
        {"allow_partial_joints_goal": True},
    ),
    "the last point moves where that is allowed": (
        points(Point([0.1, 0.2], [0.0, 0.1], time_from_start=1.0)),
        {"allow_nonzero_velocity_at_trajectory_end": True},
    ),
}


@pytest.mark.parametrize(("trajectory", "options", "reason"), RULES.values(), ids=RULES)
def test_refused(trajectory, options, reason):
    with pytest.raises(TrajectoryRejected, match=reason):
        check_trajectory(trajectory, replace(PARAMETERS, **options), now=10.0)


@pytest.mark.parametrize(("trajectory", "options"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(trajectory, options):
    check_trajectory(trajectory, replace(PARAMETERS, **options), now=10.0)


def controller(**options):
    return TrajectoryController(replace(PARAMETERS, **options), STILL)


def test_positions_alone_are_joined_by_straight_lines():
    arm = controller()
    trajectory = points(Point([1, 0], time_from_start=1.0), Point([1, 2], time_from_start=2.0))
    arm.start(trajectory, STILL, STILL, 5.0, is_goal=True)
    position, velocity = arm.set_point(5.25)
    assert np.allclose(position, [0.25, 0.0]) and np.allclose(velocity, [1.0, 0.0])
    position, velocity = arm.set_point(6.5)
    assert np.allclose(position, [1.0, 1.0]) and np.allclose(velocity, [0.0, 2.0])
    assert np.allclose(arm.set_point(9.0)[0], [1.0, 2.0])


@pytest.mark.parametrize("accelerations", [(), (0.0, 0.0)], ids=["cubic", "quintic"])
def test_derivatives_are_met_at_every_point(accelerations):
    arm = controller()
    middle = Point([0.5, 0.1], [1.0, -0.2], accelerations, time_from_start=1.0)
    end = Point([1.0, 0.0], [0.0, 0.0], accelerations, time_from_start=2.0)
    arm.start(points(middle, end), STILL, np.array([0.3, 0.0]), 0.0, is_goal=True)
    for time, position, velocity in ((0.0, STILL, [0.3, 0.0]), (1.0, [0.5, 0.1], [1.0, -0.2])):
        got = arm.set_point(time)
        assert np.allclose(got[0], position) and np.allclose(got[1], velocity)


def test_columns_come_in_the_controllers_order_and_joints_left_out_hold():
    arm = controller(allow_partial_joints_goal=True)
    arm.hold(np.array([0.3, 0.4]))
    arm.start(
        Trajectory(("b",), [Point([1.0], time_from_start=1.0)]),
        arm.set_point(0.0)[0], STILL, 0.0, is_goal=True,
    )  # fmt: skip
    assert np.allclose(arm.set_point(2.0)[0], [0.3, 1.0])


def test_a_goal_ends_when_the_joints_are_there_though_they_move():
    """Velocities are not checked where positions alone are commanded."""
    arm = controller(goal={"a": 0.01, "b": 0.01}, goal_time=1.0)
    arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)
    there = np.array([0.1, 0.2])
    arm.update(there, 0.9)
    assert arm.moving and arm.result is None
    arm.update(there - 0.02, 1.1)
    assert arm.moving
    arm.update(there, 1.2)
    assert arm.result == (ResultCode.SUCCESSFUL, "Goal successfully reached!") and not arm.moving


def test_a_joint_that_does_not_come_in_time_ends_the_goal_and_is_held_there():
    arm = controller(goal={"b": 0.01}, goal_time=0.5)
    arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)
    arm.update(STILL, 1.4)
    assert arm.moving
    arm.update(STILL, 1.6)
    assert arm.result[0] is ResultCode.GOAL_TOLERANCE_VIOLATED
    assert "goal_time_tolerance exceeding by 0.600000 seconds: b is 0.200" in arm.result[1]
    assert np.allclose(arm.set_point(2.0)[0], STILL)


def test_without_goal_time_a_goal_waits():
    arm = controller(goal={"b": 0.01})
    arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)
    arm.update(STILL, 1e6)
    assert arm.moving and arm.result is None


@pytest.mark.parametrize("is_goal", [True, False])
def test_a_joint_off_its_path_stops_the_motion(is_goal):
    arm = controller(trajectory={"a": 0.05})
    arm.start(points(Point([1, 0], time_from_start=1.0)), STILL, STILL, 0.0, is_goal=is_goal)
    arm.update(np.array([0.46, 0.0]), 0.5)
    assert arm.moving
    arm.update(np.array([0.4, 0.0]), 0.5)
    assert not arm.moving and np.allclose(arm.set_point(0.6)[0], [0.4, 0.0])
    code = ResultCode.PATH_TOLERANCE_VIOLATED
    assert (arm.result[0] is code) if is_goal else (arm.result is None)


def test_cancel_holds_where_the_joints_are():
    arm = controller()
    arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)
    arm.cancel(np.array([0.05, 0.1]))
    assert not arm.moving and arm.result is None
    assert np.allclose(arm.set_point(1.0)[0], [0.05, 0.1])


def test_a_first_point_due_at_once_must_be_near():
    arm = controller(trajectory={"a": 0.05})
    arm.start(points(Point([1, 0])), STILL, STILL, 0.0, is_goal=True)
    arm.update(STILL, 0.01)
    assert arm.result[0] is ResultCode.PATH_TOLERANCE_VIOLATED


def test_at_the_end_the_tolerances_on_the_way_no_longer_count():
    arm = controller(trajectory={"a": 0.05}, goal={"a": 0.2})
    arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)
    arm.update(STILL, 0.01)
    arm.update(STILL, 1.1)
    assert arm.result[0] is ResultCode.SUCCESSFUL


def test_deactivation_aborts_the_goal_and_holds_its_set_point():
    arm = controller()
    arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)
    arm.deactivate(0.5)
    assert arm.result[0] is ResultCode.INVALID_GOAL and "deactivate" in arm.result[1]
    assert np.allclose(arm.set_point(1.0)[0], [0.05, 0.1])


def test_an_inactive_controller_rejects():
    arm = controller()
    arm.deactivate(0.0)
    assert arm.result is None
    with pytest.raises(TrajectoryRejected, match="not active"):
        arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)


def test_a_trajectory_of_the_topic_leaves_the_goal_active():
    arm = controller(goal={"a": 0.01, "b": 0.01}, goal_time=1.0)
    arm.start(GOOD, STILL, STILL, 0.0, is_goal=True)
    arm.start(points(Point([0.0, 0.0], time_from_start=3.0)), STILL, STILL, 0.5, is_goal=False)
    arm.update(np.array([0.1, 0.2]), 1.2)
    assert arm.moving and arm.result is None
    arm.update(STILL, 3.6)
    assert arm.result == (ResultCode.SUCCESSFUL, "Goal successfully reached!")


TOLERANCES = {
    "none given": ({}, (0.1, 0.02, 1.0)),
    "path": ({"path": [JointTolerance("a", 0.3)]}, (0.3, 0.02, 1.0)),
    "goal": ({"goal": [JointTolerance("a", 0.3, 0.5)]}, (0.1, 0.3, 1.0)),
    "erased": ({"path": [JointTolerance("a", -1.0)]}, (0.0, 0.02, 1.0)),
    "time": ({"goal_time": 9.0}, (0.1, 0.02, 9.0)),
    "time erased": ({"goal_time": -1.0}, (0.1, 0.02, 0.0)),
    "an unknown joint": (
        {"path": [JointTolerance("a", 0.3), JointTolerance("c", 0.3)]}, (0.1, 0.02, 1.0)
    ),
    "illegal": ({"goal": [JointTolerance("a", -0.5)], "goal_time": 9.0}, (0.1, 0.02, 1.0)),
    "illegal velocity": ({"path": [JointTolerance("a", 0.3, -0.5)]}, (0.1, 0.02, 1.0)),
    "illegal acceleration": ({"path": [JointTolerance("a", 0.3, 0, -2)]}, (0.1, 0.02, 1.0)),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), TOLERANCES.values(), ids=TOLERANCES)
def test_tolerances_of_a_goal(given, expected):
    options = {"trajectory": {"a": 0.1}, "goal": {"a": 0.02}, "goal_time": 1.0}
    found = goal_tolerances(replace(PARAMETERS, **options), **given)
    assert (found.path[0], found.goal[0], found.goal_time) == expected


def test_a_goals_own_tolerance_counts():
    arm = controller(trajectory={"a": 0.05})
    wide = goal_tolerances(arm.parameters, [JointTolerance("a", 0.5)])
    line = points(Point([1, 0], time_from_start=1.0))
    arm.start(line, STILL, STILL, 0.0, is_goal=True, tolerances=wide)
    arm.update(np.array([0.4, 0.0]), 0.5)
    assert arm.moving
