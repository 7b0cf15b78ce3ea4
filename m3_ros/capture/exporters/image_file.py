"""Writer of PNG images that tells when it fails."""

from __future__ import annotations

from pathlib import Path

import cv2
from numpy.typing import NDArray


def write_png(path: Path, pixels: NDArray) -> None:
    """Write grey `[H, W]` or RGB `[H, W, 3]` pixels; folders are made.

    Raises:
        OSError: it could not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    path.write_bytes(encoded.data)
