"""Velocity commands of the base, as Twist or TwistStamped."""

from __future__ import annotations

import time
from collections.abc import Callable

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node

from m3_ros.config import RobotConfig
from m3_ros.grasp.robot import RobotError


class BaseClient:
    """Publishes velocities and knows whether anybody listens."""

    def __init__(self, node: Node, names: RobotConfig) -> None:
        self._node, self._names = node, names
        self._type = TwistStamped if names.cmd_vel_stamped else Twist
        self._publisher = node.create_publisher(self._type, names.cmd_vel_topic, 10)

    def drive(self, vx: float, vy: float, yaw_rate: float) -> None:
        """Command a velocity in the base frame, m/s and rad/s."""
        message = self._type()
        twist = message
        if self._type is TwistStamped:
            message.header.stamp = self._node.get_clock().now().to_msg()
            message.header.frame_id = self._names.base_frame
            twist = message.twist
        twist.linear.x, twist.linear.y, twist.angular.z = float(vx), float(vy), float(yaw_rate)
        self._publisher.publish(message)

    def stop(self) -> None:
        """Command zero velocity."""
        self.drive(0.0, 0.0, 0.0)

    def wait_listener(self, timeout: float, tick: Callable[[], None]) -> None:
        """Wait until somebody takes the commands, calling `tick`, which waits and may raise.

        Raises:
            RobotError: nobody does within `timeout` s.
        """
        end = time.monotonic() + timeout
        while not self._publisher.get_subscription_count():
            if time.monotonic() > end:
                raise RobotError(self._unheard())
            tick()

    def _unheard(self) -> str:
        topic = self._publisher.topic_name
        text = f"nobody listens on {topic} ({self._type.__name__})"
        others = {info.topic_type for info in self._node.get_subscriptions_info_by_topic(topic)}
        for other, stamped in (("TwistStamped", True), ("Twist", False)):
            if f"geometry_msgs/msg/{other}" in others and other != self._type.__name__:
                text += f"; for {other} somebody does: set robot.cmd_vel_stamped to {stamped}"
        return text
