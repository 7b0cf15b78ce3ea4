"""A memory or a scan as a recording that the Rerun viewer opens (`m3 view FOLDER --rerun OUT`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.scan import Scan
from m3_ros.errors import UsageError
from m3_ros.files import WriteError, reason_of
from m3_ros.geometry import matrix_to_quat
from m3_ros.memory.queries import View
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.result import QueryResult
from m3_ros.types import Image
from m3_ros.view.memory import keyframe_picture
from m3_ros.view.page.scan_page import POINTS, sampled
from m3_ros.view.page.shapes import FRUSTUM
from m3_ros.view.page.splats import COLOR, RELEVANCY, colors
from m3_ros.view.pictures import evenly

if TYPE_CHECKING:
    import rerun

JPEG_QUALITY = 85
MAX_KEYFRAMES = 100  # of a memory, evenly chosen; a picture of each is rendered or read
TARGET = (60, 255, 90)


def save_memory_recording(
    path: Path, memory: SpatialMemory, scan: Scan | None = None, result: QueryResult | None = None
) -> None:
    """Write a memory's Gaussians, keyframes and, if there is one, the response to a query.

    Args:
        path: of the `.rrd` file, which is replaced.
        memory: that is written.
        scan: that it was built from, for the camera's pictures; without it they are rendered.
        result: response of this memory.

    Raises:
        UsageError: rerun-sdk is not installed.
        WriteError: the file cannot be written.
    """
    with _recording(path) as (rr, log):
        log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        eye = memory.views[len(memory.views) // 2].camtoworld[:3, 3]
        log("world/gaussians", _splats(rr, memory, colors(memory, COLOR, eye)), static=True)
        length = FRUSTUM * memory.working_distance
        for index, view in evenly(list(enumerate(memory.views)), MAX_KEYFRAMES):
            picture = keyframe_picture(memory, view, scan)
            _log_camera(rr, log, f"world/keyframes/{index}", view, picture, length)
        if result is None:
            return
        shades = colors(memory, RELEVANCY, eye, result.probabilities)
        log("world/relevancy", _splats(rr, memory, shades), static=True)
        log("answer", rr.TextDocument(f"{result.status.name}: {result.message}"), static=True)
        boxes = [target.box for target in result.targets]
        if boxes:
            quats = np.array([matrix_to_quat(box.rotation) for box in boxes])
            targets = rr.Boxes3D(
                centers=[box.center for box in boxes],
                half_sizes=[box.size / 2 for box in boxes],
                quaternions=quats[:, [1, 2, 3, 0]],
                labels=[f"{target.label} {target.score:.2f}" for target in result.targets],
                colors=[TARGET] * len(boxes),
            )
            log("world/targets", targets, static=True)


def save_scan_recording(path: Path, scan: Scan) -> None:
    """Write a scan's frames, one after the other on the timeline `frame`.

    Args:
        path: of the `.rrd` file, which is replaced.
        scan: that is written.

    Raises:
        UsageError: rerun-sdk is not installed.
        WriteError: the file cannot be written.
    """
    with _recording(path) as (rr, log):
        log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        poses = np.array([frame.camtoworld for frame in scan])
        log("world/path", rr.LineStrips3D([poses[:, :3, 3]]), static=True)
        if scan.points is not None:
            points, shades = scan.points
            log("world/points", rr.Points3D(points, colors=shades), static=True)
        for index, frame in enumerate(scan):
            log.time(index, frame.stamp)
            view = View(frame.camtoworld, frame.K, frame.width, frame.height)
            _log_camera(rr, log, "world/camera", view, frame.rgb)
            if frame.depth.any():
                log("world/camera/image/depth", rr.DepthImage(frame.depth, meter=1.0))
                points, shades = sampled(frame, POINTS // len(scan))
                log(f"world/measured/{index}", rr.Points3D(points, colors=shades))


def require_rerun() -> object:
    """Return the module rerun.

    Raises:
        UsageError: rerun-sdk is not installed.
    """
    try:
        import rerun
    except ImportError:
        raise UsageError(
            "--rerun needs the package rerun-sdk, which set-up leaves out for its 0.7 GB: pip "
            "install rerun-sdk"
        ) from None
    return rerun


class _Log:
    """Logs to one recording."""

    def __init__(self, stream: rerun.RecordingStream) -> None:
        self._stream = stream

    def __call__(self, name: str, data: object, static: bool = False) -> None:
        self._stream.log(name, data, static=static)

    def time(self, index: int, stamp: float) -> None:
        """Set the time of what is logged next: number and stamp (s) of a frame."""
        self._stream.set_time("frame", sequence=index)
        self._stream.set_time("stamp", duration=stamp)


@contextmanager
def _recording(path: Path) -> Iterator[tuple[object, _Log]]:
    """Yield the module rerun and the log of a file, which takes its place when it is whole."""
    rr = require_rerun()
    part = path.with_name(f".{path.name}.part")
    try:
        part.touch()
        stream = rr.RecordingStream("m3_ros")
        stream.save(part)
        yield rr, _Log(stream)
        stream.disconnect()
        os.replace(part, path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {reason_of(error)}") from None
    finally:
        part.unlink(missing_ok=True)


def _splats(rr: object, memory: SpatialMemory, shades: NDArray[np.uint8]) -> object:
    """Return the Gaussians in colours `[N, 3]`; as points for an SDK that has no splats."""
    gaussians = memory.gaussians
    opacities = np.uint8(np.rint(255 * gaussians.opacities.sigmoid().numpy()))
    rgba = np.hstack([shades, opacities[:, None]])
    centers, scales = gaussians.means.numpy(), gaussians.scales.exp().numpy()
    if not hasattr(rr, "GaussianSplats3D"):
        return rr.Points3D(centers, colors=rgba, radii=scales.max(1))
    quats = gaussians.quats.numpy()[:, [1, 2, 3, 0]]
    quats = quats / np.linalg.norm(quats, axis=1, keepdims=True)
    return rr.GaussianSplats3D(centers, scales=scales, quaternions=quats, colors=rgba)


def _log_camera(
    rr: object, log: _Log, name: str, view: View, picture: Image, length: float | None = None
) -> None:
    """Log pose, intrinsics and picture of a view; `length` is that of its frustum."""
    pose = rr.Transform3D(translation=view.camtoworld[:3, 3], mat3x3=view.camtoworld[:3, :3])
    camera = rr.Pinhole(
        image_from_camera=view.K,
        resolution=[view.width, view.height],
        camera_xyz=rr.ViewCoordinates.RDF,
        image_plane_distance=length,
    )
    static = length is not None
    log(name, pose, static=static)
    log(f"{name}/image", camera, static=static)
    log(f"{name}/image/rgb", rr.Image(picture).compress(jpeg_quality=JPEG_QUALITY), static=static)
