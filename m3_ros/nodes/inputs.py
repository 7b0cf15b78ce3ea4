"""A second node for what arrives often, so that slow callbacks do not delay fast topics."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import JumpHandle, JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from m3_ros.capture.transform_buffer import TIME_JUMP
from m3_ros.nodes.elapsed_time import ElapsedTime
from m3_ros.nodes.received import Callback, DroppingNode
from m3_ros.nodes.spinner import Spinner


class InputsFailed(RuntimeError):
    """The thread that receives a node's inputs has ended; the message says why."""


class InputNode(DroppingNode):
    """Carry the fast subscriptions of `owner`, spun by a thread of its own as `OWNER_inputs`.

    rclpy builds its wait set anew for every message, at a cost that grows with all that a node
    has: few entities and one thread keep up where a node with services and actions falls behind.

    Topics are named as for the owner: its namespace and all its remappings apply, those that name
    the owner alone included, and none is applied twice. The clock is the owner's kind.

    A message whose callback raises is dropped and told. Where the thread ends all the same, the
    owner's executor raises `InputsFailed`: a node that receives nothing must not live on.

    Attributes:
        elapsed: time in which the age of data is counted.
    """

    def __init__(self, owner: Node) -> None:
        self.owner = owner
        super().__init__(
            f"{owner.get_name()}_inputs",
            context=owner.context,
            namespace=owner.get_namespace(),
            use_global_arguments=False,
            start_parameter_services=False,
            parameter_overrides=[owner.get_parameter("use_sim_time")],
        )
        self.elapsed = ElapsedTime(self.get_clock())
        self._jump_handles: list[JumpHandle] = []
        self._failure: Exception | None = None
        self._failed = owner.create_guard_condition(self._raise_failure)
        self._spinner = Spinner(self, self._fail)

    def create_subscription(
        self, msg_type: type, topic: str, callback: Callback, *args: object, **kwargs: object
    ) -> Subscription:
        """Subscribe as `DroppingNode` does, to the owner's name of `topic`."""
        topic = self.resolve_topic_name(topic)
        return super().create_subscription(msg_type, topic, callback, *args, **kwargs)

    def create_publisher(
        self, msg_type: type, topic: str, *args: object, **kwargs: object
    ) -> Publisher:
        """Publish as `Node` does, under the owner's name of `topic`."""
        topic = self.resolve_topic_name(topic)
        return super().create_publisher(msg_type, topic, *args, **kwargs)

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Return the full name that `topic` has for the owner."""
        return self.owner.resolve_topic_name(topic, only_expand=only_expand)

    def get_publishers_info_by_topic(
        self, topic_name: str, no_mangle: bool = False
    ) -> list[TopicEndpointInfo]:
        """Return the publishers of what the owner calls `topic_name`."""
        name = self.resolve_topic_name(topic_name)
        return super().get_publishers_info_by_topic(name, no_mangle)

    def count_publishers(self, topic_name: str) -> int:
        """Return the number of publishers of what the owner calls `topic_name`."""
        return super().count_publishers(self.resolve_topic_name(topic_name))

    def on_clock_back(self, callback: Callable[[float], None]) -> None:
        """Call `callback` with the seconds by which this node's clock has gone back."""
        threshold = JumpThreshold(
            min_forward=None, min_backward=Duration(seconds=-TIME_JUMP), on_clock_change=False
        )
        handle = self.get_clock().create_jump_callback(
            threshold, post_callback=lambda jump: callback(-jump.delta.nanoseconds * 1e-9)
        )
        self._jump_handles.append(handle)  # rclpy forgets those that nobody holds

    def destroy_node(self) -> None:
        """Stop receiving, then end the node."""
        self._spinner.stop()
        for handle in self._jump_handles:
            handle.unregister()
        super().destroy_node()

    def _fail(self, error: Exception) -> None:
        self.get_logger().fatal(f"receiving has ended: {type(error).__name__}: {error}")
        self._failure = error
        self._failed.trigger()

    def _raise_failure(self) -> None:
        """In the thread that spins the owner, where it ends the process as a fault of it."""
        raise InputsFailed(f"{self.get_name()}: {self._failure}") from self._failure
