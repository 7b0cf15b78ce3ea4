"""Importer of COLMAP folders: a sparse model, binary or text, with its `images/`.

Scale is arbitrary. Distortion is removed by COLMAP. The depth of a pixel is that of the sparse
point seen in it.
"""

from __future__ import annotations

import logging
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

FOLDERS = ("sparse", "colmap/sparse", ".")
"""Where models may lie in a COLMAP folder, directly or in numbered subfolders."""

logger = logging.getLogger(__name__)


def matches(source: Path) -> bool:
    """Return whether a folder holds a COLMAP model."""
    return bool(_model_folders(source))


def read(source: Path, _: M3Config) -> Imported:
    """Open a COLMAP folder; of several models the one with most images.

    Raises:
        ScanError: a model cannot be read, or has no registered image.
    """
    model, reconstruction = _largest(_model_folders(source))
    names = sorted(image.name for image in reconstruction.images.values())
    if not names:
        raise ScanError(f"the COLMAP model {model} has no registered image")
    cloud = list(reconstruction.points3D.values())
    points = np.array([point.xyz for point in cloud]).reshape(-1, 3)
    colors = np.array([point.color for point in cloud], np.uint8).reshape(-1, 3)
    frames = _frames(source, reconstruction, names)
    return Imported(len(names), frames, (points, colors), metric=False)


def _model_folders(source: Path) -> list[Path]:
    """Return the folders of models in the first of `FOLDERS` that holds any."""
    for name in FOLDERS:
        base = source / name
        numbered = sorted(path for path in base.glob("*") if path.name.isdigit())
        found = [
            folder
            for folder in (*numbered, base)
            if any((folder / f"cameras.{kind}").is_file() for kind in ("bin", "txt"))
        ]
        if found:
            return found
    return []


def _largest(folders: list[Path]) -> tuple[Path, pycolmap.Reconstruction]:
    """Load all models and return the one with most registered images."""
    import pycolmap  # 50 MB of bindings, needed for this format alone

    models = []
    for folder in folders:
        try:
            models.append((folder, pycolmap.Reconstruction(str(folder))))
        except (RuntimeError, ValueError, IndexError) as error:
            cause = next(iter(str(error).splitlines()), type(error).__name__)
            raise ScanError(f"the COLMAP model {folder} cannot be read ({cause})") from error
    best = max(models, key=lambda pair: len(pair[1].images))
    if len(models) > 1:
        sizes = [f"{path} ({_plural(len(model.images))})" for path, model in models]
        logger.warning("%d COLMAP models: %s; %s is read", len(models), ", ".join(sizes), best[0])
    return best


def _plural(count: int) -> str:
    return f"{count} image{'s' if count != 1 else ''}"


def _frames(source: Path, model: pycolmap.Reconstruction, names: list[str]) -> Iterator[RgbdFrame]:
    """Yield the frames in the order of their names."""
    import pycolmap

    with tempfile.TemporaryDirectory() as undistorted:
        fisheye = Path(undistorted) / "model"
        fisheye.mkdir()
        _with_fisheye(model).write(str(fisheye))
        pycolmap.undistort_images(undistorted, str(fisheye), str(source / "images"))
        pinhole = pycolmap.Reconstruction(f"{undistorted}/sparse")
        by_name = {image.name: image for image in pinhole.images.values()}
        for index, name in enumerate(names):
            image = by_name[name]
            yield _frame(Path(undistorted) / "images", image, pinhole.points3D, index)


def _with_fisheye(model: pycolmap.Reconstruction) -> pycolmap.Reconstruction:
    """Replace fisheye cameras without coefficients, which COLMAP would take for undistorted ones.

    Its test asks for coefficients above 1e-8, and an equidistant lens has none; a term of 1e-7
    theta^9 moves no pixel.
    """
    for camera in model.cameras.values():
        if camera.is_perspective_fisheye() and camera.is_undistorted():
            lens = [camera.focal_length_x, camera.focal_length_y]
            lens += [camera.principal_point_x, camera.principal_point_y]
            camera.model = "OPENCV_FISHEYE"
            camera.params = [*lens, 0.0, 0.0, 0.0, 1e-7]
    return model


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
