"""What ros2_control's controller manager says of a controller, where one runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from controller_manager_msgs.msg import ControllerState
from controller_manager_msgs.srv import ListControllers
from rclpy.node import Node
from rclpy.task import Future

from m3_ros.nodes.motion_loop import MotionLoop, event_of

SERVICE = "controller_manager/list_controllers"
TIMEOUT = 1.0
"""Wait (s) for the answer; the manager answers between two of its updates, in milliseconds."""
PERIOD = 0.2
"""Time (s) between two questions in a motion: with the answer's way a controller that is stopped
is known within the 0.3 s in which a robot must rest."""


class ControllerManager:
    """Asks for the states of one controller, from threads that do not spin `node`.

    Args:
        node: carries the client.
        loop: waits for the answer.
        controller: name that topics and actions begin with.
        joints: that it must command.
    """

    def __init__(
        self, node: Node, loop: MotionLoop, controller: str, joints: Sequence[str]
    ) -> None:
        self._client = node.create_client(ListControllers, SERVICE)
        self._loop, self._joints = loop, joints
        self._name = controller.rsplit("/", 1)[-1]
        self._asked: Future | None = None
        self._time = 0.0
        self._listed = False

    def problem(self) -> str:
        """Return why the controller does not take goals, with the remedy; empty if unknown."""
        if not self._client.service_is_ready():
            return ""
        controllers = self._list()
        return f"{SERVICE} does not answer" if controllers is None else self._judge(controllers)

    def refusal(self) -> str:
        """Return why a goal must not be sent though its action is served; empty if it may be."""
        controllers = self._list() if self._client.service_is_ready() else None
        return "" if controllers is None else self._judge_served(controllers)

    def poll(self) -> str:
        """Return why a motion cannot go on, by the last answer; ask anew, without waiting."""
        asked, age = self._asked, time.monotonic() - self._time
        if not self._client.service_is_ready():
            self._asked = None
        elif asked is None or age > TIMEOUT:  # the last motion's, or never answered
            if asked is not None:
                self._client.remove_pending_request(asked)
            self._ask()
        elif asked.done() and age > PERIOD:
            self._ask()
            return self._judge_served(asked.result().controller)
        return ""

    def _list(self) -> Sequence[ControllerState] | None:
        """Ask and wait for the answer; None where none comes."""
        future = self._client.call_async(ListControllers.Request())
        if self._loop.ending(event_of(future).wait, TIMEOUT):
            return future.result().controller
        self._client.remove_pending_request(future)
        return None

    def _ask(self) -> None:
        self._asked = self._client.call_async(ListControllers.Request())
        self._time = time.monotonic()

    def _judge_served(self, controllers: Sequence[ControllerState]) -> str:
        """Return what is wrong with a controller whose action is served.

        One that was never listed is none of this manager's: a gripper's own driver serves it.
        """
        self._listed |= any(item.name == self._name for item in controllers)
        return self._judge(controllers) if self._listed else ""

    def _judge(self, controllers: Sequence[ControllerState]) -> str:
        """Return what is wrong with the controller in the manager's list; empty if nothing is."""
        name = self._name
        for item in controllers:
            if item.name == name:
                break
        else:
            return (
                f"the controller manager has not loaded {name}: run "
                f"`ros2 run controller_manager spawner {name}`"
            )
        if item.state != "active":
            return f"{name} is {item.state}: run `ros2 control set_controller_state {name} active`"
        commanded = [
            interface.split("/")[-2:][0] for interface in item.required_command_interfaces
        ]
        missing = [joint for joint in self._joints if joint not in commanded]
        if commanded and missing:
            return (
                f"{name} commands {', '.join(dict.fromkeys(commanded))}, not "
                f"{', '.join(missing)}: its parameter for joints and robot.model (or "
                "robot.joint_prefix) must name the same"
            )
        return ""
