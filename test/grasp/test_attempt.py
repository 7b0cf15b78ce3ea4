import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.config import GraspConfig
from m3_ros.geometry import look_at
from m3_ros.grasp.attempt import execute_attempt, is_present
from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.outcome import EmptyGrasp, RetryableGraspFailure, Target
from m3_ros.grasp.robot import RobotError, never

APPROACH, TOUCH = 3, 4  # numbers of the motions of an attempt


def test_an_attempt_lifts(robot, context_of, plan, found):
    height = execute_attempt(context_of(robot), plan, found)
    assert height == pytest.approx(0.13, abs=1e-3)
    assert robot.log.index("open") < robot.log.index("close") and robot.log[-1] == "follow"
    assert robot.q[6] == -0.4  # the jaws rest on the object


def test_the_lift_ends_where_it_was_planned_to(robot, context_of, plan, found, planner):
    execute_attempt(context_of(robot), plan, found)
    planned = planner.arm.fk(plan.phases["lift"].positions[-1])
    np.testing.assert_allclose(planner.arm.fk(robot.q[:6]), planned, atol=1e-3)


def test_depth_that_shows_the_object_need_not_ask_for_it(
    robot, planner, plan, found, table_in_map
):
    def gone():
        return Target(QueryStatus.STALE, np.zeros((0, 3)), "it looks different from here")

    context = GraspContext(robot, planner, gone, lambda *_: None, never)
    robot.scene = table_in_map
    with pytest.raises(RetryableGraspFailure, match="no longer where it was"):
        execute_attempt(context, plan, found)
    robot.reset()
    robot.scene = np.concatenate([table_in_map, found.points])
    with pytest.raises(
        RetryableGraspFailure, match="still at its place"
    ):  # nothing is ever lifted here
        execute_attempt(context, plan, found)


def test_a_contact_far_above_the_grasp_ends_the_attempt(robot, context_of, plan, found):
    robot.resists = APPROACH
    with pytest.raises(RetryableGraspFailure, match="met something 10 cm above"):
        execute_attempt(context_of(robot), plan, found)
    assert "close" not in robot.log


def test_a_contact_while_touching_is_the_object(robot, context_of, plan, found):
    robot.resists = TOUCH
    height = execute_attempt(context_of(robot), plan, found)
    assert height == pytest.approx(0.13, abs=0.01)
    assert robot.log[TOUCH - 1 :][:2] == ["hold", "close"]


def test_the_support_may_be_a_little_higher_than_seen(robot, context_of, plan, found, planner):
    follow, planned = robot.execute_trajectory, plan.phases["touch"].positions[-1]

    def stop_short(trajectory, cancelled=never):
        if trajectory is not plan.phases["approach"]:
            return follow(trajectory, cancelled)
        robot.q[:6] = plan.phases["approach"].positions[-4]
        robot.resists = len(robot.log) + 1
        return robot._do("follow", cancelled)

    robot.execute_trajectory = stop_short
    execute_attempt(context_of(robot), plan, found)
    raised = planner.arm.fk(robot.q[:6])[2, 3] - planner.arm.fk(planned)[2, 3]
    assert raised == pytest.approx(planner.config.lift_height, abs=1e-3)
    _, closed_at = robot.closings[0]
    above = planner.arm.fk(closed_at)[2, 3] - planner.arm.fk(planned)[2, 3]
    clearance = planner.config.table_clearance  # off the support, jaws still low
    assert clearance / 4 < above < clearance


def test_jaws_that_close_completely_have_missed(make_robot, context_of, plan, found):
    with pytest.raises(EmptyGrasp):
        execute_attempt(context_of(make_robot(grips=[0.0])), plan, found)


def test_what_stays_at_its_place_was_not_lifted(robot, context_of, plan, found, table_in_map):
    robot.scene = np.concatenate([table_in_map, found.points])
    with pytest.raises(RetryableGraspFailure, match="still at its place"):
        execute_attempt(context_of(robot), plan, found)


def test_empty_looking_jaws_hold_nothing(robot, context_of, plan, found, table_in_map):
    robot.scene = table_in_map
    with pytest.raises(RetryableGraspFailure, match="nothing between the jaws"):
        execute_attempt(context_of(robot), plan, found)


def test_a_thin_thing_is_told_from_the_table_below_it():
    """A slab 12 mm thick under a camera that looks straight down on it from 0.4 m."""
    config, K = GraspConfig(), np.array([[200.0, 0, 80], [0, 200, 60], [0, 0, 1]])
    pose = look_at([0.0, 0.0, 0.4], [0.0, 0.0, 0.0], up=[1.0, 0.0, 0.0])
    x, y, z = np.meshgrid(*[np.linspace(-0.03, 0.03, 15)] * 2, np.linspace(0.0, 0.012, 5))
    slab = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=-1)

    def frame(height):
        depth = np.full((120, 160), 0.4 - height, np.float32)
        return RgbdFrame(np.zeros((120, 160, 3), np.uint8), depth, K, pose)

    assert not is_present(frame(0.0), slab, config)
    assert is_present(frame(0.012), slab, config)


def test_an_object_that_slips_after_the_lift_is_not_held(robot, context_of, plan, found, planner):
    follow = robot.execute_trajectory

    def lose_it(trajectory, cancelled=never):
        follow(trajectory, cancelled)
        if len(robot.closings) == 3 and not np.ptp(trajectory.positions, axis=0).any():
            assert trajectory.duration == planner.config.hold_time
            robot.q[6] = 0.0

    robot.execute_trajectory = lose_it
    with pytest.raises(RetryableGraspFailure, match="slipped from the jaws"):
        execute_attempt(context_of(robot), plan, found)


def test_jaws_that_do_not_open_never_go_down(robot, context_of, plan, found):
    robot.stuck = True
    with pytest.raises(RobotError, match="did not open"):
        execute_attempt(context_of(robot), plan, found)
    assert robot.log == ["follow", "open"]  # above the object, and no farther
