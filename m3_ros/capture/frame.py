"""A posed RGB-D image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import scale_intrinsics
from m3_ros.types import Array, Depth, Image, Mask

MAX_PIXEL_ASPECT = 2.5
"""Largest ratio of fx and fy: anamorphic lenses squeeze by 2, a quarter more for calibration."""


@dataclass(frozen=True, eq=False)
class RgbdFrame:
    """A posed RGB-D image with depth aligned to colour.

    Attributes:
        rgb: `[H, W, 3]` uint8 colour, sRGB.
        depth: `[H, W]` float32 depth along z in m; 0 where there is none.
        K: `[3, 3]` float64 pinhole intrinsics in pixels, no distortion.
        camtoworld: `[4, 4]` float64 `T_world_camera`, OpenCV camera axes.
        stamp: time of exposure in s.
        mask: `[H, W]` bool, False where the image shows no scene, for example the robot's own
            gripper; None: all pixels show the scene.
        name: name of the image's file at its source; "" if unknown.

    Raises:
        ValueError: a field has the wrong shape, dtype or value; the message names it.
    """

    rgb: Image
    depth: Depth
    K: Array
    camtoworld: Array
    stamp: float = 0.0
    mask: Mask | None = None
    name: str = ""

    def __post_init__(self) -> None:
        rgb, depth = self.rgb, self.depth
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
            raise ValueError(f"frame.rgb is {rgb.dtype} {rgb.shape}; it must be uint8 [H, W, 3]")
        if depth.shape != rgb.shape[:2] or depth.dtype != np.float32:
            raise ValueError(
                f"frame.depth is {depth.dtype} {depth.shape}; it must be float32 {rgb.shape[:2]}"
            )
        check_intrinsics("frame.K", self.K, rgb.shape[:2])
        check_pose("frame.camtoworld", self.camtoworld)
        mask = self.mask
        if mask is not None and (mask.shape != depth.shape or mask.dtype != np.bool_):
            raise ValueError(
                f"frame.mask is {mask.dtype} {mask.shape}; it must be bool {depth.shape}"
            )

    @property
    def width(self) -> int:
        """Image width in pixels."""
        return self.rgb.shape[1]

    @property
    def height(self) -> int:
        """Image height in pixels."""
        return self.rgb.shape[0]


def apply_mask(frame: RgbdFrame, mask: Mask | None) -> RgbdFrame:
    """Return the frame with a mask `[H, W]`, and no depth where the mask is False.

    A frame that has a mask already, or has another size, is returned as it is.
    """
    if mask is None or frame.mask is not None or frame.depth.shape != mask.shape:
        return frame
    return replace(frame, mask=mask, depth=np.where(mask, frame.depth, np.float32(0.0)))


def shrink(frame: RgbdFrame, side: int) -> RgbdFrame:
    """Return the frame with a longer side of at most `side` px.

    Colour is averaged. A pixel's depth is the least of those measured in it, as of a surface in
    front of another, so that no isolated point is lost; it shows the scene if most of it does.
    """
    factor = side / max(frame.width, frame.height)
    if factor >= 1.0:
        return frame
    width, height = max(round(frame.width * factor), 1), max(round(frame.height * factor), 1)
    factors = width / frame.width, height / frame.height
    row, column = np.nonzero(frame.depth)
    depth = np.full((height, width), np.inf, np.float32)
    small = (row + 0.5) * factors[1], (column + 0.5) * factors[0]
    np.minimum.at(depth, tuple(x.astype(int) for x in small), frame.depth[row, column])
    mask = frame.mask
    if mask is not None:
        shown = cv2.resize(np.float32(mask), (width, height), interpolation=cv2.INTER_AREA)
        mask = shown > 0.5
    return replace(
        frame,
        rgb=cv2.resize(frame.rgb, (width, height), interpolation=cv2.INTER_AREA),
        depth=np.where(np.isfinite(depth), depth, np.float32(0.0)),
        K=scale_intrinsics(frame.K, *factors),
        mask=mask,
    )


def check_intrinsics(name: str, K: Array, shape: tuple[int, int]) -> None:
    """Check that a matrix is that of a pinhole camera.

    Args:
        name: of the matrix, for the message.
        K: intrinsics in pixels.
        shape: height and width of its images, px.

    Raises:
        ValueError: it is not finite `[3, 3]`, its last row is not 0 0 1, a focal length is not
            positive, both differ by more than `MAX_PIXEL_ASPECT`, or the principal point is
            farther outside the image than the image's size.
    """
    if K.shape != (3, 3) or not np.isfinite(K).all():
        raise ValueError(f"{name} = {K.tolist()}: it must be a finite [3, 3]")
    (fx, _, cx), (_, fy, cy), last = K
    height, width = shape
    if last.tolist() != [0.0, 0.0, 1.0] or K[1, 0] != 0.0:
        rule = "row 2 must begin with 0, and row 3 be 0 0 1"
    elif not (fx > 0.0 and fy > 0.0):
        rule = "focal lengths must be positive"
    elif max(fx / fy, fy / fx) > MAX_PIXEL_ASPECT:
        rule = f"the ratio of fx and fy must be at most {MAX_PIXEL_ASPECT}"
    elif not (-width <= cx <= 2 * width and -height <= cy <= 2 * height):
        rule = f"the principal point must lie near the image of {width} x {height} px"
    else:
        return
    raise ValueError(f"{name} = {K.tolist()}: {rule}")


def check_pose(name: str, T: Array) -> None:
    """Check that an array is a rigid transform `[4, 4]`.

    Raises:
        ValueError: wrong shape, not finite, or its rotation is not orthonormal within 1e-3,
            or its last row is not 0 0 0 1.
    """
    if T.shape != (4, 4) or not np.isfinite(T).all():
        raise ValueError(f"{name} is {np.asarray(T).tolist()}; it must be a finite [4, 4]")
    if not is_rigid(T):
        raise ValueError(
            f"{name} has rotation {T[:3, :3].tolist()}; it must be orthonormal, det +1"
        )
    if np.abs(T[3] - [0.0, 0.0, 0.0, 1.0]).max() > 1e-6:
        raise ValueError(f"{name} has the last row {T[3].tolist()}; it must be 0 0 0 1")


def is_rigid(T: Array) -> NDArray[np.bool_]:
    """Return `[...]` whether the rotations of `T [..., 4, 4]` are orthonormal within 1e-3."""
    rotation = T[..., :3, :3]
    error = np.abs(rotation @ rotation.swapaxes(-1, -2) - np.eye(3)).max((-1, -2))
    return (error <= 1e-3) & (np.linalg.det(rotation) > 0)
