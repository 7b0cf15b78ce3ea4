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
from m3_ros.types import Array

LOCAL = ("127.0.0.1", "localhost", "::1")
"""Hosts that only this machine reaches."""
TICK = 0.5  # s between looks at whether the process was asked to end


class Page(Protocol):
    """What a page shows of a memory or a scan."""

    def fill(self) -> None:
        """Add what takes longer than to open the page."""


class PageServer(viser.ViserServer):
    """viser's server, which does not publish the page through a relay on the internet."""

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
    with redirect_stdout(io.StringIO()):  # its own words on where the page is
        server = PageServer(host=host, port=port, label=title, verbose=False)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    server.gui.main_panel.dock_right()
    server.gui.set_panel_label(title)
    return server


def keep_open(server: PageServer, page: Page, folder: Path) -> None:
    """Say where the page is, fill it, and serve it until Ctrl-C or SIGTERM."""
    host = server.get_host()
    shown = "localhost" if host in (*LOCAL, "0.0.0.0") else host
    print(f"{folder}: http://{shown}:{server.get_port()} (Ctrl-C ends)", flush=True)
    if host not in LOCAL:
        print(f"whoever reaches {host}:{server.get_port()} can look and ask", flush=True)
    try:
        page.fill()
        while True:
            time.sleep(TICK)
    finally:
        server.stop()


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
