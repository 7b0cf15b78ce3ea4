"""Coarse alignment of camera poses: depth and intensity of every frame against other frames.

Hand-eye and odometry errors of a centimetre and a degree are too large for the few steps that a
fit spends on a frame. Before the fit every frame is therefore aligned to some others at a time, by
depth (point to plane, with projective association: Blais and Levine, PAMI 1995) and by intensity
(direct alignment: Steinbruecker, Sturm, Cremers, ICCV Workshops 2011). The others are drawn anew
in every sweep, so the error of one frame is averaged over all.
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
from m3_ros.splat.initialization import EDGE_RATIO, reduce_depth
from m3_ros.splat.pose_corrections import keep_mean, motions, within
from m3_ros.types import Array

LEVELS = ((160, 12), (320, 6))
"""Image widths, px, and the most sweeps at each: coarse, where a pixel (5 mm at 0.45 m) is of the
order of the pose errors, then fine."""
CONVERGED, MEMORY = 0.8, 3
"""A level ends when the median motion has not fallen to this share within so many sweeps. Steps
of a Gauss-Newton iteration fall faster; what is left is noise and the change of partners."""
PARTNERS = 10
"""Other frames that a frame is aligned to in a sweep; bounds the time, linear in it."""
POINTS = 1500
"""Points of a frame that are aligned; bounds the time. Depth noise of 3 mm averages to below
0.1 mm over them."""
DEPTH_SIGMA = 0.003
"""Depth noise, m: that of a D405 at half a metre (z^2 s / (f B), s = 0.08 px, B = 18 mm)."""
INTENSITY_SIGMA = 0.03
"""Intensity noise, 0..1: the change of exposure and reflection between views."""
MIN_COVERAGE = 0.35
"""Share of reduced pixels with depth below which nothing is aligned: most of a pixel's eight
neighbours then have none, so its normal and its intensity gradient are unreliable."""
MAX_CORRECTION = (0.05, 0.09)
"""Largest correction, m and rad: 2.5 times the 2 cm and 2 degrees that are expected at most. A
frame that would move farther shows too little to be aligned."""
MAX_OFFSET = 0.04
"""Distance from a surface, m, above which a point belongs to another surface: both frames may be
off by 2 cm. Along the ray twice as much is allowed, for surfaces seen at 60 degrees."""
PRIOR = (0.035, 0.02)
"""Standard deviation of a correction, rad and m: the 2 degrees and 2 cm of `MAX_CORRECTION`; what
neither depth nor intensity determines is kept as given."""
CHECK_POINTS = 500
"""Points of a frame to which nothing is aligned; they decide whether its correction is kept."""
MAX_RESIDUAL, MIN_GAIN = 5.0, 0.05
"""Of these points, in standard deviations of the noise: residuals count up to the first; their
mean, which is known to about 1 / sqrt(500), must fall by the second."""


@dataclass(frozen=True, eq=False)
class _Image:
    """A frame at reduced width, in few bytes: a long scan has many.

    Attributes:
        K: Intrinsics `[3, 3]`, px.
        intensity: `[h, w]`, 0..1.
        gradients: Of the intensity `[h, w, 2]` along u and v, 1/px.
        depth: `[h, w]`, m; 0: none.
        normals: `[h, w, 3]`, unit length; zero where there is no surface.
        pixels: `[POINTS, 2]` (row, column) of the points to align.
        check_pixels: `[CHECK_POINTS, 2]` of others.
    """

    K: Array
    intensity: NDArray[np.float32]
    gradients: NDArray[np.float16]
    depth: NDArray[np.float32]
    normals: NDArray[np.float16]
    pixels: NDArray[np.int64]
    check_pixels: NDArray[np.int64]

    def points(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> Array:
        """Return the points `[M, 3]` of pixels, camera frame, m."""
        pixels = np.stack([column + 0.5, row + 0.5, np.ones(len(row))], 1)
        return pixels @ np.linalg.inv(self.K).T * self.depth[row, column, None]


def align_frames(frames: Sequence[RgbdFrame], fixed: int = 0, seed: int = 0) -> Array:
    """Return corrected poses of frames that overlap.

    Args:
        frames: With depth; poses off by up to about 2 cm and 2 degrees.
        fixed: The poses of the first so many frames are kept.
        seed: Of the choice of points and partners.

    Returns:
        `camtoworld [n, 4, 4]`. If none is fixed, the mean correction is zero: a motion of all
        cameras together cannot be observed, so the world frame is kept. A pose that would move
        farther than `MAX_CORRECTION`, or whose correction does not lower the residuals of points
        that it was not aligned to, or that has no such points, is kept as given. If less
        than `MIN_COVERAGE` of the pixels have depth, all are kept.
    """
    rng = np.random.default_rng(seed)
    given = np.stack([frame.camtoworld for frame in frames])
    poses = given.copy()
    for width, sweeps in LEVELS:
        images = [_reduce(frame, width, rng) for frame in frames]
        if np.median([(image.depth > 0).mean() for image in images]) < MIN_COVERAGE:
            return poses
        checkable = np.array([len(image.check_pixels) > 0 for image in images])
        moved: list[float] = []
        for _ in range(sweeps):
            before = poses.copy()
            for i in fixed + rng.permutation(len(frames) - fixed):
                others = np.delete(np.arange(len(frames)), i)
                partners = rng.permutation(others)[:PARTNERS]
                prior = inverse(given[i]) @ poses[i]
                poses[i] = poses[i] @ _gauss_newton_step(i, partners, images, poses, prior)
            reliable = within(poses, given, *MAX_CORRECTION) & checkable
            poses[~reliable] = given[~reliable]
            if not fixed and reliable.any():
                poses[reliable] = keep_mean(poses[reliable], given[reliable])
            moved.append(float(np.median(motions(poses[fixed:], before[fixed:]))))
            if len(moved) > MEMORY and moved[-1] > CONVERGED * moved[-1 - MEMORY]:
                break
    improved = _improved(poses, given, images, rng)
    poses[fixed:][~improved[fixed:]] = given[fixed:][~improved[fixed:]]
    return poses


def _reduce(frame: RgbdFrame, width: int, rng: np.random.Generator) -> _Image:
    """Return a frame at about `width` px, with points drawn at random."""
    stride = max(1, round(frame.width / width))
    height, width = frame.height // stride, frame.width // stride
    gray = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)[: height * stride, : width * stride]
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    intensity = small / np.float32(255)
    depth = reduce_depth(frame.depth, stride)
    K = scale_intrinsics(frame.K, 1 / stride, 1 / stride)
    points = backproject(depth, K)
    gradients = np.stack([np.gradient(intensity, axis=1), np.gradient(intensity, axis=0)], -1)
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(across, down)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    normals = normals / np.maximum(length, 1e-12)
    jumps = np.hypot(across[..., 2], down[..., 2])
    usable = (depth > 0) & (jumps < EDGE_RATIO * depth) & (length[..., 0] > 0)
    normals[~usable] = 0
    pixels = rng.permutation(np.argwhere(usable))
    chosen, checked = pixels[:POINTS].copy(), pixels[POINTS : POINTS + CHECK_POINTS].copy()
    kept = gradients.astype(np.float16), depth.astype(np.float32), normals.astype(np.float16)
    return _Image(K, intensity, *kept, chosen, checked)


def _improved(
    poses: Array, given: Array, images: list[_Image], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which corrected poses `[n]` lower the residuals of points to check."""
    gains = []
    for i in range(len(poses)):
        partners = rng.permutation(np.delete(np.arange(len(poses)), i))[:PARTNERS]
        before, after = (_mean_residual(i, partners, images, p) for p in (given, poses))
        gains.append(before - after)
    return np.array(gains) > MIN_GAIN


