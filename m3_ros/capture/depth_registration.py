"""Depth of a camera beside the colour camera, moved to the colour camera's pixels."""

from __future__ import annotations

import numpy as np

from m3_ros.geometry import project, transform
from m3_ros.types import Array, Depth

MAX_RATIO = 8.0
"""Largest ratio of the focal lengths of colour and depth in px: a time-of-flight camera of 160 px
beside a colour camera of 1280 px, with equal fields of view."""
ROUNDING = 0.01
"""Overlap (px) of squares and pixels that is rounding: TF in single precision, 6e-8 of a rotation,
moves a pixel by less than 1e-3 px."""
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Of a pixel in row v, column u: they lie at u and u + 1, v and v + 1."""


def register_depth(
    depth: Depth, K_depth: Array, T_color_depth: Array, K_color: Array, shape: tuple[int, int]
) -> Depth:
    """Return the depth `[H, W]` along the colour camera's axis in its pixels, m.

    Each depth pixel covers all colour pixels that its square touches at its depth, so that
    surfaces have no holes where the colour camera resolves more; of several the nearest stays.
    librealsense's align filter does the same.

    Args:
        depth: `[h, w]` m, 0 where there is none.
        K_depth: intrinsics `[3, 3]` of depth, px.
        T_color_depth: pose `[4, 4]` of the depth camera in the colour camera.
        K_color: intrinsics `[3, 3]` of colour, px.
        shape: height and width of the colour image, px.

    Raises:
        ValueError: the colour camera resolves more than `MAX_RATIO` times as much.
    """
    ratio = max(K_color[0, 0] / K_depth[0, 0], K_color[1, 1] / K_depth[1, 1])
    if not ratio <= MAX_RATIO:
        raise ValueError(
            f"colour has {ratio:.1f} times the focal length of depth in px; it must be at most "
            f"{MAX_RATIO}"
        )
    rows, columns = np.nonzero(depth)
    z = depth[rows, columns].astype(np.float64)
    corners, depths = [], np.zeros(len(z))
    for v, u in CORNERS:
        pixels = np.stack([columns + u, rows + v], axis=1)
        rays = (pixels - K_depth[:2, 2]) / [K_depth[0, 0], K_depth[1, 1]]
        points = transform(T_color_depth, np.column_stack([rays * z[:, None], z]))
        corner, corner_z = project(points, K_color)
        corners.append(corner)
        depths += corner_z / len(CORNERS)
    low = np.floor(np.min(corners, axis=0) + ROUNDING)
    size = np.ceil(np.max(corners, axis=0) - ROUNDING) - low  # NaN behind the colour camera
    # A larger square is of a point much nearer to the colour camera than to the depth camera.
    limit = np.ceil(2.0 * ratio) + 1
    keep = (size <= limit).all(axis=1)
    return _nearest(low[keep].astype(int), size[keep].astype(int), depths[keep], shape)


def _nearest(low: Array, size: Array, depths: Array, shape: tuple[int, int]) -> Depth:
    """Return an image of the nearest of the depths `[N]` whose rectangles cover each pixel.

    Args:
        low: `[N, 2]` first column and row of each rectangle.
        size: `[N, 2]` numbers of its columns and rows.
        depths: `[N]` m.
        shape: of the image.
    """
    height, width = shape
    order = np.argsort(-depths)  # of several at one pixel the last one stays: the nearest
    low, size, depths = low[order], size[order], depths[order]
    nearest = np.full(height * width, np.inf)
    for dy in range(size[:, 1].max(initial=0)):
        for dx in range(size[:, 0].max(initial=0)):
            u, v = low[:, 0] + dx, low[:, 1] + dy
            inside = (dx < size[:, 0]) & (dy < size[:, 1])
            inside &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
            layer = np.full(height * width, np.inf)
            layer[v[inside] * width + u[inside]] = depths[inside]
            np.minimum(nearest, layer, out=nearest)
    nearest[np.isinf(nearest)] = 0.0
    return nearest.reshape(shape).astype(np.float32)
