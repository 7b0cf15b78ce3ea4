"""`m3 bench splat`: step times of the CPU rasterizer beside PyTorch, quality of fits over time.

A step is what one iteration of training costs: projection, sorting, forward and backward passes.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from m3_ros.capture.frame import Frame
from m3_ros.capture.scan import Scan
from m3_ros.capture.self_mask import without_carrier
from m3_ros.config import SplatConfig
from m3_ros.geometry import backproject, inverse, pose_distance, project, transform
from m3_ros.splat import fit, native, rasterization
from m3_ros.splat.reference import reference_rasterization
from m3_ros.splat.result import FitResult

COUNTS = (20_000, 100_000)
SIZES = ((160, 120), (320, 240), (640, 480))
CHANNELS = (4, 20, 52)
REPEATS = 7  # the median counts
REFERENCE_PIXELS = 320 * 240  # PyTorch is timed up to this size and COUNTS[0], once


@dataclass(frozen=True)
class StepTime:
    """Milliseconds of one step.

    Attributes:
        gaussians: how many.
        size: width and height, px.
        channels: rendered.
        forward_ms: projection, sorting and compositing.
        step_ms: the same with the backward pass.
        reference_ms: the step in PyTorch, None where it was not timed.
    """

    gaussians: int
    size: tuple[int, int]
    channels: int
    forward_ms: float
    step_ms: float
    reference_ms: float | None


@dataclass(frozen=True)
class FitQuality:
    """A fit with a budget of `seconds` (those it used in `used_s`), scored on held-out frames.

    `sensor_mm` is the median difference between a held-out frame's depth and that of the fitted
    frame nearest to it: what the sensor itself agrees to.
    """

    seconds: float
    used_s: float
    iterations: int
    gaussians: int
    psnr_db: float
    depth_error_mm: float
    sensor_mm: float


def make_scene(count: int, size: tuple[int, int], channels: int) -> dict[str, Tensor]:
    """Random Gaussians that fill the view, the smaller the more there are."""
    rng = torch.Generator().manual_seed(0)
    width, height = size
    means = torch.randn(count, 3, generator=rng) * torch.tensor([0.7, 0.5, 0.5])
    extent = 1.5 * count ** (-1 / 2)  # m
    scene = {
        "means": means + torch.tensor([0.0, 0.0, 2.0]),
        "quats": torch.randn(count, 4, generator=rng),
        "scales": extent * (0.3 + torch.rand(count, 3, generator=rng)),
        "opacities": 0.1 + 0.9 * torch.rand(count, generator=rng),
        "colors": torch.rand(count, channels, generator=rng),
        "viewmats": torch.eye(4)[None],
    }
    focal = 0.9 * width
    scene["Ks"] = torch.tensor([[[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]])
    return {name: x.requires_grad_() for name, x in scene.items()}


def time_step(render: Callable, scene: dict[str, Tensor], size: tuple[int, int]) -> list[float]:
    """Seconds of the forward pass and of the whole step."""
    start = time.perf_counter()
    image = render(*scene.values(), *size)[0]
    middle = time.perf_counter()
    image.sum().backward()
    end = time.perf_counter()
    for x in scene.values():
        x.grad = None
    return [middle - start, end - start]


def step_times(progress: Callable[[str], None]) -> list[StepTime]:
    """Every count, size and number of channels."""
    results = []
    for count in COUNTS:
        for size in SIZES:
            for channels in CHANNELS:
                progress(f"{count} Gaussians, {size[0]} x {size[1]}, {channels} channels")
                scene = make_scene(count, size, channels)
                runs = [time_step(rasterization, scene, size) for _ in range(REPEATS + 2)][2:]
                forward, step = (1e3 * statistics.median(x) for x in zip(*runs, strict=True))
                reference = None
                if count == COUNTS[0] and size[0] * size[1] <= REFERENCE_PIXELS:
                    reference = 1e3 * time_step(reference_rasterization, scene, size)[1]
                results.append(StepTime(count, size, channels, forward, step, reference))
    return results


def fit_quality(frames: Sequence[Frame], budgets: Sequence[float]) -> list[FitQuality]:
    """The fit's held-out quality for each budget of seconds."""
    results = []
    for seconds in budgets:
        config = replace(SplatConfig(), max_seconds=seconds, max_iterations=1_000_000)
        result = fit(frames, config)
        results.append(
            FitQuality(
                *(seconds, result.seconds, result.iterations, len(result.gaussians)),
                *(result.psnr_db, 1e3 * result.depth_error_m),
                1e3 * sensor_agreement(frames, result),
            )
        )
    return results


