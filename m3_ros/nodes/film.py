"""Pictures of the simulation from outside, for the demo's report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.node import Node
from sensor_msgs.msg import Image

from m3_ros.capture.messages import to_rgb
from m3_ros.types import Image as Picture

TOPIC = "simulation/observer/image_raw"


class Film:
    """Keeps pictures while something moves; the simulation renders them while it is subscribed.

    Args:
        node: that subscribes.
        pictures: to which phase and picture are appended.

    Attributes:
        phase: of what is filmed now.
    """

    def __init__(self, node: Node, pictures: list[tuple[str, Picture]]) -> None:
        self._node, self._pictures = node, pictures
        self.phase = ""

    @contextmanager
    def recorded(self, phase: str) -> Iterator[None]:
        """Keep pictures meanwhile."""
        self.phase = phase
        subscription = self._node.create_subscription(Image, TOPIC, self._keep, 1)
        try:
            yield
        finally:
            self._node.destroy_subscription(subscription)

    def _keep(self, message: Image) -> None:
        self._pictures.append((self.phase, to_rgb(message)))
