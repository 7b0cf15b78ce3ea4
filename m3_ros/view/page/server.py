"""The web server of the page, and what every page has."""

from __future__ import annotations

import io
import socket
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Protocol

import numpy as np
import viser

from m3_ros.errors import UsageError
from m3_ros.files import recover
from m3_ros.types import Array
from m3_ros.view.page.gate import Gate
from m3_ros.view.page.uploads import limit_uploads
from m3_ros.view.page.words import notice_html

LOCAL = ("127.0.0.1", "localhost", "::1")
"""Hosts that only this machine reaches."""
PORT = 8080  # that nothing reserves; viser's own default
TICK = 0.5  # s between looks at whether the process was asked to end


class Page(Protocol):
    """What a page shows of a memory or a scan."""

    def fill(self) -> None:
        """Add what takes longer than to open the page."""


class PageServer(viser.ViserServer):
    """viser's server behind a gate; it publishes the page through no relay on the internet.

    Args:
        host: address to listen at.
        port: to listen at.
        title: of the page.
    """

    def __init__(self, host: str, port: int, title: str) -> None:
        gate = Gate(port)
        with gate.installed(), redirect_stdout(io.StringIO()):  # its own words on where it is
            super().__init__(host=host, port=port, label=title, verbose=False)
        limit_uploads(self)
        shown = "localhost" if host in (*LOCAL, "0.0.0.0", "::") else host
        shown = f"[{shown}]" if ":" in shown else shown
        self.address = f"http://{shown}:{self.get_port()}/?token={gate.token}"
        self.gui.configure_theme(show_logo=False, show_share_button=False)
        self.gui.main_panel.dock_right()
        self.gui.set_panel_label(title)
        self.notice = self.gui.add_html("")

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Return None: whoever opened the page could otherwise make it public."""
        return None


def open_server(host: str, port: int, title: str) -> PageServer:
    """Serve an empty page.

    Args:
        host: address to listen at; "0.0.0.0" for every one of this machine.
        port: to listen at.
        title: of the page.

    Raises:
        UsageError: the port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"--host {host} --port {port}: cannot listen there ({error}); another program may "
                "use the port: end it or name another --port"
            ) from error
    return PageServer(host, port, title)


def keep_open(server: PageServer, page: Page, folder: Path) -> None:
    """Say where the page is, fill it, and serve it until Ctrl-C or SIGTERM.

    The page says when its folder was replaced or deleted; what it shows is in memory.
    """
    opened = _identity(folder)
    print(f"{folder}: {server.address} (Ctrl-C ends)", flush=True)
    host = server.get_host()
    if host not in LOCAL:
        print(
            "from other machines: with this one's name in place of localhost; whoever has the "
            "address can look and ask, and it is not encrypted on its way",
            flush=True,
        )
    try:
        page.fill()
        while True:
            time.sleep(TICK)
            found = _identity(folder)
            if found != opened:
                opened = found
                what = "was deleted" if found is None else "was replaced"
                said = f"{folder} {what} since it was opened: what is shown is the former one"
                print(said, flush=True)
                server.notice.content = notice_html(said)
    finally:
        server.stop()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what changes when a folder is replaced; None if there is none."""
    try:
        place = recover(folder)
        manifest = place / "manifest.json"
        changed = manifest.stat().st_mtime_ns if manifest.is_file() else 0
        return place.stat().st_ino, changed
    except OSError:
        return None


def set_view(server: PageServer, camtoworld: Array, distance: float, up: Array) -> None:
    """Let whoever opens the page begin behind a camera `[4, 4]` that looks at a distance."""
    eye, forward = camtoworld[:3, 3], camtoworld[:3, 2]
    server.scene.set_up_direction(tuple(up))
    server.initial_camera.position = tuple(eye - BACK * distance * forward)
    server.initial_camera.look_at = tuple(eye + distance * forward)
    server.initial_camera.up = tuple(up)


BACK = 0.5
"""Of the working distance, by which the first view lies behind a keyframe: its frustum is seen."""


def up_of(poses: Array, metric: bool) -> Array:
    """Return which way is up `[3]`: z of a metric frame, else up of the cameras `[V, 4, 4]`."""
    if metric:
        return np.array([0.0, 0.0, 1.0])
    mean = -np.asarray(poses)[:, :3, 1].mean(0)
    norm = float(np.linalg.norm(mean))
    return mean / norm if norm > 0 else np.array([0.0, 0.0, 1.0])
