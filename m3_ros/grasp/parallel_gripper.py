"""Shape of a gripper with two jaws that slide.

Frames and openings are those of `m3_ros.grasp.gripper.Gripper`; openings are distances in m.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m3_ros.grasp.prism import CONTACT_DEPTH, Prism
from m3_ros.robot_file import GripperConfig
from m3_ros.types import Array


class ParallelGripper:
    """Two jaws with flat pads that slide along z, each by half the opening.

    Args:
        config: numbers of the robot's file, `parallel` among them.
    """

    fixed_jaw: tuple[Prism, ...] = ()

    def __init__(self, config: GripperConfig) -> None:
        shape = config.parallel
        self.config = config
        self.palm = (Prism.of(shape.palm),)
        self._upper = tuple(Prism.of(prism) for prism in shape.jaw)
        self.pad_half_width, self.hold_x = shape.pad_half_width, shape.hold_x
        self._palm_x = float(self.palm[0].polygon[:, 0].max())
        self._tip_x = float(max(prism.polygon[:, 0].max() for prism in self._upper))
        self.finger_length = self._tip_x - self._palm_x
        self.tips = np.array([shape.hold_x, 0.0, 0.0])

    def moving_jaws(self, opening: float) -> tuple[Prism, ...]:
        shift = np.array([0.0, opening / 2])
        upper = [(prism.polygon + shift, prism.half_width) for prism in self._upper]
        lower = [(polygon[::-1] * [1.0, -1.0], half_width) for polygon, half_width in upper]
        return tuple(Prism(*shape) for shape in (*lower, *upper))

    def lower_pad(self, opening: float) -> float:
        return -opening / 2

    def touch_distance(self, clearance: float) -> float:
        return 0.0

    def tilts(self, opening: float) -> tuple[float, ...]:
        return (0.0,)

    def opening_for(self, width: float) -> float:
        return width

    def reach_along(self, tilt: float, opening: float) -> float:
        return float(self._tip_x * np.cos(tilt) + opening / 2 * abs(np.sin(tilt)))

    def contact_opening(self, points: Array) -> float:
        return float(2 * np.abs(points[self._between(points), 2]).max(initial=0.0))

    def required_friction_angle(self, points: Array) -> float:
        held = points[self._between(points)]
        if len(held) == 0:
            return float("inf")
        low, high = held[:, 2].min(), held[:, 2].max()
        lower = held[held[:, 2] < low + CONTACT_DEPTH].mean(0)
        upper = held[held[:, 2] > high - CONTACT_DEPTH].mean(0)
        x, y, z = upper - lower
        return float(np.arctan2(np.hypot(x, y), z))

    def _between(self, points: Array) -> NDArray[np.bool_]:
        """Return which of points `[N, 3]` the pads meet when they close."""
        x, y, _ = points.T
        return (x > self._palm_x) & (x < self._tip_x) & (np.abs(y) < self.pad_half_width)
