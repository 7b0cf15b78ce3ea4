"""One server a name: two nodes that served one action would both move the arm for one goal.

On one machine a name is an abstract socket of Linux, which one process can bind at a time, and
which is free when that process has ended, however it did. Servers of other machines are seen by
their topics of `liveliness`.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time

from rclpy.node import Node

from m3_ros.errors import UnavailableError
from m3_ros.nodes.liveliness import alive_topic, offer_liveliness

LEAVE_TIME = 2.0
"""Time (s) that a node which is ending may hold its names: that in which it stops after SIGINT."""
POLL = 0.05  # s


class NameTakenError(UnavailableError):
    """Another node serves a name; the message says which, and what to do."""


class Claims:
    """The names that a node serves.

    Args:
        node: serves them.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._sockets: dict[str, socket.socket | None] = {}
        self._offered: set[str] = set()

    def add(self, name: str) -> None:
        """Have `take` take the name of a service or action."""
        self._sockets[name] = None

    def take(self) -> None:
        """Take all names; those that the node has already stay its own.

        Raises:
            NameTakenError: another node has one, and keeps it for `LEAVE_TIME`.
        """
        deadline = time.monotonic() + LEAVE_TIME
        while problem := self._bind() or self.problem():
            if time.monotonic() > deadline:
                raise NameTakenError(problem)
            time.sleep(POLL)

    def offer(self, name: str) -> None:
        """Show other machines, and clients, that this node serves a name."""
        self._offered.add(name)  # first: meanwhile a goal may come, and `problem` be asked
        offer_liveliness(self._node, name)

    def release(self) -> None:
        """Let other nodes have the names."""
        for name, bound in self._sockets.items():
            if bound is not None:
                bound.close()
            self._sockets[name] = None

    def problem(self) -> str:
        """Return which other node is seen to serve a name of this one; "" without."""
        for name in self._sockets:
            infos = self._node.get_publishers_info_by_topic(alive_topic(name))
            if len(infos) > (name in self._offered):
                nodes = {f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in infos}
                others = sorted(nodes - {self._node.get_fully_qualified_name()})
                return self._taken(name, "node " + ", ".join(others) if others else "its namesake")
        return ""

    def _bind(self) -> str:
        """Bind the sockets of all names; return the first problem."""
        for name, bound in self._sockets.items():
            if bound is not None:
                continue
            key = os.environ.get("ROS_DOMAIN_ID", "0") + self._node.resolve_service_name(name)
            bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                # A digest: such a name has at most 107 bytes.
                bound.bind(f"\0m3_ros/{hashlib.sha256(key.encode()).hexdigest()}")
            except OSError:
                bound.close()
                return self._taken(name, "another process of this machine")
            self._sockets[name] = bound
        return ""

    def _taken(self, name: str, owner: str) -> str:
        return (
            f"{self._node.resolve_service_name(name)} is served by {owner} already; end that one, "
            "or use another namespace"
        )
