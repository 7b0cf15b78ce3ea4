"""Importer of a video or a folder of pictures: poses by structure from motion.

Scale is arbitrary: the median distance of cameras and scene is 1. The world's z axis is up for
cameras that nobody tilts sideways.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from m3_ros.capture.importers import colmap
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.importers.picture_choice import (
    VIDEO_SUFFIXES,
    choose_frames,
    choose_pictures,
    pictures_in,
)
from m3_ros.capture.importers.structure_from_motion import reconstruct
from m3_ros.capture.scan import ScanError
from m3_ros.types import Array

if TYPE_CHECKING:
    import pycolmap

ADVICE = (
    "pictures are placed that are sharp, overlap by two thirds, and show a textured scene at rest "
    "from places that differ"
)
KEY = "key.json"
"""File of the work folder: of what it holds the beginning."""
PARALLEL = 0.17
"""Mean deviation of the cameras' x axes from one direction, rad, from which on their plane is
known: 10 degrees, beside 1 to 2 degrees by which a hand tilts a camera sideways."""

logger = logging.getLogger(__name__)


def matches(source: Path) -> bool:
    """Return whether a path is a video, or a folder of pictures."""
    return (source.suffix.lower() in VIDEO_SUFFIXES and source.is_file()) or bool(
        pictures_in(source)
    )


def read(request: ImportRequest) -> Imported:
    """Choose pictures, place them, and return those that were placed.

    Raises:
        ScanError: the source cannot be read, or too few pictures can be placed.
    """
    source, work, config = request.source, request.work, request.config
    _keep_only_same(request)
    images = work / "images"
    if not (work / "chosen").is_file():
        shutil.rmtree(images, ignore_errors=True)
        images.mkdir(parents=True)
        choose = choose_frames if source.is_file() else choose_pictures
        choose(source, images, config.photographs, request.progress)
        (work / "chosen").touch()
    names = sorted(path.name for path in images.iterdir())
    least = config.photographs.min_placed
    if len(names) < least:
        raise ScanError(
            f"{source}: {len(names)} pictures, fewer than photographs.min_placed = {least}; take "
            f"more: {ADVICE}"
        )
    models = reconstruct(work, names, source.is_file(), config.photographs, request.progress)
    best = max(models, key=lambda model: model.num_reg_images(), default=None)
    placed = 0 if best is None else best.num_reg_images()
    if best is None or placed < least:
        raise ScanError(
            f"{source}: {placed} of {len(names)} pictures could be placed by structure from "
            f"motion, fewer than photographs.min_placed = {least}; {ADVICE}"
        )
    if placed < len(names):
        few = placed < config.photographs.warn_placed_share * len(names)
        logger.warning(
            "%s: %d of %d pictures were placed by structure from motion%s",
            *(source, placed, len(names), f"; {ADVICE}" if few else ""),
        )
    best.transform(_upright(best))
    return colmap.read_model(work, work / "sparse", best, config)


def _keep_only_same(request: ImportRequest) -> None:
    """Delete the work folder if it is of another source or of other settings."""
    source = request.source.resolve()
    files = [source] if source.is_file() else pictures_in(source)
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    key = {
        "files": hashlib.sha256(json.dumps(stats).encode()).hexdigest(),
        "settings": asdict(request.config.photographs),
    }
    path = request.work / KEY
    if path.is_file() and path.read_text() == json.dumps(key):
        return
    shutil.rmtree(request.work, ignore_errors=True)
    request.work.mkdir(parents=True)
    path.write_text(json.dumps(key))


def _upright(model: pycolmap.Reconstruction) -> pycolmap.Sim3d:
    """Return the similarity to z as the up direction, and a median distance of 1."""
    import pycolmap

    cameras = [image for image in model.images.values() if image.has_pose]
    poses = np.stack([image.cam_from_world().inverse().matrix() for image in cameras])
    points = np.array([point.xyz for point in model.points3D.values()])
    middle = np.median(points, 0)
    scale = 1.0 / float(np.median(np.linalg.norm(middle - poses[:, :, 3], axis=1)))
    rotation = _rotation_to_z(up_direction(poses))
    return pycolmap.Sim3d(scale, pycolmap.Rotation3d(rotation), -scale * rotation @ middle)


def up_direction(poses: Array) -> Array:
    """Return the direction `[3]` that is up for cameras which nobody tilts sideways.

    It is perpendicular to the x axes of all cameras; where these are parallel, the mean of the
    cameras' own up directions, less its part along them.

    Args:
        poses: `T_world_camera [N, 3 or 4, 4]`.
    """
    mean = -poses[:, :3, 1].mean(0)
    _, spread, axes = np.linalg.svd(poses[:, :3, 0], full_matrices=True)
    if len(poses) > 1 and spread[1] > PARALLEL * np.sqrt(len(poses)):
        return axes[2] if axes[2] @ mean > 0 else -axes[2]
    return mean - axes[0] * (axes[0] @ mean)


def _rotation_to_z(up: Array) -> Array:
    """Return a rotation `[3, 3]` that turns a direction to z."""
    rotation, _ = Rotation.align_vectors([[0.0, 0.0, 1.0]], [up / np.linalg.norm(up)])
    return rotation.as_matrix()
