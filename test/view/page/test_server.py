"""The web server of the page."""

import socket
from urllib.request import urlopen

import numpy as np
import pytest

from m3_ros.errors import UsageError
from m3_ros.view.page.server import open_server, up_of


def test_the_page_is_served_until_it_is_stopped(free_port):
    server = open_server("127.0.0.1", free_port, "kitchen")
    try:
        page = urlopen(f"http://127.0.0.1:{free_port}/", timeout=60).read()
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
