"""Export to COLMAP: `images/`, `masks/` and the binary model `sparse/0`, which 3DGS trainers read.

COLMAP has no depth images: depth becomes points, without tracks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.exporters.image_file import write_png
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.geometry import backproject, inverse, transform
from m3_ros.types import Array, Progress

MAX_POINTS = 100_000
"""Points made of depth: as many random ones 3DGS starts with where a scene has none."""


def write(scan: Scan, target: Path, _: M3Config, progress: Progress) -> None:
    """Write a COLMAP folder; arguments as of `export_scan`."""
    import pycolmap  # 50 MB of bindings, needed for this format alone

    model = pycolmap.Reconstruction()
    points, colors = scan.points or (np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    clouds = [(points, colors)]
    for index, frame in enumerate(scan, start=1):
        name = f"{index - 1:06d}.png"
        write_png(target / "images" / name, frame.rgb)
        if frame.mask is not None:
            visible = np.where(frame.mask, 255, 0).astype(np.uint8)
            write_png(target / "masks" / f"{name}.png", visible)  # COLMAP's own name of it
        lens = [frame.K[0, 0], frame.K[1, 1], frame.K[0, 2], frame.K[1, 2]]
        size = {"width": frame.width, "height": frame.height}
        model.add_camera_with_trivial_rig(
            pycolmap.Camera(camera_id=index, model="PINHOLE", params=lens, **size)
        )
        image = pycolmap.Image(image_id=index, name=name, camera_id=index)
        pose = pycolmap.Rigid3d(inverse(frame.camtoworld)[:3])
        model.add_image_with_trivial_frame(image, pose)
        if not len(points):
            clouds.append(_cloud(frame, MAX_POINTS // len(scan) + 1))
        progress("export", index / len(scan))
    for place, color in zip(*map(np.concatenate, zip(*clouds, strict=True)), strict=True):
        model.add_point3D(place, pycolmap.Track(), color)
    (target / "sparse/0").mkdir(parents=True)
    model.write(str(target / "sparse/0"))


def _cloud(frame: RgbdFrame, count: int) -> tuple[Array, NDArray[np.uint8]]:
    """Return points `[N, 3]` of a frame's depth in the world, spread over it, with colours."""
    places = np.flatnonzero(frame.depth)
    places = places[np.linspace(0, len(places) - 1, min(count, len(places))).astype(int)]
    points = backproject(frame.depth, frame.K).reshape(-1, 3)[places]
    return transform(frame.camtoworld, points), frame.rgb.reshape(-1, 3)[places]
