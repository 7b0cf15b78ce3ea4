import numpy as np
import pytest

from m3_ros.codes import PlaceErrorCode
from m3_ros.geometry import transform
from m3_ros.grasp.attempt import execute_attempt
from m3_ros.grasp.placement import execute_place
from m3_ros.grasp.robot import TrackingError

NOTHING = np.zeros((0, 3))
TABLE_Z = -0.08
TARGET = np.array([0.62, -0.12, TABLE_Z])


@pytest.fixture
def holder(robot, context_of, plan, found):
    """A robot that holds the object in the air."""
    execute_attempt(context_of(robot), plan, found)
    robot.log.clear()
    return robot


@pytest.fixture
def put(holder, planner, table_in_map, base_pose):
    """Puts the object down: at a point in `base_link`, or on a free spot."""

    def place(target=None, surface=None, cancel_in="", surroundings=table_in_map, heading=None):
        stages = []
        target = None if target is None else transform(base_pose, target)
        outcome = execute_place(
            holder,
            planner,
            surroundings,
            target,
            surface,
            heading,
            lambda stage, *_: stages.append(stage),
            lambda: cancel_in in stages,
        )
        return outcome, stages

    return place


def test_it_is_put_down_at_a_target(put, holder, planner, base_pose):
    outcome, stages = put(TARGET)
    assert outcome.error_code is PlaceErrorCode.NONE and outcome.error_msg == ""
    assert stages == ["observe", "plan", "move", "lower", "release", "check"]
    np.testing.assert_allclose(outcome.spot, transform(base_pose, TARGET), atol=1e-6)
    assert holder.log.count("open") == 1 and holder.log[-3:] == ["open", "follow", "follow"]
    assert holder.q[6] < -0.4
    tips = transform(planner.arm.fk(holder.q[:6]), planner.gripper.tips)
    assert np.linalg.norm(tips[:2] - TARGET[:2]) < planner.config.jaw_clearance


@pytest.mark.parametrize("turn", [-45.0, 45.0])
def test_it_is_put_down_with_the_heading_of_the_target(put, holder, planner, turn):
    closing = planner.arm.fk(holder.q[:6])[:3, 2]
    heading = np.arctan2(closing[1], closing[0]) + np.radians(turn)  # map and base are parallel
    outcome, _ = put(TARGET, heading=heading)
    assert outcome.error_code is PlaceErrorCode.NONE, outcome.error_msg
    x, y, _ = planner.arm.fk(holder.q[:6])[:3, 2]
    expected = [np.cos(heading), np.sin(heading)]
    np.testing.assert_allclose([x, y] / np.hypot(x, y), expected, atol=0.01)


def test_without_a_target_it_finds_a_free_spot(put, table_in_map, planner):
    outcome, _ = put()
    assert outcome.error_code is PlaceErrorCode.NONE
    near = np.linalg.norm(table_in_map[:, :2] - outcome.spot[:2], axis=1)
    assert (near < 0.01).any() and outcome.spot[2] == pytest.approx(0.58 + TABLE_Z, abs=0.01)


def test_a_free_spot_is_on_the_surface_that_is_named(put, table_in_map):
    tray = table_in_map[(table_in_map[:, 1] > 0.05) & (table_in_map[:, 0] < 0.85)]
    outcome, _ = put(surface=tray)
    assert outcome.error_code is PlaceErrorCode.NONE
    assert outcome.spot[1] > 0.05 + 0.09


def test_without_a_surface_nothing_moves(put, holder):
    outcome, _ = put(surroundings=NOTHING)
    assert outcome.error_code is PlaceErrorCode.NO_SPACE and holder.log == []
    assert "no level surface" in outcome.error_msg


def test_a_crowded_surface_has_no_space(put, holder, table_in_map):
    posts = [table_in_map[::40] + [0.0, 0.0, height] for height in (0.03, 0.06)]
    outcome, _ = put(surroundings=np.concatenate([table_in_map, *posts]))
    assert outcome.error_code is PlaceErrorCode.NO_SPACE and "free_radius" in outcome.error_msg
    assert holder.log == []


def test_an_occupied_target_is_refused(put, holder, table_in_map, base_pose, box_points):
    box = transform(base_pose, box_points((0.05, 0.05, 0.05), TARGET[:2]))
    outcome, _ = put(TARGET, surroundings=np.concatenate([table_in_map, box]))
    assert outcome.error_code is PlaceErrorCode.NO_SPACE and holder.log == []


def test_a_target_out_of_reach_keeps_the_object(put, holder):
    outcome, _ = put(TARGET + [1.0, 0.0, 0.0])
    assert outcome.error_code is PlaceErrorCode.UNREACHABLE and "still hold" in outcome.error_msg
    assert holder.log == []


def test_an_empty_gripper_puts_nothing_down(robot, planner, table_in_map):
    outcome = execute_place(robot, planner, table_in_map)
    assert outcome.error_code is PlaceErrorCode.NOTHING_HELD and robot.log == []


@pytest.mark.parametrize("stage", ["observe", "plan", "move", "lower", "release"])
def test_a_cancel_keeps_the_object(put, holder, stage):
    outcome, stages = put(TARGET, cancel_in=stage)
    assert outcome.error_code is PlaceErrorCode.CANCELLED and stages[-1] == stage
    assert holder.log[-1] == "hold" and holder.q[6] == -0.4


def test_it_stands_when_it_touches(put, holder):
    """The third motion, the second down, meets the surface: 9 cm of the object hang down."""
    holder.resists = 3
    outcome, _ = put(TARGET)
    assert outcome.error_code is PlaceErrorCode.NONE and "open" in holder.log


def test_an_obstacle_far_above_the_surface_keeps_the_object(put, holder, planner):
    """Met at the start of the way down, which what is held cannot reach."""
    follow = holder.execute_trajectory

    def meet(trajectory, cancelled=lambda: False):
        if holder.log != ["follow"]:
            return follow(trajectory, cancelled)
        holder.resists = len(holder.log) + 1
        return holder._do("follow", cancelled)

    holder.execute_trajectory = meet
    outcome, _ = put(TARGET)
    assert outcome.error_code is PlaceErrorCode.EXECUTION_FAILED
    assert "in the way" in outcome.error_msg and "still hold" in outcome.error_msg
    assert "open" not in holder.log


def test_a_blocked_arm_keeps_the_object(put, holder):
    holder.fail_at, holder.failure = 1, TrackingError("blocked")
    outcome, _ = put(TARGET)
    assert outcome.error_code is PlaceErrorCode.EXECUTION_FAILED and "open" not in holder.log


def test_a_bare_spot_afterwards_is_told(put, holder, table_in_map, base_pose, box_points):
    holder.scene = table_in_map
    outcome, _ = put(TARGET)
    assert outcome.error_code is PlaceErrorCode.EXECUTION_FAILED
    assert "nothing is seen to stand" in outcome.error_msg


def test_what_is_held_does_not_block_its_own_way(put, holder, context_of, planner, base_pose):
    tips = transform(planner.arm.fk(holder.q[:6]), planner.gripper.tips)
    held = tips + 0.03 * np.random.default_rng(0).uniform(-1, 1, (200, 3))
    holder.scene = transform(base_pose, held)
    outcome, _ = put(TARGET)
    assert "EXECUTION" in outcome.error_code.name or outcome.error_code is PlaceErrorCode.NONE
    assert "open" in holder.log
