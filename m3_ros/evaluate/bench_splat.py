"""`m3 bench splat`: step times of the CPU rasterizer beside PyTorch, quality of fits over time.

A step is what one iteration of training costs: projection, sorting, forward and backward passes.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from m3_ros.capture.ego_mask import apply_ego_mask
from m3_ros.capture.scan import Scan
from m3_ros.evaluate.fit_quality import FitQuality, fit_quality, fit_simulated
from m3_ros.splat import native, rasterization
from m3_ros.splat.reference import reference_rasterization

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


def run(
    json_path: Path | None = None,
    scan: Path | None = None,
    qualities: Sequence[str] = ("draft", "normal"),
) -> dict:
    """Measures, prints tables and writes them as JSON.

    Args:
        json_path: file to write, or None.
        scan: folder of a scan to fit, or None for a simulated table.
        qualities: of the fits.

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
    report["fits"] = [asdict(q) for q in _print_fits(console, scan, qualities)]
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=2) + "\n")
    return report


def _print_fits(console: Console, scan: Path | None, qualities: Sequence[str]) -> list[FitQuality]:
    with console.status(f"fitting {scan or 'a simulated table'}"):
        if scan is not None:
            results = fit_quality(apply_ego_mask(list(Scan.open(scan))), qualities)
        else:
            results = fit_simulated(qualities)
    names = ("quality", "CPU s", "steps", "Gaussians", "PSNR dB")
    table = Table(*names, "depth error mm", "sensor mm", "to truth mm")
    table.title = f"Fit of {scan or 'a simulated table'}, held-out frames"
    for q in results:
        table.add_row(
            *(q.quality, f"{q.cpu_s:.1f}", str(q.iterations), str(q.gaussians)),
            *(f"{q.psnr_db:.2f}", f"{q.depth_error_mm:.2f}", f"{q.sensor_mm:.2f}"),
            "-" if q.truth_mm is None else f"{q.truth_mm:.2f}",
        )
    console.print(table)
    return results
