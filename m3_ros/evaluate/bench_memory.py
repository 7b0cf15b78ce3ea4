"""`m3 bench memory`: does a memory stay bounded, and how soon after a scan is it ready?"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.build import MemoryBuilder
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.psc import MemoryBank
from m3_ros.view.report import write_json

GRID = (30, 40)  # cells of a synthetic map
SHOWN = 40  # distinct features in a synthetic frame
NOVELTY = 4  # of them are replaced from one frame to the next
NOISE = 0.4  # length of the noise relative to the feature


@dataclass(frozen=True)
class StreamCost:
    """Synthetic frames through bank and store.

    Attributes:
        frames: how many maps `[30, 40, dim]`.
        dim: d.
        components: in the bank at the end.
        uncovered: rows that may lack a component, of `rows`.
        rows: features in all.
        bank_mb: of the components, MB.
        before_mb: peak resident memory of the process before the first frame, MB.
        peak_mb: the same after the last.
        first_s: CPU time of the first tenth of the frames, s.
        last_s: of the last tenth.
    """

    frames: int
    dim: int
    components: int
    uncovered: int
    rows: int
    bank_mb: float
    before_mb: float
    peak_mb: float
    first_s: float
    last_s: float


@dataclass(frozen=True)
class StageCost:
    """A stage of a build.

    Attributes:
        build: "incremental" while the frames came, or "at once" after the last.
        stage: "features" and "incremental" happen while the robot scans; the others after it.
        wall_s: time, s.
        cpu_s: CPU time of all threads, s.
        after: whether it is waited for after the last frame.
    """

    build: str
    stage: str
    wall_s: float
    cpu_s: float
    after: bool


def synthetic_maps(frames: int, dim: int) -> Iterator[NDArray[np.float32]]:
    """Feature maps `[30, 40, dim]` of a long scan: patches of features, some new a frame."""
    rng = np.random.default_rng(0)

    def random_features(count: int) -> NDArray[np.float32]:
        rows = rng.standard_normal((count, dim), np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    shown = random_features(SHOWN)
    for _ in range(frames):
        patches = rng.integers(SHOWN, size=(GRID[0] // 5, GRID[1] // 5)).repeat(5, 0).repeat(5, 1)
        noise = rng.standard_normal((*GRID, dim), np.float32) * np.float32(NOISE / dim**0.5)
        yield shown[patches] + noise
        shown = np.concatenate([shown[NOVELTY:], random_features(NOVELTY)])


def measure_stream(
    frames: int, dim: int = 768, threshold: float = 0.8, max_components: int = 2048
) -> StreamCost:
    """Pass synthetic frames through a bank and a store; time and memory of it."""
    bank, store = MemoryBank(dim, threshold, max_components), FeatureStore()
    before, seconds = peak_mb(), []
    valid = np.ones(GRID, bool)
    for features in synthetic_maps(frames, dim):
        start = time.process_time()
        store.append(features, valid)
        bank.add(torch.from_numpy(features).flatten(0, 1), len(store) - 1)
        seconds.append(time.process_time() - start)
    tenth = max(1, frames // 10)
    return StreamCost(
        frames,
        dim,
        len(bank),
        bank.uncovered,
        bank.rows,
        1e-6 * bank.size_bytes,
        before,
        peak_mb(),
        sum(seconds[:tenth]),
        sum(seconds[-tenth:]),
    )


def measure_build(
    frames: Sequence[RgbdFrame], config: M3Config, extractors: Sequence[FeatureExtractor]
) -> list[StageCost]:
    """Build the memory of a scan twice: while the frames arrive, and at once after them.

    The incremental build has all the time it can use, as in a scan whose keyframes are seconds
    apart.
    """
    costs = []
    for build in ("incremental", "at once"):
        builder, clock = MemoryBuilder(config, extractors), Clock()
        for frame in frames:
            builder.add(frame)
            clock.note("features")
            while build == "incremental" and builder.step():
                clock.note("incremental")
        builder.finish(lambda stage, _, clock=clock: clock.note(stage))
        clock.note("result")
        for stage, (wall, cpu) in clock.spent.items():
            costs.append(
                StageCost(build, stage, wall, cpu, stage not in ("features", "incremental"))
            )
    return costs


class Clock:
    """Adds the time since the last note to a stage: wall clock and CPU, s."""

    def __init__(self) -> None:
        self.spent: dict[str, tuple[float, float]] = {}
        self._last = time.perf_counter(), time.process_time()

    def note(self, stage: str) -> None:
        """Add the time since the last note to `stage`."""
        now, last = (time.perf_counter(), time.process_time()), self._last
        spent = self.spent.get(stage, (0.0, 0.0))
        self.spent[stage] = spent[0] + now[0] - last[0], spent[1] + now[1] - last[1]
        self._last = now


def peak_mb() -> float:
    """Return the largest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def run(
    frames: int,
    dim: int,
    scan: Path | None,
    config: M3Config,
    extractors: Sequence[FeatureExtractor],
    json_path: Path | None = None,
) -> dict:
    """Measure, print tables, write JSON if a path is given.

    Args:
        frames: synthetic frames; 0: none.
        dim: of their features.
        scan: folder of a scan to build, or None.
        config: settings of the build.
        extractors: models of the build.
        json_path: file to write, or None.
    """
    console, report = Console(width=110), {"stream": None, "build": []}
    if frames:
        cost = measure_stream(frames, dim, max_components=config.memory.max_components)
        table = Table("what", "value", title=f"{frames} frames of {GRID} x {dim} features")
        for name, value in asdict(cost).items():
            table.add_row(name, f"{value:,.1f}" if isinstance(value, float) else f"{value:,}")
        console.print(table)
        report["stream"] = asdict(cost)
    if scan is not None:
        costs = measure_build(list(Scan.open(scan)), config, extractors)
        table = Table("build", "stage", "wall s", "CPU s", "after the last frame")
        table.title = f"Build of {scan}, {torch.get_num_threads()} threads"
        for c in costs:
            after = "yes" if c.after else ""
            table.add_row(c.build, c.stage, f"{c.wall_s:.1f}", f"{c.cpu_s:.1f}", after)
        for build in ("incremental", "at once"):
            waited = [c for c in costs if c.after and c.build == build]
            sums = (sum(c.wall_s for c in waited), sum(c.cpu_s for c in waited))
            table.add_row(build, "ready after", *(f"{s:.1f}" for s in sums), "sum")
        console.print(table)
        report["build"] = [asdict(c) for c in costs]
    if json_path is not None:
        write_json(json_path, report)
    return report