def _mean_residual(i: int, partners: Array, images: list[_Image], poses: Array) -> float:
    """Return the mean robust residual of a frame's points to check, in standard deviations."""
    image, found = images[i], []
    rows, columns = image.check_pixels.T
    points, intensity = image.points(rows, columns), image.intensity[rows, columns]
    for j in partners:
        T = inverse(poses[j]) @ poses[i]
        residuals, _, _ = _residuals(images[j], transform(T, points), intensity)
        found.append(np.minimum(np.abs(residuals), MAX_RESIDUAL))
    residuals = np.concatenate([*found, np.zeros(0)])
    return float(residuals.mean()) if len(residuals) else np.inf


def _gauss_newton_step(
    i: int, partners: Array, images: list[_Image], poses: Array, moved: Array
) -> Array:
    """Return the motion `[4, 4]` of camera i by one Gauss-Newton step; it has `moved` before."""
    information = np.repeat(np.square(PRIOR), 3) ** -1.0
    so_far = np.concatenate([Rotation.from_matrix(moved[:3, :3]).as_rotvec(), moved[:3, 3]])
    H, g = np.diag(information), information * so_far
    image = images[i]
    rows, columns = image.pixels.T
    points, intensity = image.points(rows, columns), image.intensity[rows, columns]
    for j in partners:
        T = inverse(poses[j]) @ poses[i]
        residuals, directions, index = _residuals(images[j], transform(T, points), intensity)
        directions = directions @ T[:3, :3]  # into camera i
        J = np.concatenate([np.cross(points[index], directions), directions], 1)
        weights = 1 / np.maximum(1, np.abs(residuals))  # Huber loss
        H += J.T @ (J * weights[:, None])
        g += J.T @ (weights * residuals)
    twist = -np.linalg.solve(H, g)
    return se3(Rotation.from_rotvec(twist[:3]).as_matrix(), twist[3:])


