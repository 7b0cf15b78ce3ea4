"""Whether an object is on or under the table, the floor or another level surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from m3_ros.query.planes import Plane
from m3_ros.query.request_words import Relation
from m3_ros.query.shape import OrientedBox
from m3_ros.query.surfaces import named_planes
from m3_ros.types import Array


class SurfaceRelations:
    """The level surfaces of a memory.

    Args:
        planes: its large planes.
        points: `[N, 3]` m, of all solid Gaussians, those of the planes included.
        touch: height that two things which touch may seem apart, m.
    """

    def __init__(self, planes: Sequence[Plane], points: Array, touch: float) -> None:
        self._planes, self._points, self._touch = planes, points, touch

    def holds(self, relation: Relation, box: OrientedBox, name: str) -> bool:
        """Return whether a box is on, or under, a surface called `name`."""
        place = box.center[:2]
        named = [plane.z_at(place) for plane in named_planes(name, self._planes, place)]
        low, high = box.center[2] - box.size[2] / 2, box.center[2] + box.size[2] / 2
        if relation is Relation.ON:
            return any(abs(low - height) < self._touch for height in named)
        radius = max(box.size[:2]) / 2 + self._touch
        beside = np.abs(self._points[:, :2] - place).max(1) < radius
        above = self._points[beside, 2]
        return any(
            high < height and bool((np.abs(above - height) < self._touch).any())
            for height in named
        )
