"""What the importers of phones' and data sets' folders share: a recording of posed pictures.

Recordings have 5 to 60 pictures a second; keyframes are selected from them as in a live scan, by
`scan.keyframe_translation` and `scan.keyframe_rotation`, at any speed of the camera.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.color_file import read_color
from m3_ros.capture.depth import to_metres, to_size
from m3_ros.capture.depth_file import MILLIMETRE, read_depth
from m3_ros.capture.distortion import Distortion, undistort
from m3_ros.capture.frame import RgbdFrame, is_rigid
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.capture.missing import check_missing
from m3_ros.capture.scan import ScanError
from m3_ros.geometry import scale_intrinsics, se3
from m3_ros.types import Array, Depth, Image

MAX_STAMP = 2.0**32
"""Latest stamp, s: of messages of ROS, whose seconds have 32 bits."""
Z_FROM_Y = se3(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), [0.0, 0.0, 0.0])
"""Turns a world whose y axis is up, as ARKit's, to one whose z axis is."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Shot:
    """A posed picture of a recording that is not read yet.

    Attributes:
        name: of the picture.
        stamp: s.
        camtoworld: `T_world_camera [4, 4]`, OpenCV camera axes.
        K: `[3, 3]` intrinsics, px.
        read: returns colour, and depth (m) of any size or None.
        files: that `read` needs.
        size: width and height (px) that `K` is for; None: those of the picture.
    """

    name: str
    stamp: float
    camtoworld: Array
    K: Array
    read: Callable[[], tuple[Image, Depth | None]]
    files: tuple[Path, ...] = ()
    size: tuple[int, int] | None = None


def import_shots(
    request: ImportRequest, shots: Sequence[Shot], distortion: Distortion | None = None
) -> Imported:
    """Return the keyframes of a recording.

    Args:
        request: what is imported.
        shots: in the order of their stamps.
        distortion: of the lens; none by default.

    Raises:
        ScanError: there are none, or too many lack a file.
    """
    for shot in shots:
        if not 0 <= shot.stamp <= MAX_STAMP:
            place = f"{request.source}: stamp of picture {shot.name}"
            raise ScanError.at(place, float(shot.stamp), "a number of seconds, 0 to 2^32")
    rigid = is_rigid(np.array([shot.camtoworld for shot in shots])) if shots else np.zeros(0, bool)
    if not rigid.all():
        logger.warning(
            "%s: %d of %d poses are no rigid transforms, so tracking was lost; they are left out",
            *(request.source, np.count_nonzero(~rigid), len(shots)),
        )
    shots = [shot for shot, good in zip(shots, rigid, strict=True) if good]
    missing = [file for shot in shots for file in shot.files if not file.is_file()]
    there = [shot for shot in shots if all(file.is_file() for file in shot.files)]
    first = str(missing[0]) if missing else ""
    check_missing(first, len(shots) - len(there), len(shots), request.config.scan, ScanError)
    selector = KeyframeSelector(replace(request.config.scan, max_speed=1e9))
    kept = [shot for shot in there if selector.accept(shot.camtoworld, shot.stamp)]
    kept = kept[: request.config.scan.max_frames]
    if not kept:
        raise ScanError(f"{request.source} lists no picture with a pose")
    return Imported(len(kept), _frames(request.source, kept, distortion))


def _frames(
    source: Path, shots: Sequence[Shot], distortion: Distortion | None
) -> Iterator[RgbdFrame]:
    for shot in shots:
        try:
            rgb, depth = shot.read()
            shape = rgb.shape[:2]
            depth = np.zeros(shape, np.float32) if depth is None else to_size(depth, shape)
            K = shot.K if shot.size is None else _scaled(shot.K, shot.size, shape)
            frame = RgbdFrame(rgb, depth, K, shot.camtoworld, shot.stamp, name=shot.name)
            yield frame if distortion is None else undistort(frame, distortion)
        except ScanError:
            raise
        except ValueError as error:
            raise ScanError(f"{source}: picture {shot.name}: {error}") from error


def _scaled(K: Array, size: tuple[int, int], shape: tuple[int, int]) -> Array:
    """Return intrinsics for a picture of (height, width) that may be a scaled one.

    Raises:
        ValueError: it has another aspect ratio, by more than a pixel.
    """
    (width, height), (rows, columns) = size, shape
    if abs(width * rows / height - columns) > 1.0:
        raise ValueError(
            f"it has {columns} x {rows} pixels, its intrinsics are for {width} x {height}; their "
            "aspect ratios must be equal"
        )
    return scale_intrinsics(K, columns / width, rows / height)


def read_rgbd(
    color: Path,
    depth: Path | None = None,
    unit: float = MILLIMETRE,
    confidence: Path | None = None,
    min_confidence: int = 1,
) -> tuple[Image, Depth | None]:
    """Return colour, and depth (m); depth of less confidence is 0.

    Args:
        color: image file.
        depth: depth file; None: there is none.
        unit: of depth, m a step.
        confidence: image of the depth's size; None: all depth counts.
        min_confidence: least value of it.

    Raises:
        ValueError: a file cannot be read; the message names it.
    """
    rgb, _ = named(color, read_color)
    if depth is None:
        return rgb, None
    metres = to_metres(named(depth, read_depth), unit)
    if confidence is not None:
        sure = named(confidence, lambda path: read_color(path)[0][..., 0])
        metres = drop_unsure(metres, sure, min_confidence)
    return rgb, metres


def drop_unsure(depth: Depth, confidence: NDArray, least: int) -> Depth:
    """Return depth without the pixels of less confidence."""
    return np.where(to_size(confidence, depth.shape) >= least, depth, np.float32(0.0))


def named(path: Path, read: Callable[[Path], NDArray]) -> NDArray:
    """Return what `read` makes of a file; its errors get the file's name."""
    try:
        return read(path)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error


def pinhole(fx: float, fy: float, cx: float, cy: float) -> Array:
    """Return `K [3, 3]`."""
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
