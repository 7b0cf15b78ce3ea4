"""Shape of the Z1 gripper: one fixed jaw below, one jaw that rotates about a pivot above it.

Everything is in the frame `z1_gripper_stator`: x points out of the palm, z from the fixed jaw to
the moving one, y along the jaws' width; angles are openings in rad, 0 closed (jointGripper = -q).
The jaws are prisms: convex polygons in the x-z plane times an interval of y. Numbers from slices
of z1_GripperStator.STL and z1_GripperMover.STL (unitree_ros, BSD-3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.types import Array

PIVOT_X = 0.049  # of the moving jaw, m
PAD_Z = -0.009  # plane in which the closed jaws meet, m
PAD_RADIUS = 0.088  # pivot to the middle of the moving pad, m
TIP_X = 0.149  # tip of the fixed jaw, m
PALM_X = 0.0815  # front of the motor housing, m
PAD_HALF_WIDTH = 0.032  # along y near the tips, m
MAX_OPENING = 1.5  # rad, where the moving jaw is still clear of its stop
SWEPT = (0.035, 0.1)  # of what can be between the jaws: distance from the pivot, m
RAMP = (0.051, 0.076)  # where both jaws rise from the pocket behind the tips to the pads, same, m
POCKET = 0.0098  # depth of the pocket in a jaw, m
TOUCHED = 0.0015  # points this near to a jaw, when its first one touches, are its contact, m
AROUND = 0.05  # what lies beyond the tips may stand this much farther out than the jaw, rad


@dataclass(frozen=True, eq=False)
class Prism:
    """Convex polygon in the x-z plane times |y| <= half_width.

    Attributes:
        polygon: `[K, 2]` corners (x, z) in m, counter-clockwise seen with z up and x right.
        half_width: m.
        sweep: `[2]` (x, z) m; the prism also fills the way to its place plus `sweep`.
    """

    polygon: Array
    half_width: float
    sweep: tuple[float, float] = (0.0, 0.0)

    def distance(self, points: Array) -> Array:
        """Signed distance `[N]` in m of points `[N, 3]`, never larger than the true one."""
        edges = np.roll(self.polygon, -1, axis=0) - self.polygon
        normals = np.stack([edges[:, 1], -edges[:, 0]], axis=-1)
        sweep = np.array(self.sweep)
        if sweep.any():  # the Minkowski sum with a segment has two edges more
            across = np.array([[sweep[1], -sweep[0]]])
            normals = np.concatenate([normals, across, -across])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        support = (normals @ self.polygon.T).max(1) + np.maximum(normals @ sweep, 0.0)
        beyond = (points[:, [0, 2]] @ normals.T - support).max(1)
        return np.maximum(beyond, np.abs(points[:, 1]) - self.half_width)

    def corners(self) -> Array:
        """Its corners `[2 K, 3]`."""
        sides = [np.full(len(self.polygon), y) for y in (-self.half_width, self.half_width)]
        x, z = self.polygon.T
        return np.concatenate([np.stack([x, y, z], axis=-1) for y in sides])


def _octagon(center: tuple[float, float], radius: float) -> Array:
    angles = np.pi / 4 * (np.arange(8) + 0.5)
    outer = radius / np.cos(np.pi / 8)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1) * outer + center


PALM = Prism(_octagon((PIVOT_X, 0.0), 0.0325), 0.041)
_FIXED_JAW = (
    Prism(np.array([[0.04, -0.0364], [0.103, -0.0364], [0.103, -0.0188], [0.04, -0.0188]]), 0.041),
    Prism(
        np.array(
            [[0.1, -0.0364], [0.149, -0.024], [0.149, -0.009], [0.125, -0.009], [0.1, -0.0188]]
        ),
        0.036,
    ),
)
_MOVING = (  # about the pivot, closed
    Prism(np.array([[0.0325, 0.0008], [0.054, 0.0008], [0.054, 0.0262], [0.0325, 0.0262]]), 0.041),
    Prism(
        np.array([[0.051, 0.0008], [0.076, -0.009], [0.1, -0.009], [0.1, 0.006], [0.051, 0.0262]]),
        0.036,
    ),
)


def moving_jaw(opening: float) -> tuple[Prism, ...]:
    """The moving jaw at an opening in rad."""
    cos, sin = np.cos(opening), np.sin(opening)
    turn = np.array([[cos, -sin], [sin, cos]])
    return tuple(
        Prism(prism.polygon @ turn.T + [PIVOT_X, 0.0], prism.half_width) for prism in _MOVING
    )


def fixed_jaw() -> tuple[Prism, ...]:
    """The jaw that does not move."""
    return _FIXED_JAW


def clearance(prisms: tuple[Prism, ...], points: Array) -> float:
    """Smallest signed distance in m between prisms and points `[N, 3]`; inf without points."""
    if len(points) == 0:
        return float("inf")
    return float(min(prism.distance(points).min() for prism in prisms))


def opening_for(width: float) -> float:
    """Opening in rad at which the middles of the pads stand `width` m apart."""
    openings = np.linspace(0.0, np.pi / 2, 512)
    gap = PAD_RADIUS * np.sin(openings) - PAD_Z * (1.0 - np.cos(openings))
    return float(np.interp(width, gap, openings))


def reach_along(tilt: float, opening: float) -> float:
    """From the stator's origin to the tip that is farther along the approach, in m.

    Args:
        tilt: angle between approach and the stator's x axis, away from the moving jaw, rad.
        opening: of the jaws, rad.
    """
    cos, sin = np.cos(opening), np.sin(opening)
    radius = TIP_X - PIVOT_X
    moving = [PIVOT_X + radius * cos - PAD_Z * sin, radius * sin + PAD_Z * cos]
    return float(max([[TIP_X, PAD_Z], moving] @ np.array([np.cos(tilt), np.sin(tilt)])))


def contact_opening(points: Array) -> float:
    """Opening in rad at which the closing jaw touches the first of points `[N, 3]`.

    Only points that the jaw sweeps count; 0 when there are none.
    """
    radius, openings = _polar(points)
    return float(max(openings[_swept(points, radius)].max(initial=0.0), 0.0))


def push_angle(points: Array) -> float:
    """How far the jaws that close on points `[N, 3]` push them off the tips, in rad.

    The larger of two angles, one a jaw: from the line between the contacts to the direction in
    which the jaw pushes. A hold by friction alone needs a coefficient of its tangent; negative,
    the jaws draw the thing in. Infinite when they do not close around it, say when the moving
    one would come down inside a dish.
    """
    radius, openings = _polar(points)
    swept, beyond = _swept(points, radius), radius >= SWEPT[1]
    if not swept.any():
        return float("inf")
    opening = openings[swept].max()
    if openings[beyond].max(initial=0.0) > opening + AROUND:
        return float("inf")
    gaps = points[:, 2] - PAD_Z + _pocket(radius)
    fixed = swept & (gaps < gaps[swept].min() + TOUCHED)
    moving = swept & ((opening - openings) * radius < TOUCHED)
    line = points[moving].mean(0) - points[fixed].mean(0)
    lean = np.arctan2(line[0], line[2])
    at_fixed = -lean - _ramp_angle(radius[fixed].mean())
    at_moving = opening + lean - _ramp_angle(radius[moving].mean())
    return float(max(at_fixed, at_moving))


def _polar(points: Array) -> tuple[Array, Array]:
    """Of points `[N, 3]`: distances from the pivot in m, openings in rad that touch them."""
    x, z = points[:, 0] - PIVOT_X, points[:, 2]
    radius = np.maximum(np.hypot(x, z), 1e-6)
    inner = PAD_Z + _pocket(radius)
    return radius, np.arctan2(z, x) - np.arcsin(np.clip(inner / radius, -1.0, 1.0))


def _swept(points: Array, radius: Array) -> NDArray[np.bool_]:
    """Which of points `[N, 3]` the moving jaw meets on its way."""
    return (radius > SWEPT[0]) & (radius < SWEPT[1]) & (np.abs(points[:, 1]) < PAD_HALF_WIDTH)


def _pocket(radius: Array) -> Array:
    """How far a jaw's inner side stands back behind its pad, at distances from the pivot, m."""
    return np.interp(radius, RAMP, [POCKET, 0.0])


def _ramp_angle(radius: float) -> float:
    """By how much a jaw's inner side faces the palm, in rad; its edges are round."""
    steep, edge = np.arctan2(POCKET, RAMP[1] - RAMP[0]), 0.004
    at = (RAMP[0] - edge / 2, RAMP[0] + edge / 2, RAMP[1] - edge, RAMP[1] + edge)
    return float(np.interp(radius, at, [0.0, steep, steep, 0.0]))
