"""Reader of colour images: any channels and depth, alpha as a mask, the orientation of EXIF."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from m3_ros.capture.picture_file import check_size, read_picture
from m3_ros.types import Image, Mask

HEIF_SUFFIXES = (".heic", ".heif", ".hif")
ORIENTATION = 0x0112
"""EXIF tag of how the picture must be turned."""
OPAQUE = 128
"""Alpha, of 255, from which on a pixel shows the scene."""


def read_color(
    path: Path, size: tuple[int, int] | None = None, upright: bool = False
) -> tuple[Image, Mask | None]:
    """Return colour `[H, W, 3]` uint8 RGB, and which pixels are opaque where there is alpha.

    COLMAP and the programs around it read pixels as they are stored, and so does this function,
    unless only the picture turned by EXIF has the wanted size.

    Args:
        path: of the image.
        size: width and height that the camera model states, if it does, px.
        upright: turn the picture by EXIF in any case.

    Raises:
        ValueError: there is none, or it cannot be read; the message continues the file's name.
    """
    if path.suffix.lower() in HEIF_SUFFIXES:
        pixels, orientation = _read_heif(path), 1
    else:
        flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        pixels, orientation = _to_rgb(read_picture(path, flags)), exif_orientation(path)
    if upright or _turned_only(pixels, orientation, size):
        pixels = turn(pixels, orientation)
    if pixels.shape[2] == 3:
        return pixels, None
    mask = pixels[..., 3] >= OPAQUE
    return np.ascontiguousarray(pixels[..., :3]), None if mask.all() else mask


def _turned_only(pixels: NDArray, orientation: int, size: tuple[int, int] | None) -> bool:
    """Return whether a picture has the wanted aspect ratio only after its quarter turn."""
    height, width = pixels.shape[:2]
    if size is None or orientation < 5 or width == height:
        return False
    return (size[0] > size[1]) != (width > height)


def turn(pixels: NDArray, orientation: int) -> NDArray:
    """Return an image turned as an EXIF orientation (1 to 8) asks for."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def exif_orientation(path: Path) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where the file has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Pillow.open(path) as image:
                value = image.getexif().get(ORIENTATION, 1)
        except Exception:  # damaged EXIF makes the reader raise anything
            return 1
    return value if value in range(1, 9) else 1


def _to_rgb(pixels: NDArray) -> Image:
    """Return OpenCV's pixels as uint8 RGB or RGBA."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ValueError(f"is {pixels.dtype}; a colour image must have 8 or 16 bits a channel")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    if channels == 2:  # grey and alpha
        return np.dstack([pixels[..., :1].repeat(3, 2), pixels[..., 1]])
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if channels == 4 else cv2.COLOR_BGR2RGB)


def _read_heif(path: Path) -> Image:
    """Return the pixels of a HEIF image, which its reader has turned already."""
    import pillow_heif  # 6 MB, for phones' pictures alone

    try:
        file = pillow_heif.open_heif(path, convert_hdr_to_8bit=True)
        check_size(file.size)
        return np.asarray(file.to_pillow().convert("RGBA" if file.has_alpha else "RGB"))
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
