import numpy as np
import pytest

from m3_ros.codes import GraspErrorCode
from m3_ros.grasp.jaws import (
    empty_jaws,
    is_between,
    leave_object,
    open_jaws,
    open_surely,
    release_object,
    retreat,
)
from m3_ros.grasp.outcome import GraspError
from m3_ros.grasp.robot import RobotError

NOTHING = np.zeros((0, 3))


@pytest.fixture
def around(robot, planner, plan, found, base_pose):
    """Jaws that stand around an object without squeezing it, and the object's points in map."""
    robot.q = np.append(plan.phases["touch"].positions[-1], -plan.grasp.pregrasp_aperture)
    return found.points


def test_letting_go_opens_and_rises(robot, context_of, planner):
    before = planner.arm.fk(robot.q[:6])[2, 3]
    open_jaws(context_of(robot), 0.8)
    assert robot.log[0] == "open" and robot.q[6] == -0.8
    rise = planner.arm.fk(robot.q[:6])[2, 3] - before
    assert rise == pytest.approx(planner.config.approach_distance, abs=1e-3)


def test_jaws_that_do_not_open_are_named(robot, context_of):
    robot.q[6], robot.stuck = -0.2, True
    with pytest.raises(RobotError, match=r"jointGripper is 0\.200 rad open, 0\.800 rad"):
        open_surely(context_of(robot), 0.8)


def test_jaws_within_one_step_of_their_goal_are_open(robot, context_of, planner):
    robot.stuck, step = True, planner.robot_model.gripper.opening_step
    robot.q[6] = -0.8 + 0.9 * step
    open_surely(context_of(robot), 0.8)
    robot.q[6] = -0.8 + 1.1 * step
    with pytest.raises(RobotError):
        open_surely(context_of(robot), 0.8)


def test_jaws_let_go_by_the_clearance_on_both_sides(robot, context_of, planner):
    robot.q[6] = -0.4
    release_object(context_of(robot))
    wider = 2 * planner.config.jaw_clearance / 0.088  # at the pads, by their radius
    assert robot.log == ["open"] and -robot.q[6] - 0.4 == pytest.approx(wider, rel=0.2)


def test_jaws_never_open_beyond_their_limit(robot, context_of, planner):
    robot.q[6] = -1.4
    release_object(context_of(robot))
    assert -robot.q[6] == planner.robot_model.gripper.max_opening


def test_the_fixed_jaw_leaves_the_object_before_the_gripper_does(
    robot, context_of, planner, around
):
    before = context_of(robot).gripper_pose()
    retreat(context_of(robot), np.array([0.0, 0.0, 1.0]))
    left = context_of(robot).gripper_pose()[:3, 3] - before[:3, 3]
    aside = -planner.config.jaw_clearance / 2 * before[:3, 2]
    assert robot.log == ["follow", "follow"]
    np.testing.assert_allclose(left, aside + [0, 0, planner.config.approach_distance], atol=2e-3)


def test_an_object_between_the_jaws_is_known_from_memory(robot, context_of, around):
    assert is_between(context_of(robot), around)
    assert not is_between(context_of(robot), NOTHING)


def test_closed_jaws_have_nothing_between_them(robot, context_of, around):
    robot.q[6] = -0.02
    assert not is_between(context_of(robot), around)


def test_what_is_beside_the_jaws_is_not_between_them(robot, context_of, around):
    for offset in ([0.0, 0.0, -0.3], [0.3, 0.0, 0.0], [0.0, 0.3, 0.0]):
        assert not is_between(context_of(robot), around + offset)


def test_jaws_around_an_object_open_and_rise_before_the_next_goal(
    robot, context_of, planner, around
):
    before = context_of(robot).gripper_pose()[2, 3]
    leave_object(context_of(robot), around)
    assert robot.log == ["open", "follow", "follow"]
    rise = context_of(robot).gripper_pose()[2, 3] - before
    assert rise == pytest.approx(planner.config.approach_distance, abs=0.01)
    robot.log.clear()
    leave_object(context_of(robot), NOTHING)
    assert robot.log == []


def test_jaws_that_cannot_rise_from_an_object_say_so(robot, context_of, planner, around):
    up = np.array([0.0, 0.0, 0.55])
    low, high = context_of(robot).gripper_pose(), planner.arm.fk(robot.q[:6])
    for height in np.arange(0.05, 0.55, 0.01):  # as high as the arm reaches
        high[:3, 3] = low[:3, 3] + height / 0.55 * up
        q = planner.arm.ik(high, (robot.q[:6],))
        if q is None:
            break
        robot.q[:6] = q
    moved = around + (context_of(robot).gripper_pose() - low)[:3, 3]
    with pytest.raises(GraspError, match="cannot rise") as caught:
        leave_object(context_of(robot), moved)
    assert caught.value.code is GraspErrorCode.PLAN_FAILED


def test_a_gripper_that_holds_lets_go_only_on_request(robot, context_of):
    robot.q[6], robot.efforts = -0.4, np.append(np.zeros(6), 3.0)
    with pytest.raises(GraspError, match="holds something.*release_first") as caught:
        empty_jaws(context_of(robot), False)
    assert caught.value.code is GraspErrorCode.HOLDING and robot.log == []
    empty_jaws(context_of(robot), True)
    assert robot.log == ["open"]


@pytest.mark.parametrize("release", [False, True])
def test_a_gripper_that_holds_nothing_is_left_alone(robot, context_of, release):
    empty_jaws(context_of(robot), release)
    assert robot.log == []
