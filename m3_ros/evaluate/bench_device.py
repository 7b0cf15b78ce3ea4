"""`m3 bench device`: what the CPU and a GPU take for the same work, side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.errors import UsageError
from m3_ros.evaluate.bench_splat import REPEATS, make_scene
from m3_ros.features.loading import load_language_extractor
from m3_ros.memory.build import MemoryBuilder
from m3_ros.query.answer import Localizer
from m3_ros.splat import rasterization
from m3_ros.splat.device import choose_device
from m3_ros.view.report import write_json

STEPS = ((20_000, (320, 240), 20), (100_000, (640, 480), 4), (1_000_000, (980, 720), 160))
"""Gaussians, size and channels of the steps; the last one is measured on a GPU only."""
QUERIES = 20
"""Names of the encoder's vocabulary that are asked for; the median counts."""


def measure(device: str, scan: Path | None, config: M3Config) -> dict[str, float]:
    """Return what a device takes, by the name of the figure.

    Args:
        device: cpu or cuda.
        scan: Folder of a scan to build and query, or None.
        config: Settings of the build.
    """
    steps = STEPS if device != "cpu" else STEPS[:-1]
    found = {}
    for count, (width, height), channels in steps:
        name = f"step, {count} Gaussians, {width}x{height}, {channels} channels, ms"
        found[name] = 1e3 * step_seconds(device, count, (width, height), channels)
    if scan is not None:
        found |= _measure_memory(device, scan, config)
    if device != "cpu":
        found["most memory of the device, GB"] = 1e-9 * torch.cuda.max_memory_allocated()
    return found


def step_seconds(device: str, count: int, size: tuple[int, int], channels: int) -> float:
    """Return the median time of a forward and a backward pass, s."""
    scene = make_scene(count, size, channels)
    scene = {name: x.detach().to(device).requires_grad_() for name, x in scene.items()}

    def step() -> None:
        rasterization(*scene.values(), *size)[0].sum().backward()
        for x in scene.values():
            x.grad = None

    return statistics.median(seconds(device, step) for _ in range(REPEATS))


def seconds(device: str, work: Callable[[], object]) -> float:
    """Return the time of some work, s, with what it has left to do on the device."""
    start = time.perf_counter()
    work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _measure_memory(device: str, scan: Path, config: M3Config) -> dict[str, float]:
    """Build the memory of a scan and ask it."""
    config = replace(config, features=replace(config.features, device=device))
    extractor = load_language_extractor(config.features.models[0], device)
    opened = Scan.open(scan, config.scan)
    builder = MemoryBuilder(config, [extractor], opened.points, opened.metric)
    features = seconds(device, lambda: [builder.add(frame) for frame in opened])
    built = []
    ready = seconds(device, lambda: built.append(builder.finish()))
    memory = built[0]
    words = extractor.vocabulary()[:QUERIES]
    localizer = Localizer(memory, extractor)
    asked = [seconds(device, lambda word=word: localizer.locate(word)) for word in words]
    return {
        f"features of {len(opened)} frames, s": features,
        "memory ready after the last frame, s": ready,
        "held-out PSNR, dB": memory.psnr_db,
        "query, median, ms": 1e3 * statistics.median(asked),
    }


def devices() -> tuple[Sequence[str], str]:
    """Return the devices that are here, and why there is no GPU ("" if there is one)."""
    try:
        return ("cpu", choose_device("cuda")), ""
    except UsageError as error:
        return ("cpu",), str(error)


def run(scan: Path | None, config: M3Config, json_path: Path | None = None) -> dict:
    """Measure each device, print a table, write JSON if a path is given."""
    console, (here, absent) = Console(width=110), devices()
    columns = {device: measure(device, scan, config) for device in here}
    table = Table("figure", *columns, title=f"CPU ({torch.get_num_threads()} threads) and GPU")
    for name in {name: None for column in columns.values() for name in column}:
        values = (column.get(name) for column in columns.values())
        table.add_row(name, *("-" if x is None else f"{x:.2f}" for x in values))
    console.print(table)
    if absent:
        console.print(f"no GPU is measured: {absent}", markup=False)
    report = {"devices": columns, "absent": absent}
    if json_path is not None:
        write_json(json_path, report)
    return report
