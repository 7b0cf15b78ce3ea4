"""Arrays as pictures: depth in colour, contact sheets, side-by-side panels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.errors import UsageError
from m3_ros.types import Image

TITLE_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
"""Font, scale and thickness of the titles of a sheet: letters 10 px high."""
TITLE_HEIGHT = 24
"""Of the strip of column titles, px: a line of `TITLE_FONT` with its descenders."""
TITLE_MARGIN = 6
"""Left and right of a title, px."""


def depth_picture(depth: NDArray[np.float32], near: float, far: float) -> Image:
    """Depth `[H, W]` (m, 0 = none) as RGB `[H, W, 3]`: red near, blue far, black where none."""
    colored = heat_picture((far - depth) / max(far - near, 1e-9))
    colored[depth <= 0] = 0
    return colored


def heat_picture(values: NDArray[np.float32]) -> Image:
    """Values `[H, W]` in 0..1, clipped, as RGB `[H, W, 3]` from blue (0) to red (1)."""
    heat = cv2.applyColorMap(np.uint8(np.rint(values.clip(0.0, 1.0) * 255)), cv2.COLORMAP_TURBO)
    return cv2.cvtColor(heat, cv2.COLOR_BGR2RGB)


def contact_sheet(
    images: Sequence[Image],
    columns: int,
    width: int,
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
) -> Image:
    """Return pictures `[H, W, 3]` of one shape in a grid, each `width` pixels wide, row by row.

    Args:
        images: at least one.
        columns: pictures in a row.
        width: of a picture in the sheet, pixels.
        column_titles: one for each column, written above; or none.
        row_titles: one for each row, written at the left; or none.

    Raises:
        ValueError: There is no picture, or the number of titles is wrong.
    """
    if not images:
        raise ValueError("contact_sheet: images is empty; it needs at least one")
    height = round(images[0].shape[0] * width / images[0].shape[1])
    tiles = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in images]
    blank = np.full((height, width, 3), 255, np.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    for name, titles, count in (
        ("column_titles", column_titles, columns),
        ("row_titles", row_titles, len(rows)),
    ):
        if titles and len(titles) != count:
            raise ValueError(f"contact_sheet: {name} has {len(titles)} titles; it needs {count}")
    if column_titles:
        rows.insert(0, np.hstack([_title(title, width, TITLE_HEIGHT) for title in column_titles]))
    sheet = np.vstack(rows)
    if row_titles:
        margin = max(cv2.getTextSize(title, *TITLE_FONT)[0][0] for title in row_titles)
        margin += 2 * TITLE_MARGIN
        corner = [_title("", margin, TITLE_HEIGHT)] if column_titles else []
        beside = np.vstack(corner + [_title(title, margin, height) for title in row_titles])
        sheet = np.hstack([beside, sheet])
    return sheet


def _title(text: str, width: int, height: int) -> Image:
    """Return a white picture of the size (pixels) with a text at its left, in mid-height."""
    image = np.full((height, width, 3), 255, np.uint8)
    font, scale, thickness = TITLE_FONT
    baseline = (height + cv2.getTextSize(text, *TITLE_FONT)[0][1]) // 2
    place = (TITLE_MARGIN, baseline)
    return cv2.putText(image, text, place, font, scale, (0, 0, 0), thickness, cv2.LINE_AA)


def draw_text(
    image: Image, text: str, place: tuple[int, int], color: tuple[int, int, int] = (255, 255, 255)
) -> None:
    """Write a text with a black outline into `image`, its baseline's left end at pixel `place`."""
    # One thickness for both: OpenCV 5 sets letters of a thicker one farther apart.
    font, (x, y) = (cv2.FONT_HERSHEY_SIMPLEX, 0.55), place
    for i, j in product((-1, 0, 1), repeat=2):
        cv2.putText(image, text, (x + i, y + j), *font, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(image, text, place, *font, color, 1, cv2.LINE_AA)


def evenly(items: Sequence, count: int) -> list:
    """At most `count` items spread evenly from the first to the last."""
    if len(items) <= count:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def write_picture(image: Image, path: Path) -> Path:
    """Write an RGB picture `[H, W, 3]`; the ending of `path` says the format.

    Raises:
        UsageError: no format has that ending.
        OSError: it cannot be written.
    """
    try:
        _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise UsageError(
            f"{path} has the ending {path.suffix!r}; that of a picture must be .png or .jpg"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded.data)  # imwrite crashes of a path that is not UTF-8
    return path
