"""Bring scans from elsewhere into a scan folder: nerfstudio's, COLMAP's, ROS 2 bags."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.bag import is_bag, read_bag
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan, ScanError, ScanWriter
from m3_ros.config import M3Config
from m3_ros.geometry import inverse, se3
from m3_ros.types import Progress, no_progress

COLMAP_FOLDERS = ("sparse/0", "sparse", "colmap/sparse/0", ".")


def import_scan(
    source: str | Path,
    target: str | Path,
    progress: Progress = no_progress,
    config: M3Config | None = None,
) -> Scan:
    """Copy a nerfstudio or COLMAP folder, or a ROS 2 bag, into a new scan folder.

    Distortion is removed. A bag may be MCAP or SQLite, its pictures raw or compressed (JPEG, PNG).

    COLMAP scans have an arbitrary scale; their sparse points come along, and are the depth of the
    pixels in which they were seen.

    Args:
        source: folder with `transforms.json`, or with a COLMAP model and its `images/`; or a bag.
        target: folder to make; it must not exist or be empty.
        progress: called after each frame with the stage "import".
        config: a bag's topics and frames, and which of its frames are kept.

    Raises:
        ScanError: the source holds neither, is broken, or the target is not empty.
    """
    source = Path(source)
    points = None
    if (source / "transforms.json").is_file():
        scan = Scan.open(source)
        count, frames, points = len(scan), iter(scan), scan.points
    elif (model := _colmap_model(source)) is not None:
        count, frames, points = _read_colmap(source, model)
    elif is_bag(source):
        count, frames = read_bag(source, config or M3Config())
    else:
        raise ScanError(
            f"{source} holds no scan: neither transforms.json (nerfstudio) nor a COLMAP model "
            f"(cameras.bin or cameras.txt in {', '.join(COLMAP_FOLDERS)}) nor a ROS 2 bag "
            "(metadata.yaml, *.mcap)"
        )
    writer = ScanWriter(target)
    try:
        for done, frame in enumerate(frames, start=1):
            writer.add(frame)
            progress("import", done / count)
        if points is not None:
            writer.set_points(*points)
    except BaseException:  # an import is whole or not there, Ctrl-C included
        shutil.rmtree(target)
        raise
    return Scan.open(target)


def _colmap_model(source: Path) -> Path | None:
    for name in COLMAP_FOLDERS:
        if any((source / name / f"cameras.{kind}").is_file() for kind in ("bin", "txt")):
            return source / name
    return None


def _read_colmap(
    source: Path, model: Path
) -> tuple[int, Iterator[RgbdFrame], tuple[NDArray[np.float64], NDArray[np.uint8]]]:
    import pycolmap  # 50 MB of bindings, needed for this format alone

    reconstruction = pycolmap.Reconstruction(str(model))
    images = sorted(reconstruction.images.values(), key=lambda image: image.name)
    if not images:
        raise ScanError(f"the COLMAP model {model} has no registered image")
    cloud = list(reconstruction.points3D.values())
    points = np.array([point.xyz for point in cloud]).reshape(-1, 3)
    colors = np.array([point.color for point in cloud], np.uint8).reshape(-1, 3)

    def frames() -> Iterator[RgbdFrame]:
        with tempfile.TemporaryDirectory() as undistorted:
            pycolmap.undistort_images(undistorted, str(model), str(source / "images"))
            pinhole = pycolmap.Reconstruction(f"{undistorted}/sparse")
            by_name = {image.name: image for image in pinhole.images.values()}
            for index, image in enumerate(images):
                image = by_name[image.name]
                depth = _sparse_depth(image, pinhole.points3D)
                yield _colmap_frame(Path(undistorted) / "images", image, depth, index)

    return len(images), frames(), (points, colors)


def _sparse_depth(image: object, points: object) -> NDArray[np.float32]:
    """Depth `[H, W]` of the pixels in which an image saw a sparse point, 0 elsewhere."""
    depth = np.zeros((image.camera.height, image.camera.width), np.float32)
    for seen in image.points2D:
        column, row = seen.xy.astype(int)
        if seen.has_point3D() and 0 <= row < len(depth) and 0 <= column < depth.shape[1]:
            z = (image.cam_from_world() * points[seen.point3D_id].xyz)[2]
            depth[row, column] = max(z, 0.0)
    return depth


def _colmap_frame(
    folder: Path, image: object, depth: NDArray[np.float32], index: int
) -> RgbdFrame:
    bgr = cv2.imread(str(folder / image.name), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ScanError(f"the COLMAP model names {image.name}, which is not among the images")
    world_to_camera = image.cam_from_world().matrix()
    return RgbdFrame(
        rgb=cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB),
        depth=depth,
        K=np.asarray(image.camera.calibration_matrix(), np.float64),
        camtoworld=inverse(se3(world_to_camera[:, :3], world_to_camera[:, 3])),
        stamp=float(index),
    )
