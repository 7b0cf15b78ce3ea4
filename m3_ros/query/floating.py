"""Parts of an object that noise or a shadow has cut off: nothing floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.types import Array

Members = NDArray[np.int64]


def join_floating(
    parts: Sequence[Members], points: Array, floats: Callable[[Members], bool], touch: float
) -> list[Members]:
    """Join each part that floats to the nearest one below it that it touches.

    The neck of a figure lies in its own shadow and is seen by few frames: without this its head
    would be an object of its own, in the air.

    Args:
        parts: rows of `points` of each part, disjoint.
        points: `[N, 3]`, m, z up.
        floats: whether members stand on nothing.
        touch: distance by which two parts that touch may seem apart, m.

    Returns:
        The parts, largest first; each keeps all its members.
    """
    whole = list(parts)
    order = sorted(range(len(whole)), key=lambda i: -points[whole[i], 2].min())  # highest first
    gone = set()
    for index in order:
        if not floats(whole[index]):
            continue
        below = _carrier(index, whole, points, gone, touch)
        if below is not None:
            whole[below] = np.sort(np.concatenate([whole[below], whole[index]]))
            gone.add(index)
    return sorted((part for i, part in enumerate(whole) if i not in gone), key=len, reverse=True)


def _carrier(
    index: int, parts: Sequence[Members], points: Array, gone: set[int], touch: float
) -> int | None:
    """Return which part of those that begin lower than part `index` is nearest and touches it."""
    own = points[parts[index]]
    low, bounds = own[:, 2].min(), (own.min(0) - touch, own.max(0) + touch)
    best, distance = None, touch
    for other, members in enumerate(parts):
        if other == index or other in gone:
            continue
        around = points[members]
        near = around[((around >= bounds[0]) & (around <= bounds[1])).all(1)]
        if not len(near) or around[:, 2].min() >= low:
            continue
        apart = float(cKDTree(near).query(own, distance_upper_bound=distance)[0].min())
        if apart < distance:
            best, distance = other, apart
    return best
