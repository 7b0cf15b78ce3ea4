"""Reader of a frame of `transforms.json`: image, depth, mask and camera model.

The dialects of nerfstudio, instant-ngp, Blender, Record3D, Polycam and LichtFeld Studio.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.color_file import read_color
from m3_ros.capture.depth import to_metres, to_size
from m3_ros.capture.depth_file import read_depth, unit_of
from m3_ros.capture.distortion import Distortion, undistort
from m3_ros.capture.frame import RgbdFrame, apply_mask, check_intrinsics
from m3_ros.capture.listed_file import DEPTH_SUFFIXES, IMAGE_SUFFIXES, MASK_SUFFIXES, find_listed
from m3_ros.capture.picture_file import MIN_SIDE, read_picture
from m3_ros.errors import show
from m3_ros.geometry import OPENGL_FROM_OPENCV, scale_intrinsics
from m3_ros.types import Array, Depth, Mask

Content = TypeVar("Content")

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
    "SIMPLE_RADIAL_FISHEYE": FISHEYE_KEYS,
    "RADIAL_FISHEYE": FISHEYE_KEYS,
}
"""Distortion coefficients of each `camera_model`, in OpenCV's order."""
NERFSTUDIO_KEYS = ("k1", "k2", "k3", "k4", "p1", "p2")
"""Order of nerfstudio's `distortion_params`."""
ROUNDING = 0.75
"""Largest error of a side of a scaled picture, px: half a pixel, and half of one of its source."""
FILES = {
    "file_path": IMAGE_SUFFIXES,
    "depth_file_path": DEPTH_SUFFIXES,
    "mask_path": MASK_SUFFIXES,
}
"""Fields that name files, and their suffixes."""


def missing_file(folder: Path, entry: Mapping) -> str | None:
    """Return the field of the first listed file that is not there; None if all are."""
    for key, suffixes in FILES.items():
        if key in entry and find_listed(folder, entry[key], suffixes) is None:
            return key
    return None


def read_frame(folder: Path, entry: Mapping, default_stamp: float) -> RgbdFrame:
    """Read a frame without distortion; depth is 0 where the scan has none.

    Args:
        folder: of the scan; file names are relative to it.
        entry: of `transforms_file.read_transforms`.
        default_stamp: s, where the entry has none.

    Raises:
        ValueError: a field is invalid or its file cannot be read; the message names it.
    """
    stated = (int(entry["w"]), int(entry["h"])) if {"w", "h"} <= entry.keys() else None
    rgb, opaque = _read(folder, entry, "file_path", lambda path: read_color(path, stated))
    shape = rgb.shape[:2]
    if min(shape) < MIN_SIDE:
        raise ValueError(
            f"file_path = {entry['file_path']!r} has {shape[1]} x {shape[0]} pixels; it must have "
            f"at least {MIN_SIDE} a side"
        )
    K = _intrinsics(entry, shape)
    check_intrinsics("K of fl_x, fl_y, cx, cy", K, shape)
    frame = RgbdFrame(
        rgb,
        _depth(folder, entry, shape),
        K,
        np.array(entry["transform_matrix"], np.float64) @ OPENGL_FROM_OPENCV,
        entry.get("stamp", default_stamp),
        name=entry.get("source_name", Path(entry["file_path"].replace("\\", "/")).name),
    )
    masks = [mask for mask in (opaque, _mask(folder, entry, shape)) if mask is not None]
    mask = np.logical_and.reduce(masks) if masks else None
    return undistort(apply_mask(frame, mask), distortion_of(entry))


def _intrinsics(entry: Mapping, shape: tuple[int, int]) -> Array:
    """Return `K [3, 3]` for a picture of (height, width), which may be a scaled one.

    Raises:
        ValueError: w, h and the picture have other aspect ratios.
    """
    height, width = shape
    w, h = int(entry.get("w", width)), int(entry.get("h", height))
    if max(abs(w * height / h - width), abs(h * width / w - height)) > ROUNDING:
        raise ValueError(
            f"w, h = {w}, {h}: they must have the aspect ratio of the picture "
            f"{entry['file_path']}, {width} x {height}"
        )
    fl_x, fl_y = (_focal(entry, axis, side) for axis, side in (("x", w), ("y", h)))
    fl_x, fl_y = fl_x or fl_y, fl_y or fl_x
    K = np.array(
        [[fl_x, 0, entry.get("cx", w / 2)], [0, fl_y, entry.get("cy", h / 2)], [0, 0, 1]],
        np.float64,
    )
    return scale_intrinsics(K, width / w, height / h)


def _focal(entry: Mapping, axis: str, side: int) -> float | None:
    """Return the focal length (px) along an axis, also from the angle of view; None without."""
    if f"fl_{axis}" in entry:
        return entry[f"fl_{axis}"]
    if f"camera_angle_{axis}" in entry:
        return side / 2 / math.tan(entry[f"camera_angle_{axis}"] / 2)
    if f"{axis}_fov" in entry:
        return side / 2 / math.tan(math.radians(entry[f"{axis}_fov"]) / 2)
    return None


def _depth(folder: Path, entry: Mapping, shape: tuple[int, int]) -> Depth:
    if "depth_file_path" not in entry:
        return np.zeros(shape, np.float32)

    def read(path: Path) -> Depth:
        pixels = to_size(read_depth(path), shape)
        return to_metres(pixels, unit_of(pixels, entry.get("depth_unit_scale_factor")))

    return _read(folder, entry, "depth_file_path", read)


def _mask(folder: Path, entry: Mapping, shape: tuple[int, int]) -> Mask | None:
    """Read the mask of a frame: pixels of value 0 are ignored."""
    if "mask_path" not in entry:
        return None

    def read(path: Path) -> NDArray:
        return to_size(read_picture(path, cv2.IMREAD_GRAYSCALE), shape) > 0

    return _read(folder, entry, "mask_path", read)


def _read(folder: Path, entry: Mapping, key: str, read: Callable[[Path], Content]) -> Content:
    """Return what `read` makes of the file that a field names."""
    path = find_listed(folder, entry[key], FILES[key])
    try:
        return read(folder / entry[key] if path is None else path)
    except ValueError as error:
        raise ValueError(f"{key} = {show(entry[key])} {error}") from error


def distortion_of(entry: Mapping) -> Distortion:
    """Return the distortion of a frame's camera.

    Raises:
        ValueError: the model is unknown or lacks a coefficient that is given.
    """
    default = "OPENCV_FISHEYE" if entry.get("is_fisheye") else "OPENCV"  # instant-ngp's field
    model = entry.get("camera_model", default)
    if model.upper() not in CAMERA_MODELS:
        raise ValueError(
            f"camera_model = {model!r}: it must be one of {', '.join(CAMERA_MODELS)}; "
            "undistort the images first"
        )
    keys = CAMERA_MODELS[model.upper()]
    given = {**dict(_named(entry.get("distortion_params", ()))), **entry}
    for key in (*PINHOLE_KEYS, *RATIONAL_KEYS):
        if key not in keys and given.get(key):
            raise ValueError(
                f"{key} = {given[key]} with camera_model = {model!r}: the model has only "
                f"{', '.join(keys)}"
            )
    numbers = np.array([given.get(key, 0.0) for key in keys])
    return Distortion(numbers, fisheye=keys is FISHEYE_KEYS)


def _named(numbers: Sequence[float]) -> list[tuple[str, float]]:
    """Return nerfstudio's list of coefficients with their names."""
    return list(zip(NERFSTUDIO_KEYS, numbers, strict=False))
