"""How well a relation holds between upright boxes, as seen from a viewpoint; z points up, m."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from m3_ros.query.request import Side
from m3_ros.query.request_words import Order, Relation
from m3_ros.query.shape import OrientedBox
from m3_ros.types import Array

HOLDS, FAILS = np.cos(np.deg2rad(45.0)), np.cos(np.deg2rad(70.0))
"""A direction holds within 45 degrees, halfway to the next one, and fails from 70 degrees."""
STEEP = np.cos(np.deg2rad(75.0))
"""A camera that looks down more steeply has its picture's upper edge in front."""
NEAR, FAR = 1.0, 2.0
"""Objects are next to each other with a gap of their mean width, and not with twice that."""
WITHIN = 0.15
"""Share of the way between two objects that is still at one of them, and the widest distance from
that way, in shares of it, at which an object is between them."""
RATIO = 1.15
"""A size is larger from this ratio: twice the error of an edge of 6 cm known to 0.5 cm."""


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """From where left, right, front and behind are judged.

    Attributes:
        origin: `[2]` m, where the robot is.
        forward: `[2]` unit vector, horizontal.
        parallel: all directions are those of `forward`; else those in which each thing is seen.
    """

    origin: Array
    forward: Array
    parallel: bool

    @classmethod
    def of(cls, side: Side, camtoworld: Array | None) -> Viewpoint:
        """Return the camera's viewpoint, or the memory's frame: forward is x, left is y."""
        if side is Side.MAP or camtoworld is None:
            return cls(np.zeros(2), np.array([1.0, 0.0]), True)
        forward = camtoworld[:2, 2]
        if np.linalg.norm(forward) < STEEP:
            forward = np.array(
                [-camtoworld[1, 0], camtoworld[0, 0]]
            )  # left of the picture's right
        return cls(camtoworld[:2, 3], forward / np.linalg.norm(forward), False)

    def towards(self, point: Array) -> Array:
        """Return the horizontal unit direction `[2]` in which a point `[3]` is seen."""
        offset = point[:2] - self.origin
        length = np.linalg.norm(offset)
        return self.forward if self.parallel or length < 1e-6 else offset / length

    def to_the_left(self, point: Array) -> float:
        """Return how far left a point `[3]` is: an angle (rad), or m where all is parallel."""
        x, y = point[:2] - self.origin
        forward = self.forward @ [x, y]
        left = self.forward[0] * y - self.forward[1] * x
        return float(left if self.parallel else np.arctan2(left, forward))


class Relations:
    """Judges relations and orders of upright boxes.

    Args:
        view: whose left and front.
        touch: height that two objects which touch may seem apart, m.
    """

    def __init__(self, view: Viewpoint, touch: float) -> None:
        self._view, self._touch = view, touch

    def robot(self) -> OrientedBox:
        """Return the box, of size zero, that stands for the robot."""
        return OrientedBox(np.array([*self._view.origin, 0.0]), np.eye(3), np.zeros(3))

    def strength(self, relation: Relation, box: OrientedBox, anchors: list[OrientedBox]) -> float:
        """Return how well a relation of a box to its anchors holds, 0..1.

        Args:
            relation: which.
            box: of the object.
            anchors: one, for BETWEEN two.
        """
        anchor = anchors[0]
        if relation is Relation.BETWEEN:
            return _between(box, anchor.center, anchors[1].center)
        if relation in _DIRECTIONS:
            return _direction(box, anchor, _DIRECTIONS[relation], self._view)
        if relation in _SIZES:
            measure, larger = _SIZES[relation]
            ratio = measure(box) / max(measure(anchor), 1e-9)
            return float(ratio > RATIO if larger else ratio < 1.0 / RATIO)
        if relation is Relation.NEXT_TO:
            return self._next_to(box, anchor)
        return float(self._stands(relation, box, anchor))

    def _next_to(self, box: OrientedBox, anchor: OrientedBox) -> float:
        robot = not anchor.size.any()
        level = robot or (
            _bottom(box) < _top(anchor) + self._touch and _bottom(anchor) < _top(box) + self._touch
        )
        width = np.mean([max(item.size[:2]) for item in ((box,) if robot else (box, anchor))])
        return float(level) * _ramp(_gap(box, anchor) / float(width), FAR, NEAR)

    def _stands(self, relation: Relation, box: OrientedBox, anchor: OrientedBox) -> bool:
        """Return whether a box is under, above, in or on another."""
        top, touch = _top(anchor), self._touch
        if relation is Relation.UNDER:
            return _over(anchor, box) and _top(box) < top - touch / 2
        if not _over(box, anchor):
            return False
        if relation is Relation.ABOVE:
            return _bottom(box) > top - touch
        if relation is Relation.IN:
            return _bottom(anchor) - touch < _bottom(box) < top - touch / 2
        return bool(box.center[2] > anchor.center[2]) and _bottom(box) < top + touch

    def key(self, order: Order, box: OrientedBox, anchor: OrientedBox | None) -> float:
        """Return by what boxes are sorted, least first.

        Sizes are logarithms, directions as `Viewpoint.to_the_left`, all others metres.

        Args:
            order: by what.
            box: of an object.
            anchor: what a distance is measured to; None: the viewpoint.
        """
        if order in (Order.LARGEST, Order.SMALLEST):
            key = -float(np.log(_volume(box)))
        elif order in (Order.TALLEST, Order.SHORTEST):
            key = -float(np.log(_height(box)))
        elif order in (Order.HIGHEST, Order.LOWEST):
            key = -float(box.center[2])
        elif order in (Order.NEAREST, Order.FARTHEST):
            key = _gap(box, anchor or self.robot())
        else:
            key = -self._view.to_the_left(box.center)
        return -key if order in _REVERSED else key

    def undecided(
        self, order: Order, a: OrientedBox, b: OrientedBox, anchor: OrientedBox | None
    ) -> bool:
        """Return whether two boxes are so similar that their order is not known."""
        if order in (Order.LARGEST, Order.SMALLEST, Order.TALLEST, Order.SHORTEST):
            margin = float(np.log(RATIO))
        elif order in (Order.LEFTMOST, Order.RIGHTMOST, Order.MIDDLE):
            distance = np.linalg.norm((a.center + b.center)[:2] / 2 - self._view.origin)
            margin = self._touch / (1.0 if self._view.parallel else max(float(distance), 1e-6))
        else:
            margin = self._touch
        return abs(self.key(order, a, anchor) - self.key(order, b, anchor)) < margin


