"""Importer of ScanNet's exported frames: `color/`, `depth/`, `pose/` and `intrinsic/`.

A pose is a text file `T_world_camera [4, 4]`, OpenCV camera axes, z up, m; -inf where tracking was
lost. Depth is in mm, of a camera whose intrinsics differ from those of colour. Many copies have
colour scaled to the depth's size, for which the depth's intrinsics then hold.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from m3_ros.capture.color_file import read_color
from m3_ros.capture.depth_registration import register_depth
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.importers.sequence import Shot, import_shots, named, read_rgbd
from m3_ros.capture.importers.text_table import read_rows
from m3_ros.capture.listed_file import DEPTH_SUFFIXES, IMAGE_SUFFIXES, find_listed
from m3_ros.capture.scan import ScanError
from m3_ros.types import Array, Depth, Image

COLOR_FOLDERS, POSES, DEPTH = ("color", "rgb", "images"), "pose", "depth"
PLACES = ("intrinsic", "intrinsics", ".")
"""Folders in which intrinsics may lie."""
INTRINSICS = ("intrinsic_color.txt", "intrinsics_color.txt", "intrinsic.txt", "intrinsics.txt")
DEPTH_INTRINSICS = ("intrinsic_depth.txt", "intrinsics_depth.txt")


def matches(source: Path) -> bool:
    """Return whether a folder holds poses of pictures, a file each, and intrinsics."""
    found = (_intrinsics(source, names) for names in (INTRINSICS, DEPTH_INTRINSICS))
    return any((source / POSES).glob("*.txt")) and _colors(source) is not None and any(found)


def read(request: ImportRequest) -> Imported:
    """Open a scene.

    Raises:
        ScanError: a pose or the intrinsics are invalid, or too many pictures are missing.
    """
    source = request.source
    paths = sorted((source / POSES).glob("*.txt"), key=lambda path: (len(path.stem), path.stem))
    folder = _colors(source)
    found = [find_listed(folder, path.stem, IMAGE_SUFFIXES) for path in paths]
    first = next((color for color in found if color is not None), None)
    if first is None:
        raise ScanError(f"{folder} has no picture that is named as a pose in {source / POSES}")
    try:
        width = named(first, lambda path: read_color(path)[0]).shape[1]
    except ValueError as error:
        raise ScanError(str(error)) from error
    K, K_depth = _lenses(source, width)
    shots = []
    for path, color in zip(paths, found, strict=True):
        color = color or folder / f"{path.stem}.jpg"
        depth = find_listed(source / DEPTH, path.stem, DEPTH_SUFFIXES)
        read_one = partial(_read, color, depth, K, K_depth)
        shots.append(Shot(color.name, float(len(shots)), _matrix(path), K, read_one, (color,)))
    return import_shots(request, shots)


def _colors(source: Path) -> Path | None:
    return next((source / each for each in COLOR_FOLDERS if (source / each).is_dir()), None)


def _intrinsics(source: Path, names: tuple[str, ...]) -> Path | None:
    paths = (source / place / name for place in PLACES for name in names)
    return next((path for path in paths if path.is_file()), None)


def _lenses(source: Path, width: int) -> tuple[Array, Array | None]:
    """Return the intrinsics of colour, and those of depth unless it is registered to colour."""
    files = [_intrinsics(source, names) for names in (INTRINSICS, DEPTH_INTRINSICS)]
    lenses = [_matrix(path)[:3, :3] for path in files if path is not None]
    off = [abs(2 * K[0, 2] - width) for K in lenses]  # the middle is near the principal point
    if len(lenses) == 1 or off[1] < off[0]:
        return lenses[-1], None
    return lenses[0], lenses[1]


def _matrix(path: Path) -> Array:
    """Return a matrix `[4, 4]`, also of a file of 3 x 3 numbers."""
    rows = [row for _, row in read_rows(path)]
    matrix = np.eye(4)
    try:
        numbers = np.array(rows, np.float64)
        matrix[: len(numbers), : numbers.shape[1]] = numbers
        if numbers.shape not in ((4, 4), (3, 3), (3, 4)):
            raise ValueError
    except (ValueError, IndexError) as error:
        raise ScanError(f"{path} must be a matrix of 4 x 4 numbers") from error
    return matrix if np.isfinite(matrix).all() else np.zeros((4, 4))  # tracking was lost


def _read(
    color: Path, depth: Path | None, K: Array, K_depth: Array | None
) -> tuple[Image, Depth | None]:
    rgb, metres = read_rgbd(color, depth)
    if metres is None or K_depth is None:
        return rgb, metres
    return rgb, register_depth(metres, K_depth, np.eye(4), K, rgb.shape[:2])
