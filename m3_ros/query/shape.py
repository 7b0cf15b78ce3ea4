"""Points of a thing as a box that stands upright."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import rpy_to_matrix


@dataclass(frozen=True, eq=False)
class OrientedBox:
    """A box in the memory's frame, one axis along z.

    Attributes:
        center: `[3]` m.
        rotation: `[3, 3]`, columns are the box's axes; the last one is z.
        size: `[3]` m, edge lengths along the axes.
    """

    center: NDArray[np.float64]
    rotation: NDArray[np.float64]
    size: NDArray[np.float64]

    def corners(self) -> NDArray[np.float64]:
        """The eight corners `[8, 3]`."""
        signs = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3, indexing="ij"), -1).reshape(8, 3)
        return self.center + (signs * self.size) @ self.rotation.T


def upright_box(points: NDArray[np.float64], floor: float | None = None) -> OrientedBox:
    """Smallest upright box about points `[M, 3]`, down to height `floor` (m) where given."""
    flat = np.ascontiguousarray(points[:, :2] - points[:, :2].mean(0), np.float32)
    (x, y), (width, depth), angle = cv2.minAreaRect(flat)
    low, high = points[:, 2].min(), points[:, 2].max()
    low = low if floor is None else min(low, floor)
    center = np.array([*(points[:, :2].mean(0) + [x, y]), (low + high) / 2])
    rotation = rpy_to_matrix([0.0, 0.0, np.deg2rad(angle)])
    return OrientedBox(center, rotation, np.array([width, depth, high - low]))
