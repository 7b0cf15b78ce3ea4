from dataclasses import replace

import numpy as np
import pytest

from m3_ros.codes import GraspErrorCode, QueryStatus
from m3_ros.config import GraspConfig
from m3_ros.geometry import transform
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.outcome import Target
from m3_ros.grasp.planning import Planner
from m3_ros.grasp.robot import JointStatesLost, MotionCancelled, RobotError, TrackingError
from m3_ros.resources import resource

NOTHING = np.zeros((0, 3))
STAGES = [
    "locate",
    "observe",
    "plan",
    "pre-grasp",
    "confirm",
    "approach",
    "close",
    "lift",
    "check",
]


def test_a_grasp_goes_through_its_stages_and_lifts(planner, robot, found, table_in_map):
    stages = []
    outcome = execute_grasp(
        robot, planner, lambda: found, table_in_map, lambda *told: stages.append(told)
    )
    assert outcome.error_code is GraspErrorCode.NONE and outcome.error_msg == ""
    assert outcome.lift_height == pytest.approx(planner.config.lift_height, abs=1e-3)
    assert [stage for stage, _, _ in stages] == [*STAGES, "done"]
    shares = [share for _, share, _ in stages]
    assert shares == sorted(shares) and shares[-1] == 1.0
    first, last = robot.log.index("close"), len(robot.log) - robot.log[::-1].index("close")
    assert robot.log.index("open") < first and "open" not in robot.log[last:]
    assert set(robot.log[last:]) == {"follow"}  # nothing stops it, and it keeps the object
    assert np.linalg.norm(outcome.grasp.pose[:3, 3] - found.center) < 0.2


def test_a_plan_is_shown_before_it_is_executed(planner, robot, found, table_in_map):
    shown = []

    def planned(preview):
        assert "close" not in robot.log
        shown.append(preview)

    outcome = execute_grasp(
        robot, planner, lambda: found, table_in_map, dry_run=True, planned=planned
    )
    (preview,) = shown
    assert outcome.grasp is not None and np.allclose(preview.chosen.pose, outcome.grasp.pose)
    assert any(np.allclose(each.pose, preview.chosen.pose) for each in preview.candidates)
    scores = [each.score for each in preview.candidates]
    assert scores == sorted(scores, reverse=True)
    start = transform(robot.base_pose(), planner.arm.fk(robot.joint_state().arm)[None, :3, 3])
    assert np.allclose(preview.path[:1], start)  # from here, past the object, up
    reach = np.linalg.norm(preview.path - preview.chosen.pose[:3, 3], axis=1)
    assert reach.min() < 0.02 < np.linalg.norm(start - preview.chosen.pose[:3, 3])


@pytest.mark.parametrize("status", ["NOT_FOUND", "AMBIGUOUS", "STALE", "NO_DEPTH", "UNCERTAIN"])
def test_without_a_target_nothing_moves(planner, robot, status):
    target = Target(QueryStatus[status], NOTHING, "why")
    outcome = execute_grasp(robot, planner, lambda: target, NOTHING)
    assert outcome.error_code is GraspErrorCode[status] and outcome.error_msg == "why"
    assert not robot.log


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"release_first": True}])
def test_without_a_pose_of_the_base_nothing_moves(planner, robot, found, options, monkeypatch):
    def lost():
        raise RobotError("map is not level")

    monkeypatch.setattr(robot, "base_pose", lost)
    outcome = execute_grasp(robot, planner, lambda: found, NOTHING, **options)
    assert outcome.error_code is GraspErrorCode.EXECUTION_FAILED
    assert outcome.error_msg == "map is not level" and set(robot.log) <= {"hold"}


def test_without_an_answer_the_error_code_is_that_of_the_query(planner, robot):
    target = Target(QueryStatus.UNKNOWN, NOTHING, "why", GraspErrorCode.NO_MEMORY)
    outcome = execute_grasp(robot, planner, lambda: target, NOTHING)
    assert outcome.error_code is GraspErrorCode.NO_MEMORY and outcome.error_msg == "why"
    assert not robot.log
    assert robot.log == []


