"""A memory that grows beside a scan while it is taken, and so is ready soon after its end."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from m3_ros.capture.scan import Scan, ScanError
from m3_ros.config import M3Config
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.build import MemoryBuilder
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.types import Progress, no_progress

POLL = 0.2  # s between looks at a scan that has nothing new
BREATH = 0.001  # s in which `build` can step in
NICE = 10  # of the thread that follows: no keyframe may be lost for it


def newest_scan(folder: Path) -> Path:
    """The newest scan in a folder of scans, whose names are their times.

    Raises:
        ScanError: there is none.
    """
    scans = sorted(path.parent for path in folder.glob("*/transforms.json"))
    if not scans:
        raise ScanError(f"no scan in {folder}; call /m3/scan/start and /m3/scan/stop first")
    return scans[-1]


class IncrementalBuilder:
    """Follows, in a thread, the scans that grow in a folder; builds any scan's memory.

    One builder is kept, of the scan followed last: building it again, or going on with it, is
    quick too.

    Args:
        scans: folder of scans; what is there already is followed only if it grows.
        config: settings of every stage.
        load: gives the foundation models; called once, when they are first needed.
    """

    def __init__(
        self, scans: Path, config: M3Config, load: Callable[[], Sequence[FeatureExtractor]]
    ) -> None:
        self._scans, self._config, self._load = scans, config, load
        self._extractors: Sequence[FeatureExtractor] = ()
        self._builder: MemoryBuilder | None = None
        self._scan: Path | None = None  # that the builder, if any, is of
        self._seen = self._newest()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stopping.set()
        self._thread.join()

    def build(self, scan: Path, progress: Progress = no_progress) -> SpatialMemory:
        """The memory of a scan folder.

        Args:
            scan: the folder.
            progress: told the stages as by `build_memory`; what it raises ends the build.

        Raises:
            ScanError: the folder is no scan.
            ValueError: no valid feature, or no depth.
        """
        with self._lock:
            frames = Scan.open(scan)
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
        self._scan, self._builder = scan, None
        self._extractors = self._extractors or self._load()
        self._builder = MemoryBuilder(self._config, self._extractors)

    def _newest(self) -> tuple[Path, int] | None:
        """The newest scan, and the time of its newest frame."""
        try:
            scan = newest_scan(self._scans)
        except ScanError:
            return None
        return scan, (scan / "transforms.json").stat().st_mtime_ns

    def _follow(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)  # on Linux, a thread's
        while not self._stopping.is_set():
            with self._lock:
                try:
                    busy = self._work()
                except (ValueError, OSError, RuntimeError) as error:  # `build` will tell, too
                    logging.getLogger(__name__).warning(
                        "%s is not followed: %s", self._scan, error
                    )
                    self._builder, busy = None, False
            self._stopping.wait(BREATH if busy else POLL)

    def _work(self) -> bool:
        """A bounded piece of work on the newest scan; False when there was none to do."""
        seen, self._seen = self._seen, self._newest()
        if self._seen and self._seen != seen and self._seen[0] != self._scan:
            self._begin(self._seen[0])
        if self._builder is None:
            return False
        frames = Scan.open(self._scan)
        if len(self._builder) < len(frames):
            self._builder.add(frames[len(self._builder)])
            return True
        return self._builder.grow()
