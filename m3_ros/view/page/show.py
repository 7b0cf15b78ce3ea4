"""Open a folder as a page: a memory or a scan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from m3_ros.capture.scan import Scan
from m3_ros.errors import UsageError
from m3_ros.features.loading import load_language_extractor
from m3_ros.files import recover
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.view.page.memory_page import MemoryPage
from m3_ros.view.page.scan_page import ScanPage
from m3_ros.view.page.server import Page, PageServer, open_server


def open_page(folder: Path, scan: Path | None, host: str, port: int) -> tuple[PageServer, Page]:
    """Serve the page of a memory or a scan; `Page.fill` adds what takes longer.

    Args:
        folder: of the memory or the scan.
        scan: that the memory was built from, for the camera's pictures; None: its renderings.
        host: address to listen at.
        port: to listen at.

    Raises:
        DataError: it is neither, or cannot be read.
        UsageError: the port is taken, or a scan is given for a scan.
    """
    title = folder.resolve().name
    if not is_memory(folder):
        if scan is not None:
            raise UsageError(f"--scan goes with a memory; {folder} is none")
        shown = Scan.open(folder)
        return _open(lambda server: ScanPage(server, shown), host, port, title)
    memory, opened = SpatialMemory.load(folder), None if scan is None else Scan.open(scan)
    try:
        encoder = load_language_extractor(memory.config.features.models[0])
    except UsageError as error:
        print(f"requests are not answered: {error}")
        localizer = None
    else:
        localizer = Localizer(memory, encoder)
    return _open(lambda server: MemoryPage(server, memory, localizer, opened), host, port, title)


def is_memory(folder: Path) -> bool:
    """Return whether a folder is, or was meant to be, a memory; what is not counts as a scan."""
    return (recover(folder) / "manifest.json").is_file()


def _open(
    make: Callable[[PageServer], Page], host: str, port: int, title: str
) -> tuple[PageServer, Page]:
    server = open_server(host, port, title)
    try:
        return server, make(server)
    except BaseException:
        server.stop()
        raise
