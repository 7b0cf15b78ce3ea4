"""`m3 bench features`: CPU time an image, for the models whose weights are on this machine.

Beside it, in the same run, what scaling an image costs: the ratio travels between machines.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from m3_ros.features.loading import load_extractor
from m3_ros.features.model_cards import CARDS
from m3_ros.features.patches import resize
from m3_ros.view.report import write_json

SIZE = (480, 640)
REPEATS = 5  # the median counts, after one that does not
BATCH = 4


@dataclass(frozen=True)
class ExtractionTime:
    """What one model costs on this machine's CPU.

    Attributes:
        model: as it was asked for.
        grid: rows and columns of its map.
        dim: d.
        image_ms: CPU time (all threads) of one image.
        batch_ms: the same, an image of a batch.
        ratio: image_ms over the time of halving the image (bicubic, antialiased).
    """

    model: str
    grid: tuple[int, int]
    dim: int
    image_ms: float
    batch_ms: float
    ratio: float


def cpu_ms(work: Callable[[], object]) -> float:
    """Median CPU time of some work, ms, over all threads."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times[1:])


def measure(name: str) -> ExtractionTime:
    """Time one model on random images of 640 x 480 px."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8) for _ in range(BATCH)]
    extractor = load_extractor(name)
    grid = extractor.extract(images[0]).valid.shape
    scaling = cpu_ms(lambda: resize(images[0], (SIZE[0] // 2, SIZE[1] // 2)))
    image = cpu_ms(lambda: extractor.extract(images[0]))
    batch = cpu_ms(lambda: extractor.extract_batch(images)) / BATCH
    return ExtractionTime(name, grid, extractor.dim, image, batch, image / scaling)


def run(models: Sequence[str] = (), json_path: Path | None = None) -> list[ExtractionTime]:
    """Measure, print the table, write the JSON if a path is given.

    Args:
        models: names as `load_extractor` takes them; all with their own weights here if empty.
        json_path: file to write.
    """
    names = models or [card.name for card in CARDS if card.present]
    console = Console()
    with console.status("extracting") as status:
        times = []
        for name in names:
            status.update(name)
            times.append(measure(name))
    machine = f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
    table = Table(title=f"Features of a 640 x 480 image on the CPU ({machine})")
    for column in ("model", "map", "d", "CPU ms", "CPU ms in a batch", "times scaling it"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for t in times:
        table.add_row(
            *(t.model, f"{t.grid[0]} x {t.grid[1]}", str(t.dim)),
            *(f"{t.image_ms:.0f}", f"{t.batch_ms:.0f}", f"{t.ratio:.0f}"),
        )
    console.print(table)
    if json_path is not None:
        write_json(json_path, {"machine": machine, "models": [asdict(t) for t in times]})
    return times
