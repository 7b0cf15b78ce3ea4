"""What a live frame shows: points, features, and the objects that stand on the large planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import QueryConfig
from m3_ros.features.extractor import FeatureExtractor, FeatureMap
from m3_ros.geometry import backproject, inverse, project, scale_intrinsics, transform
from m3_ros.query.connectivity import connected_components, neighbour_graph
from m3_ros.query.noise import JOIN_NOISE, SIGMAS, depth_error
from m3_ros.query.planes import Plane
from m3_ros.types import Array

NEIGHBOUR_PIXELS = 2.5
"""Pixels this far apart are neighbours: one pixel without depth between them is bridged, also
askew (sqrt(5) = 2.24 px)."""
NEIGHBOUR_DEPTH = 0.012
"""Depth (m) by which neighbouring pixels of one object differ at most: at 0.5 m a pixel of the
comparison image is 5 mm wide, so sides seen at up to 67 degrees are connected. More where the
frame's noise is larger."""


@dataclass(frozen=True, eq=False)
class ObservedSegment:
    """An object in the live frame: points `[M, 3]` (m, memory's frame), unit feature `[d]`."""

    points: Array
    feature: NDArray[np.float32]


class ObservedFrame:
    """A frame in the resolution in which it is compared.

    Args:
        frame: what the camera sees.
        extractor: model of the features.
        config: thresholds.

    Attributes:
        size: width and height of the comparison image, px.
        K: `[3, 3]` its intrinsics, px.
        depth: `[h, w]` m, 0 where none is measured.
        noise: `[h, w]` standard deviation of the depth, m, measured in the frame itself.
        place: pose, intrinsics and size, as renderers take them.
    """

    def __init__(self, frame: RgbdFrame, extractor: FeatureExtractor, config: QueryConfig) -> None:
        self.frame, self._config = frame, config
        self._map: FeatureMap = extractor.extract(frame.rgb)
        width = config.comparison_width
        self.size = (width, round(width * frame.height / frame.width))
        factors = self.size[0] / frame.width, self.size[1] / frame.height
        self.K = scale_intrinsics(frame.K, *factors)
        depth = np.nan_to_num(frame.depth, nan=0.0, posinf=0.0, neginf=0.0)
        self.depth = cv2.resize(depth, self.size, interpolation=cv2.INTER_NEAREST)
        self.noise = depth_error(self.depth) * np.square(self.depth)
        seen = self.noise[self.depth > 0]
        noise = float(np.median(seen)) if len(seen) else 0.0
        self._neighbour_depth = max(NEIGHBOUR_DEPTH, JOIN_NOISE * noise)
        self._new_distance = max(config.new_distance, SIGMAS * noise)
        self._points = transform(frame.camtoworld, backproject(self.depth, self.K))
        self.place = (frame.camtoworld, self.K, self.size)

    def points_of(self, mask: NDArray[np.bool_]) -> Array:
        """Return the points `[M, 3]` (m, memory's frame) of the pixels of a mask `[h, w]`."""
        return self._points[mask]

    def feature(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the unit mean feature `[d]` of the pixels of a mask `[h, w]`."""
        valid = self._map.valid
        share = cv2.resize(
            mask.astype(np.float32), valid.shape[::-1], interpolation=cv2.INTER_AREA
        )
        mean = np.tensordot(np.where(valid, share, 0.0), self._map.features, 2)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)

    def interior(self) -> NDArray[np.bool_]:
        """Return the pixels `[h, w]` away from the picture's border.

        Near it models see less of an object's surroundings, or only a part of the object.
        """
        rows, columns = (
            np.minimum(centers, 1.0 - centers) >= self._config.border_share
            for centers in ((np.arange(length) + 0.5) / length for length in self.depth.shape)
        )
        return rows[:, None] & columns

    def off_planes(self, planes: Sequence[Plane]) -> NDArray[np.bool_]:
        """Return the pixels `[h, w]` with depth that stand out of the large planes."""
        off = self.depth > 0
        for plane in planes:
            off &= np.abs(plane.height(self._points)) > plane.tolerance + self.noise
        return off

    def away_from(self, points: Array, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the pixels of a mask `[h, w]` that show nothing near points `[K, 3]`."""
        away = mask.copy()
        if len(points) and mask.any():
            distance = self._new_distance
            nearest, _ = cKDTree(points).query(self._points[mask], distance_upper_bound=distance)
            away[mask] = ~np.isfinite(nearest)
        return away

    def smooth_surface(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the pixels of a mask `[h, w]` whose neighbours have about their depth.

        Along a silhouette, pixels have depths between the object's and what is behind it.
        """
        around = np.ones((3, 3), np.uint8)
        step = cv2.dilate(self.depth, around) - cv2.erode(self.depth, around)
        return mask & (step <= 2.0 * self._neighbour_depth)

    def components(self, mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
        """Return the connected components of a mask `[h, w]` as masks, largest first.

        Those of fewer than `min_pixels` are left out.
        """
        pixels = np.argwhere(mask)
        if not len(pixels):
            return []
        scaled = [pixels / NEIGHBOUR_PIXELS, self.depth[mask][:, None] / self._neighbour_depth]
        graph = neighbour_graph(np.concatenate(scaled, axis=1), 1.0)
        found = []
        for part in connected_components(graph, np.ones(len(pixels), bool)):
            if len(part) >= self._config.min_pixels:
                component = np.zeros(mask.shape, bool)
                component[tuple(pixels[part].T)] = True
                found.append(component)
        return found

    def segments(self, mask: NDArray[np.bool_]) -> list[ObservedSegment]:
        """Return the connected components of a mask `[h, w]` as objects."""
        return [ObservedSegment(self.points_of(c), self.feature(c)) for c in self.components(mask)]

    def share_in_image(self, points: Array) -> float:
        """Return the share of points `[M, 3]` (memory's frame) that project into the image."""
        uv, z = project(transform(inverse(self.frame.camtoworld), points), self.frame.K)
        size = (self.frame.width, self.frame.height)
        inside = (z > 0) & (uv >= 0).all(-1) & (uv < size).all(-1)
        return float(inside.mean())
