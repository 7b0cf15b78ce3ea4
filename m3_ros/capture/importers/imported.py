"""What every importer returns: typed frames, and sparse points where the format has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from m3_ros.capture.frame import RgbdFrame
from m3_ros.types import Array, Image


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
