"""A process that publishes a camera that moves steadily, for `m3 bench load`: 640 x 480, 30 Hz.

It prints the stamp (s) of each frame.
"""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from m3_ros.config import M3Config
from m3_ros.geometry import look_at
from m3_ros.nodes.conversions import header, transform_stamped
from m3_ros.nodes.images import camera_info_message, image_message
from m3_ros.nodes.runtime import run_node

RATE = 30.0  # Hz, of the camera
WIDTH, HEIGHT = 640, 480
SPEED = 0.1  # m/s along x, of a hand that scans: a keyframe every 0.3 s
HEIGHT_ABOVE = 1.0  # m, above a level floor that fills the picture


class LoadCamera(Node):
    """Publish colour, depth in mm, camera info and the camera's pose, all with one stamp."""

    def __init__(self) -> None:
        super().__init__("load_camera")
        robot = self._robot = M3Config().robot
        topics = (robot.color_topic, robot.depth_topic, robot.camera_info_topic)
        self._outputs = [
            self.create_publisher(kind, topic, qos_profile_sensor_data)
            for kind, topic in zip((Image, Image, CameraInfo), topics, strict=True)
        ]
        self._tf = self.create_publisher(TFMessage, "/tf", 100)
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        waves = [np.sin(rows / 7 + i) + np.cos(columns / 11 - i) for i in range(3)]
        floor = (127.5 + 60.0 * np.stack(waves, axis=-1)).astype(np.uint8)
        depth = np.full((HEIGHT, WIDTH), 1000.0 * HEIGHT_ABOVE, np.uint16)
        K = np.array([[600.0, 0.0, WIDTH / 2], [0.0, 600.0, HEIGHT / 2], [0.0, 0.0, 1.0]])
        head = header(robot.camera_frame, 0.0)
        self._messages = (
            image_message(floor, "rgb8", head),
            image_message(depth, "16UC1", head),
            camera_info_message(K, WIDTH, HEIGHT, head),
        )
        self._begun = self._now()
        self.create_timer(1.0 / RATE, self._publish)

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _publish(self) -> None:
        stamp = self._now()
        x = SPEED * (stamp - self._begun)
        pose = look_at([x, 0.0, HEIGHT_ABOVE], [x, 0.0, 0.0], up=[1.0, 0.0, 0.0])
        frames = (self._robot.world_frame, self._robot.camera_frame)
        self._tf.publish(TFMessage(transforms=[transform_stamped(*frames, stamp, pose)]))
        head = header(self._robot.camera_frame, stamp)
        for output, message in zip(self._outputs, self._messages, strict=True):
            message.header = head
            output.publish(message)
        print(f"{stamp:.6f}", flush=True)


def main() -> None:
    """Publish until ended."""
    run_node(LoadCamera)


if __name__ == "__main__":
    main()
