import pytest

from m3_ros.grasp.attempt import execute_attempt
from m3_ros.grasp.history import AttemptHistory
from m3_ros.grasp.outcome import GraspError
from m3_ros.grasp.recovery import abort, undo_attempt
from m3_ros.grasp.robot import TrackingError


@pytest.fixture
def holder(robot, context_of, plan, found):
    """A robot that holds the object in the air."""
    execute_attempt(context_of(robot), plan, found)
    robot.log.clear()
    return robot


def test_what_is_held_in_the_air_is_put_back_before_the_jaws_open(
    holder, context_of, plan, planner
):
    heights = []
    move_gripper = holder.move_gripper

    def note(*arguments):
        heights.append(context_of(holder).gripper_pose()[2, 3])
        return move_gripper(*arguments)

    holder.move_gripper = note
    undo_attempt(context_of(holder), plan)
    stood = planner.arm.fk(plan.phases["touch"].positions[-1])[2, 3]
    assert heights == [pytest.approx(stood, abs=2e-3)]


def test_what_cannot_be_put_back_stays_in_the_jaws(holder, context_of, plan):
    holder.fail_at, holder.failure = 1, TrackingError("blocked")
    with pytest.raises(GraspError, match="still hold"):
        undo_attempt(context_of(holder), plan)
    assert "open" not in holder.log


def test_empty_jaws_open_where_they_are_and_rise(holder, context_of, plan):
    holder.q[6] = 0.0
    undo_attempt(context_of(holder), plan)
    assert holder.log == ["open", "follow"]


def test_a_blocked_arm_that_holds_the_object_does_not_drop_it(holder, context_of, plan):
    history = AttemptHistory()
    assert abort(context_of(holder), history) == "" and holder.log == []
    history.grasps.append(plan.grasp)
    assert "still hold" in abort(context_of(holder), history)
    assert holder.log == []
