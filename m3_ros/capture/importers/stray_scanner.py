"""Importer of Stray Scanner: `rgb.mp4`, `odometry.csv`, `camera_matrix.csv`, depth, confidence.

Poses have OpenCV camera axes and y up, m. Depth is in mm, confidence 0 (low) to 2 (high).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from m3_ros.capture.depth import to_metres
from m3_ros.capture.depth_file import read_depth
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.importers.sequence import (
    MILLIMETRE,
    Z_FROM_Y,
    Shot,
    drop_unsure,
    import_shots,
    named,
)
from m3_ros.capture.importers.text_table import read_table
from m3_ros.capture.listed_file import DEPTH_SUFFIXES, find_listed
from m3_ros.capture.picture_file import open_video, read_picture
from m3_ros.capture.scan import ScanError
from m3_ros.geometry import quat_to_matrix, se3, xyzw_to_wxyz
from m3_ros.types import Depth, Image

ODOMETRY, CAMERA, VIDEO = "odometry.csv", "camera_matrix.csv", "rgb.mp4"
MAX_FRAME = 2**31
"""Number of a frame that no video has."""
MIN_CONFIDENCE = 1
"""Least confidence of ARKit's LiDAR depth that counts: medium."""


def matches(source: Path) -> bool:
    """Return whether a folder is a recording of Stray Scanner."""
    return (source / ODOMETRY).is_file() and (source / CAMERA).is_file()


def read(request: ImportRequest) -> Imported:
    """Open a recording of Stray Scanner.

    Raises:
        ScanError: one of its files is missing or invalid.
    """
    source = request.source
    rows = read_table(source / ODOMETRY, 9, "timestamp, frame, x, y, z, qx, qy, qz, qw")
    K = read_table(source / CAMERA, 3, "a matrix of 3 x 3 numbers")
    if K.shape != (3, 3):
        raise ScanError(f"{source / CAMERA} has {len(K)} rows; it must have 3 rows of 3 numbers")
    video = _Video(source / VIDEO)
    shots = []
    for row in rows:
        if not (0 <= row[1] < MAX_FRAME and row[1] == int(row[1])):
            raise ScanError.at(
                f"{source / ODOMETRY}: frame", float(row[1]), "a whole number, 0 to 2^31"
            )
        stamp, number, *xyz = row[0], int(row[1]), *row[2:5]
        rotation = quat_to_matrix(xyzw_to_wxyz(row[5:9])) if row[5:9].any() else np.zeros((3, 3))
        pose = Z_FROM_Y @ se3(rotation, xyz)
        shots.append(Shot(f"{number:06d}", stamp, pose, K, _reader(video, source, number)))
    return import_shots(request, shots)


def _reader(video: _Video, source: Path, index: int) -> Callable[[], tuple[Image, Depth | None]]:
    def read() -> tuple[Image, Depth | None]:
        rgb = video.frame(index)
        path = find_listed(source / "depth", f"{index:06d}", DEPTH_SUFFIXES)
        if path is None:
            return rgb, None
        depth = to_metres(named(path, read_depth), MILLIMETRE)
        sure = source / "confidence" / f"{index:06d}.png"
        if sure.is_file():
            levels = named(sure, lambda each: read_picture(each, cv2.IMREAD_GRAYSCALE))
            depth = drop_unsure(depth, levels, MIN_CONFIDENCE)
        return rgb, depth

    return read


class _Video:
    """A video whose frames are read in increasing order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._video = open_video(path)
        except ValueError as error:
            raise ScanError(f"{path} {error}") from error
        self._video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # poses and depth are of the stored one
        self._next = 0
        if not self._video.isOpened():
            raise ScanError(f"{path} is missing or cannot be read as a video")

    def frame(self, index: int) -> Image:
        """Return the RGB pixels of a frame.

        Raises:
            ValueError: the video ends before it.
        """
        while self._next <= index:
            good = self._video.grab()
            self._next += 1
            if not good:
                raise ValueError(f"{self._path} ends before frame {index}")
        good, bgr = self._video.retrieve()
        if not good:
            raise ValueError(f"{self._path}: frame {index} is damaged")
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
