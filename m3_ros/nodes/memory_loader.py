"""The memory that queries are answered from: loaded from disk, and again when it is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from m3_ros.config import M3Config
from m3_ros.features.loading import load_language_extractor
from m3_ros.files import recover
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.memory_messages import memory_status_message
from m3_ros.query.answer import Localizer


class NoMemory(RuntimeError):
    """There is no memory in the folder; the message names it."""


class InvalidMemory(NoMemory):
    """The memory in the folder cannot be used; the message says why."""


@dataclass(frozen=True, eq=False)
class LoadedMemory:
    """A memory ready for queries.

    Attributes:
        localizer: answers queries.
        status: what its folder held when it was loaded.
    """

    localizer: Localizer
    status: MemoryStatus


class MemoryLoader:
    """Keep the memory of one folder loaded; safe to share between threads.

    Args:
        folder: memory folder; it need not exist yet.
        config: settings; `features.device` and `query` are used.
        on_load: called with each memory that has been loaded.
    """

    def __init__(
        self, folder: Path, config: M3Config, on_load: Callable[[LoadedMemory], None]
    ) -> None:
        self._folder, self._config, self._on_load = folder, config, on_load
        self._lock = threading.Lock()
        self._version: int | None = None  # of the folder when it was last read
        self._loaded: LoadedMemory | None = None
        self._problem = NoMemory()

    def current(self) -> LoadedMemory:
        """Return the memory; reads the folder again when its manifest has changed (one stat).

        A memory that was loaded before stays while the newer one is unusable.

        Raises:
            NoMemory: nothing could be loaded so far.
        """
        with self._lock:
            version = _version(self._folder)
            if version is None or version != self._version:
                self._version = version
                try:
                    self._keep(_read(self._folder, self._config))
                except NoMemory as error:
                    self._problem = error
            if self._loaded is None:
                raise self._problem
            return self._loaded

    def load(self, folder: Path) -> LoadedMemory:
        """Read the memory in `folder` and keep that folder's from now on.

        Raises:
            NoMemory: it could not be loaded; the folder and the memory of before stay.
        """
        with self._lock:
            version = _version(folder)
            self._keep(_read(folder, self._config))
            self._folder, self._version = folder, version
            return self._loaded

    def _keep(self, loaded: LoadedMemory) -> None:
        self._loaded = loaded
        self._on_load(loaded)


def _version(folder: Path) -> int | None:
    """Return when the memory in a folder was written, ns; None when there is none."""
    try:
        return (recover(folder) / "manifest.json").stat().st_mtime_ns
    except OSError:
        return None


def _read(folder: Path, config: M3Config) -> LoadedMemory:
    if _version(folder) is None:
        raise NoMemory(f"no memory in {folder}; build one with /m3/build_memory")
    try:
        status = memory_status_message(folder)
        memory = SpatialMemory.load(folder)
        model = memory.config.features.models[0]
        extractor = load_language_extractor(model, device=config.features.device)
        return LoadedMemory(Localizer(memory, extractor, config.query), status)
    except Exception as error:  # a damaged file raises whatever its reader does; the node lives
        raise InvalidMemory(f"the memory in {folder} is unusable: {error}") from error
