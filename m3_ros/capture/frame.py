"""A posed RGB-D image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RgbdFrame:
    """A posed RGB-D image with depth aligned to colour.

    Attributes:
        rgb: `[H, W, 3]` uint8 colour, sRGB.
        depth: `[H, W]` float32 depth along z in m; 0 where there is none.
        K: `[3, 3]` float64 pinhole intrinsics in pixels, no distortion.
        camtoworld: `[4, 4]` float64 `T_world_camera`, OpenCV camera axes.
        stamp: time of exposure in s.
        mask: `[H, W]` bool, False where the picture does not show the scene (say the robot's own
            gripper); None where all of it does.
        name: name of the image's file at its source; "" if unknown.

    Raises:
        ValueError: a field has the wrong shape, dtype or value; the message names it.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    K: NDArray[np.float64]
    camtoworld: NDArray[np.float64]
    stamp: float = 0.0
    mask: NDArray[np.bool_] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        rgb, depth = self.rgb, self.depth
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
            raise ValueError(f"frame.rgb is {rgb.dtype} {rgb.shape}; it must be uint8 [H, W, 3]")
        if depth.shape != rgb.shape[:2] or depth.dtype != np.float32:
            raise ValueError(
                f"frame.depth is {depth.dtype} {depth.shape}; it must be float32 {rgb.shape[:2]}"
            )
        if self.K.shape != (3, 3) or not np.isfinite(self.K).all() or self.K[0, 0] <= 0:
            raise ValueError(f"frame.K is {self.K.tolist()}; it must be a finite [3, 3], fx > 0")
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


def check_pose(name: str, T: NDArray[np.float64]) -> None:
    """Check that an array is a rigid transform `[4, 4]`.

    Raises:
        ValueError: wrong shape, not finite, or its rotation is not orthonormal within 1e-3.
    """
    if T.shape != (4, 4) or not np.isfinite(T).all():
        raise ValueError(f"{name} is {np.asarray(T).tolist()}; it must be a finite [4, 4]")
    rotation = T[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
        raise ValueError(
            f"{name} has rotation {rotation.tolist()}; it must be orthonormal, det +1"
        )
