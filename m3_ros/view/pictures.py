"""Arrays as pictures: depth in colour, contact sheets, side-by-side panels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.types import Image


def depth_picture(depth: NDArray[np.float32], near: float, far: float) -> Image:
    """Depth `[H, W]` (m, 0 = none) as RGB `[H, W, 3]`: red near, blue far, black where none."""
    scaled = np.clip((far - depth) / max(far - near, 1e-9), 0.0, 1.0)
    colored = cv2.applyColorMap(np.uint8(np.rint(scaled * 255)), cv2.COLORMAP_TURBO)
    colored[depth <= 0] = 0
    return cv2.cvtColor(colored, cv2.COLOR_BGR2RGB)


def contact_sheet(images: Sequence[Image], columns: int, width: int) -> Image:
    """Pictures `[H, W, 3]` of one shape in a grid, each `width` pixels wide, row by row.

    Raises:
        ValueError: there is no picture.
    """
    if not images:
        raise ValueError("contact_sheet: images is empty; it needs at least one")
    height = round(images[0].shape[0] * width / images[0].shape[1])
    tiles = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in images]
    blank = np.full((height, width, 3), 255, np.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def evenly(items: Sequence, count: int) -> list:
    """At most `count` items spread evenly from the first to the last."""
    if len(items) <= count:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def write_picture(image: Image, path: Path) -> Path:
    """Write an RGB picture `[H, W, 3]`; the ending of `path` says the format.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise OSError(f"cannot write {path}")
    return path
