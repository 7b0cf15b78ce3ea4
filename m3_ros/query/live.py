"""What the camera sees now: does it agree with the memory, and what is new in it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.capture.frame import RgbdFrame
from m3_ros.features.extractor import FeatureExtractor, FeatureMap
from m3_ros.geometry import backproject, inverse, project, scale_intrinsics, transform
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.segmentation import Plane, neighbour_graph, pieces

LOOK_SIZE = 160
"""Width (px) of the images in which memory and camera are compared."""
OWN_SHARE = 0.5
"""A pixel shows a thing where at least this share of its rendered light comes from it."""
BESIDE = 0.015
"""Points farther (m) than this from all remembered things belong to something new."""
OFF_PLANE = 0.008
"""Points farther (m) than this from every large plane belong to things."""
NEIGHBOUR_PIXELS, NEIGHBOUR_DEPTH = 2.5, 0.012
"""Pixels hang together within an ellipsoid of these half axes, in pixels and in m of depth: on a
side that is seen steeply the depth grows by much from pixel to pixel."""
MIN_PIXELS = 12
"""Fewer pixels of a thing than this tell nothing."""
LOOK_PIXELS = 60
"""Fewer pixels that agree do not tell what a thing is, only that something is there: of unchanged
things so small in view 10 in 17 looked unlike themselves, of others 8 in 422 (seven scenes)."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """How a remembered thing looks in the live frame.

    Attributes:
        pixels: pixels of the comparison image in which it should be seen.
        measured: share of them with live depth.
        agree: share of the measured ones within the gate of the remembered depth.
        behind: share of the measured ones where the camera sees farther: nothing is there.
        feature: unit mean feature `[d]` of the pixels that agree: what hides the rest, the gripper
            say, looks otherwise. Zero where none agrees.
    """

    pixels: int
    measured: float
    agree: float
    behind: float
    feature: NDArray[np.float32]

    @property
    def tells_what(self) -> bool:
        """Whether enough of the thing is seen that its look says what it is."""
        return self.pixels * self.measured * self.agree >= LOOK_PIXELS


@dataclass(frozen=True, eq=False)
class SeenThing:
    """A thing in the live frame: points `[M, 3]` in the memory's frame, unit feature `[d]`."""

    points: NDArray[np.float64]
    feature: NDArray[np.float32]


class LiveView:
    """A frame beside what the memory expects to see there.

    Args:
        memory: renders what is expected.
        extractor: its features are compared.
        frame: what is seen.
        gate: largest difference of depth, m, that counts as agreement.
    """

    def __init__(
        self, memory: SpatialMemory, extractor: FeatureExtractor, frame: RgbdFrame, gate: float
    ) -> None:
        self._memory, self._frame, self._gate = memory, frame, gate
        self._map: FeatureMap = extractor.extract(frame.rgb)
        self._size = (LOOK_SIZE, round(LOOK_SIZE * frame.height / frame.width))
        factor = self._size[0] / frame.width, self._size[1] / frame.height
        self._K = scale_intrinsics(frame.K, *factor)
        depth = np.nan_to_num(frame.depth, nan=0.0, posinf=0.0, neginf=0.0)
        self._depth = cv2.resize(depth, self._size, interpolation=cv2.INTER_NEAREST)
        self._points = transform(frame.camtoworld, backproject(self._depth, self._K))

    @cached_property
    def _expected(self) -> NDArray[np.float32]:
        """Depth `[h, w]` that the memory expects."""
        return self._memory.render(*self._place, what="depth")

    @property
    def points(self) -> NDArray[np.float64]:
        """What the camera measures `[M, 3]`, in the memory's frame."""
        return self._points[self._depth > 0]

    @property
    def _place(self) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, int]]:
        return self._frame.camtoworld, self._K, self._size

    def look(self, things: Sequence[NDArray[np.int64]]) -> list[Evidence]:
        """Compare remembered things, as indices of their Gaussians, with what is seen."""
        if not things:
            return []
        own = torch.zeros(len(self._memory.gaussians), len(things))
        for column, gaussians in enumerate(things):
            own[gaussians, column] = 1.0
        masks = self._memory.render_values(own, *self._place) > OWN_SHARE
        return [self._compare(masks[..., column]) for column in range(len(things))]

    def _compare(self, mask: NDArray[np.bool_]) -> Evidence:
        count = int(mask.sum())
        compared = mask & (self._depth > 0) & (self._expected > 0)
        if count < MIN_PIXELS or not compared.any():
            return Evidence(count, 0.0, 0.0, 0.0, self._feature(np.zeros_like(mask)))
        farther = self._depth - self._expected
        agreeing = compared & (np.abs(farther) <= self._gate)
        return Evidence(
            count,
            float(compared.sum() / count),
            float(agreeing.sum() / compared.sum()),
            float((farther[compared] > self._gate).mean()),
            self._feature(agreeing),
        )

    def _feature(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Unit mean feature `[d]` of the pixels of a mask `[h, w]`."""
        valid = self._map.valid
        share = cv2.resize(
            mask.astype(np.float32), valid.shape[::-1], interpolation=cv2.INTER_AREA
        )
        mean = np.tensordot(np.where(valid, share, 0.0), self._map.features, 2)
        return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)

    def things(
        self, planes: Sequence[Plane], remembered: NDArray[np.float64] | None = None
    ) -> list[SeenThing]:
        """What stands out of the large planes, in connected pieces.

        Args:
            planes: on which things stand.
            remembered: points `[K, 3]`; pixels that show something near them are left out.
        """
        off = self._depth > 0
        for plane in planes:
            off &= np.abs(plane.height(self._points)) > OFF_PLANE
        if remembered is not None and len(remembered) and off.any():
            off[off] = ~np.isfinite(
                cKDTree(remembered).query(self._points[off], distance_upper_bound=BESIDE)[0]
            )
        if not off.any():
            return []
        pixels, points = np.argwhere(off), self._points[off]
        scaled = [pixels / NEIGHBOUR_PIXELS, self._depth[off][:, None] / NEIGHBOUR_DEPTH]
        graph = neighbour_graph(np.concatenate(scaled, axis=1), 1.0)
        found = []
        for part in pieces(graph, np.ones(len(pixels), bool)):
            if len(part) < MIN_PIXELS:
                continue
            mask = np.zeros(off.shape, bool)
            mask[tuple(pixels[part].T)] = True
            found.append(SeenThing(points[part], self._feature(mask)))
        return found


def in_image(points: NDArray[np.float64], frame: RgbdFrame) -> float:
    """Share of points `[M, 3]` (memory's frame) that project into the frame's image."""
    uv, z = project(transform(inverse(frame.camtoworld), points), frame.K)
    size = (frame.width, frame.height)
    inside = (z > 0) & (uv >= 0).all(-1) & (uv < size).all(-1)
    return float(inside.mean())
