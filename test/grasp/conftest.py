import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse, planar_pose, project, transform
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.outcome import Target
from m3_ros.grasp.planning import Planner
from m3_ros.grasp.robot import JointState, MotionCancelled, never
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
GRIPPER = make_gripper(ROBOT)
CAMERA_FRAME, SCAN = ROBOT.camera_frame, ROBOT.scan

TABLE_Z = -0.08  # of a 0.5 m table, in base_link
HERE = planar_pose(0.0, 0.0, 0.0, 0.58)
K = np.array([[200.0, 0, 80], [0, 200, 60], [0, 0, 1]])


class PerfectRobot:
    """Goes exactly where it is told; its jaws stop at `grips`, one number a closing, in rad.

    `closings` lists the effort of each closing and the joint positions that it found the arm at.

    Its motions from number `fail_at` on, `fails` of them, fail with `failure`; when motion number
    `resists` begins, torques rise; jaws that are `stuck` do not open. Its camera sees the points
    `scene`, in map.
    """

    def __init__(self, arm, grips=(-0.4,) * 27):
        self.arm, self.grips, self.scene = arm, list(grips), np.zeros((0, 3))
        self.fail_at, self.fails, self.failure, self.resists = None, 1, None, None
        self.stuck = False
        self.reset()

    def reset(self):
        self.q, self.base, self.log = np.append(SCAN, 0.0), HERE.copy(), []
        self.efforts, self.closings, self.stamp = np.zeros(7), [], 0.0

    def joint_state(self):
        return JointState(self.q.copy(), np.zeros(7), self.efforts, self.stamp)

    def base_pose(self):
        return self.base

    def capture_frame(self):
        pose = self.base @ self.arm.fk(self.q, CAMERA_FRAME)
        depth = np.zeros((120, 160), np.float32)
        uv, z = project(transform(inverse(pose), self.scene), K)
        for (u, v), distance in zip(uv[z > 0.0], z[z > 0.0], strict=True):
            if 2 <= u < 158 and 2 <= v < 118:  # every point is a disc of some pixels
                patch = depth[int(v) - 2 : int(v) + 3, int(u) - 2 : int(u) + 3]
                patch[(patch == 0.0) | (patch > distance)] = distance
        return RgbdFrame(np.zeros((120, 160, 3), np.uint8), depth, K, pose)

    def execute_trajectory(self, trajectory, cancelled=never):
        assert np.allclose(trajectory.positions[0], self.q[:6], atol=1e-6)
        self._do("follow", cancelled)
        self.q[:6] = trajectory.positions[-1]

    def move_gripper(self, position, max_effort, max_speed, cancelled=never):
        self._do("open" if position < 0.0 else "close", cancelled)
        self.efforts = self.efforts.copy()
        if position < 0.0:
            self.q[6], self.efforts[6] = (self.q[6] if self.stuck else position), 0.0
        else:
            self.closings.append((max_effort, self.q[:6].copy()))
            self.q[6], self.efforts[6] = self.grips.pop(0), max_effort
        return self.q[6]

    def move_base(self, T_map_base, max_speed, max_yaw_rate, cancelled=never):
        self._do("drive", cancelled)
        self.base = T_map_base

    def hold(self):
        self.log.append("hold")

    def _do(self, what, cancelled):
        self.stamp += 1.0
        if len(self.log) + 1 == self.resists:
            self.efforts = self.efforts + np.append(np.full(6, 12.0), 0.0)
        if cancelled():
            self.hold()
            raise MotionCancelled("cancelled")
        self.log.append(what)
        done = len([entry for entry in self.log if entry != "hold"])
        if self.fail_at is not None and self.fail_at <= done < self.fail_at + self.fails:
            raise self.failure


@pytest.fixture(scope="session")
def planner():
    return Planner(ROBOT, GraspConfig())


@pytest.fixture(scope="session")
def table():
    """Points of a table top in front of the robot, in base_link."""
    x, y = np.meshgrid(np.arange(0.56, 1.15, 0.008), np.arange(-0.4, 0.4, 0.008))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, TABLE_Z)], axis=-1)


@pytest.fixture(scope="session")
def box_points():
    """Makes points on top and sides of a standing box; size and place in m."""

    def make(size, place, count=1500, yaw=0.0, seed=0):
        rng = np.random.default_rng(seed)
        points = rng.uniform(-0.5, 0.5, (count, 3))
        face = rng.choice([0, 1, 2], count)
        sign = np.where(face == 2, 0.5, rng.choice([-0.5, 0.5], count))
        points[np.arange(count), face] = sign
        points = points * size
        points[:, 2] += size[2] / 2
        cos, sin = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return points @ turn.T + [place[0], place[1], TABLE_Z]

    return make


@pytest.fixture(scope="session")
def base_pose():
    """`T_map_base` of the robot."""
    return HERE


@pytest.fixture
def make_robot(planner):
    return lambda **options: PerfectRobot(planner.arm, **options)


@pytest.fixture
def robot(make_robot):
    return make_robot()


@pytest.fixture(scope="session")
def found(box_points):
    return Target(QueryStatus.FOUND, transform(HERE, box_points((0.04, 0.05, 0.06), (0.7, 0.05))))


@pytest.fixture(scope="session")
def table_in_map(table):
    return transform(HERE, table)


@pytest.fixture
def context_of(planner, found):
    """Makes the context of a robot that nobody cancels."""
    return lambda robot: GraspContext(robot, planner, lambda: found, lambda *_: None, never)


@pytest.fixture(scope="session")
def plan(planner, table, box_points):
    """A grasp of a box ahead, planned."""
    own = box_points((0.04, 0.05, 0.06), (0.7, 0.05))
    grasps = grasp_candidates(GRIPPER, own, table, planner.config).grasps
    return planner.plan_grasp(SCAN, grasps, Scene(np.concatenate([table, own])), own)


@pytest.fixture
def cancel_in(planner, robot, found, table_in_map):
    """Grasps, cancelled as soon as a stage is reported; returns the outcome and the stages."""

    def grasp(stage, place=False):
        stages = []
        outcome = execute_grasp(
            robot,
            planner,
            lambda: found,
            table_in_map,
            lambda name, *_: stages.append(name),
            lambda: stage in stages,
            place=place,
        )
        return outcome, stages

    return grasp
