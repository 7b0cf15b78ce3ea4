"""TF without tf2: /tf and /tf_static in a `TransformBuffer`."""

from __future__ import annotations

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from m3_ros.capture.messages import to_pose, to_seconds
from m3_ros.capture.transform_buffer import TransformBuffer
from m3_ros.nodes.topic_monitor import TopicMonitor

TF = QoSProfile(depth=100)
TF_STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def subscribe_transforms(node: Node, monitor: TopicMonitor) -> TransformBuffer:
    """Return a `TransformBuffer` that is filled from /tf and /tf_static while `node` spins."""
    tree = TransformBuffer()
    moving = monitor.topic(("/tf",), TF)
    fixed = monitor.topic(("/tf_static",), TF_STATIC, steady=False)

    def receive(message: TFMessage, static: bool) -> None:
        (fixed if static else moving)()
        for item in message.transforms:
            stamp = None if static else to_seconds(item.header.stamp)
            tree.add(item.header.frame_id, item.child_frame_id, stamp, to_pose(item.transform))

    group = MutuallyExclusiveCallbackGroup()
    node.create_subscription(
        TFMessage, "/tf", lambda message: receive(message, False), TF, callback_group=group
    )
    node.create_subscription(
        TFMessage,
        "/tf_static",
        lambda message: receive(message, True),
        TF_STATIC,
        callback_group=group,
    )
    return tree
