"""The trace of a pixel as a picture: from which cells of which keyframes its feature is read."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from m3_ros.capture.scan import Scan
from m3_ros.memory.queries import View
from m3_ros.memory.spatial_memory import SpatialMemory, Trace
from m3_ros.types import Image
from m3_ros.view.memory import keyframe_picture
from m3_ros.view.pictures import draw_text

MAIN_WIDTH, SOURCE_WIDTH, GAP = 640, 320, 80
"""Of the traced view and of its sources, px; and between them, for the arrows."""
SOURCES = 4
"""Most keyframes that are drawn, those with the largest weights."""
ARROW = (60, 255, 90)


def trace_picture(
    memory: SpatialMemory, view: View, pixel: tuple[int, int], traces: Sequence[Trace],
    grid: tuple[int, int], scan: Scan | None = None,
) -> Image:  # fmt: skip
    """Return a view at the left and, at the right, the keyframes whose cells a pixel of it reads.

    Args:
        memory: that is traced.
        view: which contains the pixel.
        pixel: row and column, px.
        traces: of the pixel, largest weight first.
        grid: rows and columns of the model's feature maps.
        scan: for the camera's pictures; without it the memory's renderings are drawn.
    """
    frames = list(dict.fromkeys(each.frame for each in traces))[:SOURCES]
    main = _scaled(keyframe_picture(memory, view, scan), MAIN_WIDTH)
    views = [memory.views[frame] for frame in frames]
    tiles = [_scaled(keyframe_picture(memory, each, scan), SOURCE_WIDTH) for each in views]
    height = max(len(main), sum(map(len, tiles)))
    sheet = np.full((height, MAIN_WIDTH + GAP + SOURCE_WIDTH, 3), 255, np.uint8)
    sheet[: len(main), :MAIN_WIDTH] = main
    factor = MAIN_WIDTH / view.width
    start = round(factor * (pixel[1] + 0.5)), round(factor * (pixel[0] + 0.5))
    top, left, ends = 0, MAIN_WIDTH + GAP, []
    for frame, tile in zip(frames, tiles, strict=True):
        sheet[top : top + len(tile), left:] = tile
        cell = np.array([SOURCE_WIDTH / grid[1], len(tile) / grid[0]])
        for each in (each for each in traces if each.frame == frame):
            corner = cell * [each.column, each.row] + [left, top]
            first, last = (
                tuple(np.rint(at).astype(int).tolist()) for at in (corner, corner + cell)
            )
            cv2.rectangle(sheet, first, last, ARROW, 1, cv2.LINE_AA)
            ends.append((tuple(np.rint(corner + cell / 2).astype(int).tolist()), each.weight))
        draw_text(sheet, f"keyframe {frame}", (left + 6, top + 18))
        top += len(tile)
    for end, weight in ends:
        cv2.arrowedLine(sheet, start, end, ARROW, 1 + round(3 * weight), cv2.LINE_AA, 0, 0.02)
        draw_text(sheet, f"{weight:.2f}", (end[0] + 8, end[1] + 4))
    cv2.drawMarker(sheet, start, (255, 60, 60), cv2.MARKER_CROSS, 18, 2)
    return sheet


def _scaled(image: Image, width: int) -> Image:
    height = round(image.shape[0] * width / image.shape[1])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
