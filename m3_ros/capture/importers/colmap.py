"""Importer of COLMAP folders: a sparse model, binary or text, with its `images/`.

Scale is arbitrary. Distortion is removed by COLMAP. The depth of a pixel is that of the sparse
point seen in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.importers.imported import Imported
from m3_ros.capture.scan import ScanError
from m3_ros.config import M3Config
from m3_ros.geometry import inverse, se3
from m3_ros.types import Depth

if TYPE_CHECKING:
    import pycolmap

FOLDERS = ("sparse/0", "sparse", "colmap/sparse/0", ".")
"""Where a model may lie in a COLMAP folder."""


def matches(source: Path) -> bool:
    """Return whether a folder holds a COLMAP model."""
    return _model_folder(source) is not None


def read(source: Path, _: M3Config) -> Imported:
    """Open a COLMAP folder.

    Raises:
        ScanError: the model has no registered image.
    """
    import pycolmap  # 50 MB of bindings, needed for this format alone

    model = _model_folder(source)
    reconstruction = pycolmap.Reconstruction(str(model))
    names = sorted(image.name for image in reconstruction.images.values())
    if not names:
        raise ScanError(f"the COLMAP model {model} has no registered image")
    cloud = list(reconstruction.points3D.values())
    points = np.array([point.xyz for point in cloud]).reshape(-1, 3)
    colors = np.array([point.color for point in cloud], np.uint8).reshape(-1, 3)
    return Imported(len(names), _frames(source, model, names), (points, colors))


def _model_folder(source: Path) -> Path | None:
    for name in FOLDERS:
        if any((source / name / f"cameras.{kind}").is_file() for kind in ("bin", "txt")):
            return source / name
    return None


def _frames(source: Path, model: Path, names: list[str]) -> Iterator[RgbdFrame]:
    """Yield the frames in the order of their names."""
    import pycolmap

    with tempfile.TemporaryDirectory() as undistorted:
        pycolmap.undistort_images(undistorted, str(model), str(source / "images"))
        pinhole = pycolmap.Reconstruction(f"{undistorted}/sparse")
        by_name = {image.name: image for image in pinhole.images.values()}
        for index, name in enumerate(names):
            image = by_name[name]
            yield _frame(Path(undistorted) / "images", image, pinhole.points3D, index)


def _frame(
    folder: Path, image: pycolmap.Image, points: pycolmap.Point3DMap, index: int
) -> RgbdFrame:
    bgr = cv2.imread(str(folder / image.name), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ScanError(f"the COLMAP model names {image.name}, which is not among the images")
    world_to_camera = image.cam_from_world().matrix()
    return RgbdFrame(
        rgb=cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB),
        depth=_sparse_depth(image, points),
        K=np.asarray(image.camera.calibration_matrix(), np.float64),
        camtoworld=inverse(se3(world_to_camera[:, :3], world_to_camera[:, 3])),
        stamp=float(index),
        name=image.name,
    )


def _sparse_depth(image: pycolmap.Image, points: pycolmap.Point3DMap) -> Depth:
    """Return depth `[H, W]` of the pixels in which an image saw a sparse point, else 0."""
    depth = np.zeros((image.camera.height, image.camera.width), np.float32)
    for seen in image.points2D:
        column, row = seen.xy.astype(int)
        if seen.has_point3D() and 0 <= row < len(depth) and 0 <= column < depth.shape[1]:
            z = (image.cam_from_world() * points[seen.point3D_id].xyz)[2]
            depth[row, column] = max(z, 0.0)
    return depth
