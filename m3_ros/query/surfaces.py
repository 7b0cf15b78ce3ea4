"""Tables, shelves, floors and walls: answered as surfaces, never as objects to grasp."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from m3_ros.codes import QueryStatus
from m3_ros.query.planes import HORIZONTAL, Plane
from m3_ros.query.request import SURFACES, Request
from m3_ros.query.result import QueryResult, TargetObject, place
from m3_ros.query.segment import Segments
from m3_ros.types import Array

WALLS = frozenset(["wall"])
"""Names of upright surfaces."""
FLOORS = frozenset(["floor", "ground"])
"""Names of the lowest surface."""


def names_surface(request: Request) -> bool:
    """Return whether a request asks for a surface itself, and nothing more."""
    if request.structured or request.noun is None:
        return False
    return request.noun.label.split()[-1] in SURFACES | WALLS


def named_planes(name: str, planes: Sequence[Plane], place: Array) -> list[Plane]:
    """Return the planes that a name means, as they are at a place `[2]`.

    The floor is the lowest of several level planes, every other name a higher one; a wall is
    upright.
    """
    word = name.split()[-1]
    if word in WALLS:
        upright = np.sin(np.arccos(HORIZONTAL))
        return [plane for plane in planes if abs(plane.normal[2]) <= upright]
    level = sorted((plane for plane in planes if plane.level), key=lambda each: each.z_at(place))
    return level[:1] if word in FLOORS else level[1:] or level


def surface_points(name: str, segments: Segments) -> list[Array]:
    """Return the points `[M, 3]` (m) of each surface that a name means, largest first."""
    if not segments.planes:
        return []
    meant = named_planes(name, segments.planes, segments.solid[:, :2].mean(0))
    return sorted((plane_points(plane, segments.solid) for plane in meant), key=len, reverse=True)


def plane_points(plane: Plane, points: Array) -> Array:
    """Return the points on a plane without the few that lie far from the rest.

    What else is at its level, say a part of another table, is beyond the 1 % and 99 % quantiles.
    """
    points = points[np.abs(plane.height(points)) < plane.tolerance]
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    return points[((points >= low) & (points <= high)).all(1)]


def locate_surface(
    name: str, segments: Segments, target: Callable[[str, Array, float], TargetObject]
) -> QueryResult:
    """Return the response to a name of surfaces: no object is found, they are the targets.

    Args:
        name: words of the query.
        segments: of the memory.
        target: makes one of a label, points and a score.
    """
    found = [target(name, points, 1.0) for points in surface_points(name, segments)]
    message = f"{name!r} is a surface, and the memory has none of that kind"
    if found:
        message = (
            f"{name!r} is a surface, not an object: {place(found[0].box)}; put things on it with "
            f"'m3 place', or name an object, say 'mug on the {name}'"
        )
    return QueryResult(QueryStatus.NOT_FOUND, found, None, message)
