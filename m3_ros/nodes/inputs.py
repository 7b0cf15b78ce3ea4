"""A second node for what arrives often, so that slow callbacks do not delay fast topics."""

from __future__ import annotations

from rclpy.node import Node

from m3_ros.nodes.spinner import Spinner


class InputNode(Node):
    """Carry the fast subscriptions of `owner`, spun by a thread of its own as `OWNER_inputs`.

    rclpy builds its wait set anew for every message, at a cost that grows with all that a node
    has: few entities and one thread keep up where a node with services and actions falls behind.
    """

    def __init__(self, owner: Node) -> None:
        name = f"{owner.get_name()}_inputs"
        super().__init__(
            name,
            context=owner.context,
            namespace=owner.get_namespace(),
            cli_args=["--ros-args", "-r", f"__node:={name}"],
            start_parameter_services=False,
        )
        self._spinner = Spinner(self)

    def destroy_node(self) -> None:
        """Stop receiving, then end the node."""
        self._spinner.stop()
        super().destroy_node()
