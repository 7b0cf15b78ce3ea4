"""Gaussians from depth: point clouds of frames, and flat Gaussians along their surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, maximum_filter
from scipy.spatial import cKDTree

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SplatConfig
from m3_ros.geometry import backproject, inverse, project, scale_intrinsics, transform
from m3_ros.splat.gaussians import SH_C0, Gaussians
from m3_ros.types import Array, Depth

SIGMA_PER_SPACING = 0.7
"""Standard deviation within the surface, relative to the distance to neighbours.

The sum of Gaussians on a square grid of this distance varies by 4 exp(-2 pi^2 0.7^2) of its mean,
below 1/255; 0.6 would do on a regular grid, the rest is for uneven distances.
"""
MIN_SURFACE_SHARE = 0.02
"""Share of pixels with depth below which the pixels are isolated points and not surfaces.

At 2 %, a block of 3 x 3 pixels has depth with a probability of 17 %, and has it together with its
four neighbours, which its normal needs, in one of 8000 cases.
"""
EDGE_RATIO = 0.05
"""Neighbouring depths that differ by more, relative to the depth, lie on different surfaces.

For blocks of 3 pixels and a focal length of 382 px (D405 at 640 px) this is a surface seen at 81
degrees from its normal.
"""
SPACING_LIMITS = (0.3, 2.0)
"""Bounds of a Gaussian's distance to its neighbours, relative to the voxel's edge: mean points of
neighbouring voxels are closer than 0.3 edges only by chance, and at 2 edges a voxel between them
is empty."""
HOLE_REACH = 7
"""Edge, in blocks, of the window in which the farthest depth is taken for a hole.

It reaches 3 blocks, 9 pixels at 640 x 480, past the stereo shadow of a step from 0.3 m to 0.4 m,
which is f B (1/z1 - 1/z2) = 6 px wide for a D405.
"""


@dataclass(frozen=True, eq=False)
class Points:
    """A coloured, oriented point cloud in the world frame.

    Attributes:
        positions: `[M, 3]` m.
        normals: `[M, 3]`, unit length, towards the camera.
        colors: `[M, 3]` 0..1.
        distances: `[M]` depth from the camera, m.
    """

    positions: Array
    normals: Array
    colors: Array
    distances: Array

    def __len__(self) -> int:
        return len(self.positions)

    @staticmethod
    def empty() -> Points:
        """Return no points."""
        return Points(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))

    def away_from(self, others: NDArray[np.float32], distance: float | Array) -> Points:
        """Return the points at least `distance` m (or `[M]`) from all of `others [K, 3]`."""
        if not len(others) or not len(self):
            return self
        reach = float(np.max(distance))
        nearest, _ = cKDTree(others).query(self.positions, distance_upper_bound=reach)
        return self.select(nearest >= distance)

    def select(self, mask: NDArray[np.bool_]) -> Points:
        """Return the points where `mask [M]` is true."""
        return Points(*(getattr(self, f.name)[mask] for f in fields(self)))


def blocks(image: NDArray, edge: int) -> NDArray:
    """Return the pixels of every block, `[edge * edge, H / edge, W / edge, ...]`.

    Args:
        image: `[H, W, ...]`; rows and columns past the last full block are left out.
        edge: Edge of a block, px.
    """
    height, width = image.shape[0] // edge * edge, image.shape[1] // edge * edge
    pixels = [image[i:height:edge, j:width:edge] for i in range(edge) for j in range(edge)]
    return np.stack(pixels)


def reduce_depth(depth: Depth, edge: int) -> Array:
    """Return the mean depth `[H / edge, W / edge]` m (0: none) of blocks of pixels.

    Pixels without depth do not count, so a sparse depth image becomes denser; a block across a
    depth edge has none.
    """
    depth = blocks(depth, edge)
    measured = depth > 0
    count = measured.sum(0)
    mean = depth.sum(0, np.float64) / np.maximum(count, 1)
    farthest, nearest = depth.max(0), np.where(measured, depth, np.inf).min(0)
    mean[(count > 0) & (farthest - nearest > EDGE_RATIO * mean)] = 0
    return mean


def _reduced(frame: RgbdFrame, count: int) -> tuple[Array, Array, int]:
    """Return depth `[h, w]` m and colour `[h, w, 3]` 0..1 of `count` blocks at most; edge."""
    edge = int(np.ceil((frame.width * frame.height / count) ** 0.5))
    return reduce_depth(frame.depth, edge), blocks(frame.rgb, edge).mean(0) / 255.0, edge


def surface_points(frame: RgbdFrame, count: int) -> Points:
    """Return points of a frame, at most `count`, where there is depth but no depth edge."""
    if (frame.depth > 0).mean() < MIN_SURFACE_SHARE:
        return _isolated_points(frame)
    depth, rgb, edge = _reduced(frame, count)
    camera = backproject(depth, scale_intrinsics(frame.K, 1 / edge, 1 / edge))
    across = camera[1:-1, 2:] - camera[1:-1, :-2]
    down = camera[2:, 1:-1] - camera[:-2, 1:-1]
    normals = np.cross(down, across)
    centre = depth[1:-1, 1:-1]
    around = np.stack([depth[1:-1, 2:], depth[1:-1, :-2], depth[2:, 1:-1], depth[:-2, 1:-1]])
    smooth = (np.abs(around - centre) < EDGE_RATIO * centre).all(0) & (around > 0).all(0)
    smooth &= (centre > 0) & (np.linalg.norm(normals, axis=-1) > 0)
    positions, normals = camera[1:-1, 1:-1][smooth], normals[smooth]
    normals *= -np.sign((normals * positions).sum(-1, keepdims=True))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return Points(
        transform(frame.camtoworld, positions),
        normals @ frame.camtoworld[:3, :3].T,
        rgb[1:-1, 1:-1][smooth],
        positions[:, 2],
    )


def _isolated_points(frame: RgbdFrame) -> Points:
    """Return points too far apart to show a surface, as COLMAP's; normals face the camera."""
    measured = frame.depth > 0
    camera = backproject(frame.depth, frame.K)[measured]
    normals = -camera / np.linalg.norm(camera, axis=1, keepdims=True)
    return Points(
        transform(frame.camtoworld, camera),
        normals @ frame.camtoworld[:3, :3].T,
        frame.rgb[measured] / 255.0,
        camera[:, 2],
    )


