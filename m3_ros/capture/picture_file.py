"""Reader of image files whose size is known before their pixels take memory."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from m3_ros.schema import MAX_SIDE

MAX_PIXELS = Pillow.MAX_IMAGE_PIXELS
"""Most pixels of a picture: 256 MiB of colour."""
MIN_SIDE = 16
"""Least width and height of a colour image, px: one patch of the vision transformers that describe
it, whose names say its side (ViT-B/16)."""


def read_picture(path: Path, flags: int) -> NDArray:
    """Return the pixels of an image file as OpenCV reads them.

    Raises:
        ValueError: there is none, it is too large or cannot be read; the message continues the
            file's name.
    """
    try:
        check_size(_size(path))
        pixels = cv2.imread(str(path), flags)
    except (OSError, cv2.error) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if pixels is None:
        raise ValueError("is no readable image")
    return pixels


def check_size(size: tuple[int, int]) -> None:
    """Check width and height of a picture before its pixels take memory.

    Raises:
        ValueError: it is too large; the message continues the file's name.
    """
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        raise ValueError(
            f"has {size[0]} x {size[1]} pixels; it must have at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS} in all"
        )


def _size(path: Path) -> tuple[int, int]:
    """Return width and height by the file's header; (0, 0) of a format that Pillow lacks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
        try:
            with Pillow.open(path) as image:
                return image.size
        except Pillow.DecompressionBombError as error:
            raise ValueError(f"has too many pixels: {error}") from error
        except Pillow.UnidentifiedImageError:
            return 0, 0
        except (SyntaxError, ValueError, TypeError, KeyError, IndexError) as error:
            raise ValueError(f"is no readable image: {error}") from error


def check_depth_type(pixels: NDArray) -> None:
    """Check that an image can be one of depth.

    Raises:
        ValueError: it has several channels, or 8 bits; the message continues the file's name.
    """
    if pixels.ndim != 2:
        raise ValueError(f"has {pixels.shape[2]} channels; it must have one")
    if pixels.dtype.itemsize < 2:
        raise ValueError("has 8 bits a pixel; depth must have 16, or be float32")
    if pixels.dtype.kind not in "uif" or pixels.dtype.itemsize > 8:
        raise ValueError(f"is {np.dtype(pixels.dtype)}; depth must be uint16 or float32")
