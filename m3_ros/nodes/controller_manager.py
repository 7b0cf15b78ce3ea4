"""What ros2_control's controller manager says of a controller, where one runs."""

from __future__ import annotations

from controller_manager_msgs.srv import ListControllers
from rclpy.node import Node

from m3_ros.nodes.motion_loop import MotionLoop, event_of

SERVICE = "controller_manager/list_controllers"
TIMEOUT = 1.0
"""Wait (s) for the answer; the manager answers between two of its updates, in milliseconds."""


class ControllerManager:
    """Asks for the states of controllers, from threads that do not spin `node`.

    Args:
        node: carries the client.
        loop: waits for the answer.
    """

    def __init__(self, node: Node, loop: MotionLoop) -> None:
        self._client = node.create_client(ListControllers, SERVICE)
        self._loop = loop

    def problem(self, controller: str) -> str:
        """Return why a controller does not take goals, with the remedy; empty if unknown."""
        if not self._client.service_is_ready():
            return ""
        future = self._client.call_async(ListControllers.Request())
        if not self._loop.ending(event_of(future).wait, TIMEOUT):
            return f"{SERVICE} does not answer"
        name = controller.rsplit("/", 1)[-1]
        states = {item.name: item.state for item in future.result().controller}
        if name not in states:
            return (
                f"the controller manager has not loaded {name}: run "
                f"`ros2 run controller_manager spawner {name}`"
            )
        if states[name] != "active":
            return (
                f"{name} is {states[name]}: run `ros2 control set_controller_state {name} active`"
            )
        return ""