_DIRECTIONS = {
    Relation.LEFT: (0.0, 1.0),
    Relation.RIGHT: (0.0, -1.0),
    Relation.FRONT: (-1.0, 0.0),
    Relation.BEHIND: (1.0, 0.0),
}
"""Shares of "away from the viewer" and of "to the viewer's left"."""


_REVERSED = (Order.SMALLEST, Order.SHORTEST, Order.LOWEST, Order.FARTHEST, Order.RIGHTMOST)


def _direction(box: OrientedBox, anchor: OrientedBox, along: tuple, view: Viewpoint) -> float:
    robot = not anchor.size.any()
    ahead = view.forward if robot else view.towards(anchor.center)
    away, left = along
    if robot:  # in front of the robot is where it looks
        away = -away
    wanted = away * ahead + left * np.array([-ahead[1], ahead[0]])
    offset = box.center[:2] - anchor.center[:2]
    length = np.linalg.norm(offset)
    if length < 1e-6 or (not robot and _over(box, anchor)):
        return 0.0
    return _ramp(float(offset @ wanted / length), FAILS, HOLDS)


def _between(box: OrientedBox, a: Array, b: Array) -> float:
    way = (b - a)[:2]
    length = np.linalg.norm(way)
    if length < 1e-6:
        return 0.0
    offset = (box.center - a)[:2]
    along = offset @ way / length**2
    aside = abs(offset[0] * way[1] - offset[1] * way[0]) / length**2
    return float(WITHIN < along < 1.0 - WITHIN) * _ramp(aside, 2.0 * WITHIN, WITHIN)


def _ramp(value: float, none: float, full: float) -> float:
    return float(np.clip((value - none) / (full - none), 0.0, 1.0))


def _top(box: OrientedBox) -> float:
    return float(box.center[2] + box.size[2] / 2)


def _bottom(box: OrientedBox) -> float:
    return float(box.center[2] - box.size[2] / 2)


def _volume(box: OrientedBox) -> float:
    return float(np.prod(box.size))


def _height(box: OrientedBox) -> float:
    return float(box.size[2])


_SIZES = {
    Relation.LARGER: (_volume, True),
    Relation.SMALLER: (_volume, False),
    Relation.TALLER: (_height, True),
    Relation.SHORTER: (_height, False),
}


def _over(box: OrientedBox, anchor: OrientedBox) -> bool:
    """Return whether the centre of a box lies within another's outline, seen from above."""
    local = anchor.rotation.T @ (box.center - anchor.center)
    return bool((np.abs(local[:2]) <= anchor.size[:2] / 2).all())


def _gap(a: OrientedBox, b: OrientedBox) -> float:
    """Return the horizontal distance (m) between two boxes' outlines; 0 where they overlap.

    By the axes of both (separating axis theorem): exact for faces, for corners a lower bound.
    """
    gap = 0.0
    for axis in (*a.rotation[:2, :2].T, *b.rotation[:2, :2].T):
        reach = sum(np.abs(axis @ box.rotation[:2, :2]) @ box.size[:2] / 2 for box in (a, b))
        gap = max(gap, abs(axis @ (a.center - b.center)[:2]) - reach)
    return float(gap)
