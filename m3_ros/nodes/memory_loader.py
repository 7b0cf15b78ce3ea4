"""The memory that queries are answered from: loaded from disk, and again when it is replaced."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from m3_ros.config import M3Config
from m3_ros.errors import M3Error
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.features.loading import load_language_extractor
from m3_ros.files import recover
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.memory_messages import memory_status_message
from m3_ros.nodes.runtime import release_memory
from m3_ros.query.answer import Localizer
from m3_ros.query.inventory import Inventory

Version = tuple[tuple[str, int, int], ...]
READ_WAIT = 2.0
"""Time (s) for which a query waits for a newer memory that another thread reads: 1 s is usual."""


class NoMemory(M3Error, RuntimeError):
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

    @cached_property
    def inventory(self) -> Inventory:
        """Its objects; the first call takes seconds."""
        return Inventory(self.localizer)


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
        self._version: Version | None = None  # of the folder when it was last read
        self._loaded: LoadedMemory | None = None
        self._problem: NoMemory | None = None  # of the folder when it was last read
        self._prepared: LanguageExtractor | None = None  # for the first memory

    def prepare(self) -> None:
        """Load the model of the settings, which takes seconds, before there is a memory."""
        if self._loaded is None and self._prepared is None:
            features = self._config.features
            try:
                self._prepared = load_language_extractor(features.models[0], features.device)
            except (M3Error, OSError, RuntimeError) as error:  # the load of a memory says so, too
                logging.getLogger(__name__).warning("%s", error)

    @property
    def problem(self) -> str:
        """Return why the memory on disk is not the one that is loaded; empty where it is."""
        if self._problem is None:
            return ""
        kept = "; the one loaded before is used" if self._loaded else ""
        return f"{self._problem}{kept}"

    def current(self) -> LoadedMemory:
        """Return the memory; reads the folder again when one of its files has changed.

        A memory that was loaded before stays while the newer one is unusable, and `problem` says
        so, and while another thread reads the newer one for more than `READ_WAIT`.

        Raises:
            NoMemory: nothing could be loaded so far.
        """
        if not self._lock.acquire(timeout=-1 if self._loaded is None else READ_WAIT):
            return self._loaded
        try:
            version = _version(self._folder)
            if (self._problem is None and self._loaded is None) or version != self._version:
                self._version = version
                try:
                    self._keep(self._read(self._folder))
                except NoMemory as error:
                    self._problem = type(error)(str(error))  # without its frames
            if self._loaded is None:
                raise type(self._problem)(str(self._problem))
            return self._loaded
        finally:
            self._lock.release()

    def load(self, folder: Path) -> LoadedMemory:
        """Read the memory in `folder` and keep that folder's from now on.

        Raises:
            NoMemory: it could not be loaded; the folder and the memory of before stay.
        """
        with self._lock:
            version = _version(folder)
            self._keep(self._read(folder))
            self._folder, self._version = folder, version
            return self._loaded

    def _read(self, folder: Path) -> LoadedMemory:
        try:
            # the load restores what an interrupted save has left; the model loads for seconds
            known = self._loaded.localizer.extractor if self._loaded else self._prepared
            device, query = self._config.features.device, self._config.query
            localizer = Localizer.open(folder, device, query, known)
            return LoadedMemory(localizer, memory_status_message(folder))
        except (
            Exception
        ) as error:  # a damaged file raises whatever its reader does; the node lives
            if not os.path.isfile(recover(folder) / "manifest.json"):  # whatever its name
                remedy = "build one with /m3/build_memory"
                raise NoMemory(f"no memory in {folder}; {remedy}") from error
            raise InvalidMemory(f"the memory in {folder} is unusable: {error}") from error

    def _keep(self, loaded: LoadedMemory) -> None:
        self._loaded, self._problem = loaded, None
        self._on_load(loaded)
        release_memory()


def _version(folder: Path) -> Version:
    """Return names, times of change (ns) and sizes of the files of a memory; a dozen stats."""
    try:
        files = sorted(recover(folder).rglob("*"))
        stats = [(str(path), path.stat()) for path in files]
    except OSError:  # it is being replaced
        return ()
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)
