"""Coarse correction of camera poses: every frame's depth and colour against other frames'.

Hand-eye and odometry errors of a centimetre and a degree are too far for the few steps that a fit
spends on a frame. Here every frame is moved onto a handful of others at a time, by their depth
(point to plane, with projective association: Blais and Levine, PAMI 1995) and their intensity
(direct alignment: Steinbruecker, Sturm, Cremers, ICCV Workshops 2011), and the others change from
sweep to sweep, so an error that one frame has is averaged away among all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import backproject, inverse, project, scale_intrinsics, se3, transform
from m3_ros.splat.initialization import reduce_depth
from m3_ros.types import Array

LEVELS = ((160, 12), (320, 6))  # image width, px, and the most sweeps at it
CONVERGED = 0.0003  # m: the median motion in a sweep, below which the next level begins
PARTNERS = 10  # other frames that one frame is aligned to in a sweep
POINTS = 1500  # of each frame
DEPTH_SIGMA, INTENSITY_SIGMA = 0.003, 0.03  # m and 0..1 that weigh alike
SETTLED = 0.001  # m: poses whose median first correction is less are left as given
MIN_COVERAGE = 0.35  # share of reduced pixels with depth, below which normals and edges mislead
FARTHEST = (0.05, 0.09)  # m, rad: a pose that moves farther has lost its hold, and stays as given
GATE = 0.04  # m: depths further apart belong to different surfaces


@dataclass(frozen=True, eq=False)
class _Image:
    """A frame at reduced width: intensity `[h, w]` 0..1, its slopes `[h, w, 2]` per pixel, points
    and unit normals `[h, w, 3]` in its camera, and `[POINTS]` places (row, column) to align."""

    K: Array
    intensity: Array
    slopes: Array
    points: Array
    normals: Array
    places: NDArray[np.int64]


def align_frames(frames: Sequence[RgbdFrame], fixed: int = 0, seed: int = 0) -> Array:
    """Corrected poses of frames that see the same things.

    Args:
        frames: With depth; poses off by up to about 2 cm and 2 degrees.
        fixed: The poses of the first so many frames stay.
        seed: Of the choice of points and partners.

    Returns:
        `camtoworld [n, 4, 4]`. Where none is fixed their mean correction is none: what moves all
        of them together cannot be observed, so the world frame stays. A frame that shows too
        little to be held, and would go farther than `FARTHEST`, is not corrected. Sparse depth,
        of less than `MIN_COVERAGE` of the pixels, corrects nothing.
    """
    rng = np.random.default_rng(seed)
    given = np.stack([frame.camtoworld for frame in frames])
    poses = given.copy()
    for width, sweeps in LEVELS:
        images = [_reduce(frame, width, rng) for frame in frames]
        if np.median([(image.points[..., 2] > 0).mean() for image in images]) < MIN_COVERAGE:
            return poses
        for _ in range(sweeps):
            before = poses.copy()
            for i in fixed + rng.permutation(len(frames) - fixed):
                others = np.delete(np.arange(len(frames)), i)
                partners = rng.permutation(others)[:PARTNERS]
                poses[i] = poses[i] @ _step(i, partners, images, poses)
            held = _held(poses, given)
            poses[~held] = given[~held]
            if not fixed and held.any():
                poses[held] = _keep_mean(poses[held], given[held])
            moved = np.median(np.linalg.norm((poses - before)[fixed:, :3, 3], axis=1))
            if moved < SETTLED and np.array_equal(before, given):
                return given
            if moved < CONVERGED:
                break
    return poses


def _reduce(frame: RgbdFrame, width: int, rng: np.random.Generator) -> _Image:
    stride = max(1, round(frame.width / width))
    height, width = frame.height // stride, frame.width // stride
    gray = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)[: height * stride, : width * stride]
    intensity = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA) / 255.0
    depth = reduce_depth(frame.depth, stride)
    K = scale_intrinsics(frame.K, 1 / stride, 1 / stride)
    points = backproject(depth, K)
    slopes = np.stack([np.gradient(intensity, axis=1), np.gradient(intensity, axis=0)], -1)
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(across, down)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    normals = normals / np.maximum(length, 1e-12)
    jumps = np.hypot(across[..., 2], down[..., 2])
    usable = (depth > 0) & (jumps < 0.05 * depth) & (length[..., 0] > 0)
    normals[~usable] = 0  # says: no surface here
    places = np.argwhere(usable)
    return _Image(K, intensity, slopes, points, normals, rng.permutation(places)[:POINTS])


def _step(i: int, partners: Array, images: list[_Image], poses: Array) -> Array:
    """The motion `[4, 4]` of camera i, in its own frame, by one Gauss-Newton step."""
    H, g = 1e-6 * np.eye(6), np.zeros(6)
    image = images[i]
    rows, columns = image.places.T
    points, intensity = image.points[rows, columns], image.intensity[rows, columns]
    for j in partners:
        T = inverse(poses[j]) @ poses[i]
        residuals, directions, index = _residuals(images[j], transform(T, points), intensity)
        directions = directions @ T[:3, :3]  # into camera i
        J = np.concatenate([np.cross(points[index], directions), directions], 1)
        weights = 1 / np.maximum(1, np.abs(residuals))  # Huber's
        H += J.T @ (J * weights[:, None])
        g += J.T @ (weights * residuals)
    twist = -np.linalg.solve(H, g)
    return se3(Rotation.from_rotvec(twist[:3]).as_matrix(), twist[3:])


def _residuals(
    image: _Image, points: Array, intensity: Array
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Normalised residuals `[2 m]` of points in `image`'s camera, their gradients by the point
    `[2 m, 3]`, and which points they belong to `[2 m]`."""
    uv, z = project(points, image.K)
    height, width = image.intensity.shape
    inside = (z > 0) & (uv > 0).all(1) & (uv < [width, height]).all(1)
    index = np.flatnonzero(inside)
    column, row = np.floor(uv[index]).astype(int).T
    normals = image.normals[row, column]
    offset = ((points[index] - image.points[row, column]) * normals).sum(1)
    same = (np.abs(offset) < GATE) & normals.any(1)
    same &= np.abs(z[index] - image.points[row, column, 2]) < 2 * GATE
    index, row, column, normals, offset = (x[same] for x in (index, row, column, normals, offset))
    slope, fraction = image.slopes[row, column], uv[index] - np.stack([column, row], 1) - 0.5
    seen = image.intensity[row, column] + (slope * fraction).sum(1)
    difference = seen - intensity[index]
    difference -= np.median(difference) if len(difference) else 0.0  # another exposure
    focal = np.array([image.K[0, 0], image.K[1, 1]])
    along = slope * focal / z[index, None]
    depth_slope = -(along * points[index, :2]).sum(1, keepdims=True) / z[index, None]
    residuals = np.concatenate([offset / DEPTH_SIGMA, difference / INTENSITY_SIGMA])
    gradients = np.concatenate([along, depth_slope], 1) / INTENSITY_SIGMA
    return (
        residuals,
        np.concatenate([normals / DEPTH_SIGMA, gradients]),
        np.concatenate([index, index]),
    )


def _held(poses: Array, given: Array) -> NDArray[np.bool_]:
    """Which poses are no farther than `FARTHEST` from the given ones."""
    corrections = poses @ inverse(given)
    angles = Rotation.from_matrix(corrections[:, :3, :3]).magnitude()
    ways = np.linalg.norm(poses[:, :3, 3] - given[:, :3, 3], axis=1)
    return (ways <= FARTHEST[0]) & (angles <= FARTHEST[1])


def _keep_mean(poses: Array, given: Array) -> Array:
    """Moves all poses together so that their corrections cancel on average."""
    corrections = poses @ inverse(given)
    rotation = Rotation.from_matrix(corrections[:, :3, :3]).mean().as_matrix()
    centres = poses[:, :3, 3].mean(0), given[:, :3, 3].mean(0)
    return inverse(se3(rotation, centres[0] - rotation @ centres[1])) @ poses
