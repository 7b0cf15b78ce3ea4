"""The newest memory on disk, loaded as soon as it is there and again when it is replaced."""

from __future__ import annotations

import threading
from pathlib import Path

from m3_ros.config import M3Config
from m3_ros.features.extractor import load_extractor
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.localize import Localizer


class NoMemory(RuntimeError):
    """There is no usable memory; the message says where it was looked for."""


class NewestMemory:
    """A `Localizer` over the memory in a folder; safe to share between threads.

    Args:
        folder: memory folder; it need not exist yet.
        config: settings; `features.device` and `query` are used.
    """

    def __init__(self, folder: Path, config: M3Config) -> None:
        self._folder, self._config = folder, config
        self._lock = threading.Lock()
        self._version: int | None = None
        self._localizer: Localizer | None = None

    def refresh(self) -> bool:
        """Load the memory if it is new; whether it was.

        Raises:
            NoMemory: there is none, or the new one cannot be used (a loaded older one stays).
        """
        with self._lock:
            try:
                version = (self._folder / "manifest.json").stat().st_mtime_ns
            except OSError:
                raise NoMemory(
                    f"no memory in {self._folder}; build one with /m3/build_memory"
                ) from None
            if version == self._version:
                return False
            self._version = version
            try:
                memory = SpatialMemory.load(self._folder)
                model = next(iter(memory.models))
                extractor = load_extractor(model, device=self._config.features.device)
                self._localizer = Localizer(memory, extractor, self._config.query)
            except (ValueError, OSError) as error:
                raise NoMemory(f"the memory in {self._folder} is unusable: {error}") from error
            return True

    def localizer(self) -> Localizer:
        """The loaded memory, ready to be asked.

        Raises:
            NoMemory: nothing could be loaded so far.
        """
        try:
            self.refresh()
        except NoMemory:
            if self._localizer is None:
                raise
        if self._localizer is None:
            raise NoMemory(f"the memory in {self._folder} is unusable; the log says why")
        return self._localizer
