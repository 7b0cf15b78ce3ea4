"""TF without tf2: what /tf and /tf_static say, in a `TransformBuffer`."""

from __future__ import annotations

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from m3_ros.capture.messages import ConversionError, to_pose, to_seconds
from m3_ros.capture.transform_buffer import TransformBuffer
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.topic_monitor import TopicMonitor

TF = QoSProfile(depth=100)
TF_STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def subscribe_transforms(node: InputNode, monitor: TopicMonitor) -> TransformBuffer:
    """Return a `TransformBuffer` that fills itself from /tf and /tf_static while `node` spins.

    Transforms that cannot be kept are named in the log once, and in diagnostics. When the node's
    clock or the stamps jump back, the moving transforms are forgotten.
    """
    logger, clock = node.get_logger(), node.get_clock()
    tree = TransformBuffer(tell=lambda problem: logger.warning(problem))
    moving = monitor.topic(("/tf",), TF)
    fixed = monitor.topic(("/tf_static",), TF_STATIC, steady=False)
    monitor.check(tree.dropped.recent)

    def receive(message: TFMessage, static: bool) -> None:
        (fixed if static else moving)()
        # A simulated clock is at 0 until its first message.
        now = clock.now().nanoseconds * 1e-9 or None
        for item in message.transforms:
            parent, child = item.header.frame_id, item.child_frame_id
            stamp = None if static else to_seconds(item.header.stamp)
            try:
                tree.add(parent, child, stamp, to_pose(item.transform), now)
            except ConversionError as error:
                problem = f"transform {parent} -> {child} is dropped: {error}"
                tree.dropped.count(problem, lasting=static)

    node.on_clock_back(lambda back: tree.clear(f"the clock went back by {back:.1f} s"))
    group = MutuallyExclusiveCallbackGroup()
    for topic, qos, static in (("/tf", TF, False), ("/tf_static", TF_STATIC, True)):
        node.create_subscription(
            TFMessage,
            topic,
            lambda message, static=static: receive(message, static),
            qos,
            callback_group=group,
        )
    return tree
