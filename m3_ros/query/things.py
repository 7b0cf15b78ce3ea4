"""The memory's things, prepared once: what can be an answer, and what it is connected to."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch.nn.functional import normalize

from m3_ros.geometry import quat_to_matrix
from m3_ros.memory.attention import attention_weights
from m3_ros.memory.memory_data import ModelMemory
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.segmentation import find_planes, neighbour_graph, pieces, smooth
from m3_ros.splat import Gaussians
from m3_ros.splat.initialization import WIDTH

TOP_K = 16
"""Components that a Gaussian reads; the rest weigh next to nothing."""
MIN_OPACITY = 0.5
MIN_RELIABILITY = 0.2
FOOT, FOOT_WEIGHT = 0.012, 0.1
"""Height (m) above a plane below which pixels show plane and thing mixed, and its weight."""
LEAST = 3
"""Points that a thing has at least; fewer have no covariance."""
LID, AXIS = 0.6, 0.01
"""A lid or a stem has at most this share of the surface of what it belongs to, and about the same
upright axis, in m: a cup's lid bears another colour, but goes with the cup."""
STANDING = 0.03
"""A thing whose lowest point is this near (m) above a plane stands on it."""


class Things:
    """Opaque, reliable Gaussians off the large planes, their graph, and what each one reads.

    Attributes:
        index: Gaussians `[M]` (int64) that may belong to a thing.
        points: their centres `[M, 3]`, m.
        planes: large planes that things stand on.
        threshold: cosine at which a component stands for a feature.
        components: unit principal scene components `[t, d]`.
    """

    def __init__(self, memory: SpatialMemory, model: ModelMemory, min_area: float) -> None:
        gaussians = memory.gaussians
        means = gaussians.means.double().numpy()
        opacity = gaussians.opacities.sigmoid().numpy()
        reliability = model.reliability.numpy()
        solid = (opacity > MIN_OPACITY) & (reliability > MIN_RELIABILITY)
        self.planes, on_plane = find_planes(means[solid])
        self.index = np.flatnonzero(solid)[~on_plane]
        self.points = means[self.index]
        self.weights = (opacity * reliability)[self.index].astype(np.float32)
        self.weights[self._near_plane()] *= FOOT_WEIGHT
        self._min_area = min_area
        self._tree = cKDTree(self.points)
        sigmas = gaussians.scales.exp().amax(1)[torch.from_numpy(self.index)]
        spacing = float(sigmas.median()) if len(self.index) else 0.0
        self.graph = neighbour_graph(self.points, float(np.clip(3 * spacing, 0.008, 0.025)))
        everything = pieces(self.graph, np.ones(len(self.points), bool))
        self._axes = larger_axes(gaussians, self.index, spacing)
        self._areas = (np.linalg.norm(self._axes, axis=-1) / WIDTH).prod(1)
        self.pieces = [piece for piece in everything if self._is_large(piece)]
        self._reads = reads(model)
        self.threshold = model.bank.threshold
        self.components = normalize(model.bank.components, dim=-1).numpy()

    def _near_plane(self) -> NDArray[np.bool_]:
        """Which points `[M]` are so near a plane that its features mix with theirs."""
        near = np.zeros(len(self.points), bool)
        for plane in self.planes:
            near |= np.abs(plane.height(self.points)) < FOOT
        return near

    def every(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities `[N]` of all Gaussians, from those of every component `[t]`."""
        index, shares = self._reads
        return (probability.astype(np.float32)[index] * shares).sum(1)

    def smoothed(self, every: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values `[M]` of the things' points, out of all `[N]`, smoothed over neighbours."""
        values = every[self.index]
        for _ in range(2):
            values = smooth(self.graph, values, self.weights)
        return values

    def candidates(self, values: NDArray[np.float32]) -> list[NDArray[np.int64]]:
        """Things that may be meant: connected pieces, and parts of a piece that is several things.

        Where points above half of a piece's peak hang together, and show something that no
        component of the bank can share with the rest of the piece, they are a thing of their own.

        Args:
            values: `[M]` smoothed probabilities.
        """
        found = []
        for piece in self.pieces:
            found.append(piece)
            inside = values[piece]
            peak = np.sort(inside)[-max(5, len(inside) // 10) :].mean()
            marked = np.zeros(len(values), bool)
            marked[piece] = inside > 0.5 * peak
            for part in pieces(self.graph, marked):
                rest = np.setdiff1d(piece, part)
                if not (self._is_large(part) and self._is_large(rest)):
                    continue
                if not self.alike(self.feature(part), self.feature(rest)):
                    found.append(part)
        return found

    def whole(self, part: NDArray[np.int64]) -> NDArray[np.int64]:
        """The points `[L]` of `part [K]`, and of a lid or stem that hangs together with it."""
        piece = next(piece for piece in self.pieces if part[0] in piece)
        rest = np.zeros(len(self.points), bool)
        rest[np.setdiff1d(piece, part)] = True
        found = [part]
        for other in pieces(self.graph, rest):
            beside = np.linalg.norm(self._axis(other) - self._axis(part))
            if beside <= AXIS and self._areas[other].sum() <= LID * self._areas[part].sum():
                found.append(other)
        return np.concatenate(found)

    def _axis(self, part: NDArray[np.int64]) -> NDArray[np.float64]:
        """Where the upright axis `[2]` of the points `part [K]` is, m."""
        points = self.points[part, :2]
        return (points.min(0) + points.max(0)) / 2.0

    def _is_large(self, part: NDArray[np.int64]) -> bool:
        """Whether the points `part [K]` show enough surface; finer Gaussians are more of them."""
        return bool(self._areas[part].sum() >= self._min_area) and len(part) >= LEAST

    def feature(self, part: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit mean feature `[d]` of the points `part [K]`."""
        index, shares = (values[self.index[part]] for values in self._reads)
        weights = shares * self.weights[part, None]
        total = np.bincount(index.ravel(), weights.ravel(), minlength=len(self.components))
        mean = total.astype(np.float32) @ self.components
        return mean / max(float(np.linalg.norm(mean)), 1e-12)

    def near(self, points: NDArray[np.float64], distance: float) -> NDArray[np.int64]:
        """The things' points `[K]` that are nearest to `points [M, 3]`, within a distance (m)."""
        if not len(self.points):
            return np.zeros(0, np.int64)
        apart, index = self._tree.query(points, distance_upper_bound=distance)
        return np.unique(index[np.isfinite(apart)])

    def alike(self, a: NDArray[np.float32], b: NDArray[np.float32], angles: float = 2.0) -> bool:
        """Whether two unit features are at most so many of the bank's angles apart.

        A component stands for what is within one angle of it (`threshold` is its cosine); two
        features that one component stands for are at most two apart.
        """
        return float(a @ b) >= np.cos(angles * np.arccos(self.threshold))

    def surface(self, part: NDArray[np.int64]) -> NDArray[np.float64]:
        """Points `[5 K, 3]` on the Gaussians `part [K]`: centres, and one sigma along both
        larger axes, so that the outline is not cut short by half a Gaussian."""
        offsets = self._axes[part]
        centers = self.points[part][:, None]
        return np.concatenate([centers, centers + offsets, centers - offsets], 1).reshape(-1, 3)

    def floor(self, points: NDArray[np.float64]) -> float | None:
        """Height (m) of the horizontal plane that points `[K, 3]` stand on, if there is one."""
        low = points[:, 2].min()
        for plane in self.planes:
            if abs(plane.normal[2]) < 0.95:
                continue
            x, y = points[:, :2].mean(0)
            height = (plane.offset - plane.normal[0] * x - plane.normal[1] * y) / plane.normal[2]
            if -0.01 < low - height < STANDING:
                return float(height)
        return None


def larger_axes(
    gaussians: Gaussians, index: NDArray[np.int64], longest: float
) -> NDArray[np.float64]:
    """One sigma (m, at most `longest`) along the two larger axes `[M, 2, 3]` of Gaussians."""
    part = gaussians.select(torch.from_numpy(index))
    scales = part.scales.exp().double().numpy()
    columns = np.swapaxes(quat_to_matrix(part.quats.double().numpy()), -1, -2)
    larger = np.argsort(scales, axis=1)[:, 1:]
    sigma = np.take_along_axis(scales, larger, axis=1).clip(max=longest)
    return np.take_along_axis(columns, larger[..., None], axis=1) * sigma[..., None]


def reads(model: ModelMemory) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Components `[N, k]` that each Gaussian reads, and their shares `[N, k]`."""
    components = model.bank.components
    count = min(TOP_K, len(components))
    parts = []
    for chunk in model.queries.split(max(1, 2**22 // len(components))):
        weights = attention_weights(chunk, model.projection, components, model.temperature)
        parts.append(weights.topk(count, dim=-1))
    shares = torch.cat([part.values for part in parts])
    shares = shares / shares.sum(-1, keepdim=True)
    return torch.cat([part.indices for part in parts]).numpy(), shares.numpy()
