"""Who may open the page: holders of its token, from its own address, a limited number at once."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import websockets.asyncio.server as websocket_server
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from m3_ros.errors import UsageError

MAX_CLIENTS = 64
"""Browsers at once. Each is sent the Gaussians in one message of 32 bytes each: 64 of 400 000
Gaussians hold 0.8 GB while they connect."""
MAX_MESSAGE = 16 * 2**20
"""Bytes of one message of a browser; the largest is a screenshot, a PNG of a window. Uploads come
in parts of 512 KiB."""
TOKEN_BYTES = 24  # of randomness; 128 bits cannot be guessed
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",  # no page lays ours under its own
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[ServerConnection, Request], Response | None]


class Gate:
    """Decides on every request to the page, before viser sees it.

    The token stands in the printed address, as Jupyter's does. The first answer moves it into a
    cookie that other sites' requests do not carry, and out of the address.

    Attributes:
        token: that the address carries.
    """

    def __init__(self, port: int, clients: int = MAX_CLIENTS) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._cookie = f"m3_view_{port}"  # cookies do not tell the ports of a host apart
        self._clients = clients
        self._installed = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let the viser server that is created meanwhile ask this gate.

        viser has no hook for requests. It calls `websockets.asyncio.server.serve`, which is
        replaced until the server listens.

        Raises:
            UsageError: this version of viser calls something else; nothing may be served then.
        """
        serve = websocket_server.serve

        def guarded(handler: Any, *args: Any, process_request: Handler, **options: Any) -> Any:
            self._installed = True
            options["max_size"] = MAX_MESSAGE
            return serve(handler, *args, process_request=self._before(process_request), **options)

        websocket_server.serve = guarded
        try:
            yield
        finally:
            websocket_server.serve = serve
        if not self._installed:
            raise UsageError("this version of viser cannot be guarded; install viser==1.1.1")

    def _before(self, handler: Handler) -> Handler:
        def process(connection: ServerConnection, request: Request) -> Response | None:
            response = self.refusal(connection, request) or handler(connection, request)
            if response is not None:
                for name, value in HEADERS.items():
                    response.headers[name] = value
            return response

        return process

    def refusal(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the answer to a request that viser must not see; None for one that it may."""
        headers = request.headers
        origins = headers.get_all("Origin")
        if any(urlsplit(origin).netloc != headers.get("Host") for origin in origins):
            return connection.respond(HTTPStatus.FORBIDDEN, "another page asks for this one\n")
        address = urlsplit(request.path)
        given = parse_qs(address.query).get("token", [""])[0]
        opened = bool(headers.get_all("Upgrade"))
        if self._same(given) and not opened:
            response = connection.respond(HTTPStatus.FOUND, "")
            response.headers["Location"] = "./"
            response.headers["Set-Cookie"] = (
                f"{self._cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            )
            return response
        if not self._same(given) and not any(map(self._same, self._cookies(headers))):
            return connection.respond(
                HTTPStatus.FORBIDDEN,
                "open the address that was printed where the page was started; it ends in "
                "?token=...\n",
            )
        if len(connection.server.connections) >= self._clients:
            return connection.respond(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._clients} browsers have this page open; close one and reload\n",
            )
        return None

    def _cookies(self, headers: Any) -> list[str]:
        parts = (part for line in headers.get_all("Cookie") for part in line.split(";"))
        pairs = (part.strip().partition("=") for part in parts)
        return [value for name, _, value in pairs if name == self._cookie]

    def _same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self.token.encode())
