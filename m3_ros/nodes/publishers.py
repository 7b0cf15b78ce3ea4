"""Which nodes publish a topic right now, asked from outside the stack."""

from __future__ import annotations

import time
from collections.abc import Sequence

import rclpy

POLL = 0.1  # s


def middleware() -> str:
    """Return the name of the ROS middleware in use, for instance "rmw_fastrtps_cpp"."""
    return rclpy.get_rmw_implementation_identifier()


def publishers(topics: Sequence[str], timeout: float = 2.0) -> dict[str, list[str]]:
    """Return the names of the nodes that publish each topic.

    Args:
        topics: full names.
        timeout: longest wait for every topic to have a publisher, s. Discovery takes about 1 s.

    Raises:
        RuntimeError: ROS cannot start, for instance because its middleware is not installed.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node("m3_doctor", context=context, start_parameter_services=False)
        deadline = time.monotonic() + timeout
        while True:
            found = {
                topic: sorted(
                    {info.node_name for info in node.get_publishers_info_by_topic(topic)}
                )
                for topic in topics
            }
            if all(found.values()) or time.monotonic() > deadline:
                node.destroy_node()
                return found
            time.sleep(POLL)
    finally:
        rclpy.try_shutdown(context=context)
