"""How exactly a memory knows its surfaces, by their distance from the cameras.

Measured on the memory itself, so that it holds for any sensor: depth noise, flying pixels and
errors of poses all thicken the layer of Gaussians on a surface.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.types import Array, Depth

NEIGHBOURS = 16
"""Points of a patch whose thickness is measured: four spacings wide, which a surface of 3 cm
radius and 5 mm spacing leaves by 2 mm at its ends."""
SAMPLE, BIN = 4000, 200
"""Points that are measured, and points of one distance: a median of 200 normal values is known to
1.25 / sqrt(200) = 9 % of their standard deviation."""
SIGMAS = 3.0
"""Share of normal errors within three standard deviations: 99.7 %."""
JOIN_NOISE = 2.0 * np.sqrt(2.0)
"""Neighbours of one surface differ in depth by at most this times its noise: two standard
deviations of a difference, as each has the noise."""
DIFFERENCE_GAIN = np.sqrt(6.0)
"""Standard deviation of a[i-1] - 2 a[i] + a[i+1], relative to that of independent a."""
MAD_TO_SIGMA = 1.4826
"""Standard deviation of normal values, relative to their median absolute value."""
MIN_DEPTH = 0.01
"""No camera measures nearer, m."""
DEPTH_ERROR = 0.012
"""Standard deviation (m) of depth at 1 m of a D405: s / (f B) with s = 0.08 px (RealSense tuning
paper), f = 382 px, B = 18 mm. The least: what smooth depth hides are systematic errors."""


def surface_noise(points: Array, seed: int = 0) -> tuple[NDArray[np.int64], Array]:
    """Return a sample of the points `[N, 3]`, as rows `[n]`, and the thickness `[n]` (m) there.

    The thickness is the standard deviation of a patch along its normal: the least principal one.
    """
    rows = np.random.default_rng(seed).permutation(len(points))[:SAMPLE]
    count = min(NEIGHBOURS, len(points))
    if not count:
        return rows, np.zeros(0)
    _, index = cKDTree(points).query(points[rows], count)
    patches = points[index.reshape(len(rows), count)]
    patches = patches - patches.mean(1, keepdims=True)
    covariance = np.swapaxes(patches, 1, 2) @ patches / count
    return rows, np.sqrt(np.linalg.eigvalsh(covariance)[:, 0].clip(0.0))


def camera_distances(points: Array, cameras: Array) -> Array:
    """Return the distance `[N]` (m) of points `[N, 3]` from the nearest of `cameras [V, 3]`."""
    if not len(cameras):
        return np.zeros(len(points))
    return cKDTree(cameras).query(points)[0]


def median_by_distance(distances: Array, values: Array, at: Array) -> Array:
    """Return the median of `values [n]` at distances `[n]`, interpolated `at [N]` others.

    A median, so that edges of objects, where a patch is no surface, do not count.
    """
    if not len(values):
        return np.zeros(len(at))
    order = np.argsort(distances, kind="stable")
    bins = np.array_split(order, max(1, len(order) // BIN))
    centers = [np.median(distances[rows]) for rows in bins]
    return np.interp(at, centers, [np.median(values[rows]) for rows in bins])


def noise_and_sigma(points: Array, sigmas: Array, cameras: Array) -> tuple[Array, Array]:
    """Return the noise `[N]` of points and the median sigma `[N]`, m, at their distances.

    Args:
        points: Centres of Gaussians `[N, 3]`, m.
        sigmas: Their standard deviations within the surface `[N]`, m.
        cameras: Positions `[V, 3]`, m.
    """
    rows, thickness = surface_noise(points)
    distances = camera_distances(points, cameras)
    noise, sigma = (
        median_by_distance(distances[rows], values, distances)
        for values in (thickness, sigmas[rows])
    )
    return noise, sigma


def depth_error(depth: Depth) -> float:
    """Return the standard deviation (m) of depth `[h, w]` at 1 m; it grows with the square.

    That is the standard deviation of 1 / depth, which is linear along the rows of a plane: its
    second differences are noise. At least `DEPTH_ERROR`, which counts for sparse depth, too.
    """
    measured = depth > 0
    measured = measured[:, :-2] & measured[:, 1:-1] & measured[:, 2:]
    if measured.sum() < BIN:
        return DEPTH_ERROR
    inverse = 1.0 / np.maximum(depth, MIN_DEPTH)
    bend = (inverse[:, :-2] - 2.0 * inverse[:, 1:-1] + inverse[:, 2:])[measured]
    return max(DEPTH_ERROR, float(MAD_TO_SIGMA * np.median(np.abs(bend)) / DIFFERENCE_GAIN))
