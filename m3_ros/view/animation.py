"""Pictures in order as one animated WebP."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
from PIL import Image as Pictures

from m3_ros.types import Image
from m3_ros.view.pictures import evenly

WIDTH = 400  # px
MAX_BYTES = 3_000_000
MOST = 90
"""Pictures; at 400 px and this quality one has up to 20 kB."""
QUALITY = 60  # of 100, as in JPEG; 0..100
PERIOD = 120  # ms each: 90 pictures pass in 11 s


def animation(pictures: Sequence[Image]) -> bytes:
    """Return an animated WebP of pictures `[H, W, 3]`, of `MAX_BYTES` at most.

    Of many pictures `MOST` are taken evenly, and half as many as long as they are too large.

    Args:
        pictures: at least one, all of one size.
    """
    shown = evenly(pictures, MOST)
    height = max(1, round(WIDTH * shown[0].shape[0] / shown[0].shape[1]))
    frames = [
        Pictures.fromarray(cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA))
        for picture in shown
    ]
    while True:
        stored = io.BytesIO()
        first, *rest = frames
        first.save(
            stored,
            "WEBP",
            save_all=True,
            append_images=rest,
            duration=PERIOD,
            loop=0,
            quality=QUALITY,
            method=0,  # fastest
        )
        if stored.tell() <= MAX_BYTES or not rest:
            return stored.getvalue()
        frames = frames[::2]
