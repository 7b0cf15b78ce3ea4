"""The simulated RealSense, with its driver's topics, and a view of the scene from outside."""

from __future__ import annotations

import time

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from m3_ros.config import RobotConfig
from m3_ros.nodes.conversions import header
from m3_ros.nodes.images import camera_info_message, depth_message, image_message
from m3_ros.sim.simulation import Simulation

PICTURE_PERIOD = 1.5
"""Time (s) between images of the observer, while they are subscribed: 0.12 s of a core each."""


class SimulatedCamera:
    """Render and publish one simulation's views; belongs to the thread of its first frame."""

    def __init__(self, node: Node, simulation: Simulation, names: RobotConfig) -> None:
        self._simulation, self._names = simulation, names
        topics = (names.color_topic, names.depth_topic)
        self._color, self._depth = (node.create_publisher(Image, topic, 5) for topic in topics)
        self._infos = [
            node.create_publisher(CameraInfo, topic.rsplit("/", 1)[0] + "/camera_info", 5)
            for topic in topics
        ]
        self._pictures = node.create_publisher(Image, "simulation/observer/image_raw", 1)
        self._pictured = 0.0

    def publish(self, epoch: float) -> None:
        """Publish one frame; simulated time 0 is `epoch` s on the node's clock."""
        frame = self._simulation.capture()
        stamp = epoch + frame.stamp
        head = header(self._names.camera_frame, stamp)
        self._color.publish(image_message(frame.rgb, "rgb8", head))
        self._depth.publish(depth_message(frame.depth, head))
        for info in self._infos:
            info.publish(camera_info_message(frame.K, frame.width, frame.height, head))
        now = time.monotonic()
        if self._pictures.get_subscription_count() and now - self._pictured > PICTURE_PERIOD:
            self._pictured = now
            head = header(self._names.world_frame, stamp)
            self._pictures.publish(image_message(self._simulation.picture(), "rgb8", head))
