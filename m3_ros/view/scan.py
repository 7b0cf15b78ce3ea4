"""A scan at a glance: a few lines of text and a contact sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from m3_ros.capture.scan import Scan
from m3_ros.view.pictures import Image, contact_sheet, depth_picture, evenly


def describe_scan(folder: str | Path) -> str:
    """Lines on a scan folder: frames, image size, path length (m), depth range (m) and coverage.

    Raises:
        ScanError: the folder holds no readable scan.
    """
    scan = Scan.open(folder)
    centers, covered, depths = [], [], []
    for frame in scan:
        centers.append(frame.camtoworld[:3, 3])
        covered.append((frame.depth > 0).mean())
        depths.append(frame.depth[frame.depth > 0])
    path = np.linalg.norm(np.diff(centers, axis=0), axis=-1).sum()
    lines = [f"{len(scan)} frames of {frame.width} x {frame.height}, camera path {path:.2f} m"]
    measured = np.concatenate(depths)
    if len(measured):
        near, middle, far = np.percentile(measured, [1, 50, 99])
        lines.append(
            f"depth {near:.2f} / {middle:.2f} / {far:.2f} m (1 % / median / 99 %), "
            f"{100 * np.mean(covered):.0f} % of the pixels"
        )
    else:
        lines.append("no depth")
    return "\n".join(lines)


def scan_sheet(scan: Scan, count: int = 12) -> Image:
    """Contact sheet `[H, W, 3]` of up to `count` views: colour above, depth below, row by row."""
    frames = [scan[index] for index in evenly(range(len(scan)), count)]
    measured = np.concatenate([frame.depth[frame.depth > 0] for frame in frames])
    near, far = np.percentile(measured, [1, 99]) if len(measured) else (0.0, 1.0)
    columns = min(6, len(frames))
    rows = [frames[start : start + columns] for start in range(0, len(frames), columns)]
    pictures = []
    for row in rows:
        blank = [np.full_like(frames[0].rgb, 255)] * (columns - len(row))
        pictures += [frame.rgb for frame in row] + blank
        pictures += [depth_picture(frame.depth, near, far) for frame in row] + blank
    titles = ("colour", f"depth {near:.2f}-{far:.2f} m") * len(rows)
    return contact_sheet(pictures, columns, width=240, row_titles=titles)
