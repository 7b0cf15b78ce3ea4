"""Prisms: the shapes of jaws, and their distances from points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from m3_ros.robot_file import PrismConfig
from m3_ros.types import Array

CONTACT_DEPTH = 0.0015
"""Points within this of a jaw when it first touches are its contact, m: the depth noise there."""


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
        """Return a lower bound `[N]` of the signed distance of points `[N, 3]`, m."""
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
        """Return the corners `[2 K, 3]`."""
        sides = [np.full(len(self.polygon), y) for y in (-self.half_width, self.half_width)]
        x, z = self.polygon.T
        return np.concatenate([np.stack([x, y, z], axis=-1) for y in sides])

    @classmethod
    def of(cls, config: PrismConfig) -> Prism:
        """Return the prism that a robot's file describes."""
        return cls(np.array(config.polygon), config.half_width)


def clearance(prisms: tuple[Prism, ...], points: Array) -> float:
    """Return the smallest signed distance in m between prisms and points `[N, 3]`.

    Infinite without prisms or points.
    """
    if len(points) == 0:
        return float("inf")
    return float(min((prism.distance(points).min() for prism in prisms), default=np.inf))
