import numpy as np
import pytest

from m3_ros.codes import GraspErrorCode
from m3_ros.grasp.attempt import execute_attempt
from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.outcome import GraspError
from m3_ros.grasp.place import put_back
from m3_ros.grasp.robot import TrackingError, never
from m3_ros.robot_model import load_robot

MAX_SLIP = load_robot().gripper.max_slip

RELEASE = ["open", "follow", "follow"]  # open, aside, back out


@pytest.fixture
def lifted(robot, planner, plan, found):
    """A context whose robot holds the object in the air."""
    context = GraspContext(robot, planner, lambda: found, lambda *_: None, never)
    execute_attempt(context, plan, found)
    robot.log.clear()
    return context


def test_it_is_lowered_to_where_it_was_gripped_and_left_there(lifted, robot, plan, planner):
    at, goal = [], planner.arm.fk(plan.phases["touch"].positions[-1])[:3, 3]
    move_gripper = robot.move_gripper

    def note(*arguments):
        at.append(lifted.gripper_pose()[:3, 3])
        return move_gripper(*arguments)

    robot.move_gripper = note
    put_back(lifted, plan)
    assert robot.log[-3:] == RELEASE and "close" not in robot.log
    np.testing.assert_allclose(at, [goal], atol=1e-3)
    assert robot.q[6] == -plan.grasp.pregrasp_aperture
    left = lifted.gripper_pose()[:3, 3] - goal
    back = -plan.grasp.approach * planner.config.approach_distance
    assert np.linalg.norm(left - back) < planner.config.jaw_clearance


def test_it_stands_when_it_touches(lifted, robot, plan, planner):
    """1 cm above where it was: it hangs a little lower in the jaws than it stood."""
    follow = robot.execute_trajectory

    def touch(trajectory, cancelled=never):
        if robot.log:
            return follow(trajectory, cancelled)
        down = np.array([0.0, 0.0, 0.01 - planner.config.lift_height])
        robot.q[:6] = planner.plan_linear(robot.q[:6], down, 0.1).positions[-1]
        robot.resists = 1
        return robot._do("follow", cancelled)

    robot.execute_trajectory = touch
    put_back(lifted, plan)
    assert robot.log == ["hold", *RELEASE]


@pytest.mark.parametrize("failure", [None, TrackingError("blocked")])
def test_what_cannot_be_lowered_stays_in_the_jaws(lifted, robot, plan, failure):
    robot.resists = 1 if failure is None else None
    robot.fail_at, robot.failure = (None if failure is None else 1), failure
    with pytest.raises(GraspError, match="still hold") as caught:
        put_back(lifted, plan)
    assert caught.value.code is GraspErrorCode.EXECUTION_FAILED
    assert "open" not in robot.log and robot.log[-1] == "hold"


@pytest.mark.parametrize("contact", [False, True])
def test_what_slides_out_on_the_way_down_is_not_said_to_be_held(lifted, robot, plan, contact):
    """Whether or not the arm then meets something, maybe what it has dropped."""
    follow = robot.execute_trajectory

    def slide(trajectory, cancelled=never):
        robot.q[6] += 2.0 * MAX_SLIP
        return follow(trajectory, cancelled)

    robot.execute_trajectory, robot.resists = slide, 1 if contact else None
    with pytest.raises(GraspError, match="slipped from the jaws") as caught:
        put_back(lifted, plan)
    assert caught.value.code is GraspErrorCode.EXECUTION_FAILED and "hold" not in str(caught.value)
    assert "open" not in robot.log and robot.log[-1] == "hold"


def test_a_grasp_that_places_ends_with_open_jaws(planner, robot, found, table_in_map):
    stages = []
    outcome = execute_grasp(
        robot, planner, lambda: found, table_in_map, lambda *told: stages.append(told), place=True
    )
    assert outcome.error_code is GraspErrorCode.NONE
    assert outcome.lift_height == pytest.approx(planner.config.lift_height, abs=1e-3)
    assert [stage for stage, _, _ in stages][-4:] == ["check", "lower", "release", "done"]
    shares = [share for _, share, _ in stages]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert robot.log[-3:] == RELEASE and robot.log.count("close") == 3


@pytest.mark.parametrize("phase", ["lower", "release"])
def test_a_cancel_stops_it_without_letting_go(cancel_in, robot, phase):
    outcome, _ = cancel_in(phase, place=True)
    assert outcome.error_code is GraspErrorCode.CANCELLED and robot.log[-1] == "hold"
    assert robot.q[6] == -0.4  # still closed on it
