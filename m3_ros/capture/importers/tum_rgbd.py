"""Importer of TUM RGB-D sequences: `rgb.txt`, `depth.txt`, `groundtruth.txt`.

Depth is registered to colour, 5000 steps a metre; poses are `stamp tx ty tz qx qy qz qw` of the
colour camera with OpenCV axes. The folder names the camera (freiburg1, 2, 3), or a
`calibration.txt` holds fx fy cx cy [k1 k2 p1 p2 k3], as ETH3D's.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import numpy as np

from m3_ros.capture.distortion import Distortion
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.importers.sequence import (
    MAX_STAMP,
    Shot,
    import_shots,
    pinhole,
    read_rgbd,
)
from m3_ros.capture.importers.text_table import read_rows, read_table
from m3_ros.capture.scan import ScanError
from m3_ros.config import M3Config
from m3_ros.geometry import interpolate_pose, quat_to_matrix, se3, xyzw_to_wxyz
from m3_ros.types import Array

UNIT = 1 / 5000
COLOR, DEPTH, POSES, CALIBRATION = "rgb.txt", "depth.txt", "groundtruth.txt", "calibration.txt"
CAMERAS = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3, 0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    "freiburg2": (520.9, 521.0, 325.1, 249.7, 0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
}
"""fx fy cx cy k1 k2 p1 p2 k3 of the data set's page; freiburg3 is undistorted already."""
KINECT = (525.0, 525.0, 319.5, 239.5)
"""Of the same page: the default of the driver of such cameras."""
MAX_POSE_GAP = 0.1
"""Longest time from a picture to the next pose, s: the data set has poses at 100 Hz, so ten lost
ones are bridged."""

logger = logging.getLogger(__name__)


def matches(source: Path) -> bool:
    """Return whether a folder is a sequence of this format."""
    return (source / COLOR).is_file() and (
        (source / POSES).is_file() or (source / DEPTH).is_file()
    )


def read(request: ImportRequest) -> Imported:
    """Open a sequence.

    Raises:
        ScanError: a file is missing or invalid.
    """
    source = request.source
    if not (source / POSES).is_file():
        raise ScanError(
            f"{source} has no {POSES}, so its pictures have no poses; write those of a SLAM as "
            "lines of stamp tx ty tz qx qy qz qw"
        )
    poses = read_table(source / POSES, 8, "stamp tx ty tz qx qy qz qw")
    poses = poses[poses[:, 4:8].any(1)]  # a quaternion of zeros: tracking was lost
    poses = poses[np.argsort(poses[:, 0], kind="stable")]
    colors = _listed(source, COLOR)
    depths = _listed(source, DEPTH) if (source / DEPTH).is_file() else []
    camera = _camera(source)
    # The page counts from the middle of the first pixel.
    K = pinhole(camera[0], camera[1], camera[2] + 0.5, camera[3] + 0.5)
    shots = []
    for stamp, color in colors:
        pose = _pose_at(poses, stamp)
        if pose is None:
            continue
        depth = _nearest(depths, stamp, request.config)
        if depths and depth is None:
            continue
        files = (color,) if depth is None else (color, depth)
        shots.append(
            Shot(
                color.name, stamp, pose, K,
                partial(read_rgbd, color, depth, UNIT),
                files,
            )
        )  # fmt: skip
    if len(shots) < len(colors):
        logger.warning(
            "%s: %d of %d pictures have no pose within %.1f s, or no depth within "
            "scan.sync_tolerance; they are left out",
            *(source, len(colors) - len(shots), len(colors), MAX_POSE_GAP),
        )
    coefficients = np.array(camera[4:] or [0.0] * 4)
    return import_shots(request, shots, Distortion(coefficients))


def _listed(source: Path, name: str) -> list[tuple[float, Path]]:
    """Return stamps (s) and files of a list."""
    found = []
    for number, row in read_rows(source / name):
        try:
            stamp = float(row[0])
            if not 0 <= stamp <= MAX_STAMP:
                raise ValueError
            found.append((stamp, source / row[1]))
        except (ValueError, IndexError) as error:
            raise ScanError(
                f"{source / name} line {number} is {' '.join(row)[:80]!r}; it must be "
                "stamp file, the stamp in s, 0 to 2^32"
            ) from error
    return sorted(found)


def _camera(source: Path) -> tuple[float, ...]:
    if (source / CALIBRATION).is_file():
        path, meaning = source / CALIBRATION, "fx fy cx cy, or fx fy cx cy k1 k2 p1 p2 [k3]"
        read_table(path, 4, meaning)
        words = len(read_rows(path)[0][1])
        return (*read_table(path, words if words in (4, 8, 9) else 8, meaning)[0],)
    name = source.resolve().name.lower()
    for camera, numbers in CAMERAS.items():
        if camera in name or camera.replace("freiburg", "fr") in name.split("_"):
            return numbers
    logger.warning(
        "%s: neither its name nor a %s says which camera it is; %s are taken for fx fy cx cy",
        *(source, CALIBRATION, " ".join(f"{number:g}" for number in KINECT)),
    )
    return KINECT


def _nearest(listed: list[tuple[float, Path]], stamp: float, config: M3Config) -> Path | None:
    """Return the file with the nearest stamp within `scan.sync_tolerance`."""
    if not listed:
        return None
    near, path = min(listed, key=lambda each: abs(each[0] - stamp))
    return path if abs(near - stamp) <= config.scan.sync_tolerance else None


def _pose_at(poses: Array, stamp: float) -> Array | None:
    """Return `T_world_camera [4, 4]` at a stamp between two poses; None without."""
    after = int(np.searchsorted(poses[:, 0], stamp))
    around = [index for index in (after - 1, after) if 0 <= index < len(poses)]
    around = [index for index in around if abs(poses[index, 0] - stamp) <= MAX_POSE_GAP]
    if not around:
        return None
    before, later = (_pose(poses[index]) for index in (around[0], around[-1]))
    span = poses[around[-1], 0] - poses[around[0], 0]
    share = float((stamp - poses[around[0], 0]) / span) if span > 0 else 0.0
    return interpolate_pose(before, later, float(np.clip(share, 0.0, 1.0)))


def _pose(row: Array) -> Array:
    return se3(quat_to_matrix(xyzw_to_wxyz(row[4:8])), row[1:4])
