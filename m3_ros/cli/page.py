"""Command that opens a page in the browser: view."""

from __future__ import annotations

from pathlib import Path

from m3_ros.cli.app import OK, Positional, app
from m3_ros.cli.ros import require_ros
from m3_ros.config import ViewerConfig
from m3_ros.errors import UsageError


@app.command
def view(
    folder: Positional[Path | None] = None,
    scan: Path | None = None,
    live: bool = False,
    host: str = "127.0.0.1",
    port: int = 8080,
    allow_control: bool = False,
    namespace: str = "",
    rerun: Path | None = None,
    ask: str = "",
) -> int:
    """Open a memory, a scan or the running stack as a page: look around, ask, click.

    Args:
        folder: of a memory or a scan.
        scan: the scan folder that the memory was built from, for the camera's pictures; without it
            the memory's renderings are drawn.
        live: show the nodes that run, over ROS 2, instead of a folder.
        host: address to listen at; with others than localhost, the page is open to whoever has its
            address, token included.
        port: to listen at.
        allow_control: let a live page move the robot although others than this machine reach it.
        namespace: of the robot that a live page shows.
        rerun: a file to write for the viewer Rerun, for instance kitchen.rrd, instead of a page.
        ask: what to find in the memory; the answer is in that file.
    """
    if live == (folder is not None):
        raise UsageError("m3 view needs a folder or --live, for instance: m3 view kitchen.memory")
    if ask and rerun is None:
        raise UsageError("--ask goes with --rerun; a page has a field for requests")
    if live and rerun is not None:
        raise UsageError("--rerun writes a folder's content, it does not go with --live")
    if live:
        require_ros()
        from m3_ros.nodes.runtime import run_node
        from m3_ros.nodes.viewer import create

        settings = ViewerConfig(host, port, allow_control)
        run_node(lambda: create(settings, namespace))
    if rerun is not None:
        return _write_recording(folder, scan, rerun, ask)
    from m3_ros.view.page.server import keep_open
    from m3_ros.view.page.show import open_page

    server, page = open_page(folder, scan, host, port)
    keep_open(server, page, folder)
    return OK


def _write_recording(folder: Path, scan: Path | None, target: Path, ask: str) -> int:
    from m3_ros.capture.scan import Scan
    from m3_ros.memory.spatial_memory import SpatialMemory
    from m3_ros.query.answer import Localizer
    from m3_ros.view.page.show import is_memory
    from m3_ros.view.rerun_file import (
        require_rerun,
        save_memory_recording,
        save_scan_recording,
    )

    require_rerun()  # before a query that takes seconds
    if not is_memory(folder):
        if scan is not None or ask:
            raise UsageError(f"--scan and --ask go with a memory; {folder} is none")
        save_scan_recording(target, Scan.open(folder))
    else:
        localizer = Localizer.open(folder, "cpu") if ask else None
        result = None if localizer is None else localizer.locate(ask)
        memory = SpatialMemory.load(folder, "cpu") if localizer is None else localizer.memory
        opened = None if scan is None else Scan.open(scan)
        save_memory_recording(target, memory, opened, result)
        if result is not None:
            print(f"{result.status.name}: {result.message}")
    print(f"{target}: open it with `rerun {target}`")
    return OK
