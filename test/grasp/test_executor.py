import numpy as np
import pytest

from m3_ros.capture.frame import Frame
from m3_ros.config import GraspConfig
from m3_ros.geometry import planar_pose, transform
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.kinematics import CAMERA_FRAME, SCAN
from m3_ros.grasp.outcome import ErrorCode, Target
from m3_ros.grasp.planning import Planner
from m3_ros.grasp.robot import (
    JointState,
    JointStatesLost,
    MotionCancelled,
    TrackingError,
    never,
)

HERE = planar_pose(0.0, 0.0, 0.0, 0.58)
NOTHING = np.zeros((0, 3))
K = np.array([[200.0, 0, 80], [0, 200, 60], [0, 0, 1]])


class PerfectRobot:
    """Goes exactly where it is told; its jaws stop at `grips`, one number a closing, in rad."""

    def __init__(self, arm, grips=(-0.4,) * 9):
        self.arm, self.grips = arm, list(grips)
        self.q, self.base, self.log = np.append(SCAN, 0.0), HERE.copy(), []
        self.fail_at, self.failure = None, None

    def joint_state(self):
        return JointState(self.q.copy(), np.zeros(7), np.zeros(7), 0.0)

    def base_pose(self):
        return self.base

    def observe(self):
        pose = self.base @ self.arm.fk(self.q, CAMERA_FRAME)
        return Frame(np.zeros((120, 160, 3), np.uint8), np.zeros((120, 160), np.float32), K, pose)

    def follow(self, trajectory, cancelled=never):
        assert np.allclose(trajectory.positions[0], self.q[:6], atol=1e-6)
        self._do("follow", cancelled)
        self.q[:6] = trajectory.positions[-1]

    def move_gripper(self, position, max_effort, max_speed, cancelled=never):
        self._do("open" if position < 0.0 else "close", cancelled)
        self.q[6] = position if position < 0.0 else self.grips.pop(0)
        return self.q[6]

    def move_base(self, T_map_base, max_speed, max_yaw_rate, cancelled=never):
        self._do("drive", cancelled)
        self.base = T_map_base

    def hold(self):
        self.log.append("hold")

    def _do(self, what, cancelled):
        if cancelled():
            raise MotionCancelled("cancelled")
        self.log.append(what)
        if len(self.log) == self.fail_at:
            raise self.failure


@pytest.fixture
def robot(planner):
    return PerfectRobot(planner.arm)


@pytest.fixture(scope="module")
def found(box_points):
    return Target("FOUND", transform(HERE, box_points((0.04, 0.05, 0.06), (0.7, 0.05))))


@pytest.fixture(scope="module")
def table_in_map(table):
    return transform(HERE, table)


def test_a_grasp_goes_through_its_stages_and_lifts(planner, robot, found, table_in_map):
    stages = []
    outcome = execute_grasp(
        robot, planner, lambda: found, table_in_map, lambda *told: stages.append(told)
    )
    assert outcome.error_code is ErrorCode.NONE and outcome.error_msg == ""
    assert outcome.lift_height == pytest.approx(planner.config.lift_height, abs=1e-3)
    names = ["locate", "look", "plan", "pre-grasp", "confirm", "approach", "close", "lift"]
    assert [stage for stage, _, _ in stages] == [*names, "check", "hold"]
    shares = [share for _, share, _ in stages]
    assert shares == sorted(shares) and shares[-1] == 1.0
    # look, pre-grasp, open, approach, touch, close, lift
    assert robot.log == ["follow"] * 2 + ["open"] + ["follow"] * 2 + ["close", "follow"]
    assert np.linalg.norm(outcome.grasp.pose[:3, 3] - found.center) < 0.2


@pytest.mark.parametrize("status", ["NOT_FOUND", "AMBIGUOUS", "STALE", "NO_MEMORY", "NO_DEPTH"])
def test_without_a_target_nothing_moves(planner, robot, status):
    outcome = execute_grasp(robot, planner, lambda: Target(status, NOTHING, "why"), NOTHING)
    assert outcome.error_code is ErrorCode[status] and outcome.error_msg == "why"
    assert robot.log == []


