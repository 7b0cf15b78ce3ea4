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
from m3_ros.capture.picture_file import MIN_SIDE, check_depth_type, read_picture
from m3_ros.errors import show
from m3_ros.geometry import OPENGL_FROM_OPENCV
from m3_ros.types import Depth, Image, Mask

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
        entry: of `transforms_file.read_transforms`.
        default_stamp: s, where the entry has none.

    Raises:
        ValueError: a field is invalid or its file cannot be read; the message names it.
    """
    bgr = _read_image(folder, entry, "file_path", cv2.IMREAD_COLOR)
    shape = bgr.shape[:2]
    _check_size(entry, shape)
    K = np.array(
        [
            [entry["fl_x"], 0.0, entry["cx"]],
            [0.0, entry.get("fl_y", entry["fl_x"]), entry["cy"]],
            [0.0, 0.0, 1.0],
        ]
    )
    check_intrinsics("K of fl_x, fl_y, cx, cy", K, shape)
    frame = RgbdFrame(
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB),
        _depth(folder, entry, shape),
        K,
        np.array(entry["transform_matrix"], np.float64) @ OPENGL_FROM_OPENCV,
        entry.get("stamp", default_stamp),
        name=entry.get("source_name", Path(entry["file_path"]).name),
    )
    return undistort(apply_mask(frame, _mask(folder, entry, shape)), distortion_of(entry))


def _check_size(entry: Mapping, shape: tuple[int, int]) -> None:
    height, width = shape
    stated = int(entry.get("w", width)), int(entry.get("h", height))
    if stated != (width, height):
        raise ValueError(
            f"w, h = {stated[0]}, {stated[1]}: they must be those of the picture "
            f"{entry['file_path']}, {width} x {height}"
        )
    if min(shape) < MIN_SIDE:
        raise ValueError(
            f"file_path = {entry['file_path']!r} has {width} x {height} pixels; it must have at "
            f"least {MIN_SIDE} a side"
        )


def _depth(folder: Path, entry: Mapping, shape: tuple[int, int]) -> Depth:
    if "depth_file_path" not in entry:
        return np.zeros(shape, np.float32)
    pixels = _sized(folder, entry, "depth_file_path", cv2.IMREAD_UNCHANGED, shape)
    return to_metres(pixels, entry.get("depth_unit_scale_factor", 1e-3))


def _mask(folder: Path, entry: Mapping, shape: tuple[int, int]) -> Mask | None:
    """Read the mask of a frame: pixels of value 0 are ignored."""
    if "mask_path" not in entry:
        return None
    return _sized(folder, entry, "mask_path", cv2.IMREAD_GRAYSCALE, shape) > 0


def _sized(folder: Path, entry: Mapping, key: str, flags: int, shape: tuple[int, int]) -> NDArray:
    """Read a single-channel image at the size of the colour image."""
    pixels = _read_image(folder, entry, key, flags)
    try:
        if flags == cv2.IMREAD_UNCHANGED:
            check_depth_type(pixels)
        return to_size(pixels, shape)
    except ValueError as error:
        raise ValueError(f"{key} = {show(entry[key])} {error}") from error


def _read_image(folder: Path, entry: Mapping, key: str, flags: int) -> Image | NDArray:
    path = folder / entry[key]
    try:
        return read_picture(path, flags)
    except ValueError as error:
        raise ValueError(f"{key} = {show(entry[key])} {error}") from error


def distortion_of(entry: Mapping) -> Distortion:
    """Return the distortion of a frame's camera.

    Raises:
        ValueError: the model is unknown or lacks a coefficient that is given.
    """
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
    numbers = np.array([entry.get(key, 0.0) for key in keys])
    return Distortion(numbers, fisheye=keys is FISHEYE_KEYS)
