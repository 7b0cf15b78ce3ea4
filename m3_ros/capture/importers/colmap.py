"""Importer of COLMAP folders: a sparse model, binary or text, with its images.

Scale is arbitrary. Distortion is removed by COLMAP. The depth of a pixel is that of the sparse
point seen in it; of points without tracks, such as a LiDAR's, those count that nothing hides.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from m3_ros.capture.color_file import read_color
from m3_ros.capture.depth import to_size
from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.capture.importers.colmap_models import model_folders, read_folder
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.listed_file import IMAGE_SUFFIXES, MASK_SUFFIXES, find_listed
from m3_ros.capture.missing import check_missing
from m3_ros.capture.picture_file import read_picture
from m3_ros.capture.scan import ScanError
from m3_ros.capture.zbuffer import points_depth, spacing
from m3_ros.config import M3Config
from m3_ros.errors import show
from m3_ros.geometry import inverse, se3, transform
from m3_ros.types import Array, Image, Mask

if TYPE_CHECKING:
    import pycolmap

IMAGE_FOLDERS = ("images", "../images", "../../images", "dense/images", "input", "rgb", ".")
"""Where images may lie, from the folder; names in the model continue it."""

logger = logging.getLogger(__name__)


def matches(source: Path) -> bool:
    """Return whether a folder holds a COLMAP model."""
    return bool(model_folders(source))


def read(request: ImportRequest) -> Imported:
    """Open a COLMAP folder; of several models the one with most images.

    Raises:
        ScanError: a model cannot be read, has no registered image, or lacks too many image files.
    """
    folder, model = read_folder(request.source)
    return read_model(request.source, folder, model, request.config)


def points_of(model: pycolmap.Reconstruction) -> tuple[Array, Image]:
    """Return the points `[P, 3]` of a model and their colours `[P, 3]`."""
    cloud = list(model.points3D.values())
    points = np.array([point.xyz for point in cloud], np.float64).reshape(-1, 3)
    return points, np.array([point.color for point in cloud], np.uint8).reshape(-1, 3)


def read_model(
    source: Path, folder: Path, model: pycolmap.Reconstruction, config: M3Config
) -> Imported:
    """Return the scan of a model.

    Args:
        source: folder in which the images lie in one of `IMAGE_FOLDERS`.
        folder: of the model, for messages.
        model: with registered images.
        config: the share of images that may be missing.

    Raises:
        ScanError: it has no registered image, or lacks too many image files.
    """
    images = sorted(
        (image for image in model.images.values() if image.has_pose), key=lambda each: each.name
    )
    if not images:
        raise ScanError(f"the COLMAP model {folder} has no registered image")
    files = _find_images(source, [image.name for image in images])
    missing = [image.name for image in images if image.name not in files]
    first = f"{folder}: {show(missing[0])}, an image of the model," if missing else ""
    check_missing(first, len(missing), len(images), config.scan, ScanError)
    images = [image for image in images if image.name in files]
    points, colors = points_of(model)
    if not len(points):
        logger.warning("the COLMAP model %s has no points", folder)
    frames = _frames(source, images, files, model, points)
    return Imported(len(images), frames, (points, colors), metric=False)


def _find_images(source: Path, names: list[str]) -> dict[str, Path]:
    """Return the file of each name; its last part alone will do where no other name has it."""
    last = Counter(Path(name).name for name in names)
    files = {}
    for name in names:
        unique = last[Path(name).name] == 1
        for base in (source / folder for folder in IMAGE_FOLDERS):
            found = base / name
            if unique and not os.path.isfile(found):  # Path.is_file raises for a long name
                found = find_listed(base, name, IMAGE_SUFFIXES)
            if found is not None and os.path.isfile(found):
                files[name] = found
                break
    return files


def _frames(
    source: Path,
    images: list[pycolmap.Image],
    files: dict[str, Path],
    model: pycolmap.Reconstruction,
    points: Array,
) -> Iterator[RgbdFrame]:
    cloud = None
    if len(points) and not any(point.track.length() for point in model.points3D.values()):
        cloud = points, spacing(points)
    for index, image in enumerate(images):
        path = files[image.name]
        try:
            pixels, opaque = read_color(path, (image.camera.width, image.camera.height))
        except ValueError as error:
            raise ScanError(f"{path} {error}") from error
        camera = _camera_of(path, image.camera, pixels)
        rgb, pinhole = _undistort(pixels, camera)
        masks = [mask for mask in (opaque, _mask(source, image.name, pixels)) if mask is not None]
        matrix = image.cam_from_world().matrix()
        world_to_camera = se3(matrix[:, :3], matrix[:, 3])
        K = np.asarray(pinhole.calibration_matrix(), np.float64)
        seen = transform(world_to_camera, points if cloud else _seen(image, model))
        frame = RgbdFrame(
            rgb=rgb,
            depth=points_depth(seen, K, rgb.shape[:2], cloud[1] if cloud else 0.0),
            K=K,
            camtoworld=inverse(world_to_camera),
            stamp=float(index),
            name=image.name,
        )
        if masks:
            visible = np.where(np.logical_and.reduce(masks), 255, 0).astype(np.uint8)
            frame = apply_mask(frame, _undistort(visible, camera)[0] > 127)
        yield frame


def _seen(image: pycolmap.Image, model: pycolmap.Reconstruction) -> Array:
    """Return the points `[N, 3]` that were matched in an image."""
    seen = [each.point3D_id for each in image.points2D]
    rows = [model.points3D[each].xyz for each in seen if each in model.points3D]
    return np.array(rows, np.float64).reshape(-1, 3)


def _camera_of(path: Path, camera: pycolmap.Camera, pixels: Image) -> pycolmap.Camera:
    """Return the camera at the size of the picture, which may be a scaled one."""
    import pycolmap

    height, width = pixels.shape[:2]
    if abs(camera.width * height / camera.height - width) > 1.0:
        raise ScanError(
            f"{path} has {width} x {height} pixels, its COLMAP camera {camera.camera_id} "
            f"{camera.width} x {camera.height}; their aspect ratios must be equal"
        )
    scaled = pycolmap.Camera(camera.todict())
    if scaled.is_perspective_fisheye() and scaled.is_undistorted():
        # COLMAP would take a fisheye without coefficients for undistorted: its test asks for
        # coefficients above 1e-8, and an equidistant lens has none; 1e-7 theta^9 moves no pixel.
        lens = [camera.focal_length_x, camera.focal_length_y]
        lens += [camera.principal_point_x, camera.principal_point_y]
        scaled.model = "OPENCV_FISHEYE"
        scaled.params = [*lens, 0.0, 0.0, 0.0, 1e-7]
    if (camera.width, camera.height) != (width, height):
        scaled.rescale(width, height)
    return scaled


def _undistort(pixels: Image, camera: pycolmap.Camera) -> tuple[Image, pycolmap.Camera]:
    """Return an image without the camera's distortion, and the pinhole camera of it."""
    import pycolmap

    if camera.is_undistorted():
        return pixels, camera
    bitmap, pinhole = pycolmap.undistort_image(
        pycolmap.UndistortCameraOptions(), pycolmap.Bitmap.from_array(pixels), camera
    )
    return np.ascontiguousarray(bitmap.to_array()), pinhole


def _mask(source: Path, name: str, pixels: Image) -> Mask | None:
    """Return the mask of an image as COLMAP names it (masks/a.jpg.png), or masks/a.png."""
    for listed in (f"{name}.png", name, str(Path(name).with_suffix(""))):
        path = find_listed(source / "masks", listed, MASK_SUFFIXES)
        if path is not None:
            break
    else:
        return None
    try:
        return to_size(read_picture(path, cv2.IMREAD_GRAYSCALE), pixels.shape[:2]) > 0
    except ValueError as error:
        raise ScanError(f"{path} {error}") from error
