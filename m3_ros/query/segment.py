"""Stage 1 of a query, segment: the objects of a memory, whatever is asked for.

Computed once for a memory. A segment is a connected component of the opaque, reliable Gaussians
that lie on no large plane; one that would float belongs to what is below it, and the edge of a
table is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch.nn.functional import normalize

from m3_ros.config import QueryConfig
from m3_ros.geometry import quat_to_matrix
from m3_ros.memory.memory_data import ModelMemory
from m3_ros.memory.separation import appearance_angle
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.attended import attended_components
from m3_ros.query.connectivity import connected_components, neighbour_graph, smooth
from m3_ros.query.floating import join_floating
from m3_ros.query.noise import JOIN_NOISE, SIGMAS, noise_and_sigma
from m3_ros.query.planes import find_planes, is_edge
from m3_ros.query.shape import OrientedBox, upright_box
from m3_ros.splat.gaussians import SOLID_OPACITY, Gaussians
from m3_ros.splat.initialization import SIGMA_PER_SPACING
from m3_ros.types import Array

JOIN_SIGMAS, MIN_JOIN = 3.0, 0.008
"""Gaussians within three of their standard deviations (twice their spacing) are connected, or by
their noise (`JOIN_NOISE`); at least within 8 mm, two standard deviations of a D405 at 0.5 m."""
MIXED_WEIGHT = 0.1
"""Weight of points whose feature is mixed with that of the plane below (`mixed_height`)."""
TOUCH_SPACINGS = 4.0
"""Spacings of Gaussians by which two objects that touch may seem apart: two at each face."""
MIN_POINTS = 9
"""Fewer points span no surface: three by three. Noise leaves clumps of less."""


@dataclass(frozen=True, eq=False)
class Segment:
    """One object of the memory.

    Attributes:
        id: its index among the memory's segments, largest first.
        members: rows `[K]` (int64) of `Segments.points`.
    """

    id: int
    members: NDArray[np.int64]


class Segments:
    """The segments of a memory, and the Gaussians that they consist of.

    Sets of points are given as `members [K]`, rows of `points`.

    Args:
        memory: Gaussians.
        model: features that they remember.
        config: thresholds.

    Attributes:
        solid: centres `[S, 3]` (m) of opaque, reliable Gaussians, those of planes included.
        index: Gaussians `[M]` (int64) that may belong to a segment.
        points: their centres `[M, 3]`, m.
        spacing: of neighbouring points, m (median).
        touch: distance by which two objects that touch may seem apart, m.
        planes: large planes that objects stand on.
        graph: `[M, M]` which points are neighbours.
        components: unit principal scene components `[t, d]`.
        items: the segments, largest first.
        angle: unit of appearance, rad, see `appearance_angle`.
    """

    def __init__(self, memory: SpatialMemory, model: ModelMemory, config: QueryConfig) -> None:
        self._config = config
        gaussians = memory.gaussians.to("cpu")  # as all of this class, which works on graphs
        means = gaussians.means.double().numpy()
        opacity = gaussians.opacities.sigmoid().numpy()
        reliability = model.reliability.cpu().numpy()
        solid = (opacity > SOLID_OPACITY) & (reliability > config.min_reliability)
        self.solid, sigmas = means[solid], gaussians.scales.exp().amax(1).double().numpy()[solid]
        cameras = np.array([view.camtoworld[:3, 3] for view in memory.views])
        noise, sigma = noise_and_sigma(self.solid, sigmas, cameras)
        tolerance = np.maximum(SIGMAS * noise, config.plane_distance)
        spacing = sigma / SIGMA_PER_SPACING
        self.planes, on_plane = find_planes(self.solid, tolerance, config.min_plane_area, spacing)
        self.index = np.flatnonzero(solid)[~on_plane]
        self.points, noise, sigma = self.solid[~on_plane], noise[~on_plane], sigma[~on_plane]
        self._weights = (opacity * reliability)[self.index].astype(np.float32)
        self._weights[self._near_plane()] *= MIXED_WEIGHT
        self._tree = cKDTree(self.points)
        median = float(np.median(sigma)) if len(sigma) else 0.0
        self.spacing = median / SIGMA_PER_SPACING
        self.touch = TOUCH_SPACINGS * self.spacing
        radius = np.maximum(JOIN_SIGMAS * sigma, JOIN_NOISE * noise)
        self.graph = neighbour_graph(self.points, radius.clip(MIN_JOIN))
        self._axes = larger_axes(gaussians, self.index, median)
        self._areas = (np.linalg.norm(self._axes, axis=-1) / SIGMA_PER_SPACING).prod(1)
        self._reads = attended_components(model)
        self.components = normalize(model.bank.components, dim=-1).numpy()
        self.angle = appearance_angle(self.components, model.bank.threshold)
        everything = connected_components(self.graph, np.ones(len(self.points), bool))
        self._large = [each for each in everything if self.is_large(each)]
        objects = [each for each in self._large if not self._is_edge(each)]
        whole = join_floating(objects, self.points, self._floats, self.touch)
        self.items = tuple(Segment(*item) for item in enumerate(whole))

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, id: int) -> Segment:
        return self.items[id]

    def all_members(self) -> NDArray[np.int64]:
        """Return the points `[K]` of all segments and edges of tables; specks belong to none."""
        return np.concatenate([np.zeros(0, np.int64), *self._large])

    def _near_plane(self) -> NDArray[np.bool_]:
        """Return which points `[M]` are so near a plane that their features mix with its own."""
        near = np.zeros(len(self.points), bool)
        for plane in self.planes:
            mixed = self._config.mixed_height + plane.tolerance - self._config.plane_distance
            near |= np.abs(plane.height(self.points)) < mixed
        return near

    def is_large(self, members: NDArray[np.int64]) -> bool:
        """Return whether points have enough surface; finer Gaussians are more of them."""
        area = self._areas[members].sum()
        return bool(area >= self._config.min_segment_area) and len(members) >= MIN_POINTS

    def _floats(self, members: NDArray[np.int64]) -> bool:
        """Return whether a level plane is below points, and they stand on none."""
        points = self.points[members]
        low, place = points[:, 2].min(), points[:, :2].mean(0)
        below = any(plane.level and plane.z_at(place) < low for plane in self.planes)
        return below and self.support_height(points) is None

    def _is_edge(self, members: NDArray[np.int64]) -> bool:
        """Return whether points that stand on nothing are the edge of a level plane."""
        points = self.points[members]
        standing = self.support_height(points) is not None
        return not standing and is_edge(points, self.planes, self.solid, self.touch)

    def area(self, members: NDArray[np.int64]) -> float:
        """Return the surface of points, m^2."""
        return float(self._areas[members].sum())

    def of_gaussians(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values `[N]` of all Gaussians, from those `[t]` of all components."""
        index, shares = self._reads
        return (values.astype(np.float32)[index] * shares).sum(1)

    def smoothed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values `[M]` of the points, of all Gaussians' `[N]`, smoothed over neighbours."""
        values = values[self.index]
        for _ in range(2):  # rings of neighbours
            values = smooth(self.graph, values, self._weights)
        return values

    def feature(self, members: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the unit mean feature `[d]` of points."""
        index, shares = (values[self.index[members]] for values in self._reads)
        weights = shares * self._weights[members, None]
        total = np.bincount(index.ravel(), weights.ravel(), minlength=len(self.components))
        mean = total.astype(np.float32) @ self.components
        return mean / max(float(np.linalg.norm(mean)), 1e-12)

    def same_appearance(
        self, a: NDArray[np.float32], b: NDArray[np.float32], angles: float = 2.0
    ) -> NDArray[np.bool_]:
        """Return whether unit features `a [..., d]` and `b [d]` show the same appearance.

        Args:
            a: any number of features.
            b: one feature.
            angles: largest angle between them, in units of `angle`. A component stands for
                features within one angle of the bank, so two that share a component are at most
                two apart.
        """
        return a @ b >= np.cos(angles * self.angle)

    def nearest(self, points: Array, distance: float) -> NDArray[np.int64]:
        """Return the members `[K]` nearest to `points [M, 3]`, within a distance (m)."""
        if not len(self.points):
            return np.zeros(0, np.int64)
        apart, index = self._tree.query(points, distance_upper_bound=distance)
        return np.unique(index[np.isfinite(apart)])

    def with_attached(self, segment: Segment, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return members `[K]` of a segment, and of a lid or a stem that is attached to them.

        Such a part has another appearance, less surface and the same upright axis.
        """
        rest = np.zeros(len(self.points), bool)
        rest[np.setdiff1d(segment.members, members)] = True
        found = [members]
        for part in connected_components(self.graph, rest):
            apart = np.linalg.norm(self._axis(part) - self._axis(members))
            small = self.area(part) <= self._config.attached_share * self.area(members)
            if small and apart <= self._config.attached_offset:
                found.append(part)
        return np.concatenate(found)

    def _axis(self, members: NDArray[np.int64]) -> Array:
        """Return where the upright axis `[2]` (m) of points is."""
        points = self.points[members, :2]
        return (points.min(0) + points.max(0)) / 2.0

    def surface(self, members: NDArray[np.int64]) -> Array:
        """Return points `[5 K, 3]` (m) on Gaussians: centres, and one sigma along both larger
        axes, so that the outline is not cut by half a Gaussian."""
        offsets = self._axes[members]
        centers = self.points[members][:, None]
        return np.concatenate([centers, centers + offsets, centers - offsets], 1).reshape(-1, 3)

    def box(self, points: Array) -> OrientedBox:
        """Return the upright box about points `[K, 3]`, down to the plane that carries them."""
        return upright_box(points, self.support_height(points))

    def support_height(self, points: Array) -> float | None:
        """Return the height (m) of the plane that points `[K, 3]` stand on, if there is one."""
        low = points[:, 2].min()
        for plane in self.planes:
            if not plane.level:
                continue
            height = plane.z_at(points[:, :2].mean(0))
            hidden = plane.tolerance - self._config.plane_distance  # more of its foot by noise
            if -2.0 * plane.tolerance < low - height < self._config.support_gap + hidden:
                return height
        return None


def larger_axes(gaussians: Gaussians, index: NDArray[np.int64], longest: float) -> Array:
    """Return a sigma (m, at most `longest`) along the two larger axes `[M, 2, 3]` of Gaussians."""
    part = gaussians.select(torch.from_numpy(index))
    scales = part.scales.exp().double().numpy()
    columns = np.swapaxes(quat_to_matrix(part.quats.double().numpy()), -1, -2)
    larger = np.argsort(scales, axis=1)[:, 1:]
    sigma = np.take_along_axis(scales, larger, axis=1).clip(max=longest)
    return np.take_along_axis(columns, larger[..., None], axis=1) * sigma[..., None]
