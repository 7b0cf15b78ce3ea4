"""Command that opens a page in the browser: view."""

from __future__ import annotations

from pathlib import Path

from m3_ros.cli.app import OK, Positional, app


@app.command
def view(
    folder: Positional[Path],
    scan: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
) -> int:
    """Open a memory or a scan as a page in the browser: look around, ask, click.

    Args:
        folder: of a memory or a scan.
        scan: the scan folder that the memory was built from, for the camera's pictures; without it
            the memory's renderings are drawn.
        host: address to listen at; with others than localhost, the page is open to whoever has its
            address, token included.
        port: to listen at.
    """
    from m3_ros.view.page.server import keep_open
    from m3_ros.view.page.show import open_page

    server, page = open_page(folder, scan, host, port)
    keep_open(server, page, folder)
    return OK
