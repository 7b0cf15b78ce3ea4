"""Whether the process behind a server lives: told by the middleware, whatever the process does.

A server offers the topic NAME/_alive, on which nothing is published; its liveliness is asserted by
a thread of the middleware. Without it clients learn of a killed process only by its participant's
lease, after 20 s.
"""

from __future__ import annotations

import time

from rclpy.duration import Duration
from rclpy.event_handler import QoSLivelinessChangedInfo, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import LivelinessPolicy, QoSProfile
from std_msgs.msg import Empty

LEASE = 1.0
"""Time (s) without an assertion after which a process counts as lost; asserted are two thirds."""
GRACE = 0.5
"""Time (s) that a lost process has to come back; with `LEASE` below the 2 s in which a client must
notice."""
ALIVE = QoSProfile(
    depth=1,
    liveliness=LivelinessPolicy.AUTOMATIC,
    liveliness_lease_duration=Duration(seconds=LEASE),
)


def alive_topic(server: str) -> str:
    """Return the topic by which a server of that name is seen to live."""
    return f"{server}/_alive"


def offer_liveliness(node: Node, server: str) -> None:
    """Have clients of `server` notice when the process of `node` ends or hangs."""
    node.create_publisher(Empty, alive_topic(server), ALIVE)


class ServerWatch:
    """Notices that the process of a server has ended without a word, or hangs.

    Args:
        node: carries the subscription; it is spun.
        server: full name of a service or action.
    """

    def __init__(self, node: Node, server: str) -> None:
        self._lost: float | None = None  # when
        callbacks = SubscriptionEventCallbacks(
            liveliness=self._change, use_default_callbacks=False
        )
        node.create_subscription(
            Empty, alive_topic(server), lambda _: None, ALIVE, event_callbacks=callbacks
        )

    def lost(self) -> bool:
        """Return whether the server was there and has been lost for `GRACE` s."""
        lost = self._lost
        return lost is not None and time.monotonic() - lost > GRACE

    def _change(self, event: QoSLivelinessChangedInfo) -> None:
        gone = event.alive_count == 0 and event.not_alive_count > 0
        self._lost = time.monotonic() if gone else None
