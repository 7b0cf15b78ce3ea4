"""What every subscription of this package does with a message that its callback cannot take."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.subscription import Subscription

Callback = Callable[[object], object]


def dropping(node: Node, topic: str, callback: Callback) -> Callback:
    """Return a callback that drops, and tells, a message of which `callback` raises.

    Messages are data of strangers: what one of them makes a callback raise must not end the
    thread that spins the node.
    """

    def receive(message: object) -> None:
        try:
            callback(message)
        except Exception as error:
            node.get_logger().error(
                f"a message on {topic} is dropped: {type(error).__name__}: {error}",
                throttle_duration_sec=5.0,
            )

    return receive


class DroppingNode(Node):
    """A node whose subscriptions outlive any message."""

    def create_subscription(
        self, msg_type: type, topic: str, callback: Callback, *args: object, **kwargs: object
    ) -> Subscription:
        """Subscribe as `Node` does; a callback that raises loses its message, not the thread."""
        receive = dropping(self, topic, callback)
        return super().create_subscription(msg_type, topic, receive, *args, **kwargs)
