"""The ground truth of a simulated run: true poses, and how high an object was lifted."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from tf2_msgs.msg import TFMessage

from m3_ros.capture.messages import to_pose

TOPIC = "simulation/ground_truth"


class GroundTruth:
    """Subscribe to the true poses of the simulation, which no stage reads."""

    def __init__(self, node: Node) -> None:
        self.poses: dict[str, NDArray[np.float64]] = {}
        self._heights: dict[str, list[tuple[float, float]]] = {}
        node.create_subscription(TFMessage, TOPIC, self._receive, 10)

    def _receive(self, message: TFMessage) -> None:
        now = time.monotonic()
        for item in message.transforms:
            pose = to_pose(item.transform)
            self.poses[item.child_frame_id] = pose
            self._heights.setdefault(item.child_frame_id, []).append((now, pose[2, 3]))

    def distance(self, name: str, point: NDArray[np.float64]) -> float:
        """Return the distance in m of `point [3]` (map) from the centre of object `name`."""
        return float(np.linalg.norm(self.poses[name][:3, 3] - point))

    def nearest(self, point: NDArray[np.float64]) -> str:
        """Return the name of the object nearest to `point [3]` (m, map)."""
        return min(self.poses, key=lambda name: self.distance(name, point))

    def held_height(self, name: str, rest: float, duration: float) -> float:
        """Return the least height (m) of object `name` above `rest` in the last `duration` s."""
        heights = self._heights[name]
        since = heights[-1][0] - duration
        if heights[0][0] > since:
            return 0.0
        return min(height for stamp, height in heights if stamp >= since) - rest
