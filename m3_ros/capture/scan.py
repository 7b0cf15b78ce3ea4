"""A scan folder: posed RGB-D frames on disk, in nerfstudio's `transforms.json` convention.

Layout: `images/000000.png` (8-bit RGB), `depths/000000.png` (16-bit, 0 = none; in mm, or in the
frame's `depth_unit_scale_factor`), `masks/000000.png` (8-bit, 0 = ignore; of frames with a mask)
and `transforms.json`, whose `transform_matrix` has OpenGL camera axes. nerfstudio, gsplat and
instant-ngp read these folders, and their folders are read here (`transforms_json`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.missing import check_missing
from m3_ros.capture.points_file import read_points
from m3_ros.capture.transforms_file import Contents, read_transforms, transforms_path
from m3_ros.capture.transforms_json import distortion_of, missing_file, read_frame
from m3_ros.config import ScanConfig
from m3_ros.errors import DataError, show
from m3_ros.geometry import OPENGL_FROM_OPENCV
from m3_ros.types import Array, Depth

if TYPE_CHECKING:
    from typing import Self

POINTS_FILE = "sparse_pc.ply"
MAX_STEPS = 65534
"""Largest depth of a file, in steps of its unit: 65535 is a hole, as of many cameras."""
MILLIMETRE = 1e-3
MAX_RANGE = 20.0
"""Largest depth in medians of its image where lengths are no metres: a step is then 3e-4 of the
median, and stray points of structure from motion do not coarsen it."""


class ScanError(DataError):
    """A scan folder is missing, broken or would be overwritten; the message says which."""


class Scan:
    """A folder of posed RGB-D frames, read one at a time.

    `len(scan)` is the number of frames, `scan[i]` reads one, iteration reads all in order.

    Attributes:
        folder: of the scan.
        metric: whether its lengths are metres; False after structure from motion alone.
    """

    def __init__(self, contents: Contents) -> None:
        self._file, self.folder = contents.path, contents.path.parent
        self.metric = contents.metric
        self._entries, self._points_file = contents.entries, contents.points_file

    @classmethod
    def open(cls, folder: str | Path, config: ScanConfig | None = None) -> Scan:
        """Open a scan folder; frames of which a file is missing are left out, and counted.

        Args:
            folder: of the scan, or its `transforms.json`, which may have another name.
            config: its `max_missing_share` bounds the frames that are left out.

        Raises:
            ScanError: there is no `transforms.json`, one of its fields is missing or invalid, or
                too many files are missing.
        """
        path = transforms_path(Path(folder))
        try:
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
        return cls(_without_missing(contents, config or ScanConfig()))

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[RgbdFrame]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> RgbdFrame:
        """Read frame `index`, undistorted; depth is all zero where the scan has none.

        Raises:
            IndexError: no such frame.
            ScanError: its files are missing, damaged, or not of the size that its entry says.
        """
        entry = self._entries[index]
        try:
            return read_frame(self.folder, entry, float(index))
        except ValueError as error:
            raise ScanError(f"{self._file} frames[{index}]: {error}") from error

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


class ScanWriter:
    """Writes a scan folder frame by frame; a crash leaves every frame written so far readable.

    Use as a context manager, or call `close()`; a writer that got no frame removes its folder.

    Args:
        folder: to make.
        metric: whether the frames' lengths are metres.

    Raises:
        ScanError: the folder already exists and is not empty.
    """

    def __init__(self, folder: str | Path, metric: bool = True) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and any(self.folder.iterdir()):
            raise ScanError(f"scan folder {self.folder} exists and is not empty; name a new one")
        (self.folder / "images").mkdir(parents=True, exist_ok=True)
        (self.folder / "depths").mkdir(exist_ok=True)
        self._meta = {"camera_model": "OPENCV", "depth_unit_scale_factor": MILLIMETRE}
        self._meta["metric"] = metric
        self._meta["frames"] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._meta["frames"])

    def add(self, frame: RgbdFrame) -> None:
        """Append one frame; it is on disk, and listed, when this returns.

        Raises:
            OSError: a file could not be written (disk full, folder removed).
        """
        name = f"{len(self):06d}.png"
        bgr = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR)
        unit = self._depth_unit(frame.depth)
        steps = np.rint(frame.depth / unit)
        steps = np.where(steps <= MAX_STEPS, steps, 0).astype(np.uint16)
        files = {f"images/{name}": bgr, f"depths/{name}": steps}
        if frame.mask is not None:
            (self.folder / "masks").mkdir(exist_ok=True)
            files[f"masks/{name}"] = np.where(frame.mask, 255, 0).astype(np.uint8)
        for path, image in files.items():
            if not cv2.imwrite(str(self.folder / path), image, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
                raise OSError(f"cannot write {self.folder / path}")
        K = frame.K
        mask = {} if frame.mask is None else {"mask_path": f"masks/{name}"}
        self._meta["frames"].append(
            {
                "file_path": f"images/{name}",
                "depth_file_path": f"depths/{name}",
                **({} if unit == MILLIMETRE else {"depth_unit_scale_factor": unit}),
                **mask,
                "fl_x": K[0, 0],
                "fl_y": K[1, 1],
                "cx": K[0, 2],
                "cy": K[1, 2],
                "w": frame.width,
                "h": frame.height,
                "stamp": frame.stamp,
                **({"source_name": frame.name} if frame.name else {}),
                "transform_matrix": (frame.camtoworld @ OPENGL_FROM_OPENCV).tolist(),
            }
        )
        self._write_meta()

    def _depth_unit(self, depth: Depth) -> float:
        """Return the step of a depth image: 1 mm, unless lengths are no metres or do not fit."""
        measured = depth[depth > 0.0]
        farthest = float(measured.max(initial=0.0))
        if not len(measured) or (self._meta["metric"] and farthest <= MAX_STEPS * MILLIMETRE):
            return MILLIMETRE
        if not self._meta["metric"]:
            farthest = min(farthest, MAX_RANGE * float(np.median(measured)))
        return min(farthest / MAX_STEPS, 1.0)

    def set_points(self, points: Array, colors: NDArray[np.uint8]) -> None:
        """Store sparse points `[P, 3]` (m, world) with colours `[P, 3]`; none are not stored."""
        if not len(points):
            return
        trimesh.PointCloud(points, colors=colors).export(self.folder / POINTS_FILE)
        self._meta["ply_file_path"] = POINTS_FILE
        self._write_meta()

    def close(self) -> None:
        """Finish; remove the folder when nothing was written."""
        if not len(self):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _write_meta(self) -> None:
        temporary = self.folder / "transforms.json.part"
        temporary.write_text(json.dumps(self._meta, indent=1))
        os.replace(temporary, self.folder / "transforms.json")
