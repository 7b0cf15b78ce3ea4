"""A scan folder: posed RGB-D frames on disk, in nerfstudio's `transforms.json` convention.

Layout: `images/000000.png` (8-bit RGB), `depths/000000.png` (16-bit, 0 = none; in mm, or in the
frame's `depth_unit_scale_factor`), `masks/000000.png` (8-bit, 0 = ignore; of frames with a mask)
and `transforms.json`, whose `transform_matrix` has OpenGL camera axes. nerfstudio, gsplat and
instant-ngp read these folders, and their folders are read here (`transforms_json`). While a scan
is written (`scan_writer`), or after its writer has died, the frames stand in `frames.jsonl`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame, shrink
from m3_ros.capture.frames_file import FRAMES_FILE, is_being_written
from m3_ros.capture.missing import check_missing
from m3_ros.capture.points_file import read_points
from m3_ros.capture.transforms_file import Contents, read_transforms, transforms_path
from m3_ros.capture.transforms_json import distortion_of, missing_file, read_frame
from m3_ros.config import ScanConfig
from m3_ros.errors import DataError, show
from m3_ros.types import Array

logger = logging.getLogger(__name__)


class ScanError(DataError):
    """A scan folder is missing, broken or would be overwritten; the message says which."""


class Scan:
    """A folder of posed RGB-D frames, read one at a time.

    `len(scan)` is the number of frames, `scan[i]` reads one, iteration reads all in order.

    Attributes:
        folder: of the scan.
        metric: whether its lengths are metres; False after structure from motion alone.
        finished: False while it is written, and for ever if its writer has died.
    """

    def __init__(self, contents: Contents, max_side: int) -> None:
        self._file, self.folder = contents.path, contents.path.parent
        self.finished = self._file.name != FRAMES_FILE
        self.metric = contents.metric
        self._entries, self._points_file = contents.entries, contents.points_file
        self._max_side = max_side

    @classmethod
    def open(cls, folder: str | Path, config: ScanConfig | None = None) -> Scan:
        """Open a scan folder; frames of which a file is missing are left out, and counted.

        Args:
            folder: of the scan, or its `transforms.json`, which may have another name.
            config: its `max_missing_share` bounds the frames that are left out, and `max_side`
                their size.

        Raises:
            ScanError: there is no `transforms.json`, one of its fields is missing or invalid, or
                too many files are missing.
        """
        config, path = config or ScanConfig(), transforms_path(Path(folder))
        try:
            try:
                contents = read_transforms(path, ScanError)
            except FileNotFoundError:  # the scan may just have ended
                path = transforms_path(Path(folder))
                contents = read_transforms(path, ScanError)
        except OSError as error:
            raise ScanError(
                f"{folder} is no scan: {path.name} cannot be read: {error.strerror}"
            ) from error
        for index, entry in enumerate(contents.entries):
            try:
                distortion_of(entry)
            except ValueError as error:
                raise ScanError(f"{path} frames[{index}]: {error}") from error
        scan = cls(_without_missing(contents, config), config.max_side)
        if not scan.finished and not is_being_written(scan.folder):
            logger.warning(
                "%s was not finished: the program that wrote it has ended; its %d frames are used",
                folder, len(scan),
            )  # fmt: skip
        return scan

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[RgbdFrame]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> RgbdFrame:
        """Read frame `index`, undistorted, at `scan.max_side` at most; depth is 0 without any.

        Raises:
            IndexError: no such frame.
            ScanError: its files are missing, damaged, or not of the size that its entry says.
        """
        entry = self._entries[index]
        try:
            return shrink(read_frame(self.folder, entry, float(index)), self._max_side)
        except ValueError as error:
            raise ScanError(f"{self._file} frames[{index}]: {error}") from error

    def camera_centres(self) -> list[tuple[str, Array]]:
        """Return the stem of each frame's image, and the camera's position `[3]`."""
        names = [Path(entry["file_path"].replace("\\", "/")).stem for entry in self._entries]
        matrices = [np.array(entry["transform_matrix"]) for entry in self._entries]
        return [(name, T[:3, 3]) for name, T in zip(names, matrices, strict=True)]

    @property
    def points(self) -> tuple[Array, NDArray[np.uint8]] | None:
        """Sparse points `[P, 3]` (m, world) with colours `[P, 3]` uint8; None without.

        Raises:
            ScanError: their file is missing or damaged.
        """
        if self._points_file is None:
            return None
        path = self.folder / self._points_file.replace("\\", "/")
        try:
            return read_points(path)
        except (ValueError, OSError) as error:
            problem = getattr(error, "strerror", None) or error
            raise ScanError(f"{self._file}: $.ply_file_path: {path} {problem}") from error


def _without_missing(contents: Contents, config: ScanConfig) -> Contents:
    """Return the contents without the frames that lack a file.

    Raises:
        ScanError: they are more than `max_missing_share` of all.
    """
    folder, entries = contents.path.parent, contents.entries
    fields = [missing_file(folder, entry) for entry in entries]
    missing = [(index, field) for index, field in enumerate(fields) if field is not None]
    if not missing:
        return contents
    index, field = missing[0]
    first = f"{contents.path} frames[{index}]: {field} = {show(entries[index][field])}"
    check_missing(first, len(missing), len(entries), config, ScanError)
    kept = [entry for entry, field in zip(entries, fields, strict=True) if field is None]
    return replace(contents, entries=kept)
