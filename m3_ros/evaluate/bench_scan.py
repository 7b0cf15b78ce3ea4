"""`m3 bench scan`: quality and cost of fits of scans, with and without their depth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from m3_ros.capture.ego_mask import apply_ego_mask
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.splat.fit import begin
from m3_ros.splat.held_out import HeldOutScores, ViewScore
from m3_ros.splat.seeding import SparsePoints
from m3_ros.splat.training_view import TrainingView
from m3_ros.view.report import write_json

FEW_FRAMES, FOLDS = 40, 5
"""A scan of fewer frames is fitted in so many folds, each of which holds out every fifth frame: a
single choice of few held-out frames would decide the figure."""


@dataclass(frozen=True)
class ScanFigures:
    """Fits of a scan, means over the folds; lengths in the unit of the scan.

    Attributes:
        scan: Name of its folder.
        depth: Whether its depth was used.
        quality: Of the settings.
        folds: Number of fits.
        frames: Of the scan.
        steps: Of a fit.
        gaussians: Of a memory.
        cpu_s: CPU time of a fit, all threads.
        scores: Of the held-out frames.
    """

    scan: str
    depth: bool
    quality: str
    folds: int
    frames: int
    steps: float
    gaussians: float
    cpu_s: float
    scores: HeldOutScores


def scan_figures(
    name: str,
    frames: Sequence[RgbdFrame],
    config: M3Config,
    depth: bool = True,
    points: SparsePoints | None = None,
) -> ScanFigures:
    """Fit a scan in folds and score the held-out frames; depth is scored even if not used."""
    folds, splat = 1, config.splat
    if len(frames) < FEW_FRAMES:
        folds, splat = FOLDS, replace(splat, test_every=FOLDS)
    rows, scores = [], []
    for fold in range(folds):
        rotated = [*frames[fold:], *frames[:fold]]
        used = rotated if depth else [without_depth(frame) for frame in rotated]
        start = time.process_time()
        fitter, unit = begin(used, splat, config.features.device, points)
        fitter.run()
        cpu = time.process_time() - start
        for i in fitter.test_frames:
            measured = replace(fitter.frames[i], depth=rotated[i].depth / np.float32(unit))
            fitter.views[i] = TrainingView(measured, splat.coarse_width, fitter.device)
        scores.append(fitter.scores().scaled(unit))
        rows.append((fitter.iteration, len(fitter.gaussians), cpu))
    means = map(float, np.mean(rows, 0))
    return ScanFigures(name, depth, splat.quality, folds, len(frames), *means, mean(scores))


def without_depth(frame: RgbdFrame) -> RgbdFrame:
    """Return the frame as a colour camera would give it."""
    return replace(frame, depth=np.zeros_like(frame.depth))


def mean(scores: Sequence[HeldOutScores]) -> HeldOutScores:
    """Return the mean scores of several fits."""

    def view(name: str) -> ViewScore:
        columns = [asdict(getattr(score, name)) for score in scores]
        return ViewScore(
            *(float(np.mean([c[key] for c in columns])) for key in ("psnr_db", "ssim"))
        )

    errors = [score.depth_error for score in scores]
    return HeldOutScores(
        sum(score.frames for score in scores),
        all(score.held_out for score in scores),
        view("as_is"),
        view("corrected"),
        float(np.mean(errors)),
    )


def run(
    folders: Sequence[Path],
    config: M3Config,
    qualities: Sequence[str],
    json_path: Path | None = None,
) -> list[ScanFigures]:
    """Measure all scans, with their depth and without it; print a table, write JSON."""
    results: list[ScanFigures] = []
    console = Console()
    for folder in folders:
        scan = Scan.open(folder, config.scan)
        frames = list(scan)
        if scan.metric:
            frames = apply_ego_mask(frames, config.ego_mask)
        measured = any(frame.depth.any() for frame in frames)
        for quality in qualities:
            settings = replace(config, splat=replace(config.splat, quality=quality))
            for depth in (True, False) if measured else (False,):
                with console.status(f"{folder.name}, {quality}, depth: {depth}"):
                    points = None if measured else scan.points
                    results.append(scan_figures(folder.name, frames, settings, depth, points))
                if json_path is not None:  # after each, for a run that is broken off
                    write_json(json_path, {"scans": [asdict(figures) for figures in results]})
    console.print(_table(results))
    return results


def _table(results: Sequence[ScanFigures]) -> Table:
    names = ("scan", "depth", "quality", "frames", "folds", "steps", "Gaussians", "CPU s")
    table = Table(*names, "as is: dB / SSIM", "corrected: dB / SSIM", "depth error")
    table.title = (
        "Held-out frames, as they are and with pose and exposure fitted on the other half"
    )
    for item in results:
        given, corrected = item.scores.as_is, item.scores.corrected
        table.add_row(
            *(item.scan, "used" if item.depth else "withheld", item.quality, str(item.frames)),
            *(str(item.folds), f"{item.steps:.0f}", f"{item.gaussians:.0f}", f"{item.cpu_s:.0f}"),
            f"{given.psnr_db:.2f} / {given.ssim:.3f}",
            f"{corrected.psnr_db:.2f} / {corrected.ssim:.3f}",
            f"{item.scores.depth_error:.4f}",
        )
    return table
