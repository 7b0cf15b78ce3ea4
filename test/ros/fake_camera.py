"""A process that publishes what a wrist RealSense and LiDAR odometry would: a known moving scene.

Usage: fake_camera.py [--without color|depth|info|odometry] [--skew SECONDS] [--rectified-name]
                      [--frame NAME] [--tf-age SECONDS] [--depth METRES] [--tilt DEGREES]

The camera looks straight down from 1 m at a flat floor and moves along +x at 0.1 m/s; colour is
(10, 20, 30), depth 1 m, and the transform map -> base_link -> camera is exact.
"""

import argparse

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from m3_ros.geometry import look_at, planar_pose, rpy_to_matrix, se3
from m3_ros.nodes import conversions, images

SPEED = 0.1  # m/s
PERIOD = 0.05  # s between images
MOUNT = look_at([0.0, 0.0, 1.0], [0.0, 0.0, 0.0], up=[1.0, 0.0, 0.0])
K = np.array([[100.0, 0.0, 40.0], [0.0, 100.0, 30.0], [0.0, 0.0, 1.0]])
OPTICAL = "camera_color_optical_frame"


class FakeCamera(Node):
    """Images at 20 Hz, odometry at 50 Hz."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__("fake_camera")
        self._options = options
        color = "image_rect_raw" if options.rectified_name else "image_raw"
        self._color = self.create_publisher(Image, f"/camera/camera/color/{color}", 10)
        self._depth = self.create_publisher(
            Image, "/camera/camera/aligned_depth_to_color/image_raw", 10
        )
        self._info = self.create_publisher(CameraInfo, "/camera/camera/color/camera_info", 10)
        self._tf = self.create_publisher(TFMessage, "/tf", 100)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._static = self.create_publisher(TFMessage, "/tf_static", latched)
        mount = conversions.transform_stamped("base_link", OPTICAL, 0.0, MOUNT)
        self._static.publish(TFMessage(transforms=[mount]))
        self.create_timer(PERIOD, self._publish_images)
        self.create_timer(0.02, self._publish_odometry)

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _publish_images(self) -> None:
        stamp = np.floor(self._now() / PERIOD) * PERIOD  # exact, however late the timer fires
        frame = self._options.frame
        head = conversions.header(frame, stamp)
        late = conversions.header(frame, stamp + self._options.skew)
        rgb = np.full((60, 80, 3), (10, 20, 30), np.uint8)
        depth = np.full((60, 80), self._options.depth, np.float32)
        without = self._options.without
        if without != "info":
            self._info.publish(images.camera_info_message(K, 80, 60, head))
        if without != "color":
            self._color.publish(images.image_message(rgb, "rgb8", head))
        if without != "depth":
            self._depth.publish(images.depth_message(depth, late))

    def _publish_odometry(self) -> None:
        if self._options.without == "odometry":
            return
        stamp = self._now() - self._options.tf_age
        lean = se3(rpy_to_matrix([np.deg2rad(self._options.tilt), 0.0, 0.0]), np.zeros(3))
        pose = lean @ planar_pose(SPEED * (stamp % 1000.0), 0.0, 0.0)
        item = conversions.transform_stamped("map", "base_link", stamp, pose)
        self._tf.publish(TFMessage(transforms=[item]))


def main() -> None:
    """Publish until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", choices=("color", "depth", "info", "odometry"))
    parser.add_argument("--skew", type=float, default=0.0)
    parser.add_argument("--rectified-name", action="store_true")
    parser.add_argument("--frame", default=OPTICAL)
    parser.add_argument("--tf-age", type=float, default=0.0)
    parser.add_argument("--depth", type=float, default=1.0)
    parser.add_argument("--tilt", type=float, default=0.0)
    options = parser.parse_args()
    rclpy.init()
    try:
        rclpy.spin(FakeCamera(options))
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass


if __name__ == "__main__":
    main()
