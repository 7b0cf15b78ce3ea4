"""A scan at a glance: a few lines of text and a contact sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from m3_ros.capture.check import Summariser, Summary, compare, suspicions
from m3_ros.capture.consistency import Consistency
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.importers import find_importer, photographs
from m3_ros.capture.importers.imported import ImportRequest
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.config import M3Config
from m3_ros.view.pictures import Image, contact_sheet, depth_picture, evenly

SHEET_FRAMES = 12
"""Views of a contact sheet: two rows of six."""


def describe_scan(folder: str | Path) -> str:
    """Lines on a scan folder: frames, image size, path length (m), depth range (m) and coverage.

    Raises:
        ScanError: the folder holds no readable scan.
    """
    scan = Scan.open(folder)
    summariser = Summariser(len(scan))
    for frame in scan:
        summariser.add(frame)
    return "\n".join(summary_lines(summariser.summary, scan.metric))


def summary_lines(summary: Summary, metric: bool) -> list[str]:
    """Return lines on frames, camera, path, time and depth of a scan."""
    unit = "m" if metric else "units (no metres)"
    sizes = ", ".join(
        f"{width} x {height}" if len(summary.sizes) == 1 else f"{width} x {height} ({count})"
        for (width, height), count in summary.sizes.items()
    )
    path = float(summary.steps.sum())
    lines = [f"{len(summary.poses)} frames of {sizes}, camera path {path:.2f} {unit}"]
    low, high = min(summary.focals), max(summary.focals)
    focal = f"{low:.1f}" if high - low < 0.05 else f"{low:.1f} to {high:.1f}"
    lines.append(f"focal length {focal} px, angle of view {np.median(summary.angles):.0f} degrees")
    span = summary.stamps[-1] - summary.stamps[0]
    lines.append(f"stamps {summary.stamps[0]:.2f} to {summary.stamps[-1]:.2f} s ({span:.2f} s)")
    if summary.masked:
        lines.append(f"{summary.masked} frames have masks")
    if summary.depths:
        near, middle, far = np.median(summary.depths, axis=0)
        with_depth = len(summary.depths)
        some = "" if with_depth == len(summary.poses) else f", in {with_depth} frames"
        lines.append(
            f"depth {near:.2f} / {middle:.2f} / {far:.2f} {unit} (1 % / median / 99 %), "
            f"{100 * np.mean(summary.covered):.0f} % of the pixels{some}"
        )
    else:
        lines.append("no depth")
    return lines


def check_scan(source: Path, config: M3Config) -> tuple[list[str], list[str], Image]:
    """Read a scan of any format without importing it.

    Args:
        source: folder or file of one of the importers.
        config: what is read of a bag.

    Returns:
        Lines on what was understood, sentences on what is suspicious, and a contact sheet.

    Raises:
        ScanError: it cannot be read, or has no poses yet.
    """
    importer = find_importer(source)
    if importer.read is photographs.read:
        raise ScanError(
            f"{source} is {importer.signature}: `m3 scan import` finds its poses first"
        )
    imported = importer.read(ImportRequest(source, source, config))
    shown = set(evenly(range(imported.count), SHEET_FRAMES))
    summariser, frames = Summariser(imported.count), []
    for index, frame in enumerate(imported.frames):
        summariser.add(frame)
        frames += [frame] if index in shown else []
    summary, consistency = summariser.summary, compare(summariser.summary)
    lines = [f"format: {importer.signature}", *summary_lines(summary, imported.metric)]
    if imported.points is not None:
        lines.append(f"{len(imported.points[0])} sparse points")
    lines.append(_consistency_line(consistency))
    return lines, suspicions(summary, consistency, imported.metric), frames_sheet(frames)


def _consistency_line(consistency: Consistency) -> str:
    if consistency.error is None:
        return f"pictures and poses are not compared: {consistency.matches} features match"
    ratio = consistency.depth_ratio
    depth = "" if ratio is None else f"; measured / triangulated depth {ratio:.3f}"
    return (
        f"{consistency.matches} features are {consistency.error:.2f} px (median) from where the "
        f"poses put them{depth}"
    )


def scan_sheet(scan: Scan, count: int = SHEET_FRAMES) -> Image:
    """Contact sheet `[H, W, 3]` of up to `count` views: colour above, depth below, row by row."""
    return frames_sheet([scan[index] for index in evenly(range(len(scan)), count)])


def frames_sheet(frames: list[RgbdFrame]) -> Image:
    """Contact sheet `[H, W, 3]` of views: colour above, depth, if any, below, row by row."""
    measured = np.concatenate([frame.depth[frame.depth > 0] for frame in frames])
    near, far = np.percentile(measured, [1, 99]) if len(measured) else (0.0, 0.0)
    columns = min(6, len(frames))
    rows = [frames[start : start + columns] for start in range(0, len(frames), columns)]
    pictures = []
    for row in rows:
        blank = [np.full_like(frames[0].rgb, 255)] * (columns - len(row))
        pictures += [frame.rgb for frame in row] + blank
        if far:
            pictures += [depth_picture(frame.depth, near, far) for frame in row] + blank
    titles = ("colour", f"depth {near:.2f}-{far:.2f} m")[: 2 if far else 1] * len(rows)
    return contact_sheet(pictures, columns, width=240, row_titles=titles)
