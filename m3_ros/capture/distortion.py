"""Lens distortion as OpenCV models it, and its removal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.types import Array, Depth

MIN_INSIDE = 0.1
"""Least share of an undistorted picture that the lens saw: below, nine tenths are black."""


@dataclass(frozen=True, eq=False)
class Distortion:
    """Distortion of a lens.

    Attributes:
        coefficients: k1 k2 p1 p2 k3 [k4 k5 k6] of OpenCV's pinhole model, or k1 k2 k3 k4 of its
            fisheye model (theta_d = theta (1 + k1 theta^2 + ...)).
        fisheye: which of the two.
    """

    coefficients: Array
    fisheye: bool = False

    @property
    def is_none(self) -> bool:
        """Whether the lens is an ideal pinhole; a fisheye never is."""
        return not self.fisheye and not np.any(self.coefficients)


def undistort(frame: RgbdFrame, distortion: Distortion) -> RgbdFrame:
    """Remove the distortion; `K` stays.

    Colour is interpolated linearly, depth and mask by nearest neighbour, which mixes no edges.

    Raises:
        ValueError: less than `MIN_INSIDE` of the picture is left.
    """
    if distortion.is_none:
        return frame
    maps = _maps(frame.K, distortion, frame.depth.shape)
    mask = frame.mask
    if mask is not None:
        mask = cv2.remap(mask.astype(np.uint8), *maps, cv2.INTER_NEAREST) > 0
    return replace(
        frame,
        rgb=cv2.remap(frame.rgb, *maps, cv2.INTER_LINEAR),
        depth=cv2.remap(frame.depth, *maps, cv2.INTER_NEAREST),
        mask=mask,
    )


def undistort_depth(depth: Depth, K: Array, distortion: Distortion) -> Depth:
    """Remove the distortion of a depth image `[H, W]` of its own camera `K [3, 3]`.

    Raises:
        ValueError: less than `MIN_INSIDE` of the picture is left.
    """
    if distortion.is_none:
        return depth
    return cv2.remap(depth, *_maps(K, distortion, depth.shape), cv2.INTER_NEAREST)


def _maps(K: Array, distortion: Distortion, shape: tuple[int, int]) -> tuple[NDArray, NDArray]:
    """Return the columns and rows at which each undistorted pixel is seen."""
    # OpenCV's pixel centres are integers, this project's are at + 0.5.
    K = K - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]
    model = cv2.fisheye if distortion.fisheye else cv2
    height, width = shape
    maps = model.initUndistortRectifyMap(
        K, distortion.coefficients, np.eye(3), K, (width, height), cv2.CV_32FC1
    )
    inside = (maps[0] >= 0) & (maps[0] < width) & (maps[1] >= 0) & (maps[1] < height)
    if inside.mean() < MIN_INSIDE:
        raise ValueError(
            f"distortion {distortion.coefficients.tolist()} leaves {inside.mean():.0%} of the "
            f"picture; it must leave at least {MIN_INSIDE:.0%}"
        )
    return maps