def _residuals(
    image: _Image, points: Array, intensity: Array
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return residuals of depth and intensity, divided by their noise.

    Args:
        image: The frame that the points are compared with.
        points: `[M, 3]` in its camera, m.
        intensity: `[M]` of the points.

    Returns:
        Residuals `[2 m]`, their gradients by the points `[2 m, 3]`, and the indices `[2 m]` of
        the m points that lie on a surface of the frame.
    """
    uv, z = project(points, image.K)
    height, width = image.intensity.shape
    inside = (z > 0) & (uv > 0).all(1) & (uv < [width, height]).all(1)
    index = np.flatnonzero(inside)
    column, row = np.floor(uv[index]).astype(int).T
    normals = image.normals[row, column].astype(np.float64)
    offset = ((points[index] - image.points(row, column)) * normals).sum(1)
    same = (np.abs(offset) < MAX_OFFSET) & normals.any(1)
    same &= np.abs(z[index] - image.depth[row, column]) < 2 * MAX_OFFSET
    index, row, column, normals, offset = (x[same] for x in (index, row, column, normals, offset))
    gradient = image.gradients[row, column].astype(np.float64)
    fraction = uv[index] - np.stack([column, row], 1) - 0.5
    seen = image.intensity[row, column] + (gradient * fraction).sum(1)
    difference = seen - intensity[index]
    difference -= np.median(difference) if len(difference) else 0.0  # exposures may differ
    focal = np.array([image.K[0, 0], image.K[1, 1]])
    along = gradient * focal / z[index, None]
    depth_gradient = -(along * points[index, :2]).sum(1, keepdims=True) / z[index, None]
    residuals = np.concatenate([offset / DEPTH_SIGMA, difference / INTENSITY_SIGMA])
    gradients = np.concatenate([along, depth_gradient], 1) / INTENSITY_SIGMA
    return (
        residuals,
        np.concatenate([normals / DEPTH_SIGMA, gradients]),
        np.concatenate([index, index]),
    )
