"""Reports how long a node takes for a request, on /diagnostics."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

RECENT = 100  # requests that the percentiles are of; five lie above the 95th


class Latency:
    """Measure blocks and publish the last one, the median and the 95th percentile.

    Args:
        node: publishes, after every measured block.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._times: deque[float] = deque(maxlen=RECENT)
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure a block that ends without an error."""
        start = time.perf_counter()
        yield
        self._times.append(1000.0 * (time.perf_counter() - start))
        self._publisher.publish(self._message())

    def _message(self) -> DiagnosticArray:
        median, high = np.percentile(self._times, [50, 95])
        values = {"last": self._times[-1], "p50": median, "p95": high}
        status = DiagnosticStatus(
            level=DiagnosticStatus.OK,
            name=f"{self._node.get_name()}: latency",
            message="ok",
            values=[KeyValue(key=f"{key} [ms]", value=f"{ms:.1f}") for key, ms in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        return message