def hole_points(frame: RgbdFrame, others: Sequence[RgbdFrame], count: int) -> Points:
    """Return points that fill holes in a frame's depth: at the farthest depth nearby.

    Holes are mostly stereo shadows beside a near object, or surfaces out of range, so the far
    side is more likely. Points in front of what another frame measures are left out.

    Args:
        frame: Pixels without depth become points; normals face its camera.
        others: Frames that are checked against the points.
        count: Most points.
    """
    depth, rgb, edge = _reduced(frame, count)
    if not depth.any():
        return Points.empty()
    far = maximum_filter(depth, size=HOLE_REACH)
    nearest = distance_transform_edt(far == 0, return_distances=False, return_indices=True)
    filled = far[tuple(nearest)]
    hole = depth == 0
    if frame.mask is not None:
        hole &= frame.mask[::edge, ::edge][: len(hole), : hole.shape[1]]
    camera = backproject(filled, scale_intrinsics(frame.K, 1 / edge, 1 / edge))[hole]
    world, seen_through = transform(frame.camtoworld, camera), np.zeros(len(camera), bool)
    for other in others:
        uv, z = project(transform(inverse(other.camtoworld), world), other.K)
        inside = (z > 0) & (uv >= 0).all(1) & (uv < [other.width, other.height]).all(1)
        column, row = uv[inside].astype(int).T
        seen_through[inside] |= other.depth[row, column] > (1 + EDGE_RATIO) * z[inside]
    directions = -camera / np.linalg.norm(camera, axis=1, keepdims=True)
    normals = directions @ frame.camtoworld[:3, :3].T
    return Points(world, normals, rgb[hole], camera[:, 2]).select(~seen_through)


def concatenate(clouds: Sequence[Points]) -> Points:
    """Return all points of several clouds."""
    names = [f.name for f in fields(Points)]
    return Points(*(np.concatenate([getattr(c, name) for c in clouds]) for name in names))


def gaussians_from_points(
    points: Points,
    edges: float | Array,
    config: SplatConfig,
    opacity: float | None = None,
) -> Gaussians:
    """Return flat Gaussians on the points, as wide as the distance to their neighbours.

    Args:
        points: M points.
        edges: Edges of their voxels, m, one or `[M]`; they bound the width.
        config: Degree of the spherical harmonics, flatness and opacity.
        opacity: Of all, in place of the config's.
    """
    n = len(points)
    spacing = np.full(n, edges)
    if n > 3:
        distances, _ = cKDTree(points.positions).query(points.positions, k=4)
        spacing = distances[:, 1:].mean(1).clip(*(limit * spacing for limit in SPACING_LIMITS))
    scales = np.log(spacing[:, None] * SIGMA_PER_SPACING * np.array([1.0, 1.0, config.flatness]))
    opacity = config.initial_opacity if opacity is None else opacity

    def tensor(values: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))

    return Gaussians(
        means=tensor(points.positions),
        quats=tensor(_quats_with_z_along(points.normals)),
        scales=tensor(scales),
        opacities=torch.full((n,), opacity).logit(),
        sh0=tensor((points.colors[:, None] - 0.5) / SH_C0),
        shN=torch.zeros(n, (config.sh_degree + 1) ** 2 - 1, 3),
    )


def _quats_with_z_along(normals: Array) -> Array:
    """Return unit quaternions `[M, 4]` wxyz that turn +z onto the unit normals or against."""
    n = normals * np.where(normals[:, 2:] < 0, -1.0, 1.0)
    quats = np.stack([1 + n[:, 2], -n[:, 1], n[:, 0], np.zeros(len(n))], 1)
    return quats / np.linalg.norm(quats, axis=1, keepdims=True)
