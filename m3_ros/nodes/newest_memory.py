"""The newest memory on disk, loaded as soon as it is there and again when it is replaced."""

from __future__ import annotations

import threading
from pathlib import Path

from m3_ros.config import M3Config
from m3_ros.features.loading import load_language_extractor
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer


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
        self._problem = ""

    def localizer(self) -> Localizer:
        """The newest memory, ready to be asked; an older one while the newest is unusable.

        Raises:
            NoMemory: nothing could be loaded so far.
        """
        with self._lock:
            version = self._newest_version()
            if version is None:
                self._problem = f"no memory in {self._folder}; build one with /m3/build_memory"
            elif version != self._version:
                self._version = version
                try:
                    self._localizer = self._load()
                except (ValueError, OSError) as error:
                    self._problem = f"the memory in {self._folder} is unusable: {error}"
            if self._localizer is None:
                raise NoMemory(self._problem)
            return self._localizer

    def _newest_version(self) -> int | None:
        """When the memory on disk was written; None when there is none."""
        try:
            return (self._folder / "manifest.json").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def _load(self) -> Localizer:
        memory = SpatialMemory.load(self._folder)
        model = memory.config.features.models[0]
        extractor = load_language_extractor(model, device=self._config.features.device)
        return Localizer(memory, extractor, self._config.query)
