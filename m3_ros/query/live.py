"""What the camera sees now: does it agree with the memory, and where else is the thing?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.capture.frame import Frame
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.geometry import backproject, inverse, project, scale_intrinsics, transform
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.relevancy import Probability
from m3_ros.query.segmentation import neighbour_graph, pieces

LOOK_SIZE = 160
"""Width (px) of the images in which memory and camera are compared."""
OWN_SHARE = 0.5
"""A pixel shows a thing where at least this share of its rendered light comes from it."""
SURPRISE = 3.0
"""A thing that moved is seen where the live view is this many times as relevant as the memory."""
NEIGHBOUR_PIXELS = 2.5
"""Points at most this many pixels apart, at their distance, hang together."""
MIN_PIXELS = 12
"""Fewer pixels of a thing than this tell nothing."""


@dataclass(frozen=True)
class Evidence:
    """How a remembered thing looks in the live frame.

    Attributes:
        pixels: pixels of the comparison image in which it should be seen.
        measured: share of them with live depth.
        agree: share of the measured ones within the gate of the remembered depth.
        behind: share of the measured ones where the camera sees farther: nothing is there.
        relevancy: mean live probability at those pixels; NaN where there are none.
    """

    pixels: int
    measured: float
    agree: float
    behind: float
    relevancy: float


def live_relevancy(
    extractor: FeatureExtractor, frame: Frame, probability: Probability
) -> NDArray[np.float32]:
    """Probability `[h, w]` of every cell of the live frame's feature map."""
    result = extractor.extract(frame.rgb)
    return np.where(result.valid, probability(result.features), 0.0).astype(np.float32)


def look(
    memory: SpatialMemory,
    gaussians: NDArray[np.int64],
    frame: Frame,
    gate: float,
    relevancy: NDArray[np.float32],
) -> Evidence:
    """Compare a remembered thing with the live frame where it should be visible.

    Args:
        memory: renders what should be seen.
        gaussians: indices of the thing's Gaussians.
        frame: what is seen.
        gate: largest difference of depth, m, that counts as agreement.
        relevancy: of the live frame `[h, w]`, see `live_relevancy`.
    """
    size, K, depth = _small(frame)
    own = torch.zeros(len(memory.gaussians), 1)
    own[gaussians] = 1.0
    place = (frame.camtoworld, K, size)
    mask = memory.render_values(own, *place)[..., 0] > OWN_SHARE
    if mask.sum() < MIN_PIXELS:
        return Evidence(int(mask.sum()), 0.0, 0.0, 0.0, float("nan"))
    remembered, seen = memory.render(*place, what="depth")[mask], depth[mask]
    live = cv2.resize(relevancy, size, interpolation=cv2.INTER_LINEAR)[mask]
    measured = (seen > 0) & (remembered > 0)
    difference = (seen - remembered)[measured]
    if not len(difference):
        return Evidence(int(mask.sum()), 0.0, 0.0, 0.0, float(live.mean()))
    return Evidence(
        int(mask.sum()),
        float(measured.mean()),
        float((np.abs(difference) <= gate).mean()),
        float((difference > gate).mean()),
        float(live.mean()),
    )


def in_image(points: NDArray[np.float64], frame: Frame) -> float:
    """Share of points `[M, 3]` (memory's frame) that project into the frame's image."""
    uv, z = project(transform(inverse(frame.camtoworld), points), frame.K)
    size = (frame.width, frame.height)
    inside = (z > 0) & (uv >= 0).all(-1) & (uv < size).all(-1)
    return float(inside.mean())


def see_thing(
    frame: Frame,
    relevancy: NDArray[np.float32],
    threshold: float,
    expected: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float64], float] | None:
    """The best thing in the live frame: points `[M, 3]` in the memory's frame, mean probability.

    Pixels whose relevancy is above half of the peak and that hang together in 3D are one thing.

    Args:
        frame: what is seen.
        relevancy: of the live frame `[h, w]`, see `live_relevancy`.
        threshold: None is returned when nothing has at least this mean probability.
        expected: relevancy `[H, W]` that the memory expects in the frame; only pixels with
            `SURPRISE` times as much count, so that what was there before is no substitute.
    """
    size, K, depth = _small(frame)
    heat = cv2.resize(relevancy, size, interpolation=cv2.INTER_LINEAR)
    heat = np.where(depth > 0, heat, 0.0)
    if expected is not None:
        known = cv2.resize(expected, size, interpolation=cv2.INTER_AREA)
        heat = np.where(heat > SURPRISE * known, heat, 0.0)
    if heat.max() < threshold:
        return None
    mask = heat > 0.5 * heat.max()
    points = transform(frame.camtoworld, backproject(depth, K)[mask])
    values = heat[mask]
    graph = neighbour_graph(points, NEIGHBOUR_PIXELS * float(np.median(depth[mask])) / K[0, 0])
    parts = [part for part in pieces(graph, np.ones(len(points), bool)) if len(part) >= MIN_PIXELS]
    if not parts:
        return None
    best = max(parts, key=lambda part: values[part].mean())
    score = float(values[best].mean())
    return (points[best], score) if score >= threshold else None


def _small(frame: Frame) -> tuple[tuple[int, int], NDArray[np.float64], NDArray[np.float32]]:
    """Size (width, height), intrinsics `[3, 3]` and depth `[H, W]` of the comparison images."""
    size = (LOOK_SIZE, round(LOOK_SIZE * frame.height / frame.width))
    K = scale_intrinsics(frame.K, size[0] / frame.width, size[1] / frame.height)
    return size, K, cv2.resize(frame.depth, size, interpolation=cv2.INTER_NEAREST)
