"""What a click on the page hits: a point of the memory's surface, and which object that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from m3_ros.geometry import look_at
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.inventory import InventoryObject
from m3_ros.query.shape import OrientedBox
from m3_ros.types import Array

PIXEL = np.array([[500.0, 0.0, 0.5], [0.0, 500.0, 0.5], [0.0, 0.0, 1.0]])
"""Intrinsics of a picture of one pixel, as wide as one of a camera of 640 px and 65 degrees."""


def along(origin: Array, direction: Array) -> Array:
    """Return the pose `[4, 4]` of a camera at `origin [3]` that looks along `direction [3]`."""
    up = [0.0, 0.0, 1.0] if abs(direction[2]) < 0.99 * np.linalg.norm(direction) else [0, 1.0, 0]
    return look_at(origin, np.asarray(origin) + direction, np.array(up))


def hit(memory: SpatialMemory, camtoworld: Array) -> Array | None:
    """Return where a camera's axis meets the surface `[3]`, in the memory's frame; else None."""
    depth = float(memory.render(camtoworld, PIXEL, (1, 1), what="depth")[0, 0])
    return camtoworld[:3, 3] + depth * camtoworld[:3, 2] if depth > 0 else None


def object_at(
    objects: Sequence[InventoryObject], point: Array, touch: float
) -> InventoryObject | None:
    """Return the object in whose box a point `[3]` is, or nearer to it than `touch`."""
    gaps = [gap(each.box, point) for each in objects]
    best = int(np.argmin(gaps)) if gaps else -1
    return objects[best] if gaps and gaps[best] <= touch else None


def gap(box: OrientedBox, point: Array) -> float:
    """Return the distance of a point `[3]` from a box; 0 inside."""
    inside = np.abs((point - box.center) @ box.rotation) - box.size / 2
    return float(np.linalg.norm(np.maximum(inside, 0.0)))
