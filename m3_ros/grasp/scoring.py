"""How good a jaw placement is, and the pose of the gripper there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import inverse, se3, transform
from m3_ros.grasp.gripper import Gripper
from m3_ros.types import Array

WEIGHTS = {
    "square": 0.4,  # the jaws push towards each other, not the object out between them
    "enclosed": 0.2,  # the surfaces held do not slope towards the palm: jaws slide off a dome
    "central": 0.15,  # at its middle: it does not turn in the jaws
    "antipodal": 0.1,  # surfaces that face the jaws
    "deep": 0.1,  # tips past the object
    "upright": 0.05,  # approach from above
}
"""Weights of the score's terms; each term is in [0, 1]."""
RISE = 0.004
"""The jaws rise by this before they squeeze (`closing.py`), m, and must hold there too: a bowl's
rim held behind the pads came to lie on the pads and slid out."""
MAX_FRICTION_ANGLE = 0.75
"""Required friction angle at which the score of "square" is 0, rad: a friction of 0.93, where
household objects have 0.5 to 1 (as those of the simulation)."""
CENTRAL_DISTANCE = 0.03
"""Distance of the pads from the object's middle at which "central" falls to 1/e, m: about the half
width of the pads, beyond which the object can turn between them."""
CONTACT_LAYER = 0.006
"""Points this near to the outermost ones touch a jaw, m: two voxels of the memory."""


@dataclass(frozen=True, eq=False)
class Surface:
    """An object and its surroundings.

    Attributes:
        points, normals: of the object, `[M, 3]`.
        others: `[S, 3]` points of everything else that rises from the support.
        table_z: height of the support, m.
    """

    points: Array
    normals: Array
    others: Array
    table_z: float


@dataclass(frozen=True, eq=False)
class JawPlacement:
    """Where the jaws could close on a part of an object.

    Attributes:
        axes: `[3, 3]` rows approach, side, closing direction.
        part: indices of the object's points between the jaws.
        across: middle of the jaws along side, m.
        tip: where the tips end along approach, m.
        depth_share: share in [0, 1] of the wanted insertion depth that is reached.
        width: extent of the part along the closing direction, m.
        score: of the gripper there with its first tilt.
    """

    axes: Array
    part: NDArray[np.int64]
    across: float
    tip: float
    depth_share: float
    width: float
    score: float


@dataclass(frozen=True, eq=False)
class GripperFit:
    """The gripper at a jaw placement with one tilt.

    Attributes:
        pose: `[4, 4]` of the tool.
        tilt: angle between approach and the tool's x axis, rad.
        local: `[K, 3]` points of the part, in the tool's frame.
        friction_angle: `Gripper.required_friction_angle` of them, the larger one of now and after
            a `RISE`, rad.
        terms: of the score.
    """

    pose: Array
    tilt: float
    local: Array
    friction_angle: float
    terms: dict[str, float]

    @property
    def score(self) -> float:
        """Weighted mean of the terms, in [0, 1]."""
        return float(sum(WEIGHTS[name] * value for name, value in self.terms.items()))


def extent(values: Array) -> tuple[float, float]:
    """Return the first and last percentile, those of a surface with few strays."""
    ordered = np.sort(values)
    skip = len(values) // 100
    return float(ordered[skip]), float(ordered[-1 - skip])


def fit_gripper(
    gripper: Gripper, target: Surface, placement: JawPlacement
) -> Iterator[GripperFit]:
    """Yield the gripper with its tilts at a placement, the lower pad at the part's near side."""
    opening = gripper.opening_for(placement.width)
    for tilt in gripper.tilts(opening):
        yield _fit(gripper, target, placement, opening, tilt)


def _fit(
    gripper: Gripper, target: Surface, placement: JawPlacement, opening: float, tilt: float
) -> GripperFit:
    """Return the gripper at a placement; the tip farther along the approach ends at its tip."""
    approach, side, closing = placement.axes
    points = target.points[placement.part]
    x_axis = np.cos(tilt) * approach - np.sin(tilt) * closing
    z_axis = np.sin(tilt) * approach + np.cos(tilt) * closing
    z = extent(points @ z_axis)[0] - gripper.lower_pad(opening)
    x = placement.tip - z * np.sin(tilt) - gripper.reach_along(tilt, opening)
    x = x / np.cos(tilt)
    rotation = np.stack([x_axis, side, z_axis], axis=-1)
    pose = se3(rotation, rotation @ [x, placement.across, z])
    local = (points - pose[:3, 3]) @ rotation
    outward = target.normals[placement.part]
    friction_angle = max(
        gripper.required_friction_angle(local + [rise, 0.0, 0.0]) for rise in (0.0, RISE)
    )
    terms = {
        "square": float(1.0 - np.clip(friction_angle / MAX_FRICTION_ANGLE, 0.0, 1.0) ** 2),
        "enclosed": _worse_side(np.clip(1.0 + 2.0 * outward @ approach, 0.0, 1.0), local[:, 2]),
        "central": _central(target.points.mean(0), pose, gripper.hold_x),
        "antipodal": _worse_side(np.abs(outward @ z_axis), local[:, 2]),
        "deep": placement.depth_share,
        "upright": float(-approach[2]),
    }
    return GripperFit(pose, tilt, local, friction_angle, terms)


def _central(middle: Array, pose: Array, hold_x: float) -> float:
    """Return 1 where the pads meet the object at its middle `[3]`, seen along the closing."""
    offset = transform(inverse(pose), middle) - [hold_x, 0.0, 0.0]
    return float(np.exp(-np.hypot(offset[0], offset[1]) / CENTRAL_DISTANCE))


def _worse_side(values: Array, between: Array) -> float:
    """Return the mean value where the jaws touch, on the side where it is smaller."""
    sides = between < between.min() + CONTACT_LAYER, between > between.max() - CONTACT_LAYER
    return float(min(values[side].mean() for side in sides))
