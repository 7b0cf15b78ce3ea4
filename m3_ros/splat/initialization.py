"""First Gaussians from depth: one for each occupied voxel, flat along the measured surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, maximum_filter
from scipy.spatial import cKDTree

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import backproject, inverse, project, scale_intrinsics, transform
from m3_ros.splat.gaussians import SH_C0, Gaussians

INITIAL_OPACITY = 0.7
WIDTH = 0.7  # standard deviation within the surface, relative to the distance to neighbours
FLATNESS = 0.25  # standard deviation along the normal, relative to that within the surface
MAX_POINTS = 36_000  # of one frame
LONELY = 0.02  # share of pixels with depth, below which they are points and not surfaces
EDGE_RATIO = 0.05  # neighbouring depths that differ by more (relative) lie on different surfaces


@dataclass(frozen=True, eq=False)
class Points:
    """A coloured, oriented point cloud in the world frame.

    Attributes:
        positions: `[M, 3]` m.
        normals: `[M, 3]` of unit length, towards the camera.
        colors: `[M, 3]` 0..1.
        distances: `[M]` depth at which a camera saw them, m.
    """

    positions: NDArray[np.float64]
    normals: NDArray[np.float64]
    colors: NDArray[np.float64]
    distances: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.positions)

    @staticmethod
    def empty() -> Points:
        """No points."""
        return Points(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))

    def away_from(
        self, others: NDArray[np.float32], distance: float | NDArray[np.float64]
    ) -> Points:
        """The points farther than `distance` m (one, or `[M]`) from all of `others [K, 3]`."""
        if not len(others) or not len(self):
            return self
        reach = float(np.max(distance))
        nearest, _ = cKDTree(others).query(self.positions, distance_upper_bound=reach)
        return self.select(nearest >= distance)

    def select(self, mask: NDArray[np.bool_]) -> Points:
        """The points where `mask [M]` is true."""
        return Points(*(getattr(self, f.name)[mask] for f in fields(self)))


def blocks(image: NDArray, edge: int) -> NDArray:
    """Every block's pixels in turn, `[edge * edge, H / edge, W / edge, ...]`, of an image
    `[H, W, ...]`; so what is computed for all blocks runs over whole images."""
    height, width = image.shape[0] // edge * edge, image.shape[1] // edge * edge
    places = [image[i:height:edge, j:width:edge] for i in range(edge) for j in range(edge)]
    return np.stack(places)


def reduce_depth(depth: NDArray[np.float32], edge: int) -> NDArray[np.float64]:
    """Depth `[H / edge, W / edge]` m (0: none) of blocks of pixels.

    A block's depth is the mean of what was measured in it, so a sparse depth image becomes dense;
    a block across a depth edge has none.
    """
    depth = blocks(depth, edge)
    measured = depth > 0
    count = measured.sum(0)
    mean = depth.sum(0, np.float64) / np.maximum(count, 1)
    farthest, nearest = depth.max(0), np.where(measured, depth, np.inf).min(0)
    mean[(count > 0) & (farthest - nearest > EDGE_RATIO * mean)] = 0
    return mean


def _reduced(frame: RgbdFrame) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Depth `[h, w]` m and colour `[h, w, 3]` 0..1 of about `MAX_POINTS` blocks; their edge."""
    edge = int(np.ceil((frame.width * frame.height / MAX_POINTS) ** 0.5))
    return reduce_depth(frame.depth, edge), blocks(frame.rgb, edge).mean(0) / 255.0, edge


def frame_points(frame: RgbdFrame) -> Points:
    """Points of a frame, about `MAX_POINTS`, where there is depth and no depth edge."""
    if (frame.depth > 0).mean() < LONELY:
        return _lonely_points(frame)
    depth, rgb, edge = _reduced(frame)
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


def _lonely_points(frame: RgbdFrame) -> Points:
    """Points too far apart to show a surface, as COLMAP has them; they face the camera."""
    measured = frame.depth > 0
    camera = backproject(frame.depth, frame.K)[measured]
    normals = -camera / np.linalg.norm(camera, axis=1, keepdims=True)
    return Points(
        transform(frame.camtoworld, camera),
        normals @ frame.camtoworld[:3, :3].T,
        frame.rgb[measured] / 255.0,
        camera[:, 2],
    )


def hole_points(frame: RgbdFrame, others: Sequence[RgbdFrame]) -> Points:
    """Guesses where a frame has no depth: on the farthest surface nearby, facing the camera.

    Holes are mostly shadows of the depth camera beside something near, or things out of its
    range; so the far side is the better guess. What another frame looks through is left out.
    """
    depth, rgb, edge = _reduced(frame)
    if not depth.any():
        return Points.empty()
    far = maximum_filter(depth, size=7)
    nearest = distance_transform_edt(far == 0, return_distances=False, return_indices=True)
    guess = far[tuple(nearest)]
    hole = depth == 0
    if frame.mask is not None:
        hole &= frame.mask[::edge, ::edge][: len(hole), : hole.shape[1]]
    camera = backproject(guess, scale_intrinsics(frame.K, 1 / edge, 1 / edge))[hole]
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
    """All points of several clouds."""
    names = [f.name for f in fields(Points)]
    return Points(*(np.concatenate([getattr(c, name) for c in clouds]) for name in names))


def gaussians_from_points(
    points: Points,
    edges: float | NDArray[np.float64],
    sh_degree: int,
    opacity: float = INITIAL_OPACITY,
) -> Gaussians:
    """Flat Gaussians on the points, as wide as the distance to their neighbours.

    Args:
        points: M points.
        edges: of their voxels, m, one or `[M]`; bounds the width.
        sh_degree: bands of colour that the Gaussians have room for.
        opacity: of all.
    """
    n = len(points)
    spacing = np.full(n, edges)
    if n > 3:
        distances, _ = cKDTree(points.positions).query(points.positions, k=4)
        spacing = distances[:, 1:].mean(1).clip(0.3 * spacing, 2 * spacing)
    scales = np.log(spacing[:, None] * WIDTH * np.array([1.0, 1.0, FLATNESS]))

    def tensor(values: NDArray[np.float64]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))

    return Gaussians(
        means=tensor(points.positions),
        quats=tensor(_quats_with_z_along(points.normals)),
        scales=tensor(scales),
        opacities=torch.full((n,), opacity).logit(),
        sh0=tensor((points.colors[:, None] - 0.5) / SH_C0),
        shN=torch.zeros(n, (sh_degree + 1) ** 2 - 1, 3),
    )


def _quats_with_z_along(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit quaternions `[M, 4]` wxyz that turn +z onto (or against) the unit normals `[M, 3]`."""
    n = normals * np.where(normals[:, 2:] < 0, -1.0, 1.0)
    quats = np.stack([1 + n[:, 2], -n[:, 1], n[:, 0], np.zeros(len(n))], 1)
    return quats / np.linalg.norm(quats, axis=1, keepdims=True)
