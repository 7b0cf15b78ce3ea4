"""Build a memory while its scan is recorded, so that it is ready soon after the scan's end."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from m3_ros.capture.frames_file import FRAMES_FILE
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.capture.transforms_file import FILE, transforms_path
from m3_ros.config import M3Config
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.build import MemoryBuilder
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.types import Progress, no_progress

POLL_PERIOD = 0.2
"""Time between checks of an idle scan, s; a keyframe waits at most so long, keyframes of a camera
at the default `scan.max_speed` are 0.1 s apart."""
YIELD_PERIOD = 0.001
"""Pause between steps, s, in which a waiting `build` gets the lock."""
NICE = 10
"""Scheduling priority of the thread, the middle of Linux's 0..19: recording comes first."""


def newest_scan(folder: Path) -> Path:
    """Return the newest scan in a folder of scans, whose names are their times.

    Raises:
        ScanError: There is none.
    """
    names = FRAMES_FILE, FILE  # a scan that ends gets the second before it loses the first
    scans = sorted({path.parent for name in names for path in folder.glob(f"*/{name}")})
    if not scans:
        raise ScanError(f"no scan in {folder}; call /m3/scan/start and /m3/scan/stop first")
    return scans[-1]


class IncrementalBuilder:
    """Processes, in a thread, the scan that is being recorded; builds the memory of any scan.

    The builder of the last scan is kept, so building that scan again, or with more keyframes, is
    quick.

    Args:
        scans: Folder of scans; scans that exist already are processed only when they change.
        config: Settings of every stage.
        load: Returns the foundation models; called once, when they are first needed.
    """

    def __init__(
        self, scans: Path, config: M3Config, load: Callable[[], Sequence[FeatureExtractor]]
    ) -> None:
        self._scans, self._config, self._load = scans, config, load
        self._extractors: Sequence[FeatureExtractor] = ()
        self._builder: MemoryBuilder | None = None
        self._scan: Path | None = None  # of the builder
        self._frames: Scan | None = None  # as they were at the last look
        self._known = self._newest()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        self._thread.join()

    def build(self, scan: Path, progress: Progress = no_progress) -> SpatialMemory:
        """Return the memory of a scan folder.

        Args:
            scan: The folder.
            progress: Called as by `build_memory`; an exception it raises ends the build.

        Raises:
            ScanError: The folder is no scan.
            ValueError: No valid feature, or no depth.
        """
        with self._lock:
            frames = Scan.open(scan, self._config.scan)
            if self._builder is None or self._scan != scan:
                self._begin(scan)
            try:
                while len(self._builder) < len(frames):
                    self._builder.add(frames[len(self._builder)])
                    progress("features", len(self._builder) / len(frames))
                return self._builder.finish(progress)
            except BaseException:
                self._builder = None
                raise

    def _begin(self, scan: Path) -> None:
        self._scan, self._builder, self._frames = scan, None, None
        self._extractors = self._extractors or self._load()
        opened = Scan.open(scan, self._config.scan)
        self._builder = MemoryBuilder(self._config, self._extractors, opened.points, opened.metric)

    def _newest(self) -> tuple[Path, int, int] | None:
        """Return the newest scan, time (ns) and size of the list of its frames; None without."""
        try:
            scan = newest_scan(self._scans)
            status = transforms_path(scan).stat()
        except (ScanError, OSError):  # the list has just got its other name
            return None
        return scan, status.st_mtime_ns, status.st_size

    def _run(self) -> None:
        os.setpriority(
            os.PRIO_PROCESS, threading.get_native_id(), NICE
        )  # of this thread, on Linux
        while not self._stopping.is_set():
            with self._lock:
                try:
                    busy = self._work()
                except (ValueError, OSError, RuntimeError) as error:  # `build` raises it again
                    logging.getLogger(__name__).warning(
                        "%s is not processed while it is recorded: %s", self._scan, error
                    )
                    self._builder, busy = None, False
            self._stopping.wait(YIELD_PERIOD if busy else POLL_PERIOD)

    def _work(self) -> bool:
        """Do a bounded piece of work on the newest scan; return False when there is none."""
        known, self._known = self._known, self._newest()
        if self._known and self._known != known and self._known[0] != self._scan:
            self._begin(self._known[0])
        if self._builder is None:
            return False
        if self._frames is None or self._known != known:
            self._frames = Scan.open(self._scan, self._config.scan)
        if len(self._builder) < len(self._frames):
            self._builder.add(self._frames[len(self._builder)])
            return True
        return self._builder.step()