def test_a_dry_run_plans_and_moves_nothing(planner, robot, found, table_in_map):
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map, dry_run=True)
    assert outcome.error_code is ErrorCode.NONE and outcome.grasp is not None
    assert robot.log == []


def test_a_miss_is_tried_again_with_another_grasp(planner, found, table_in_map):
    robot = PerfectRobot(planner.arm, grips=[0.0, -0.01, -0.4])
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is ErrorCode.NONE and outcome.retries == 2
    assert robot.log.count("close") == 3


def test_tries_are_bounded(planner, found, table_in_map):
    robot = PerfectRobot(planner.arm, grips=[0.0] * 9)
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is ErrorCode.EXECUTION_FAILED
    assert "closed on nothing" in outcome.error_msg and "3" in outcome.error_msg
    assert robot.log.count("close") == planner.config.max_attempts


def test_an_object_that_moved_is_not_grasped_blindly(planner, robot, found, table_in_map):
    answers = iter([found, found, Target("STALE", NOTHING), Target("STALE", NOTHING, "gone")])
    outcome = execute_grasp(robot, planner, lambda: next(answers), table_in_map)
    assert outcome.error_code is ErrorCode.STALE
    assert "close" not in robot.log


def test_cancel_stops_at_once(planner, robot, found, table_in_map):
    stages = []
    outcome = execute_grasp(
        robot,
        planner,
        lambda: found,
        table_in_map,
        lambda stage, *_: stages.append(stage),
        lambda: "approach" in stages,
    )
    assert outcome.error_code is ErrorCode.CANCELLED
    assert robot.log[-1] == "hold" and "close" not in robot.log


def test_a_blocked_arm_lets_go_and_rises(planner, robot, found, table_in_map):
    robot.fail_at, robot.failure = 4, TrackingError("blocked")  # the approach
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is ErrorCode.EXECUTION_FAILED and outcome.error_msg == "blocked"
    assert robot.log[-3:] == ["hold", "open", "follow"]


def test_without_joint_states_the_arm_holds(planner, robot, found, table_in_map):
    robot.fail_at, robot.failure = 4, JointStatesLost("no joints")
    outcome = execute_grasp(robot, planner, lambda: found, table_in_map)
    assert outcome.error_code is ErrorCode.EXECUTION_FAILED
    assert robot.log[-1] == "hold"


@pytest.fixture(scope="module")
def beyond(box_points):
    """A box that the arm reaches only from another place of the base."""
    return Target("FOUND", transform(HERE, box_points((0.04, 0.05, 0.06), (0.72, 0.65))))


def test_the_base_drives_to_what_is_out_of_reach(planner, robot, beyond, table_in_map):
    outcome = execute_grasp(robot, planner, lambda: beyond, table_in_map)
    assert outcome.error_code is ErrorCode.NONE
    assert "drive" in robot.log


def test_a_base_that_may_not_drive_is_told_where_to_go(urdf, planner, robot, beyond, table_in_map):
    still = Planner(urdf, GraspConfig(drive_base=False))
    outcome = execute_grasp(robot, still, lambda: beyond, table_in_map)
    assert outcome.error_code is ErrorCode.UNREACHABLE
    assert "must move" in outcome.error_msg and "drive" not in robot.log


def test_error_codes_are_the_action_s():
    names = [name for name in ErrorCode.__members__]
    lines = (line.split() for line in action_lines())
    constants = dict(
        word[1].split("=") for word in lines if word[:1] == ["uint16"] and "=" in word[1]
    )
    assert {name: str(int(ErrorCode[name])) for name in names} == constants


def action_lines():
    from m3_ros.resources import resource

    return resource("action/Grasp.action").read_text().splitlines()