def test_what_is_held_is_not_dropped_by_the_next_goal(planner, robot, found, table_in_map):
    execute_grasp(robot, planner, lambda: found, table_in_map)
    robot.log.clear()
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is GraspErrorCode.HOLDING and "m3 release" in outcome.error_msg
    assert robot.log == [] and robot.q[6] == -0.4


def test_a_goal_may_let_go_of_it_first(planner, robot, found, table_in_map):
    execute_grasp(robot, planner, lambda: found, table_in_map)
    robot.log.clear()
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map, release_first=True)
    assert outcome.error_code is GraspErrorCode.NONE and robot.log[0] == "open"


def test_a_dry_run_is_no_danger_to_what_is_held(planner, robot, found, table_in_map):
    execute_grasp(robot, planner, lambda: found, table_in_map)
    robot.log.clear()
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map, dry_run=True)
    assert outcome.error_code is not GraspErrorCode.HOLDING and robot.log == []


@pytest.mark.parametrize("stage", ["close", "check"])
def test_after_a_cancel_with_jaws_around_the_object_the_next_goal_leaves_it(
    planner, robot, found, table_in_map, cancel_in, stage
):
    cancel_in(stage)
    if stage == "check":  # a controller that holds jaws in place squeezes no more
        robot.efforts = np.zeros(7)
        robot.q[:6] = planner.linear_path(
            planner.arm.fk(robot.q[:6]), np.array([0.0, 0.0, -0.12]), robot.q[:6]
        )[-1]
    robot.log.clear()
    scene = np.concatenate([table_in_map, found.points])
    outcome = execute_grasp(robot, planner, lambda: found, scene)
    assert outcome.error_code is GraspErrorCode.NONE
    assert robot.log[:3] == ["open", "follow", "follow"]


def test_a_dry_run_plans_and_moves_nothing(planner, robot, found, table_in_map):
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map, dry_run=True)
    assert outcome.error_code is GraspErrorCode.NONE and outcome.grasp is not None
    assert robot.log == []


def test_a_miss_is_tried_again_with_another_grasp(planner, make_robot, found, table_in_map):
    robot = make_robot(grips=[0.0, -0.01, -0.4, -0.4, -0.4])
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is GraspErrorCode.NONE and outcome.retries == 2
    assert robot.log.count("close") == 5


def test_tries_are_bounded(planner, make_robot, found, table_in_map):
    robot = make_robot(grips=[0.0] * 9)
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is GraspErrorCode.EXECUTION_FAILED
    assert "closed on nothing" in outcome.error_msg and "3" in outcome.error_msg
    assert robot.log.count("close") == planner.config.max_attempts


def test_an_object_that_moved_is_not_grasped_blindly(planner, robot, found, table_in_map):
    answers = iter(
        [
            found,
            found,
            Target(QueryStatus.STALE, NOTHING),
            Target(QueryStatus.STALE, NOTHING, "gone"),
        ]
    )
    outcome = execute_grasp(robot, planner, lambda: next(answers), table_in_map)
    assert outcome.error_code is GraspErrorCode.STALE
    assert "close" not in robot.log


@pytest.mark.parametrize("phase", STAGES)
def test_a_cancel_stops_the_robot_in_every_phase(cancel_in, robot, phase):
    outcome, stages = cancel_in(phase)
    assert outcome.error_code is GraspErrorCode.CANCELLED
    assert stages[-1] == phase and robot.log[-1] == "hold"


@pytest.mark.parametrize("motion", range(1, 8))
def test_a_cancel_within_a_motion_stops_the_robot(planner, robot, found, table_in_map, motion):
    robot.fail_at, robot.failure = motion, MotionCancelled("cancelled")
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is GraspErrorCode.CANCELLED
    assert robot.log[motion:] == ["hold"]


