"""How good a place for the jaws is, and the pose of the gripper there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import inverse, se3, transform
from m3_ros.grasp import gripper
from m3_ros.types import Array

WEIGHTS = {
    "square": 0.4,  # the jaws push towards each other, not the thing out between them
    "enclosed": 0.2,  # the surfaces held do not slope towards the palm: jaws slide off a dome
    "central": 0.15,  # at its middle: it does not turn in the jaws
    "antipodal": 0.1,  # surfaces that face the jaws
    "deep": 0.1,  # tips past the object
    "upright": 0.05,  # approach from above
}
RISE = 0.004  # the jaws may have slid this far up the object before they squeeze, m
STEEPEST = 0.75  # angle between push and counter-push at which nothing holds, rad


@dataclass(frozen=True, eq=False)
class Surface:
    """What there is to grasp: `points [M, 3]`, `normals [M, 3]`, all else `others [S, 3]`."""

    points: Array
    normals: Array
    others: Array
    table_z: float


@dataclass(frozen=True, eq=False)
class Place:
    """Around the points `part`: rows approach, side, closing of `axes`, where the tips end."""

    axes: Array
    part: NDArray[np.int64]
    across: float
    tip: float
    hold: float
    width: float
    score: float


@dataclass(frozen=True, eq=False)
class Fit:
    """The gripper at a place with one tilt.

    Attributes:
        pose: `[4, 4]` of the stator.
        tilt: angle between approach and the stator's x axis, rad.
        local: `[K, 3]` points of the place's part, in the stator's frame.
        push: `gripper.push_angle` of them, the worse one of now and after a `RISE`, rad.
        terms: of the score.
    """

    pose: Array
    tilt: float
    local: Array
    push: float
    terms: dict[str, float]

    @property
    def score(self) -> float:
        """Weighted mean of the terms."""
        return float(sum(WEIGHTS[name] * value for name, value in self.terms.items()))


def extent(values: Array) -> tuple[float, float]:
    """First and last percentile, those of a surface with few strays."""
    ordered = np.sort(values)
    skip = len(values) // 100
    return float(ordered[skip]), float(ordered[-1 - skip])


def fit_gripper(target: Surface, place: Place, share: float) -> Fit:
    """The fixed jaw at the place's near side, tilted by a share of the contact opening.

    The tip that is farther along the approach is where the place's tips end.
    """
    approach, side, closing = place.axes
    points = target.points[place.part]
    opening = gripper.opening_for(place.width)
    tilt = share * opening
    x_axis = np.cos(tilt) * approach - np.sin(tilt) * closing
    z_axis = np.sin(tilt) * approach + np.cos(tilt) * closing
    z = extent(points @ z_axis)[0] - gripper.PAD_Z
    x = (place.tip - z * np.sin(tilt) - gripper.reach_along(tilt, opening)) / np.cos(tilt)
    rotation = np.stack([x_axis, side, z_axis], axis=-1)
    pose = se3(rotation, rotation @ [x, place.across, z])
    local = (points - pose[:3, 3]) @ rotation
    outward = target.normals[place.part]
    push = max(gripper.push_angle(local + [rise, 0.0, 0.0]) for rise in (0.0, RISE))
    terms = {
        "square": float(1.0 - np.clip(push / STEEPEST, 0.0, 1.0) ** 2),
        "enclosed": _worse_side(np.clip(1.0 + 2.0 * outward @ approach, 0.0, 1.0), local[:, 2]),
        "central": _central(target.points.mean(0), pose),
        "antipodal": _worse_side(np.abs(outward @ z_axis), local[:, 2]),
        "deep": place.hold,
        "upright": float(-approach[2]),
    }
    return Fit(pose, tilt, local, push, terms)


def _central(middle: Array, pose: Array) -> float:
    """1 where the pads meet the object at its middle `[3]`, seen along the closing direction."""
    offset = transform(inverse(pose), middle) - [0.13, 0.0, 0.0]
    return float(np.exp(-np.hypot(offset[0], offset[1]) / 0.03))


def _worse_side(values: Array, between: Array) -> float:
    """Mean value where the jaws touch, on the side where it is smaller."""
    sides = between < between.min() + 0.006, between > between.max() - 0.006
    return float(min(values[side].mean() for side in sides))
