"""Shape of a gripper with one fixed jaw and one that rotates about a pivot above it.

Frames and openings are those of `m3_ros.grasp.gripper.Gripper`; openings are angles in rad.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m3_ros.grasp.prism import CONTACT_DEPTH, Prism
from m3_ros.robot_file import GripperConfig, PivotConfig
from m3_ros.types import Array

BEYOND = 0.005
"""What lies beyond the tips may stand this much farther out than the jaw, m: three contact depths,
since it is seen worst."""
TILTS = (0.5, 0.6, 0.4375, 0.375, 0.25, 0.125, 0.0)
"""Angles between approach and tool x that are tried, as shares of the opening, best first: at 0.5
the bisector of the jaws points along the approach."""


class PivotGripper:
    """One fixed jaw below, and one that rotates about an axis along y above it.

    Args:
        config: numbers of the robot's file, `pivot` among them.
        pivot_x: x of the axis, whose z is 0, m.
    """

    def __init__(self, config: GripperConfig, pivot_x: float) -> None:
        shape: PivotConfig = config.pivot
        self.config, self._shape, self._pivot_x = config, shape, pivot_x
        self.palm = (Prism.of(shape.palm),)
        self.fixed_jaw = tuple(Prism.of(prism) for prism in shape.fixed_jaw)
        self._closed = tuple(Prism.of(prism) for prism in shape.moving_jaw)
        self.pad_half_width, self.hold_x = shape.pad_half_width, shape.hold_x
        corners = np.concatenate([prism.polygon for prism in self.fixed_jaw])
        self._tip_x, self._pad_z = corners.max(0)
        self.finger_length = float(self._tip_x - self.palm[0].polygon[:, 0].max())
        self.tips = np.array([pivot_x + shape.pad_radius, 0.0, self._pad_z])

    def moving_jaws(self, opening: float) -> tuple[Prism, ...]:
        cos, sin = np.cos(opening), np.sin(opening)
        turn = np.array([[cos, -sin], [sin, cos]])
        return tuple(
            Prism(prism.polygon @ turn.T + [self._pivot_x, 0.0], prism.half_width)
            for prism in self._closed
        )

    def lower_pad(self, opening: float) -> float:
        return self._pad_z

    def touch_distance(self, clearance: float) -> float:
        return clearance

    def tilts(self, opening: float) -> tuple[float, ...]:
        return tuple(share * opening for share in TILTS)

    def opening_for(self, width: float) -> float:
        openings = np.linspace(0.0, np.pi / 2, 512)
        radius = self._shape.pad_radius
        gap = radius * np.sin(openings) - self._pad_z * (1.0 - np.cos(openings))
        return float(np.interp(width, gap, openings))

    def reach_along(self, tilt: float, opening: float) -> float:
        cos, sin = np.cos(opening), np.sin(opening)
        radius, pad_z = self._tip_x - self._pivot_x, self._pad_z
        moving = [self._pivot_x + radius * cos - pad_z * sin, radius * sin + pad_z * cos]
        tips = np.array([[self._tip_x, pad_z], moving])
        return float(max(tips @ np.array([np.cos(tilt), np.sin(tilt)])))

    def contact_opening(self, points: Array) -> float:
        radius, openings = self._polar(points)
        return float(max(openings[self._swept(points, radius)].max(initial=0.0), 0.0))

    def required_friction_angle(self, points: Array) -> float:
        """Return the friction angle that holds points `[N, 3]`, as `Gripper` says, rad.

        Infinite also where the moving jaw would come down inside a dish.
        """
        radius, openings = self._polar(points)
        swept, beyond = self._swept(points, radius), radius >= self._shape.swept[1]
        if not swept.any():
            return float("inf")
        opening = openings[swept].max()
        if openings[beyond].max(initial=0.0) > opening + BEYOND / self._shape.swept[1]:
            return float("inf")
        gaps = points[:, 2] - self._pad_z + self._pocket(radius)
        fixed = swept & (gaps < gaps[swept].min() + CONTACT_DEPTH)
        moving = swept & ((opening - openings) * radius < CONTACT_DEPTH)
        line = points[moving].mean(0) - points[fixed].mean(0)
        lean = np.arctan2(line[0], line[2])
        at_fixed = -lean - self._ramp_angle(radius[fixed].mean())
        at_moving = opening + lean - self._ramp_angle(radius[moving].mean())
        return float(max(at_fixed, at_moving))

    def _polar(self, points: Array) -> tuple[Array, Array]:
        """Return distances from the pivot (m) and openings (rad) that touch points `[N, 3]`."""
        x, z = points[:, 0] - self._pivot_x, points[:, 2]
        radius = np.maximum(np.hypot(x, z), 1e-6)
        inner = self._pad_z + self._pocket(radius)
        return radius, np.arctan2(z, x) - np.arcsin(np.clip(inner / radius, -1.0, 1.0))

    def _swept(self, points: Array, radius: Array) -> NDArray[np.bool_]:
        """Return which of points `[N, 3]` the moving jaw meets on its way."""
        low, high = self._shape.swept
        return (radius > low) & (radius < high) & (np.abs(points[:, 1]) < self.pad_half_width)

    def _pocket(self, radius: Array) -> Array:
        """Return how far a jaw's inner side stands back behind its pad at these radii, m."""
        return np.interp(radius, self._shape.ramp, [self._shape.pocket, 0.0])

    def _ramp_angle(self, radius: float) -> float:
        """Return the slope of a jaw's inner side towards the palm, its edges rounded, rad."""
        (low, high), edge = self._shape.ramp, self._shape.edge
        steep = np.arctan2(self._shape.pocket, high - low)
        at = (low - edge / 2, low + edge / 2, high - edge, high + edge)
        return float(np.interp(radius, at, [0.0, steep, steep, 0.0]))
