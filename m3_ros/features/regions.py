"""Region proposals: superpixels, and regions as cells of a feature map."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from m3_ros.features.patches import patch_grid
from m3_ros.types import Image, Mask


class RegionProposer(Protocol):
    """Divides an image into regions.

    Attributes:
        digest: of what decides its regions.
    """

    digest: str

    def propose(self, rgb: Image) -> NDArray[np.int32]:
        """Return the region `[H, W]` int32 of every pixel of `[H, W, 3]`: 0..n-1, -1: none."""
        ...


class SuperpixelProposer:
    """Regions of similar colour, for machines without SAM: deterministic, no weights.

    The graph-based segmentation of Felzenszwalb and Huttenlocher (IJCV 2004) on a small image
    without noise, in CIELAB.

    Args:
        side: pixels of the longer side of the image that is cut.
        scale: k of the paper; larger regions for larger values.
        least: regions of fewer pixels of that image join a neighbour.
    """

    def __init__(self, side: int = 160, scale: float = 300.0, least: int = 60) -> None:
        self._side, self._scale, self._least = side, scale, least
        self.digest = f"superpixels {side} {scale} {least}"

    def propose(self, rgb: Image) -> NDArray[np.int32]:
        """Return the regions `[H, W]` of an image."""
        height, width = patch_grid(rgb.shape[:2], self._side)
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        small = cv2.medianBlur(small, 5).astype(np.float32) / 255
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
        labels = graph_segmentation(lab, self._scale, self._least)
        return cv2.resize(labels, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def graph_segmentation(image: NDArray[np.float32], scale: float, least: int) -> NDArray[np.int32]:
    """Segment an image `[h, w, c]` into regions `[h, w]`, 0..n-1 (Felzenszwalb, Huttenlocher).

    Two segments merge where the edge between them weighs no more than the heaviest edge inside
    either, plus scale / size; then segments of fewer than `least` pixels join a neighbour.
    """
    height, width = image.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    pairs, weights = [], []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        pairs.append(np.stack([number[a].ravel(), number[b].ravel()], 1))
        weights.append(np.linalg.norm(image[a] - image[b], axis=-1).ravel())
    weight = np.concatenate(weights)
    order = np.argsort(weight, kind="stable")
    edges = np.concatenate(pairs)[order].tolist()
    parent, size = list(range(height * width)), [1] * (height * width)
    limit = [scale] * (height * width)

    def root(pixel: int) -> int:
        while parent[pixel] != pixel:
            parent[pixel] = pixel = parent[parent[pixel]]
        return pixel

    def merge(a: int, b: int) -> None:
        parent[b] = a
        size[a] += size[b]

    for (first, second), cost in zip(edges, weight[order].tolist(), strict=True):
        a, b = root(first), root(second)
        if a != b and cost <= min(limit[a], limit[b]):
            merge(a, b)
            limit[a] = cost + scale / size[a]
    for first, second in edges:
        a, b = root(first), root(second)
        if a != b and min(size[a], size[b]) < least:
            merge(a, b)
    roots = np.array([root(pixel) for pixel in range(height * width)])
    return np.unique(roots, return_inverse=True)[1].reshape(height, width).astype(np.int32)


def best_masks(masks: Tensor, scores: Tensor, repeat: float) -> list[int]:
    """Return the indices of masks `[n, h, w]` (bool) after non-maximum suppression, best first.

    Args:
        masks: some may be empty; those are not kept.
        scores: `[n]`, larger is better.
        repeat: masks of a larger IoU repeat each other.
    """
    flat = masks.flatten(1).float()
    area, common = flat.sum(1), flat @ flat.T
    iou = common / (area[:, None] + area[None] - common).clamp_min(1.0)
    kept: list[int] = []
    for number in scores.argsort(descending=True, stable=True).tolist():
        if area[number] > 0 and not (iou[number, kept] > repeat).any():
            kept.append(number)
    return kept


def paint(masks: Mask, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return regions `[H, W]` of masks `[n, H, W]` by index; smaller masks lie on top."""
    regions = np.full(shape, -1, np.int32)
    for number in sorted(range(len(masks)), key=lambda number: -int(masks[number].sum())):
        regions[masks[number]] = number
    return regions


def relabel(regions: NDArray[np.int32]) -> NDArray[np.int32]:
    """Renumber regions 0..n-1 without gaps; -1 stays."""
    found, index = np.unique(regions, return_inverse=True)
    start = int(np.count_nonzero(found < 0))
    return (index.reshape(regions.shape) - start).astype(np.int32)


def region_cells(regions: NDArray[np.int32], grid: tuple[int, int]) -> NDArray[np.int32]:
    """Return for each cell `[h, w]` the region that covers most of it; -1: none."""
    best, cells = np.zeros(grid, np.float32), np.full(grid, -1, np.int32)
    for number in np.unique(regions):
        own = (regions == number).astype(np.float32)
        share = cv2.resize(own, grid[::-1], interpolation=cv2.INTER_AREA)
        cells[share > best] = number
        best = np.maximum(share, best)
    return cells
