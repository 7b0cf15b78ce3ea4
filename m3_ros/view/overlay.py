"""Answers drawn over what the camera sees: relevancy as heat, boxes as wire frames."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import inverse, project, transform
from m3_ros.types import Image
from m3_ros.view.pictures import draw_text, heat_picture

BOX_COLOR = (60, 255, 90)
STRENGTH = 0.65
"""Opacity of the heat where the relevancy is one."""


def draw_overlay(rgb: Image, heatmap: NDArray[np.float32]) -> Image:
    """Relevancy `[H, W]` in 0..1 as heat over a picture `[H, W, 3]`; the rest turns greyish.

    Raises:
        ValueError: the two differ in size.
    """
    if heatmap.shape != rgb.shape[:2]:
        raise ValueError(f"heatmap {heatmap.shape} must have the size of rgb {rgb.shape[:2]}")
    share = np.clip(heatmap, 0.0, 1.0)[..., None].astype(np.float32)
    heat = heat_picture(share[..., 0]).astype(np.float32)
    grey = rgb.mean(-1, keepdims=True)
    dimmed = 0.55 * rgb + 0.35 * grey
    return np.uint8(
        np.rint(dimmed + share * STRENGTH * (heat - dimmed) + share * 0.2 * rgb).clip(0, 255)
    )


def draw_box(
    image: Image,
    corners: NDArray[np.float64],
    camtoworld: NDArray[np.float64],
    K: NDArray[np.float64],
    label: str = "",
) -> Image:
    """A copy of `image` with the wire frame of a box in it.

    Args:
        image: `[H, W, 3]`.
        corners: `[8, 3]` m, signs of the three axes in binary order, in the frame of the pose.
        camtoworld: `[4, 4]` pose of the camera.
        K: `[3, 3]` pixels.
        label: written above the box.
    """
    drawn = np.ascontiguousarray(image).copy()
    uv, z = project(transform(inverse(camtoworld), corners), K)
    if (z <= 0.01).any():
        return drawn
    pixels = np.rint(uv.clip(-1e4, 1e4)).astype(int)
    for a, b in combinations(range(8), 2):
        if (a ^ b).bit_count() == 1:
            cv2.line(drawn, pixels[a].tolist(), pixels[b].tolist(), BOX_COLOR, 2, cv2.LINE_AA)
    if label:
        place = (int(pixels[:, 0].min()), max(16, int(pixels[:, 1].min()) - 8))
        draw_text(drawn, label, place, BOX_COLOR)
    return drawn
