"""Depth of colour-only frames with known poses, by plane sweeping (Collins, CVPR 1996).

Every frame is compared with its neighbours warped through planes of constant depth. A pixel's
depth is that of the plane where they match best (zero-mean normalised cross-correlation), kept
where the match is unique and other frames' depths agree. Surfaces without texture get none.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import backproject, inverse, project, scale_intrinsics, transform
from m3_ros.splat.scale import NOMINAL_DISTANCE
from m3_ros.types import Array, Depth

WIDTH = 200
"""Width, px, about, of the images that are compared. Depth then has a noise of 0.2 px, which is
0.2 z / (200 sin 10 deg) = 0.6 % of the distance at the angle of `ANGLE`."""
PLANES = 64
"""Depths that are tried, evenly spaced in inverse depth: a step moves a pixel by about
200 sin(10 deg) 2.5 / 64 = 1.4 px."""
NEAREST, FARTHEST = 0.4, 20.0
"""Range of the planes, relative to the working distance."""
NEIGHBOURS, ANGLE = 4, 10.0
"""Frames that a frame is compared with: those seen from the middle of the scene at an angle next
to this, degrees; larger ones change the appearance, smaller ones measure less."""
ANGLES = (2.0, 30.0)
"""Angles that are used at all, degrees."""
WINDOW = 7
"""Side of the window of the correlation, px: 50 pixels average its noise to 0.1."""
MIN_CORRELATION = 0.6
"""Least correlation of a match."""
MIN_LEAD = 0.02
"""Least lead of the best correlation over the best of planes that are not next to it."""
MIN_TEXTURE = 0.01
"""Least standard deviation of intensity (0..1) in a window: above sensor noise of 2/255."""
REACH = 5
"""Side, px, of the square in which a measured depth counts for its neighbours: depth of a sensor
of lower resolution, registered to colour, leaves gaps of up to two pixels."""
TOLERANCE = 0.02
"""Largest difference of two frames' depths, relative; three steps of noise."""


def estimate_depth(
    frames: Sequence[RgbdFrame], wanted: Sequence[int], min_share: float
) -> list[Depth]:
    """Return depth `[H, W]` of the wanted frames where none is measured; 0: unknown.

    Args:
        frames: Posed frames at the nominal distance.
        wanted: Indices.
        min_share: Frames that have depth in this share of their pixels get none.
    """
    needed = [i for i in wanted if _share(frames[i]) < min_share]
    neighbours = {i: _neighbours(i, frames) for i in needed}
    # Depths are compared between frames, so those of the neighbours are needed, too.
    swept = sorted({i for i in needed} | {j for js in neighbours.values() for j in js})
    neighbours |= {i: _neighbours(i, frames) for i in swept if i not in neighbours}
    used = sorted(set(swept) | {j for i in swept for j in neighbours[i]})
    small = {i: _Small(frames[i]) for i in used}
    depths = {i: _sweep(small[i], [small[j] for j in neighbours[i]]) for i in swept}
    result = []
    for i in wanted:
        estimated = np.zeros(frames[i].depth.shape, np.float32)
        if i in needed:
            size = frames[i].width, frames[i].height
            agreed = _consistent(i, neighbours[i], small, depths)
            estimated = cv2.resize(agreed, size, interpolation=cv2.INTER_NEAREST)
            measured = cv2.dilate(np.uint8(frames[i].depth > 0), np.ones((REACH, REACH)))
            estimated[measured > 0] = 0
        result.append(estimated)
    return result


def _share(frame: RgbdFrame) -> float:
    """Return the share of pixels with depth within `REACH` px, of those that show the scene."""
    near = cv2.dilate(np.uint8(frame.depth > 0), np.ones((REACH, REACH))) > 0
    return float(near.mean() if frame.mask is None else near[frame.mask].mean())


class _Small:
    """A frame's intensity (0..1) at about `WIDTH` px, with its camera."""

    def __init__(self, frame: RgbdFrame) -> None:
        scale = min(1.0, WIDTH / frame.width)
        size = round(frame.width * scale), round(frame.height * scale)
        gray = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)
        self.intensity = cv2.resize(gray, size, interpolation=cv2.INTER_AREA) / np.float32(255)
        mask = np.ones(frame.depth.shape, np.uint8) if frame.mask is None else frame.mask
        self.mask = cv2.resize(np.uint8(mask), size, interpolation=cv2.INTER_NEAREST) > 0
        self.K = scale_intrinsics(frame.K, size[0] / frame.width, size[1] / frame.height)
        self.camtoworld = frame.camtoworld
        self.mean = cv2.blur(self.intensity, (WINDOW, WINDOW))
        self.variance = cv2.blur(self.intensity**2, (WINDOW, WINDOW)) - self.mean**2


