"""Reader of image files whose size is known before their pixels take memory."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import TiffImagePlugin

from m3_ros.schema import MAX_SIDE

MAX_PIXELS = Pillow.MAX_IMAGE_PIXELS
"""Most pixels of a picture: 256 MiB of colour."""
MAX_PACKED = 1032 * 8
"""Most pixels in a byte of a file: deflate makes at most 1032 bytes of one (zlib's technical
details), of 8 black and white pixels each. WebP alone packs one colour of any size into a few."""
TIFF_WIDTH, TIFF_HEIGHT = 256, 257  # tags
PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_PASSES = (b"\xff\xc2", b"\xff\xdd")
"""Markers of a progressive JPEG, and of one with restarts."""
FILLERS = (b"\0", b"\xaa", b"\x55")
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
        with path.open("rb") as file:
            check_size(_size(file, path.stat().st_size))
        # imread would accept half a JPEG, and crash of a path that is not UTF-8.
        return _decoded(np.fromfile(path, np.uint8), flags)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from error


def decode_picture(data: bytes, flags: int) -> NDArray:
    """Return the pixels of an image file's content as OpenCV reads them.

    Raises:
        ValueError: as `read_picture`.
    """
    try:
        check_size(_size(BytesIO(data), len(data)))
    except OSError as error:
        raise ValueError(f"cannot be read: {error}") from error
    return _decoded(np.frombuffer(data, np.uint8), flags)


def _decoded(data: NDArray[np.uint8], flags: int) -> NDArray:
    """Return pixels; the size that the header announces is checked."""
    _check_chunks(data)
    try:
        pixels = cv2.imdecode(data, flags) if data.size else None
        if pixels is None and data[:2].tobytes() == JPEG_START:
            pixels = _without_end(data.tobytes(), flags)
    except cv2.error as error:
        raise ValueError("is no readable image: its header is damaged") from error
    if pixels is None:
        raise ValueError("is no readable image: it is damaged or cut short")
    return pixels


def _check_chunks(data: NDArray[np.uint8]) -> None:
    """Check the lengths of a PNG's chunks: OpenCV takes the memory that they announce."""
    if data[:8].tobytes() != PNG_START:
        return
    place = len(PNG_START)
    while place + 8 <= data.size:
        length, kind = struct.unpack(">I4s", data[place : place + 8].tobytes())
        place += 12 + length
        if place > data.size:
            raise ValueError(
                f"is no readable image: it is damaged or cut short: its chunk {kind!r} announces "
                f"{length} bytes"
            )
        if kind == b"IEND":
            return


def _without_end(data: bytes, flags: int) -> NDArray | None:
    """Return the pixels of a JPEG that lacks its end marker alone; None if more of it is lost.

    Decoders skip what stands between the last block of pixels and the next marker, but read it as
    pixels where blocks are lost. Where a picture has several passes or restart markers, they may
    go on behind any of them, so that such a file is not taken for a complete one.
    """
    if any(marker in data for marker in JPEG_PASSES):
        return None
    data = data.rstrip(JPEG_END[:1])  # the first half of the marker
    try:
        found = {
            Pillow.open(BytesIO(data + filler * 64 + JPEG_END)).tobytes() for filler in FILLERS
        }
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError):
        return None
    whole = len(found) == 1
    return cv2.imdecode(np.frombuffer(data + JPEG_END, np.uint8), flags) if whole else None


def open_video(path: Path) -> cv2.VideoCapture:
    """Return OpenCV's reader of a video, which may not be open.

    Raises:
        ValueError: the path is not UTF-8, of which OpenCV crashes; the message continues it.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError("has a path that is not UTF-8; rename it") from error
    return cv2.VideoCapture(str(path))


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


def _size(file: BinaryIO, length: int) -> tuple[int, int]:
    """Return width and height by the file's header.

    Raises:
        ValueError: it has none that Pillow knows, or too many pixels.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
        try:
            image = Pillow.open(file)
            _check_length(image, length)
            return image.size
        except Pillow.DecompressionBombError as error:
            raise ValueError(f"has too many pixels: {error}") from error
        except Pillow.UnidentifiedImageError as error:
            size = _tiff_size(file)
            if size is None:
                raise ValueError("is no readable image: its header is damaged") from error
            return size
        except (SyntaxError, ValueError, TypeError, KeyError, IndexError) as error:
            raise ValueError(f"is no readable image: {error}") from error


def _tiff_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return width and height of a TIFF file of numbers that Pillow lacks; None of another."""
    try:
        file.seek(0)
        directory = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(directory.next)
        directory.load(file)
        return directory[TIFF_WIDTH], directory[TIFF_HEIGHT]
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):
        return None


def _check_length(image: Pillow.Image, length: int) -> None:
    """Check the size that a header announces against the bytes of its file."""
    width, height = image.size
    if image.format != "WEBP" and width * height > MAX_PACKED * length:
        raise ValueError(
            f"its header announces {width} x {height} pixels, more than its {length} bytes can "
            "hold"
        )


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
