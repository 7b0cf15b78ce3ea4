"""The page of a scan: what its frames measured as points, and their cameras and pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan
from m3_ros.geometry import backproject, transform
from m3_ros.memory.queries import View
from m3_ros.types import Array
from m3_ros.view.page.server import PageServer, set_view, up_of
from m3_ros.view.page.shapes import FRUSTUM, add_keyframe
from m3_ros.view.page.words import notice_html
from m3_ros.view.pictures import evenly

SHOWN_FRAMES = 100
"""Frames of a long scan that are shown, evenly; a picture of each is sent to every browser."""
POINTS = 300_000
"""Of all frames together: 4.5 MB for a browser."""
POINT = 0.004
"""Size of a point as a share of the distance: 2 px of a camera with 500 px of focal length."""
PICTURE_WIDTH = 160  # px, of a frame's picture on the page


class ScanPage:
    """Shows a scan on a page.

    Args:
        server: whose page is filled.
        scan: that is shown.
    """

    def __init__(self, server: PageServer, scan: Scan) -> None:
        self._server, self._scan = server, scan
        unit = "m" if scan.metric else "units that are not metres"
        server.gui.add_html(notice_html(f"{len(scan)} frames; in {unit}"))

    def fill(self) -> None:
        """Add the points that the frames measured, and a frustum with its picture for each."""
        indices = evenly(range(len(self._scan)), SHOWN_FRAMES)
        keyframes, clouds, distances = [], [], []
        for index in indices:
            frame = self._scan[index]
            points, shades = sampled(frame, POINTS // len(indices))
            if len(points):
                clouds.append((points, shades))
                gaps = np.linalg.norm(points - frame.camtoworld[:3, 3], axis=1)
                distances.append(float(np.median(gaps)))
            step = max(1, round(frame.width / PICTURE_WIDTH))
            view = View(frame.camtoworld, frame.K, frame.width, frame.height)
            keyframes.append((index, view, frame.rgb[::step, ::step]))
        if self._scan.points is not None:
            clouds.append(self._scan.points)
        poses = np.array([view.camtoworld for _, view, _ in keyframes])
        distance = _distance(distances, poses, clouds)
        set_view(self._server, poses[len(poses) // 2], distance, up_of(poses, self._scan.metric))
        for index, (points, shades) in enumerate(clouds):
            self._server.scene.add_point_cloud(
                f"/points/{index}",
                points.astype(np.float32),
                shades,
                point_size=POINT * distance,
            )
        for index, view, picture in keyframes:
            add_keyframe(self._server, index, view, FRUSTUM * distance, picture)


def sampled(frame: RgbdFrame, count: int) -> tuple[Array, NDArray[np.uint8]]:
    """Return up to `count` evenly chosen points `[M, 3]` of a frame's depth and their colours."""
    measured = np.flatnonzero(frame.depth)
    chosen = measured[:: max(1, -(-len(measured) // count))]
    points = transform(frame.camtoworld, backproject(frame.depth, frame.K).reshape(-1, 3)[chosen])
    return points, frame.rgb.reshape(-1, 3)[chosen]


def _distance(
    distances: list[float], poses: Array, clouds: list[tuple[Array, NDArray[np.uint8]]]
) -> float:
    """Return how far the cameras are from what they see, by depth, points, or their own spread."""
    if distances:
        return float(np.median(distances))
    centres = poses[:, :3, 3]
    about = clouds[0][0] if clouds and len(clouds[0][0]) else centres
    spread = np.linalg.norm(np.median(about, axis=0) - centres, axis=1)
    return float(np.median(spread)) or 1.0
