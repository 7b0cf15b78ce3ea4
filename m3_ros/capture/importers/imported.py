"""What every importer is given and returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import M3Config
from m3_ros.types import Array, Image, Progress, no_progress


@dataclass(frozen=True)
class ImportRequest:
    """A scan to import.

    Attributes:
        source: its folder or file.
        work: folder for what a long import keeps until it is done, so that it can go on after an
            interruption.
        config: settings.
        progress: called with a stage and its share that is done.
    """

    source: Path
    work: Path
    config: M3Config = field(default_factory=M3Config)
    progress: Progress = no_progress


@dataclass(frozen=True, eq=False)
class Imported:
    """A scan of another program, opened for reading.

    Attributes:
        count: number of frames.
        frames: the frames without distortion, read one at a time; raises `ScanError` or
            `ValueError` where one is invalid.
        points: sparse points `[P, 3]` (the scan's unit, world) with colours `[P, 3]` uint8;
            None without.
        metric: whether lengths are metres; False after structure from motion alone.
    """

    count: int
    frames: Iterator[RgbdFrame]
    points: tuple[Array, Image] | None = None
    metric: bool = True
