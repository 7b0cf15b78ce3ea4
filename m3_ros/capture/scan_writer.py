"""Writing of a scan folder, frame by frame; the layout is that of `m3_ros.capture.scan`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray

from m3_ros.capture.depth_file import MILLIMETRE
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.frames_file import FRAMES_FILE, LOCK_FILE, FramesFile, read_frames_file
from m3_ros.capture.scan import ScanError
from m3_ros.capture.transforms_file import FILE
from m3_ros.files import WriteError, reason_of, require_folder
from m3_ros.geometry import OPENGL_FROM_OPENCV
from m3_ros.types import Array, Depth

if TYPE_CHECKING:
    from typing import Self

POINTS_FILE = "sparse_pc.ply"
MAX_STEPS = 65534
"""Largest depth of a file, in steps of its unit: 65535 is a hole, as of many cameras."""
MAX_RANGE = 20.0
"""Largest depth in medians of its image where lengths are no metres: a step is then 3e-4 of the
median, and stray points of structure from motion do not coarsen it."""


class ScanWriter:
    """Writes a scan folder; a process that dies leaves every frame written so far readable.

    Use as a context manager, or call `close()`; a writer that got no frame removes its folder.
    A scan that an exception ends is not finished: it can be read, and resumed.

    Args:
        folder: to make.
        metric: whether the frames' lengths are metres.
        source: where the frames come from; only a scan of the same source is resumed.
        resume: go on with a scan in `folder` that was not finished.

    Attributes:
        folder: of the scan.
        resumed: number of frames that were there.

    Raises:
        ScanError: the folder is not empty, and holds no scan that can be resumed.
        WriteError: it cannot be written.
    """

    def __init__(
        self, folder: str | Path, metric: bool = True, source: str = "", resume: bool = False
    ) -> None:
        self.folder = Path(folder)
        require_free(folder, source, resume)
        try:
            self.folder.resolve().mkdir(parents=True, exist_ok=True)
            root = {"camera_model": "OPENCV", "depth_unit_scale_factor": MILLIMETRE}
            root |= {"metric": metric, **({"source": source} if source else {})}
            self._list = FramesFile(self.folder, root)
        except (OSError, ValueError) as error:  # a line that is not JSON
            raise WriteError(
                f"scan folder {self.folder} cannot be written: {reason_of(error)}"
            ) from error
        self.resumed = self._list.count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self.close(finished=error is None)

    def __len__(self) -> int:
        return self._list.count

    def add(self, frame: RgbdFrame) -> None:
        """Append one frame; it is on disk, and listed, when this returns.

        Raises:
            WriteError: a file could not be written (disk full, folder removed); the frames of
                before stay.
        """
        name = f"{len(self):06d}.png"
        unit = self._depth_unit(frame.depth)
        steps = np.rint(frame.depth / unit)
        images = {
            "images": cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR),
            "depths": np.where((steps >= 0) & (steps <= MAX_STEPS), steps, 0).astype(np.uint16),
        }
        if frame.mask is not None:
            images["masks"] = np.where(frame.mask, 255, 0).astype(np.uint8)
        K = frame.K
        entry = {
            "file_path": f"images/{name}",
            "depth_file_path": f"depths/{name}",
            **({} if frame.mask is None else {"mask_path": f"masks/{name}"}),
            **({} if unit == MILLIMETRE else {"depth_unit_scale_factor": unit}),
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
        try:
            for kind, image in images.items():
                (self.folder / kind).mkdir(exist_ok=True)
                _, encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
                (self.folder / kind / name).write_bytes(encoded.data)
        except OSError as error:
            for kind in images:
                (self.folder / kind / name).unlink(missing_ok=True)
            raise self._problem(error) from error
        self._append(entry)

    def set_points(self, points: Array, colors: NDArray[np.uint8]) -> None:
        """Store sparse points `[P, 3]` (m, world) with colours `[P, 3]`; none are not stored.

        Raises:
            WriteError: they cannot be written; the frames stay.
        """
        if not len(points):
            return
        path = self.folder / POINTS_FILE
        partial = path.with_name(path.name + ".part")
        try:
            partial.write_bytes(trimesh.PointCloud(points, colors=colors).export(file_type="ply"))
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise self._problem(error) from error
        self._append({"ply_file_path": POINTS_FILE})

    def close(self, finished: bool = True) -> None:
        """End; remove the folder when nothing was written.

        Args:
            finished: False: the scan can be resumed.

        Raises:
            WriteError: the end cannot be written; the frames stay, and can be read.
        """
        try:
            if not len(self):
                shutil.rmtree(self.folder, ignore_errors=True)
            elif finished:
                self._list.finish(self.folder / FILE)
        except OSError as error:
            raise self._problem(error) from error
        finally:
            self._list.close()

    def _depth_unit(self, depth: Depth) -> float:
        """Return the step of a depth image: 1 mm, unless lengths are no metres or do not fit."""
        measured = depth[(depth > 0.0) & np.isfinite(depth)]
        farthest, metric = float(measured.max(initial=0.0)), self._list.root.get("metric", True)
        if not len(measured) or (metric and farthest <= MAX_STEPS * MILLIMETRE):
            return MILLIMETRE
        if not metric:
            farthest = min(farthest, MAX_RANGE * float(np.median(measured)))
        return min(farthest / MAX_STEPS, 1.0)

    def _append(self, values: dict[str, Any]) -> None:
        try:
            self._list.append(values)
        except OSError as error:
            raise self._problem(error) from error

    def _problem(self, error: OSError) -> WriteError:
        """Return what could not be written, why, and what is kept."""
        if not self.folder.exists():
            return WriteError(
                f"scan {self.folder} cannot be written: the folder was removed or renamed, with "
                f"{len(self)} frames"
            )
        return WriteError(
            f"scan {self.folder} cannot be written: {reason_of(error)}; its {len(self)} frames "
            "are kept"
        )


def require_free(folder: str | Path, source: str = "", resume: bool = False) -> None:
    """Check that a scan can be written into a folder: it is new, empty, or holds one to resume.

    Args:
        folder: of the scan.
        source: where its frames come from.
        resume: whether a scan of this source that was not finished may go on.

    Raises:
        ScanError: it holds something else.
        WriteError: it cannot be written.
    """
    folder = Path(folder)
    require_folder(folder)
    path = folder / FRAMES_FILE
    try:
        names = set(os.listdir(folder)) if folder.exists() else set()
        if not names - {LOCK_FILE}:
            return
        if FRAMES_FILE not in names or FILE in names:
            raise ScanError(f"scan folder {folder} exists and is not empty; name a new one")
        there = read_frames_file(path, ScanError)
    except OSError as error:
        raise WriteError(f"scan folder {folder} cannot be read: {reason_of(error)}") from error
    if not resume:
        raise ScanError(
            f"scan folder {folder} holds {len(there['frames'])} frames of a scan that was not "
            "finished; go on with it, or name a new folder"
        )
    if there.get("source", "") != source:
        raise ScanError(
            f"scan folder {folder} holds a part of {there.get('source') or 'a recording'}, not of "
            f"{source or 'a recording'}; name a new folder"
        )
