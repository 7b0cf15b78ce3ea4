"""Who gets past the gate of the page, how many, and with how large an upload."""

import json
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlsplit

import msgspec
import pytest
import viser
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from m3_ros.view.page import gate
from m3_ros.view.page.server import open_server
from m3_ros.view.page.uploads import MAX_UPLOAD

PROTOCOL = f"viser-v{viser.__version__}"


@pytest.fixture
def server(free_port):
    server = open_server("127.0.0.1", free_port, "kitchen")
    yield server
    server.stop()


def get(server, path="/", **headers):
    connection = HTTPConnection("127.0.0.1", server.get_port(), timeout=60)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    return response, response.read().decode(errors="replace")


def token_of(server):
    return urlsplit(server.address).query


def join(server, token=None, **headers):
    address = f"ws://127.0.0.1:{server.get_port()}/?{token or token_of(server)}"
    return connect(
        address,
        subprotocols=[PROTOCOL],
        additional_headers=headers,
        max_size=None,
        open_timeout=60,
    )


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=guessed", "/?token=%ff", "/index.html"]
)
def test_without_its_token_the_page_says_where_the_address_is(server, path):
    response, body = get(server, path)
    assert response.status == 403 and "address that was printed" in body and "<html" not in body


def test_the_token_becomes_a_cookie_beside_those_of_other_programs(server):
    moved, _ = get(server, f"/?{token_of(server)}")
    cookie = moved.getheader("Set-Cookie").split(";")[0]
    assert moved.status == 302 and "SameSite=Strict" in moved.getheader("Set-Cookie")
    response, body = get(server, Cookie=f"theirs={json.dumps({'a': 1})}; {cookie}")
    assert response.status == 200 and "<html" in body
    assert "frame-ancestors 'none'" in response.getheader("Content-Security-Policy")
    with join(server, "token=", Cookie=cookie) as browser:
        assert browser.recv(60)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:1", "null", "http://["]
)
def test_a_page_of_another_origin_is_refused_even_with_the_token(server, origin):
    with pytest.raises(InvalidStatus), join(server, Origin=origin):
        pass


def test_a_socket_without_the_token_is_refused(server):
    with pytest.raises(InvalidStatus, match="403"), join(server, "token=guessed"):
        pass


def test_browsers_over_the_limit_are_told_and_places_become_free(free_port, monkeypatch, wait_for):
    monkeypatch.setattr(gate.Gate.__init__, "__defaults__", (2,))
    server = open_server("127.0.0.1", free_port, "kitchen")
    cookie = get(server, f"/?{token_of(server)}")[0].getheader("Set-Cookie").split(";")[0]
    try:
        with ExitStack() as browsers:
            for _ in range(2):
                browsers.enter_context(join(server)).recv(60)
            with pytest.raises(InvalidStatus, match="503"), join(server):
                pass
            response, body = get(server, Cookie=cookie)
            assert response.status == 503 and "2 browsers" in body
        wait_for(lambda: not server._websock_server._client_state_from_id)
        with join(server) as browser:
            assert browser.recv(60)
    finally:
        server.stop()


def test_fifty_browsers_are_served_at_once_and_leave_nothing_behind(server, wait_for):
    with ExitStack() as browsers:
        for _ in range(50):
            browsers.enter_context(join(server)).recv(60)
    wait_for(lambda: not server._websock_server._client_state_from_id)
    with join(server) as browser:
        assert browser.recv(60)


def test_a_message_over_the_limit_ends_the_connection_and_nothing_else(server):
    with join(server) as browser:
        browser.send(b"\x00" * (gate.MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosed):
            while True:
                browser.recv(60)
    with join(server) as browser:
        assert browser.recv(60)


def upload(browser, button, size, parts=(), name="huge.png"):
    start = {
        "type": "FileTransferStartUpload",
        "source_component_uuid": button._impl.uuid,
        "transfer_uuid": name,
        "filename": name,
        "mime_type": "image/png",
        "part_count": max(1, len(parts)),
        "size_bytes": size,
    }
    browser.send(msgspec.msgpack.encode(start))
    for index, content in enumerate(parts):
        part = {
            "type": "FileTransferPart",
            "source_component_uuid": button._impl.uuid,
            "transfer_uuid": name,
            "part_index": index,
            "content": content,
        }
        browser.send(msgspec.msgpack.encode(part))


def test_uploads_are_refused_by_their_size_before_they_are_stored(server, wait_for):
    button = server.gui.add_upload_button("picture")
    states = server.gui._current_file_upload_states
    with join(server) as browser:
        browser.recv(60)
        upload(browser, button, 200_000_000, [b"\x00" * 2**19] * 4, "huge.png")
        upload(browser, button, 4, [b"\x00" * 3, b"\x00" * 2**19], "larger than announced.png")
        upload(browser, button, MAX_UPLOAD - 10, name="never sent.png")
        wait_for(lambda: list(states) == ["never sent.png"])
        upload(browser, button, 11, name="together too large.png")
        upload(browser, button, 10, [b"0123456789"], "small.png")
        wait_for(lambda: button.value.content == b"0123456789")
        assert list(states) == ["never sent.png"]
    wait_for(lambda: not states)
