"""One draw of the pose chain's errors (Eq. 3), through the code that runs on the robot.

Transforms of the arm's joints and of the odometry go into a `TransformBuffer`, are interpolated at
the image stamp, and become `T_c0_ct`. A target that the query camera sees is taken to the scan
camera's frame; its distance from the true position is the error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from m3_ros.capture.chain import PoseChain, composed_transform
from m3_ros.capture.transform_buffer import TransformBuffer
from m3_ros.geometry import inverse, planar_pose, se3, transform
from m3_ros.grasp.kinematics import Arm
from m3_ros.grasp.scan_path import view_from
from m3_ros.robot_model import RobotModel
from m3_ros.sim.mujoco_model import MujocoModel
from m3_ros.types import Array

WORLD = "map"
JOINT_PERIOD, ODOMETRY_PERIOD = 0.02, 0.1  # s between transforms
SCAN_TIME, QUERY_TIME = 10.0, 100.0  # s


@dataclass(frozen=True)
class Errors:
    """Sizes of the errors; standard deviations, except for delay and drift.

    Attributes:
        hand_eye: of the camera's mount, m and rad; the same at scan and query.
        joints: of every measured joint angle, rad.
        odometry: of every LiDAR pose, m (x and y) and rad (yaw).
        drift: of the LiDAR odometry, m per m driven and rad per rad turned, in any direction.
        delay: image stamps are this much too late, s.
    """

    hand_eye: tuple[float, float] = (0.002, 0.005)
    joints: float = 0.001
    odometry: tuple[float, float] = (0.001, 0.0005)
    drift: tuple[float, float] = (0.003, 0.003)
    delay: float = 0.02


NO_ERRORS = Errors((0.0, 0.0), 0.0, (0.0, 0.0), (0.0, 0.0), 0.0)


@dataclass(frozen=True)
class Motion:
    """Motion of the robot at the query and before it.

    Attributes:
        arm_speed: of every joint while the query's image is taken, rad/s.
        base_speed: of the base then, m/s, in any direction.
        yaw_rate: of the base then, rad/s.
        driven: distance between scan and query, m.
        turned: sum of turns between scan and query, rad.
    """

    arm_speed: float = 0.2
    base_speed: float = 0.1
    yaw_rate: float = 0.1
    driven: float = 2.0
    turned: float = 1.0


STANDING = Motion(arm_speed=0.0, base_speed=0.0, yaw_rate=0.0)


@dataclass(frozen=True, eq=False)
class Observation:
    """A robot, moving or not, when it takes an image.

    Attributes:
        stamp: s.
        joints, joint_rates: `[A + 1]` rad and rad/s.
        base, base_rates: planar pose x, y, yaw `[3]` (m, rad) and its rates.
    """

    stamp: float
    joints: Array
    joint_rates: Array
    base: Array
    base_rates: Array

    def at(self, stamp: float) -> tuple[Array, Array]:
        """Return the true joints `[A + 1]` and `T_world_base [4, 4]` at another time."""
        past = stamp - self.stamp
        x, y, yaw = self.base + past * self.base_rates
        return self.joints + past * self.joint_rates, planar_pose(x, y, yaw)


def draw_observations(
    arm: Arm, distance: float, rng: np.random.Generator
) -> tuple[Array, Observation, Observation]:
    """Return a target `[3]` in the world, and standing observations of it at scan and query."""
    closed = arm.robot.gripper.closed_position
    while True:
        target = np.array([rng.uniform(0.65, 1.0), rng.uniform(-0.15, 0.15), -0.05])
        observations = []
        for stamp, shift in ((SCAN_TIME, 0.0), (QUERY_TIME, 1.0)):
            base = shift * rng.uniform(-1.0, 1.0, 3) * [0.1, 0.1, 0.3]
            center = transform(inverse(planar_pose(*base)), target)
            elevation, azimuth = np.radians([rng.uniform(40, 75), 180 + rng.uniform(-60, 60)])
            view = view_from(center, distance, float(elevation), float(azimuth))
            q = arm.ik(view, (arm.robot.scan,), arm.robot.camera_frame, free_roll=True, restarts=2)
            if q is not None:
                observations.append(
                    Observation(
                        stamp, np.append(q, closed), np.zeros(len(q) + 1), base, np.zeros(3)
                    )
                )
        if len(observations) == 2:
            return target, *observations


def move(observation: Observation, motion: Motion, rng: np.random.Generator) -> Observation:
    """Return the observation with joints and base in motion, in a random direction."""
    heading = rng.uniform(-np.pi, np.pi)
    velocity = motion.base_speed * np.array([np.cos(heading), np.sin(heading)])
    rates = np.append(velocity, motion.yaw_rate * rng.choice([-1.0, 1.0]))
    joint_rates = np.append(
        motion.arm_speed * rng.choice([-1.0, 1.0], len(observation.joints) - 1), 0.0
    )
    return replace(observation, joint_rates=joint_rates, base_rates=rates)


class ChainTrial:
    """One draw of all errors; any of them may be switched off, with the same draw.

    Args:
        robot: its links.
        motion: motion of the robot between the observations.
        seed: of the draw.
    """

    def __init__(self, robot: MujocoModel, motion: Motion, seed: Sequence[int]) -> None:
        self._robot, self._motion, self._seed = robot, motion, seed

    def error(self, target: Array, scan: Observation, now: Observation, errors: Errors) -> float:
        """Return the distance (m) of the target by the chain from the true one."""
        rng = np.random.default_rng(self._seed)
        turn, shift = rng.normal(size=(2, 3))
        mount = se3(
            Rotation.from_rotvec(errors.hand_eye[1] * turn).as_matrix(), errors.hand_eye[0] * shift
        )
        cameras = [self._true_camera(observation) @ mount for observation in (scan, now)]
        tree = TransformBuffer(max_age=2.0 * QUERY_TIME)
        for names, T in self._robot.link_transforms(scan.joints, fixed=True).items():
            tree.add(*names, None, T)
        self._record(tree, scan, errors, rng, drifted=False)
        self._record(tree, now, errors, rng, drifted=True)
        T_c0_ct = composed_transform(
            _chain(tree, self._robot.robot, scan.stamp),
            _chain(tree, self._robot.robot, now.stamp + errors.delay),
        )
        seen = transform(inverse(cameras[1]), target)
        return float(
            np.linalg.norm(transform(T_c0_ct, seen) - transform(inverse(cameras[0]), target))
        )

    def _true_camera(self, observation: Observation) -> Array:
        joints, T_world_base = observation.at(observation.stamp)
        return T_world_base @ self._robot.base_to(self._robot.robot.camera_frame, joints)

    def _record(
        self,
        tree: TransformBuffer,
        observation: Observation,
        errors: Errors,
        rng: np.random.Generator,
        drifted: bool,
    ) -> None:
        """Add what the drivers publish about an observation, with their errors."""
        for stamp in _stamps(observation.stamp, JOINT_PERIOD, rng):
            joints, _ = observation.at(stamp)
            joints = joints + errors.joints * np.append(rng.normal(size=len(joints) - 1), 0.0)
            for names, T in self._robot.link_transforms(joints, fixed=False).items():
                tree.add(*names, stamp, T)
        heading, sign = rng.uniform(-np.pi, np.pi), rng.choice([-1.0, 1.0])
        way, turn = self._motion.driven * drifted, self._motion.turned * drifted
        drift = errors.drift[0] * way * np.array([np.cos(heading), np.sin(heading)])
        for stamp in _stamps(observation.stamp, ODOMETRY_PERIOD, rng):
            _, pose = observation.at(stamp)
            x, y = drift + errors.odometry[0] * rng.normal(size=2)
            yaw = errors.drift[1] * turn * sign + errors.odometry[1] * rng.normal()
            wrong = planar_pose(0.0, 0.0, yaw) @ se3(pose[:3, :3], np.zeros(3))
            pose = se3(wrong[:3, :3], pose[:3, 3] + [x, y, 0.0])
            tree.add(WORLD, self._robot.robot.base_frame, stamp, pose)


def _stamps(middle: float, period: float, rng: np.random.Generator) -> Array:
    """Return regular stamps around a time, which falls anywhere between two of them."""
    return middle + period * (np.arange(-5, 6) + rng.uniform())


def _chain(tree: TransformBuffer, robot: RobotModel, stamp: float) -> PoseChain:
    """Return the links of Eq. 3 at a time, interpolated."""
    mounts = (robot.lidar_frame, robot.arm_base_frame, robot.wrist_frame, robot.camera_frame)
    frames = (WORLD, *mounts)
    return PoseChain(*(tree.lookup(*link, stamp) for link in pairwise(frames)))
