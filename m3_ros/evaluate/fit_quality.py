"""Quality of fits of Gaussians, on held-out frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SimulationConfig, SplatConfig
from m3_ros.evaluate.simulated import POSE_NOISE, SimulatedScene
from m3_ros.geometry import backproject, inverse, pose_distance, project, transform
from m3_ros.sim.scene import random_scene
from m3_ros.splat import fit
from m3_ros.splat.result import FitResult
from m3_ros.types import Array

SEED, VIEWS = 100_007, 60  # of the simulated scan


@dataclass(frozen=True)
class FitQuality:
    """A fit of a `quality` of the settings, scored on held-out frames; `cpu_s` of all threads.

    `sensor_mm` is the median difference between a held-out frame's depth and that of the fitted
    frame nearest to it: what the sensor itself agrees to. `truth_mm` is the median error of the
    rendered depth, of which `depth_error_mm` contains the sensor's noise; known in simulation.
    """

    quality: str
    cpu_s: float
    iterations: int
    gaussians: int
    psnr_db: float
    depth_error_mm: float
    sensor_mm: float
    truth_mm: float | None


def fit_quality(
    frames: Sequence[RgbdFrame],
    qualities: Sequence[str],
    true_frame: Callable[[Array], RgbdFrame] | None = None,
) -> list[FitQuality]:
    """Fit once for each quality and score each fit on held-out frames.

    Args:
        frames: of a scan.
        qualities: of the settings.
        true_frame: returns the frame without noise at a pose `camtoworld [4, 4]`; known in
            simulation only.
    """
    results = []
    for quality in qualities:
        start = time.process_time()
        result = fit(frames, replace(SplatConfig(), quality=quality))
        cpu = time.process_time() - start
        results.append(
            FitQuality(
                *(quality, cpu, result.iterations, len(result.gaussians)),
                *(result.psnr_db, 1e3 * result.depth_error_m),
                1e3 * sensor_agreement(frames, result),
                None if true_frame is None else 1e3 * true_error(result, true_frame),
            )
        )
    return results


def true_error(result: FitResult, true_frame: Callable[[Array], RgbdFrame]) -> float:
    """Return the median absolute error (m) of depth rendered at the held-out poses."""
    errors = []
    for i in result.test_frames:
        truth = true_frame(result.camtoworlds[i])
        place = (inverse(truth.camtoworld), truth.K)
        viewmats, Ks = (torch.from_numpy(x).float()[None] for x in place)
        render, _, _ = result.gaussians.render(viewmats, Ks, truth.width, truth.height)
        error = np.abs(render[0, ..., 3].numpy() - truth.depth)
        errors.append(error[truth.depth > 0])
    return float(np.median(np.concatenate(errors)))


def sensor_agreement(frames: Sequence[RgbdFrame], result: FitResult) -> float:
    """Return the median depth difference (m) of held-out frames and their nearest fitted ones."""
    poses, differences = result.camtoworlds, []
    fitted = np.setdiff1d(np.arange(len(frames)), result.test_frames)
    for i in result.test_frames:
        j = min(fitted, key=lambda j: pose_distance(poses[i], poses[j]))
        held_out, other = frames[i], frames[j]
        points = backproject(other.depth.astype(np.float64), other.K)[other.depth > 0]
        uv, z = project(transform(inverse(poses[i]) @ poses[j], points), held_out.K)
        inside = (z > 0) & (uv >= 0).all(1) & (uv < [held_out.width, held_out.height]).all(1)
        column, row = uv[inside].astype(int).T
        measured = held_out.depth[row, column]
        differences.append(np.abs(measured - z[inside])[measured > 0])
    return float(np.median(np.concatenate(differences))) if differences else float("nan")


def fit_simulated(qualities: Sequence[str]) -> list[FitQuality]:
    """Fit a noisy simulated scan of a random table and score it against frames without noise."""
    noisy, config = (
        SimulationConfig(),
        replace(SimulationConfig(), depth_noise=0.0, color_noise=0.0),
    )
    scene = random_scene(SEED, noisy.objects, noisy.include, noisy.exclude)
    scanned = SimulatedScene(scene, noisy, POSE_NOISE)
    perfect = SimulatedScene(scene, config, (0.0, 0.0))
    try:
        return fit_quality(scanned.scan(VIEWS), qualities, perfect.frame)
    finally:
        scanned.close()
        perfect.close()
