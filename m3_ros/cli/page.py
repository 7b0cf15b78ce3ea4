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
    """
    if live == (folder is not None):
        raise UsageError("m3 view needs a folder or --live, for instance: m3 view kitchen.memory")
    if live:
        require_ros()
        from m3_ros.nodes.runtime import run_node
        from m3_ros.nodes.viewer import create

        settings = ViewerConfig(host, port, allow_control)
        run_node(lambda: create(settings, namespace))
    from m3_ros.view.page.server import keep_open
    from m3_ros.view.page.show import open_page

    server, page = open_page(folder, scan, host, port)
    keep_open(server, page, folder)
    return OK
