"""Corrections of several camera poses at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from m3_ros.geometry import inverse, se3
from m3_ros.splat.scale import NOMINAL_DISTANCE
from m3_ros.types import Array


def motions(poses: Array, before: Array) -> Array:
    """Return how far, m, each camera's motion shifts a point at the nominal distance `[n]`."""
    motion = inverse(before) @ poses
    angles = Rotation.from_matrix(motion[:, :3, :3]).magnitude()
    return np.linalg.norm(motion[:, :3, 3], axis=1) + NOMINAL_DISTANCE * angles


def within(poses: Array, given: Array, distance: float, angle: float) -> NDArray[np.bool_]:
    """Return which poses are within `distance`, m, and `angle`, rad, of the given ones `[n]`."""
    corrections = poses @ inverse(given)
    angles = Rotation.from_matrix(corrections[:, :3, :3]).magnitude()
    distances = np.linalg.norm(poses[:, :3, 3] - given[:, :3, 3], axis=1)
    return (distances <= distance) & (angles <= angle)


def keep_mean(poses: Array, given: Array) -> Array:
    """Move all poses together so that their mean correction is zero."""
    corrections = poses @ inverse(given)
    rotation = Rotation.from_matrix(corrections[:, :3, :3]).mean().as_matrix()
    centres = poses[:, :3, 3].mean(0), given[:, :3, 3].mean(0)
    return inverse(se3(rotation, centres[0] - rotation @ centres[1])) @ poses
