import numpy as np
import pytest

from m3_ros.codes import MoveErrorCode
from m3_ros.grasp.attempt import execute_attempt
from m3_ros.grasp.carry import execute_release, execute_stow
from m3_ros.grasp.robot import MotionCancelled, TrackingError


@pytest.fixture
def holder(robot, context_of, plan, found):
    """A robot that holds the object in the air."""
    execute_attempt(context_of(robot), plan, found)
    robot.log.clear()
    return robot


def test_the_arm_folds_with_what_it_holds(holder, planner, table_in_map):
    assert execute_stow(holder, planner, table_in_map) == (MoveErrorCode.NONE, "")
    np.testing.assert_allclose(holder.q[:6], planner.robot_model.home, atol=1e-9)
    assert holder.q[6] == -0.4 and set(holder.log) == {"follow"}


def test_it_rises_first_from_the_place(robot, planner, plan, found, table_in_map):
    """The jaws have just closed, and the memory still shows the object between them."""
    robot.q = np.append(plan.phases["touch"].positions[-1], -0.4)
    robot.efforts = np.append(np.zeros(6), 3.0)
    scene = np.concatenate([table_in_map, found.points])
    assert execute_stow(robot, planner, scene) == (MoveErrorCode.NONE, "")
    assert set(robot.log) == {"follow"} and robot.q[6] == -0.4
    np.testing.assert_allclose(robot.q[:6], planner.robot_model.home, atol=1e-9)


def test_jaws_that_stand_around_an_object_leave_it(robot, planner, plan, found, table_in_map):
    robot.q = np.append(plan.phases["touch"].positions[-1], -plan.grasp.pregrasp_aperture)
    scene = np.concatenate([table_in_map, found.points])
    assert execute_stow(robot, planner, scene)[0] is MoveErrorCode.NONE
    assert robot.log[:3] == ["open", "follow", "follow"]
    np.testing.assert_allclose(robot.q[:6], planner.robot_model.home, atol=1e-9)


def test_a_named_posture_is_reached(robot, planner, table_in_map):
    robot.q[:6] = planner.robot_model.home
    assert execute_stow(robot, planner, table_in_map, "scan")[0] is MoveErrorCode.NONE
    np.testing.assert_allclose(robot.q[:6], planner.robot_model.scan, atol=1e-9)


def test_an_unknown_posture_names_those_that_exist(robot, planner, table_in_map):
    code, message = execute_stow(robot, planner, table_in_map, "sleep")
    assert code is MoveErrorCode.PLAN_FAILED
    assert "'sleep'" in message and "home, scan" in message and robot.log == []


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (TrackingError("blocked"), MoveErrorCode.EXECUTION_FAILED),
        (MotionCancelled("cancelled"), MoveErrorCode.CANCELLED),
    ],
)
def test_a_stopped_arm_keeps_what_it_holds(holder, planner, table_in_map, failure, code):
    holder.fail_at, holder.failure = 1, failure
    assert execute_stow(holder, planner, table_in_map) == (code, str(failure))
    assert holder.log == ["follow", "hold"] and holder.q[6] == -0.4


def test_a_release_opens_the_jaws_and_moves_nothing_else(holder, planner):
    before = holder.q[:6].copy()
    assert execute_release(holder, planner) == (MoveErrorCode.NONE, "")
    assert holder.log == ["open"] and holder.q[6] < -0.4
    np.testing.assert_array_equal(holder.q[:6], before)


def test_jaws_that_stay_closed_are_not_said_to_be_open(holder, planner):
    holder.stuck = True
    code, message = execute_release(holder, planner)
    assert code is MoveErrorCode.EXECUTION_FAILED and "did not open" in message


def test_a_cancelled_release_holds(holder, planner):
    code, _ = execute_release(holder, planner, cancelled=lambda: True)
    assert code is MoveErrorCode.CANCELLED and "open" not in holder.log
