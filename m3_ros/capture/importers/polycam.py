"""Importer of Polycam's raw data: `keyframes/` with images, cameras, depth and confidence.

Poses are ARKit's: OpenGL camera axes, y up, m. The app's global optimisation, where it ran, left
corrected images and cameras beside the first ones. Depth is in mm; where confidence is 0, it is
not used.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from msgspec import Struct

from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.importers.sequence import Z_FROM_Y, Shot, import_shots, pinhole, read_rgbd
from m3_ros.capture.scan import ScanError
from m3_ros.geometry import OPENGL_FROM_OPENCV, se3
from m3_ros.schema import Focal, Length, Pixel, Side, read_json

FOLDERS = ("corrected_", "")
"""Prefixes of the folders of images and cameras, the better ones first."""


class _Camera(Struct):
    """A file of `cameras/`: intrinsics, and rows of `T_world_camera`."""

    fx: Focal
    fy: Focal
    cx: Pixel
    cy: Pixel
    width: Side
    height: Side
    t_00: Length
    t_01: Length
    t_02: Length
    t_03: Length
    t_10: Length
    t_11: Length
    t_12: Length
    t_13: Length
    t_20: Length
    t_21: Length
    t_22: Length
    t_23: Length


def matches(source: Path) -> bool:
    """Return whether a folder holds Polycam's keyframes."""
    return _cameras(source) is not None


def _cameras(source: Path) -> tuple[Path, str] | None:
    """Return the folder of keyframes, and the prefix of its images and cameras."""
    for base in (source / "keyframes", source):
        for prefix in FOLDERS:
            if (base / f"{prefix}images").is_dir() and (base / f"{prefix}cameras").is_dir():
                return base, prefix
    return None


def read(request: ImportRequest) -> Imported:
    """Open raw data of Polycam.

    Raises:
        ScanError: a camera's file is invalid, or too many images are missing.
    """
    base, prefix = _cameras(request.source)
    shots = []
    for path in sorted((base / f"{prefix}cameras").glob("*.json")):
        camera = read_json(path, _Camera, ScanError)
        rows = [[getattr(camera, f"t_{row}{column}") for column in range(4)] for row in range(3)]
        matrix = np.array(rows)
        pose = Z_FROM_Y @ se3(matrix[:, :3], matrix[:, 3]) @ OPENGL_FROM_OPENCV
        color = _image(base / f"{prefix}images", path.stem)
        depth, sure = (_image(base / name, path.stem) for name in ("depth", "confidence"))
        depth = depth if depth.is_file() else None
        sure = sure if sure.is_file() else None
        K = pinhole(camera.fx, camera.fy, camera.cx, camera.cy)
        shots.append(
            Shot(
                color.name, float(len(shots)), pose, K,
                partial(read_rgbd, color, depth, confidence=sure), files=(color,),
                size=(int(camera.width), int(camera.height)),
            )
        )  # fmt: skip
    return import_shots(request, shots)


def _image(folder: Path, stem: str) -> Path:
    """Return the image of a stem, of whatever suffix; the JPEG that may be missing otherwise."""
    found = [folder / f"{stem}{suffix}" for suffix in (".jpg", ".png", ".jpeg")]
    return next((path for path in found if path.is_file()), found[0])
