"""Importer of `transforms.json` with its images, depths and masks, of any dialect.

Sparse points that the file does not name are taken from the COLMAP model beside it, as nerfstudio
leaves it; it turns the world, and not every version writes how, so the cameras tell.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from m3_ros.capture.importers import colmap
from m3_ros.capture.importers.colmap_models import read_folder
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.scan import Scan
from m3_ros.capture.transforms_file import transforms_path
from m3_ros.geometry import transform, umeyama
from m3_ros.types import Array, Image

MAX_MISMATCH = 0.01
"""Largest distance of a camera of the model to that of `transforms.json`, relative to the cameras'
spread: both have the same numbers, rounded; refined or rescaled models fit worse."""

logger = logging.getLogger(__name__)


def matches(source: Path) -> bool:
    """Return whether a path is a `transforms.json`, or a folder that holds one."""
    return os.path.lexists(transforms_path(source))  # a folder or broken link is named, not passed


def read(request: ImportRequest) -> Imported:
    """Open a nerfstudio folder.

    Raises:
        ScanError: `transforms.json` or a COLMAP model is invalid, or too many files are missing.
    """
    scan = Scan.open(request.source, request.config.scan)
    points = scan.points or _colmap_points(scan)
    return Imported(len(scan), iter(scan), points, scan.metric)


def _colmap_points(scan: Scan) -> tuple[Array, Image] | None:
    """Return the points of a COLMAP model in the scan's folder, in the scan's world frame."""
    if not colmap.matches(scan.folder):
        return None
    folder, model = read_folder(scan.folder)
    points, colors = colmap.points_of(model)
    theirs = {
        Path(image.name).stem: image.projection_center()
        for image in model.images.values()
        if image.has_pose
    }
    pairs = [(theirs[n], centre) for n, centre in scan.camera_centres() if n in theirs]
    if not len(points) or len(pairs) < 3:
        return None
    source, target = (np.array(each) for each in zip(*pairs, strict=True))
    try:
        similarity = umeyama(source, target)
    except ValueError:  # cameras on a line do not tell how the world is turned about it
        return None
    residuals = np.linalg.norm(transform(similarity, source) - target, axis=1)
    if np.median(residuals) > MAX_MISMATCH * np.linalg.norm(target - target.mean(0), axis=1).max():
        logger.warning("the cameras of %s differ from those of the scan: no points", folder)
        return None
    return transform(similarity, points), colors
