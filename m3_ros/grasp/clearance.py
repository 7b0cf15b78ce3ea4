"""Whether the jaws have room: open on the way down, while touching, while closing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse, se3, transform
from m3_ros.grasp.gripper import (
    MAX_OPENING,
    PALM,
    Prism,
    clearance,
    contact_opening,
    fixed_jaw,
    moving_jaw,
)
from m3_ros.types import Array

STEP = 0.1  # between openings that are tried, rad
PALM_CLEARANCE = 0.003  # m
JAW_SHARE = 0.6  # of the free space beside the object that must be left for points' noise


class GraspInCollision(ValueError):
    """The jaws would meet something; the message says what."""


def open_pose(pose: Array, jaw_clearance: float) -> Array:
    """Pose `[4, 4]` of the stator before the sideways touch: the fixed jaw that far off."""
    return pose @ se3(np.eye(3), [0.0, 0.0, -jaw_clearance])


def smallest_opening(
    pose: Array,
    approach: Array,
    opening: float,
    own: Array,
    others: Array,
    table_z: float,
    config: GraspConfig,
) -> float:
    """Smallest opening in rad with which the gripper gets to a grasp without touching anything.

    Args:
        pose: `[4, 4]` of the stator, the fixed jaw touching the object.
        approach: `[3]` unit direction of the straight way there.
        opening: at which the moving jaw should meet the object, rad.
        own: `[M, 3]` points of the object.
        others: `[S, 3]` points of everything else that rises from the support.
        table_z: height of the support.
        config: clearances.

    Raises:
        NoRoom: there is none; the message says what is in the way.
    """
    if contact_opening(transform(inverse(pose), own)) > opening + STEP:
        raise GraspInCollision("the moving jaw meets another part of the object first")
    above = open_pose(pose, config.jaw_clearance)
    limit = table_z + config.table_clearance
    if min(_lowest(fixed_jaw(), pose), _lowest(moving_jaw(opening), pose)) < limit:
        raise GraspInCollision("a jaw meets the table")
    T = inverse(above)
    own, others = transform(T, own), transform(T, others)
    backward = -config.approach_distance * (T[:3, :3] @ approach)[[0, 2]]
    touching = others - [0.0, 0.0, config.jaw_clearance]
    if clearance(_swept((PALM,), backward), own) < PALM_CLEARANCE:
        raise GraspInCollision("the palm meets the object")
    if clearance(_swept(fixed_jaw(), backward), own) < JAW_SHARE * config.jaw_clearance:
        raise GraspInCollision("the fixed jaw meets the object")
    still = (PALM, *fixed_jaw())
    if (
        clearance(_swept(still, backward), others) < config.scene_clearance
        or clearance((*still, *moving_jaw(opening)), touching) < config.scene_clearance
    ):
        raise GraspInCollision("something else is in the way")
    problem = "the jaws cannot open wide enough"
    for wide in np.arange(opening + STEP, max(MAX_OPENING, opening + 1.5 * STEP), STEP):
        jaw = moving_jaw(wide)
        swept = _swept(jaw, backward)
        if clearance(jaw, touching) < config.scene_clearance:
            raise GraspInCollision("something else is between the jaws")
        if clearance(swept, own) < JAW_SHARE * config.jaw_clearance:
            continue
        if _lowest(jaw, above) < limit:
            problem = "a jaw meets the table"
        elif clearance(swept, others) < config.scene_clearance:
            problem = "something else is in the way"
        else:
            return float(wide)
    raise GraspInCollision(problem)


def _swept(prisms: tuple[Prism, ...], offset: Array) -> tuple[Prism, ...]:
    return tuple(replace(prism, sweep=(offset[0], offset[1])) for prism in prisms)


def _lowest(prisms: tuple[Prism, ...], pose: Array) -> float:
    """Lowest z of prisms on a stator at `pose`, in m."""
    corners = np.concatenate([prism.corners() for prism in prisms])
    return float(transform(pose, corners)[:, 2].min())
