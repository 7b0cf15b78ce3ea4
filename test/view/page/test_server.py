"""The web server of the page."""

import socket
import threading
from types import SimpleNamespace
from urllib.request import HTTPCookieProcessor, build_opener

import numpy as np
import pytest

from m3_ros.errors import UsageError
from m3_ros.view.page.server import keep_open, open_server, up_of


def test_the_page_is_served_until_it_is_stopped(free_port):
    server = open_server("127.0.0.1", free_port, "kitchen")
    try:
        opener = build_opener(HTTPCookieProcessor())  # keeps the cookie, as a browser does
        page = opener.open(server.address, timeout=60).read()
    finally:
        server.stop()
    assert b"<html" in page


def test_nobody_can_make_the_page_public(free_port):
    server = open_server("127.0.0.1", free_port, "kitchen")
    try:
        assert server.request_share_url() is None
    finally:
        server.stop()


def test_a_port_that_is_taken_is_named_and_no_other_is_opened():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port {port}: cannot listen.*another --port"):
            open_server("127.0.0.1", port, "kitchen")


@pytest.mark.parametrize(("host", "port"), [("203.0.113.7", 8080), ("127.0.0.1", 70000)])
def test_an_address_of_another_machine_and_an_impossible_port_are_named(host, port):
    with pytest.raises(UsageError, match=f"--host {host} --port {port}"):
        open_server(host, port, "kitchen")


def test_up_is_z_in_metres_and_that_of_the_cameras_otherwise():
    looking = np.eye(4)
    looking[:3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]  # its y, downwards in the picture, is z
    np.testing.assert_allclose(up_of(np.array([looking]), metric=True), [0, 0, 1])
    np.testing.assert_allclose(up_of(np.array([looking]), metric=False), -looking[:3, 1])


def test_the_page_says_when_its_folder_is_replaced_or_deleted(
    free_port, tmp_path, capsys, wait_for
):
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    server = open_server("127.0.0.1", free_port, "kitchen")
    filled = threading.Event()
    page = SimpleNamespace(fill=filled.set)
    threading.Thread(target=keep_open, args=(server, page, folder), daemon=True).start()
    filled.wait(60)
    try:
        folder.rename(tmp_path / "former")
        wait_for(lambda: "was deleted" in server.notice.content)
        folder.mkdir()
        wait_for(lambda: "was replaced" in server.notice.content)
    finally:
        server.stop()
    assert server.address in capsys.readouterr().out
