"""Reader of depth images: PNG, TIFF, PFM, OpenEXR and NumPy files, of any number type."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.picture_file import MAX_PIXELS, check_depth_type, read_picture
from m3_ros.schema import MAX_SIDE

MILLIMETRE = 1e-3
MAX_PACKED = 8 * MAX_PIXELS + 4096
"""Largest array in a packed file, bytes: float64, and NumPy's header."""
EXR_CHANNELS = ("Z", "Y", "V", "R", "depth")
"""Channels of an EXR file that hold depth, in this order: OpenEXR's name of depth, luminance,
Blender's of a value, and the first of a grey RGB."""


def read_depth(path: Path) -> NDArray:
    """Return depth pixels `[H, W]` as the file has them.

    Raises:
        ValueError: there is none, or it cannot be one of depth; the message continues the file's
            name.
    """
    match path.suffix.lower():
        case ".npy" | ".npz":
            pixels = np.array(_checked(_read_numpy(path)))
        case ".exr":
            pixels = _checked(_read_exr(path))
        case _:
            pixels = read_picture(path, cv2.IMREAD_UNCHANGED)
    check_depth_type(pixels)
    return pixels


def unit_of(pixels: NDArray, stated: float | None) -> float:
    """Return the unit of depth pixels, m a step: as stated, else mm of integers, m of floats."""
    if stated is not None:
        return stated
    return MILLIMETRE if np.issubdtype(pixels.dtype, np.integer) else 1.0


def _checked(pixels: NDArray) -> NDArray:
    """Return an image without the axes of length 1; its size is that of a picture."""
    pixels = pixels.squeeze()
    if pixels.ndim != 2 or max(pixels.shape) > MAX_SIDE or pixels.size > MAX_PIXELS:
        raise ValueError(f"has the shape {pixels.shape}; it must be [height, width]")
    return pixels


def _read_numpy(path: Path) -> NDArray:
    try:
        if _unpacked_size(path) > MAX_PACKED:
            raise ValueError(f"holds an array of more than {MAX_PIXELS} pixels")
        content = np.load(path, mmap_mode="r", allow_pickle=False)  # takes no memory yet
        arrays = [content] if isinstance(content, np.ndarray) else [*content.values()]
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from error
    except Exception as error:  # damaged bytes make the reader raise anything
        reason = str(error) if type(error) is ValueError else "it is no NumPy file of numbers"
        raise ValueError(f"cannot be read: {reason}") from error
    if len(arrays) != 1:
        raise ValueError(f"holds {len(arrays)} arrays; it must hold one")
    return arrays[0]


def _unpacked_size(path: Path) -> int:
    """Return the bytes of the largest array in a packed file; 0 where it is not packed."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as packed:
        return max((each.file_size for each in packed.infolist()), default=0)


def _read_exr(path: Path) -> NDArray:
    import OpenEXR  # for this format alone

    try:
        # Without the option, R, G, B come as one array named RGB.
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = file.channels()
            name = next((each for each in EXR_CHANNELS if each in channels), None)
            if name is None and len(channels) == 1:
                (name,) = channels
            if name is None:
                raise ValueError(
                    f"has the channels {', '.join(channels)}; depth must be one of "
                    f"{', '.join(EXR_CHANNELS)}"
                )
            return np.array(channels[name].pixels)
    except ValueError:
        raise
    except Exception as error:  # damaged bytes make the reader raise anything
        raise ValueError(f"cannot be read: {error}") from error
