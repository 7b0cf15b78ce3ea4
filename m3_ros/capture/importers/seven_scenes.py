"""Importer of 7-Scenes: `frame-000000.color.png`, `.depth.png`, `.pose.txt`, in seq-* folders.

Poses are the Kinect depth camera's, OpenCV axes; depth is in mm, not registered to colour. Focal
lengths are those of the data set's page (585 px of depth) and of the driver's default (525 px of
colour), principal points the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from m3_ros.capture.depth_registration import register_depth
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.importers.sequence import Shot, import_shots, pinhole, read_rgbd
from m3_ros.capture.importers.text_table import read_table
from m3_ros.capture.scan import ScanError
from m3_ros.capture.zbuffer import points_depth
from m3_ros.geometry import backproject, inverse, se3, transform
from m3_ros.types import Array, Depth, Image

COLOR, DEPTH, POSE = ".color.png", ".depth.png", ".pose.txt"
K_DEPTH = pinhole(585.0, 585.0, 320.0, 240.0)
K_COLOR = pinhole(525.0, 525.0, 320.0, 240.0)
T_COLOR_DEPTH = se3(
    np.array(
        [
            [0.99996518, 0.00267651, -0.00790410],
            [-0.00274093, 0.99996303, -0.00815045],
            [0.00788199, 0.00817183, 0.99993555],
        ]
    ),
    [-0.02555894, 0.00010110, 0.00203183],
)
"""Of a Kinect, calibrated at LIRIS (projet.liris.cnrs.fr, kinect-calibration); used for this data
set by DSAC* and ACE. Its translation is scaled to the data, see `_translation_share`."""
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
"""Shares of the translation that are tried: principal points are only nominal, and an error of
theirs acts like a translation at one distance."""
SAMPLES = 12
"""Pictures on which they are compared: thousands of pixels at edges of depth."""
MIN_STEP = 0.1
"""Jump of depth between neighbours that is an edge, m: ten times the camera's noise at 3 m."""


def matches(source: Path) -> bool:
    """Return whether a folder, or its seq-* folders, hold frames of this format."""
    return bool(_folders(source))


def _folders(source: Path) -> list[Path]:
    folders = [source, *sorted(source.glob("seq-*"))]
    return [each for each in folders if any(each.glob(f"frame-*{POSE}"))]


def read(request: ImportRequest) -> Imported:
    """Open a sequence, or all sequences of a scene.

    Raises:
        ScanError: a pose is invalid, or too many pictures are missing.
    """
    source = request.source
    stems = [path for folder in _folders(source) for path in sorted(folder.glob(f"*{POSE}"))]
    stems = [path.with_name(path.name.removesuffix(POSE)) for path in stems]
    T = T_COLOR_DEPTH.copy()
    T[:3, 3] *= _translation_share(stems)
    shots = []
    for stem in stems:
        pose = read_table(_file(stem, POSE), 4, "a matrix of 4 x 4 numbers")
        if pose.shape != (4, 4):
            raise ScanError(
                f"{_file(stem, POSE)} has {len(pose)} rows of 4 numbers; it must have 4"
            )
        color, depth = _file(stem, COLOR), _file(stem, DEPTH)
        depth = depth if depth.is_file() else None
        shots.append(
            Shot(
                f"{stem.parent.name}/{color.name}", float(len(shots)), pose @ inverse(T), K_COLOR,
                partial(_read, color, depth, T),
                files=(color,),
            )
        )  # fmt: skip
    return import_shots(request, shots)


def _file(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _read(color: Path, depth: Path | None, T: Array) -> tuple[Image, Depth | None]:
    rgb, metres = read_rgbd(color, depth)
    if metres is None:
        return rgb, None
    return rgb, register_depth(metres, K_DEPTH, T, K_COLOR, rgb.shape[:2])


def _translation_share(stems: Sequence[Path]) -> float:
    """Return the share of the translation with which edges of depth and colour fit best."""
    picked = np.unique(np.linspace(0, len(stems) - 1, min(SAMPLES, len(stems))).astype(int))
    scores = np.zeros(len(SHARES))
    for stem in (stems[index] for index in picked):
        if not (_file(stem, COLOR).is_file() and _file(stem, DEPTH).is_file()):
            continue
        try:
            rgb, metres = read_rgbd(_file(stem, COLOR), _file(stem, DEPTH))
        except ValueError:
            continue  # the import itself will name it
        grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (3, 3), 0)
        slope = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0))
        jump = np.abs(np.diff(metres, axis=1, append=0.0)) > MIN_STEP
        near = np.minimum(metres, np.roll(metres, -1, 1))
        edges = backproject(near, K_DEPTH)[jump & (near > 0)]
        for index, share in enumerate(SHARES):
            T = T_COLOR_DEPTH.copy()
            T[:3, 3] *= share
            seen = points_depth(transform(T, edges), K_COLOR, grey.shape, 0.0) > 0
            scores[index] += slope[seen].sum() / max(slope.mean(), 1e-6)
    return SHARES[int(scores.argmax())] if scores.any() else 1.0
