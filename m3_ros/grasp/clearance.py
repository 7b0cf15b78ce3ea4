"""Whether the jaws collide: open on the approach, while touching, while closing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from m3_ros.config import GraspConfig
from m3_ros.errors import M3Error
from m3_ros.geometry import inverse, se3, transform
from m3_ros.grasp.gripper import Gripper
from m3_ros.grasp.prism import Prism, clearance
from m3_ros.types import Array

PALM_CLEARANCE = 0.003
"""Between palm and object, m: one voxel of the memory (`splat.voxel_size`)."""
JAW_SHARE = 0.6
"""Share of `jaw_clearance` that must be free of the object's points; the rest (6 mm of 15 mm, two
voxels of the memory) is for their noise."""


class GraspInCollision(M3Error, ValueError):
    """The jaws would meet something; the message says what."""


def open_pose(pose: Array, touch_distance: float) -> Array:
    """Return the tool's pose `[4, 4]` before it moves `touch_distance` m along z to the object."""
    return pose @ se3(np.eye(3), [0.0, 0.0, -touch_distance])


def smallest_opening(
    gripper: Gripper,
    pose: Array,
    approach: Array,
    opening: float,
    own: Array,
    others: Array,
    table_z: float,
    config: GraspConfig,
) -> float:
    """Return the smallest opening with which the gripper gets to a grasp without contact.

    Args:
        gripper: shape of the jaws.
        pose: `[4, 4]` of the tool, a fixed jaw touching the object.
        approach: `[3]` unit direction of the straight way there.
        opening: at which the jaws should meet the object.
        own: `[M, 3]` points of the object.
        others: `[S, 3]` points of everything else that rises from the support.
        table_z: height of the support.
        config: clearances.

    Raises:
        GraspInCollision: there is none; the message says what is in the way.
    """
    step, fixed_jaw = gripper.config.opening_step, gripper.fixed_jaw
    if gripper.contact_opening(transform(inverse(pose), own)) > opening + step:
        raise GraspInCollision("the moving jaw meets another part of the object first")
    touch = gripper.touch_distance(config.jaw_clearance)
    above = open_pose(pose, touch)
    limit = table_z + config.table_clearance
    if _lowest((*fixed_jaw, *gripper.moving_jaws(opening)), pose) < limit:
        raise GraspInCollision("a jaw meets the table")
    T = inverse(above)
    own, others = transform(T, own), transform(T, others)
    backward = -config.approach_distance * (T[:3, :3] @ approach)[[0, 2]]
    touching = others - [0.0, 0.0, touch]
    if clearance(_swept(gripper.palm, backward), own) < PALM_CLEARANCE:
        raise GraspInCollision("the palm meets the object")
    if clearance(_swept(fixed_jaw, backward), own) < JAW_SHARE * config.jaw_clearance:
        raise GraspInCollision("the fixed jaw meets the object")
    still = (*gripper.palm, *fixed_jaw)
    if (
        clearance(_swept(still, backward), others) < config.scene_clearance
        or clearance((*still, *gripper.moving_jaws(opening)), touching) < config.scene_clearance
    ):
        raise GraspInCollision("something else is in the way")
    problem = "the jaws cannot open wide enough"
    for wide in np.arange(opening + step, gripper.config.max_opening, step):
        jaws = gripper.moving_jaws(wide)
        swept = _swept(jaws, backward)
        if clearance(jaws, touching) < config.scene_clearance:
            raise GraspInCollision("something else is between the jaws")
        if clearance(swept, own) < JAW_SHARE * config.jaw_clearance:
            continue
        if _lowest(jaws, above) < limit:
            problem = "a jaw meets the table"
        elif clearance(swept, others) < config.scene_clearance:
            problem = "something else is in the way"
        else:
            return float(wide)
    raise GraspInCollision(problem)


def _swept(prisms: tuple[Prism, ...], offset: Array) -> tuple[Prism, ...]:
    return tuple(replace(prism, sweep=(offset[0], offset[1])) for prism in prisms)


def _lowest(prisms: tuple[Prism, ...], pose: Array) -> float:
    """Return the lowest z of prisms on a tool at `pose`, m."""
    corners = np.concatenate([prism.corners() for prism in prisms])
    return float(transform(pose, corners)[:, 2].min())
