"""What the memory holds as obstacles of motions: solid points, where its lengths are metres."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2

from m3_ros.capture.messages import ConversionError
from m3_ros.errors import show
from m3_ros.grasp.points import solid
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.images import to_columns
from m3_ros.nodes.qos import LATCHED
from m3_ros.types import Array


class RememberedObstacles:
    """The solid points of m3/gaussians, in the world frame.

    Args:
        node: that subscribes and logs.
        world_frame: of the points.
    """

    def __init__(self, node: Node, world_frame: str) -> None:
        self._log, self._world = node.get_logger(), world_frame
        self._points, self._metric = np.zeros((0, 3)), True
        node.create_subscription(PointCloud2, "m3/gaussians", self.take_points, LATCHED)
        node.create_subscription(MemoryStatus, "m3/loaded_memory", self.take_status, LATCHED)

    @property
    def points(self) -> Array:
        """Points `[S, 3]`, m; none of a memory of unknown scale, which are at wrong places."""
        return self._points if self._metric else self._points[:0]

    def take_points(self, cloud: PointCloud2) -> None:
        """Replace the points by those of a message.

        Raises:
            ConversionError: they are in another frame, or have no opacity.
        """
        if (frame := cloud.header.frame_id) != self._world:
            raise ConversionError(
                f"it is in the frame {show(frame)}, robot.world_frame is {self._world}"
            )
        columns = to_columns(cloud, "x", "y", "z", "opacity").astype(np.float64)
        self._points = solid(columns[:, :3], columns[:, 3])

    def take_status(self, status: MemoryStatus) -> None:
        """Note whether the lengths of the loaded memory are metres."""
        self._metric = status.metric
        if not status.metric:
            self._log.warning(
                f"the memory {status.folder} is no obstacle to motions: its lengths are not "
                "metres; give it a scale with `m3 align`"
            )
