"""Forward and inverse kinematics of the arm, with Pinocchio.

Poses are in the robot's base frame; joint vectors hold the arm's joints in rad, optionally the
gripper's last. `A` is the number of the arm's joints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pinocchio as pin

from m3_ros.robot_model import RobotModel
from m3_ros.types import Array


class Arm:
    """The arm's kinematics and joint limits.

    Attributes:
        robot: names and limits.
        lower, upper: joint limits `[A]` in rad.
        shoulder: in the base frame `[3]` m, the last joint's origin that no joint before it moves.
        reach: no posture brings the last joint's origin farther from the shoulder, m.
        wrist: the last joint's origin in the tool frame `[3]`, m.
    """

    def __init__(self, robot: RobotModel) -> None:
        self.robot, self._model = robot, robot.kinematics
        self._data = self._model.createData()
        self.lower, self.upper = robot.lower[:-1], robot.upper[:-1]
        self._columns = robot.velocity_indices[:-1]
        origins = self._origins(np.zeros(len(self.lower)))
        turned = self._origins(np.eye(len(self.lower))[0])
        fixed = 1 if np.allclose(origins[1], turned[1], atol=1e-9) else 0  # on the first axis?
        self.shoulder = origins[fixed]
        links = [np.linalg.norm(end - start) for start, end in pairwise(origins[fixed:])]
        self.reach = float(sum(links))
        T = self.fk(np.zeros(len(self.lower)))
        self.wrist = T[:3, :3].T @ (origins[-1] - T[:3, 3])

    def fk(self, q: Array, frame: str = "") -> Array:
        """Return `T_base_frame [4, 4]` at joint positions `[A]` or `[A + 1]`.

        Args:
            q: joint positions.
            frame: link; the tool when empty.
        """
        full = self.robot.configuration(q)
        return self._placement(full, self._frame(frame)).homogeneous

    def jacobian(self, q: Array, frame: str = "") -> Array:
        """Return `[6, A]`: twist of a frame (linear, angular, in its own axes) per joint speed."""
        return self._jacobian(self.robot.configuration(q), self._frame(frame))

    def force(self, q: Array, torques: Array, point: Array) -> Array:
        """Return the force `[3]` in N, in the base frame, that the arm's torques hold against.

        The one that explains them best (least squares): what the joints' friction bears is not
        in it.

        Args:
            q: joint positions `[A]`.
            torques: of the joints that hold against it, `[A]` N m.
            point: where the force acts, in the tool frame `[3]`, m.
        """
        slope, turn = self.jacobian(q), self.fk(q)[:3, :3]
        linear = turn @ (slope[:3] + np.cross(slope[3:], point[:, None], axis=0))
        return -np.linalg.lstsq(linear.T, torques, rcond=None)[0]

    def within_limits(self, q: Array) -> bool:
        """Return whether joint positions `[..., A]` are all inside the joint limits."""
        return bool(((q >= self.lower - 1e-9) & (q <= self.upper + 1e-9)).all())

    def ik(
        self,
        T_base_frame: Array,
        seeds: Sequence[Array] = (),
        frame: str = "",
        free_roll: bool = False,
        restarts: int = 8,
        iterations: int = 60,
    ) -> Array | None:
        """Return joint positions `[A]` inside the limits that bring `frame` to a pose, or None.

        Damped least squares on the logarithm of the pose error, from the seeds, then from
        postures towards the target, then from random ones (always the same ones).

        Args:
            T_base_frame: `[4, 4]` target.
            seeds: joint positions `[A]` to start from, in this order.
            frame: link to bring there; the tool when empty.
            free_roll: leave the rotation about the frame's z axis free, as a viewpoint may.
            restarts: starts besides the seeds; 0 keeps to the seeds.
            iterations: steps from each start.
        """
        target = pin.SE3(T_base_frame)
        index = self._frame(frame)
        for seed in (*seeds, *self._starts(target.translation, restarts)):
            q = self._descend(np.asarray(seed), target, index, free_roll, iterations)
            if q is not None:
                return q
        return None

    def ik_path(
        self,
        poses: Sequence[Array],
        seed: Array,
        frame: str = "",
        free_roll: bool = False,
        max_step: float = 0.35,
    ) -> Array | None:
        """Return joint positions `[T, A]` through poses, each from the one before; None on a jump.

        Args:
            poses: `[4, 4]` each, in the base frame.
            seed: joint positions `[A]` near the first pose.
            frame: link that follows the poses; the tool when empty.
            free_roll: as in `ik`.
            max_step: largest change of a joint between neighbours, rad.
        """
        path = [np.asarray(seed)]
        for pose in poses:
            q = self.ik(pose, (path[-1],), frame, free_roll, restarts=0)
            if q is None or np.abs(q - path[-1]).max() > max_step:
                return None
            path.append(q)
        return np.array(path[1:])

    def _descend(
        self, q: Array, target: pin.SE3, frame: int, free_roll: bool, iterations: int
    ) -> Array | None:
        q = np.clip(q, self.lower, self.upper)
        for _ in range(iterations):
            full = self.robot.configuration(q)
            error, slope = self._error(full, target, frame, free_roll)
            if np.linalg.norm(error[:3]) < 1e-5 and np.linalg.norm(error[3:]) < 1e-4:
                return q
            damping = 1e-6 + 1e-3 * min(float(error @ error), 1.0)
            step = slope.T @ np.linalg.solve(slope @ slope.T + damping * np.eye(len(error)), error)
            step *= min(1.0, 0.5 / (np.abs(step).max() + 1e-12))
            q = np.clip(q + step, self.lower, self.upper)
        return None

    def _error(
        self, full: Array, target: pin.SE3, frame: int, free_roll: bool
    ) -> tuple[Array, Array]:
        """Return the error twist in the frame's axes and its slope: 6 rows, 5 with free roll."""
        placement = self._placement(full, frame)
        jacobian = self._jacobian(full, frame)
        if not free_roll:
            offset = placement.actInv(target)
            return pin.log6(offset).vector, pin.Jlog6(offset) @ jacobian
        shift = placement.rotation.T @ (target.translation - placement.translation)
        axis = placement.rotation.T @ target.rotation[:, 2]
        across = np.array([-axis[1], axis[0], 0.0])  # z cross axis
        sine = np.linalg.norm(across)
        angle = np.arctan2(sine, axis[2])
        turn = across * (angle / sine) if sine > 1e-9 else np.array([angle, 0.0, 0.0])
        return np.concatenate([shift, turn[:2]]), jacobian[:5]

    def _starts(self, target: Array, count: int) -> Iterator[Array]:
        x, y, _ = target - self.shoulder
        starts = np.array(self.robot.arm.ik_starts)
        starts[:, 0] += np.arctan2(y, x)
        rng = np.random.default_rng(0)
        for i in range(count):
            yield starts[i] if i < len(starts) else rng.uniform(self.lower, self.upper)

    def _origins(self, q: Array) -> Array:
        """Return the origins `[A, 3]` of the arm's joints in the base frame, m."""
        pin.forwardKinematics(self._model, self._data, self.robot.configuration(q))
        joints = [self._model.getJointId(name) for name in self.robot.arm.joints]
        return np.array([self._data.oMi[joint].translation for joint in joints])

    def _frame(self, name: str) -> int:
        return self.robot.frame_index(name or self.robot.tool_frame)

    def _placement(self, full: Array, frame: int) -> pin.SE3:
        pin.forwardKinematics(self._model, self._data, full)
        return pin.updateFramePlacement(self._model, self._data, frame)

    def _jacobian(self, full: Array, frame: int) -> Array:
        return pin.computeFrameJacobian(self._model, self._data, full, frame)[:, self._columns]
