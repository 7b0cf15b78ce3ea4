"""In which keyframes an object is seen, and how large."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from m3_ros.geometry import inverse, project, scale_intrinsics, transform
from m3_ros.memory.queries import MAP_WIDTH, View
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.types import Array


@dataclass(frozen=True, eq=False)
class Sighting:
    """How a keyframe shows an object.

    Attributes:
        index: of the keyframe among the memory's views.
        view: the keyframe.
        share: of the picture that the outline of the object's visible points covers, 0..1.
        distance: of the visible points from the camera, mean, in the memory's unit.
    """

    index: int
    view: View
    share: float
    distance: float


def sightings(memory: SpatialMemory, points: Array, touch: float) -> list[Sighting]:
    """Return the keyframes that show points, the one in which they cover most first.

    A point is visible where the memory renders nothing in front of it. The area of the outline
    accounts for distance, slant, what hides a part and what the picture's border cuts off.

    Args:
        memory: with keyframes.
        points: `[M, 3]` on the object's surface, in the memory's frame and unit.
        touch: distance behind the rendered surface at which a point still lies on it.
    """
    found = []
    for index, view in enumerate(memory.views):
        uv, z = project(transform(inverse(view.camtoworld), points), view.K)
        inside = (z > 0) & (uv >= 0).all(-1) & (uv < (view.width, view.height)).all(-1)
        if not inside.any():
            continue
        factor = min(1.0, MAP_WIDTH / max(view.width, view.height))
        size = max(1, round(factor * view.width)), max(1, round(factor * view.height))
        factors = size[0] / view.width, size[1] / view.height
        K = scale_intrinsics(view.K, *factors)
        depth = memory.render(view.camtoworld, K, size, what="depth")
        uv, z = uv[inside], z[inside]
        column, row = np.minimum((uv * factors).astype(int), np.array(size) - 1).T
        visible = z < depth[row, column] + touch
        if not visible.any():
            continue
        area = cv2.contourArea(cv2.convexHull(uv[visible].astype(np.float32)))
        share = area / (view.width * view.height)
        found.append(Sighting(index, view, share, float(z[visible].mean())))
    return sorted(found, key=lambda each: -each.share)