def _neighbours(i: int, frames: Sequence[RgbdFrame]) -> list[int]:
    """Return the frames that see the same at a useful angle, the best first."""
    pose = frames[i].camtoworld
    middle = pose[:3, 3] + NOMINAL_DISTANCE * pose[:3, 2]
    found = []
    for j, other in enumerate(frames):
        uv, z = project(transform(inverse(other.camtoworld), middle[None]), other.K)
        inside = z[0] > 0 and (uv[0] > 0).all() and (uv[0] < [other.width, other.height]).all()
        rays = pose[:3, 3] - middle, other.camtoworld[:3, 3] - middle
        cosine = rays[0] @ rays[1] / np.prod(np.linalg.norm(rays, axis=1)).clip(1e-12)
        angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        if j != i and inside and ANGLES[0] < angle < ANGLES[1]:
            found.append((abs(np.log(angle / ANGLE)), j))
    return [j for _, j in sorted(found)[:NEIGHBOURS]]


def _sweep(image: _Small, others: list[_Small]) -> Array:
    """Return the depth `[h, w]` of an image by comparison with others, 0: none."""
    height, width = image.variance.shape
    if not others:
        return np.zeros((height, width))
    inverse_depths = np.linspace(1 / NEAREST, 1 / FARTHEST, PLANES) / NOMINAL_DISTANCE
    first = np.full((PLANES, height, width), -1.0, np.float32)  # the best of the others, because
    second = first.copy()  # some do not see the surface; and the second best, against chance
    for other in others:
        T = inverse(other.camtoworld) @ image.camtoworld
        for d, inverse_depth in enumerate(inverse_depths):
            plane = T[:3, :3] + inverse_depth * np.outer(T[:3, 3], [0, 0, 1])
            found = _correlation(image, other, other.K @ plane @ np.linalg.inv(image.K))
            np.maximum(second[d], np.minimum(first[d], found), out=second[d])
            np.maximum(first[d], found, out=first[d])
    score = (first + second) / 2 if len(others) > 1 else first
    best = score.argmax(0)
    peak = score.max(0)
    steps = np.arange(PLANES)[:, None, None]
    rival = np.where(np.abs(steps - best) > 2, score, -1).max(0)
    rows, columns = np.indices(best.shape)
    inner = best.clip(1, PLANES - 2)
    before, middle, after = (score[inner + s, rows, columns] for s in (-1, 0, 1))
    curvature = before - 2 * middle + after
    offset = np.where(curvature < -1e-6, 0.5 * (before - after) / np.minimum(curvature, -1e-6), 0)
    step = inverse_depths[1] - inverse_depths[0]
    depth = 1 / (inverse_depths[inner] + offset.clip(-0.5, 0.5) * step)
    good = (peak > MIN_CORRELATION) & (peak - rival > MIN_LEAD) & (best == inner) & image.mask
    return np.where(good & (image.variance > MIN_TEXTURE**2), depth, 0.0)


def _correlation(image: _Small, other: _Small, homography: Array) -> NDArray[np.float32]:
    """Return the correlation `[h, w]` with another image warped by a homography, -1: outside."""
    height, width = image.variance.shape
    size, flags = (width, height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(other.intensity, homography, size, flags=flags, borderValue=-9.0)
    mean = cv2.blur(warped, (WINDOW, WINDOW))
    variance = cv2.blur(warped * warped, (WINDOW, WINDOW)) - mean * mean
    covariance = cv2.blur(warped * image.intensity, (WINDOW, WINDOW)) - mean * image.mean
    score = covariance / np.sqrt((variance * image.variance).clip(1e-9))
    score[warped < 0] = -1
    return score


def _consistent(
    i: int, neighbours: list[int], small: dict[int, _Small], depths: dict[int, Array]
) -> Depth:
    """Return the depth of image i where at least one neighbour has the same, else 0."""
    image, depth = small[i], depths[i]
    known = depth > 0
    points = transform(image.camtoworld, backproject(depth, image.K)[known])
    agreeing = np.zeros(len(points), int)
    for j in neighbours:
        uv, z = project(transform(inverse(small[j].camtoworld), points), small[j].K)
        height, width = depths[j].shape
        index = np.flatnonzero((z > 0) & (uv >= 0).all(1) & (uv < [width, height]).all(1))
        column, row = uv[index].astype(int).T
        agreeing[index] += np.abs(depths[j][row, column] - z[index]) < TOLERANCE * z[index]
    result = np.zeros(depth.shape, np.float32)
    result[known] = np.where(agreeing > 0, depth[known], 0)
    return result
