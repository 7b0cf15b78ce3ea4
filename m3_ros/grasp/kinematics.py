"""Forward and inverse kinematics of the Z1 on the B1, from the URDF, with Pinocchio.

Poses are in `base_link`; joint vectors hold joint1 .. joint6 in rad, optionally jointGripper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pinocchio as pin

from m3_ros.grasp.robot import ARM_JOINTS, GRIPPER_JOINT
from m3_ros.types import Array

TOOL_FRAME = "z1_gripper_stator"
TIPS = np.array([[0.137], [0.0], [-0.009]])  # where closed jaws meet, in the tool's frame, m
CAMERA_FRAME = "camera_color_optical_frame"
ARM_BASE_FRAME = "z1_link00"

HOME = np.array([0.0, 0.785, -0.261, -0.523, 0.0, 0.0])
"""Folded back over the trunk, gripper forward (MuJoCo Menagerie's home of the Z1)."""

SCAN = np.array([0.0, 1.2, -1.2, 0.6, 0.0, 0.0])
"""Camera above the table, looking down on it."""


class Arm:
    """The arm's kinematics and joint limits.

    Attributes:
        model: Pinocchio model, configuration = joint1 .. joint6, jointGripper.
        lower, upper: joint limits `[6]` in rad.

    Raises:
        ValueError: the URDF does not have the seven joints, in order, and no others.
    """

    def __init__(self, urdf: str | Path) -> None:
        self.model = pin.buildModelFromUrdf(str(urdf))
        names = tuple(self.model.names[1:])
        if names != (*ARM_JOINTS, GRIPPER_JOINT):
            raise ValueError(f"{urdf} has joints {names}; they must be joint1 .. 6, jointGripper")
        self.lower = self.model.lowerPositionLimit[:6].copy()
        self.upper = self.model.upperPositionLimit[:6].copy()
        self._data = self.model.createData()
        self._shoulder = self.fk(np.zeros(6), ARM_BASE_FRAME)

    def fk(self, q: Array, frame: str = TOOL_FRAME) -> Array:
        """`T_base_frame [4, 4]` at joint positions `[6]` or `[7]`."""
        return self._placement(self._full(q), self._frame(frame)).homogeneous

    def jacobian(self, q: Array, frame: str = TOOL_FRAME) -> Array:
        """`[6, 6]`: twist of the frame (linear, angular, in its own axes) per joint speed."""
        full = self._full(q)
        return pin.computeFrameJacobian(self.model, self._data, full, self._frame(frame))[:, :6]

    def force(self, q: Array, torques: Array) -> Array:
        """Force `[3]` in N, in `base_link`, on the jaws' tips that makes the arm exert `torques`.

        The one that explains them best (least squares): what the joints' friction bears is not
        in it.

        Args:
            q: joint positions `[6]`.
            torques: of the joints that hold against it, `[6]` N m.
        """
        slope, turn = self.jacobian(q), self.fk(q)[:3, :3]
        linear = turn @ (slope[:3] + np.cross(slope[3:], TIPS, axis=0))
        return -np.linalg.lstsq(linear.T, torques, rcond=None)[0]

    def manipulability(self, q: Array, frame: str = TOOL_FRAME) -> float:
        """Yoshikawa's measure: product of the Jacobian's singular values; 0 when singular."""
        return float(np.prod(np.linalg.svd(self.jacobian(q, frame), compute_uv=False)))

    def within_limits(self, q: Array) -> bool:
        """Whether joint positions `[..., 6]` are all inside the joint limits."""
        return bool(((q >= self.lower - 1e-9) & (q <= self.upper + 1e-9)).all())

    def ik(
        self,
        T_base_frame: Array,
        seeds: Sequence[Array] = (),
        frame: str = TOOL_FRAME,
        free_roll: bool = False,
        restarts: int = 8,
        iterations: int = 60,
    ) -> Array | None:
        """Joint positions `[6]` inside the limits that bring `frame` to a pose, or None.

        Damped least squares on the logarithm of the pose error, from the seeds, then from
        postures towards the target, then from random ones (always the same ones).

        Args:
            T_base_frame: `[4, 4]` target.
            seeds: joint positions `[6]` to start from, first first.
            frame: name of the frame to bring there.
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
        frame: str = TOOL_FRAME,
        free_roll: bool = False,
        max_step: float = 0.35,
    ) -> Array | None:
        """Joint positions `[T, 6]` through poses, each from the one before; None on a jump.

        Args:
            poses: `[4, 4]` each, in `base_link`.
            seed: joint positions `[6]` near the first pose.
            frame: frame that follows the poses.
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
            full = self._full(q)
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
        """Error twist in the frame's axes and its slope; 5 rows with free roll, else 6."""
        placement = self._placement(full, frame)
        jacobian = pin.computeFrameJacobian(self.model, self._data, full, frame)[:, :6]
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
        heading = np.arctan2(*(target - self._shoulder[:3, 3])[[1, 0]])
        rng = np.random.default_rng(0)
        postures = (
            (heading, 1.8, -1.6, 1.2, 0.0, 0.0),
            (heading, 1.8, -1.6, 1.2, 0.0, 2.0),
            (heading, 1.8, -1.6, 1.2, 0.0, -2.0),
            (heading, 2.2, -1.2, 0.3, 0.0, 0.0),
        )
        for i in range(count):
            yield np.array(postures[i]) if i < 4 else rng.uniform(self.lower, self.upper)

    def _full(self, q: Array) -> Array:
        q = np.asarray(q, np.float64)
        return q if len(q) == 7 else np.append(q, 0.0)

    def _frame(self, name: str) -> int:
        if not self.model.existFrame(name):
            raise ValueError(f"frame {name!r} is not in the URDF")
        return self.model.getFrameId(name)

    def _placement(self, full: Array, frame: int) -> pin.SE3:
        pin.forwardKinematics(self.model, self._data, full)
        return pin.updateFramePlacement(self.model, self._data, frame)
