"""Quality of service of topics that several nodes share."""

from rclpy.qos import DurabilityPolicy, QoSProfile

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Late subscribers receive the last message."""
SERVICE = QoSProfile(depth=1000)
"""Of services: ROS 2's own keeps 10 requests of all clients, and drops the others unanswered. The
depth bounds the memory; it is more than a node gets before it takes them."""