def test_what_was_moved_but_is_seen_elsewhere_is_grasped_there(
    planner, robot, found, table_in_map
):
    moved = replace(found, status=QueryStatus.STALE)
    outcome = execute_grasp(robot, planner, lambda: moved, table_in_map)
    assert outcome.error_code is GraspErrorCode.NONE


def test_what_the_camera_cannot_see_is_not_grasped(planner, robot, found, table_in_map):
    hidden = replace(found, status=QueryStatus.OUT_OF_VIEW, message="hidden")
    outcome = execute_grasp(robot, planner, lambda: hidden, table_in_map)
    assert outcome.error_code is GraspErrorCode.NO_DEPTH
    assert robot.log == ["follow"]


def test_an_arm_that_cannot_even_let_go_holds(planner, robot, found, table_in_map):
    robot.fail_at, robot.failure, robot.fails = 4, TrackingError("blocked"), 2
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is GraspErrorCode.EXECUTION_FAILED
    assert "blocked; then the jaws could not open: blocked" in outcome.error_msg
    assert robot.log[-3:] == ["hold", "open", "hold"]


def test_what_the_frame_shows_replaces_what_was_remembered(planner, robot, found, table_in_map):
    ghost = found.points + [0.0, 0.0, 0.08]  # over the object: no grasp has room
    remembered = np.concatenate([table_in_map, ghost])
    outcome = execute_grasp(robot, planner, lambda: found, remembered)
    assert outcome.error_code in (GraspErrorCode.NO_GRASP, GraspErrorCode.PLAN_FAILED)
    robot.scene = np.concatenate([table_in_map, found.points])
    robot.reset()
    stages = []
    tell = lambda stage, *_: stages.append(stage)  # noqa: E731
    execute_grasp(robot, planner, lambda: found, remembered, tell)
    assert "approach" in stages


def test_a_blocked_arm_lets_go_and_rises(planner, robot, found, table_in_map):
    robot.fail_at, robot.failure = 4, TrackingError("blocked")  # the approach
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is GraspErrorCode.EXECUTION_FAILED and outcome.error_msg == "blocked"
    assert robot.log[-3:] == ["hold", "open", "follow"]


def test_without_joint_states_the_arm_holds(planner, robot, found, table_in_map):
    robot.fail_at, robot.failure = 4, JointStatesLost("no joints")
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is GraspErrorCode.EXECUTION_FAILED
    assert robot.log[-1] == "hold"


@pytest.fixture(scope="module")
def beyond(base_pose, box_points):
    """A box that the arm reaches only from another place of the base."""
    return Target(
        QueryStatus.FOUND, transform(base_pose, box_points((0.04, 0.05, 0.06), (0.72, 0.65)))
    )


def test_the_base_drives_to_what_is_out_of_reach(planner, robot, beyond, table_in_map):
    outcome = execute_grasp(robot, planner, lambda: beyond, table_in_map)
    assert outcome.error_code is GraspErrorCode.NONE
    assert "drive" in robot.log


def test_a_base_that_may_not_drive_is_told_where_to_go(planner, robot, beyond, table_in_map):
    still = Planner(planner.robot_model, GraspConfig(drive_base=False))
    outcome = execute_grasp(robot, still, lambda: beyond, table_in_map)
    assert outcome.error_code is GraspErrorCode.UNREACHABLE
    assert "must move" in outcome.error_msg and "drive" not in robot.log


def test_error_codes_are_the_action_s():
    names = [name for name in GraspErrorCode.__members__]
    lines = (line.split() for line in action_lines())
    constants = dict(
        word[1].split("=") for word in lines if word[:1] == ["uint16"] and "=" in word[1]
    )
    assert {name: str(int(GraspErrorCode[name])) for name in names} == constants


def action_lines():
    return resource("action/Grasp.action").read_text().splitlines()
