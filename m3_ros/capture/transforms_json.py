"""Reader of a frame of `transforms.json`: image, depth, mask and camera model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.depth import to_metres, to_size
from m3_ros.capture.distortion import Distortion, undistort
from m3_ros.capture.frame import RgbdFrame, apply_mask, check_intrinsics
from m3_ros.geometry import OPENGL_FROM_OPENCV
from m3_ros.types import Array, Depth, Image, Mask

PINHOLE_KEYS = ("k1", "k2", "p1", "p2", "k3")
RATIONAL_KEYS = ("k4", "k5", "k6")
FISHEYE_KEYS = ("k1", "k2", "k3", "k4")
CAMERA_MODELS = {
    "PINHOLE": PINHOLE_KEYS,
    "SIMPLE_PINHOLE": PINHOLE_KEYS,
    "SIMPLE_RADIAL": PINHOLE_KEYS,
    "RADIAL": PINHOLE_KEYS,
    "OPENCV": PINHOLE_KEYS,
    "FULL_OPENCV": PINHOLE_KEYS + RATIONAL_KEYS,
    "OPENCV_FISHEYE": FISHEYE_KEYS,
}
"""Distortion coefficients of each `camera_model`, in OpenCV's order."""


def read_frame(folder: Path, entry: Mapping, default_stamp: float) -> RgbdFrame:
    """Read a frame without distortion; depth is 0 where the scan has none.

    Args:
        folder: of the scan; file names are relative to it.
        entry: of `frames`, over the values of the file's root.
        default_stamp: s, where the entry has none.

    Raises:
        KeyError: a field is missing.
        ValueError: a field is invalid or its file cannot be read; the message names it.
    """
    bgr = _read_image(folder, entry, "file_path", cv2.IMREAD_COLOR)
    shape = bgr.shape[:2]
    K = np.array(
        [
            [_number(entry, "fl_x"), 0.0, _number(entry, "cx")],
            [0.0, _number(entry, "fl_y" if "fl_y" in entry else "fl_x"), _number(entry, "cy")],
            [0.0, 0.0, 1.0],
        ]
    )
    check_intrinsics("K of fl_x, fl_y, cx, cy", K, shape)
    frame = RgbdFrame(
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB),
        _depth(folder, entry, shape),
        K,
        _pose(entry),
        _number(entry, "stamp") if "stamp" in entry else default_stamp,
        name=entry.get("source_name", Path(entry["file_path"]).name),
    )
    return undistort(apply_mask(frame, _mask(folder, entry, shape)), _distortion(entry))


def _depth(folder: Path, entry: Mapping, shape: tuple[int, int]) -> Depth:
    if "depth_file_path" not in entry:
        return np.zeros(shape, np.float32)
    pixels = _sized(folder, entry, "depth_file_path", cv2.IMREAD_UNCHANGED, shape)
    unit = (
        _number(entry, "depth_unit_scale_factor") if "depth_unit_scale_factor" in entry else 1e-3
    )
    return to_metres(pixels, unit)


def _mask(folder: Path, entry: Mapping, shape: tuple[int, int]) -> Mask | None:
    """Read the mask of a frame: pixels of value 0 are ignored."""
    if "mask_path" not in entry:
        return None
    return _sized(folder, entry, "mask_path", cv2.IMREAD_GRAYSCALE, shape) > 0


def _sized(folder: Path, entry: Mapping, key: str, flags: int, shape: tuple[int, int]) -> NDArray:
    """Read a single-channel image at the size of the colour image."""
    pixels = _read_image(folder, entry, key, flags)
    try:
        if pixels.ndim != 2:
            raise ValueError(f"has {pixels.shape[2]} channels; it must have one")
        return to_size(pixels, shape)
    except ValueError as error:
        raise ValueError(f"{key} = {entry[key]!r} {error}") from error


def _read_image(folder: Path, entry: Mapping, key: str, flags: int) -> Image | NDArray:
    path = folder / str(entry.get(key, ""))
    image = cv2.imread(str(path), flags) if path.is_file() else None
    if image is None:
        raise ValueError(f"{key} = {entry.get(key)!r}: no readable image at {path}")
    return image


def _distortion(entry: Mapping) -> Distortion:
    default = "OPENCV_FISHEYE" if entry.get("is_fisheye") else "OPENCV"  # instant-ngp's field
    model = entry.get("camera_model", default)
    if model not in CAMERA_MODELS:
        raise ValueError(
            f"camera_model = {model!r}: it must be one of {', '.join(CAMERA_MODELS)}; "
            "undistort the images first"
        )
    keys = CAMERA_MODELS[model]
    for key in (*PINHOLE_KEYS, *RATIONAL_KEYS):
        if key not in keys and entry.get(key):
            raise ValueError(
                f"{key} = {entry[key]} with camera_model = {model!r}: the model has only "
                f"{', '.join(keys)}"
            )
    numbers = np.array([_number(entry, key) if key in entry else 0.0 for key in keys])
    return Distortion(numbers, fisheye=keys is FISHEYE_KEYS)


def _pose(entry: Mapping) -> Array:
    """Read `T_world_camera [4, 4]` with OpenCV's camera axes."""
    matrix = np.asarray(entry["transform_matrix"], np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"transform_matrix has shape {matrix.shape}; it must be [4, 4]")
    return matrix @ OPENGL_FROM_OPENCV


def _number(entry: Mapping, key: str) -> float:
    value = entry[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} = {value!r}: it must be a number")
    return float(value)