def sensor_agreement(frames: Sequence[Frame], result: FitResult) -> float:
    """Median difference, m, of held-out frames' depth and the nearest fitted frames'."""
    poses, differences = result.camtoworlds, []
    fitted = np.setdiff1d(np.arange(len(frames)), result.test_frames)
    for i in result.test_frames:
        j = min(fitted, key=lambda j: pose_distance(poses[i], poses[j]))
        seen, other = frames[i], frames[j]
        points = backproject(other.depth.astype(np.float64), other.K)[other.depth > 0]
        uv, z = project(transform(inverse(poses[i]) @ poses[j], points), seen.K)
        inside = (z > 0) & (uv >= 0).all(1) & (uv < [seen.width, seen.height]).all(1)
        column, row = uv[inside].astype(int).T
        measured = seen.depth[row, column]
        differences.append(np.abs(measured - z[inside])[measured > 0])
    return float(np.median(np.concatenate(differences))) if differences else float("nan")


def run(
    json_path: Path | None = None,
    scan: Path | None = None,
    budgets: Sequence[float] = (5.0, 10.0, 20.0),
) -> dict:
    """Measures, prints tables and writes them as JSON.

    Args:
        json_path: file to write, or None.
        scan: folder of a scan to fit, or None for step times alone.
        budgets: seconds of the fits.

    Returns:
        What the file holds.
    """
    console = Console()
    machine = f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
    isa = native.isa()
    with console.status("rasterizing") as status:
        steps = step_times(status.update)
    table = Table("Gaussians", "size", "channels", "forward ms", "step ms", "PyTorch ms", "ratio")
    table.title = f"Rasterization step ({machine}, {isa})"
    for s in steps:
        slow = ["-", "-"]
        if s.reference_ms:
            slow = [f"{s.reference_ms:.0f}", f"{s.reference_ms / s.step_ms:.0f}"]
        size = f"{s.size[0]}x{s.size[1]}"
        table.add_row(
            *(str(s.gaussians), size, str(s.channels)),
            *(f"{s.forward_ms:.1f}", f"{s.step_ms:.1f}", *slow),
        )
    console.print(table)
    report = {"machine": machine, "isa": isa, "steps": [asdict(s) for s in steps], "fits": []}
    if scan is not None:
        report["fits"] = [asdict(q) for q in _print_fits(console, scan, budgets)]
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=2) + "\n")
    return report


def _print_fits(console: Console, scan: Path, budgets: Sequence[float]) -> list[FitQuality]:
    opened = Scan.open(scan)
    frames = without_carrier(list(opened))
    with console.status(f"fitting {scan}"):
        results = fit_quality(frames, budgets)
    table = Table(
        "budget s", "used s", "iterations", "Gaussians", "PSNR dB", "depth error mm", "sensor mm"
    )
    table.title = f"Fit of {scan}, held-out frames"
    for q in results:
        table.add_row(
            *(f"{q.seconds:g}", f"{q.used_s:.1f}", str(q.iterations), str(q.gaussians)),
            *(f"{q.psnr_db:.2f}", f"{q.depth_error_mm:.2f}", f"{q.sensor_mm:.2f}"),
        )
    console.print(table)
    return results
