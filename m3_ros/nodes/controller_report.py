"""What diagnostics say of the robot's controllers: state, last goal, last stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from controller_manager_msgs.srv import ListControllers
from rclpy.node import Node
from rclpy.task import Future

from m3_ros.grasp.robot import RobotError
from m3_ros.nodes.controller_manager import SERVICE
from m3_ros.nodes.diagnostics import ERROR, WARN, Diagnostics, Report

ACTIVE, NOT_LOADED = "active", "not loaded"
UNKNOWN = "unknown: no controller manager answers"


class ControllerStates:
    """States of controllers as the controller manager lists them, asked for without waiting."""

    def __init__(self, node: Node) -> None:
        self._client = node.create_client(ListControllers, SERVICE)
        self._asked: Future | None = None
        self._states: dict[str, str] | None = None

    def of(self, name: str) -> str:
        """Return the state of a controller at the last call, and ask anew."""
        if not self._client.service_is_ready():
            self._asked = self._states = None
        elif self._asked is None or self._asked.done():
            if self._asked is not None:
                answer = self._asked.result()
                self._states = {item.name: item.state for item in answer.controller}
            self._asked = self._client.call_async(ListControllers.Request())
        return UNKNOWN if self._states is None else self._states.get(name, NOT_LOADED)


class ControllerReport:
    """A task of the diagnostics for one controller; called from several threads.

    Args:
        diagnostics: that publish it, under the controller's name.
        controller: name that its topics and actions begin with.
        action: full name of its action.
        served: returns whether that is served.
        states: of all controllers.
    """

    def __init__(
        self,
        diagnostics: Diagnostics,
        controller: str,
        action: str,
        served: Callable[[], bool],
        states: ControllerStates,
    ) -> None:
        self._name = controller.strip("/").rsplit("/", 1)[-1]
        self._action, self._served, self._states = action, served, states
        self._goal, self._stop = "none", "none"
        self._lock = threading.Lock()
        diagnostics.add(self._name, self._report)

    @contextmanager
    def goal(self) -> Iterator[None]:
        """Note how the goal that the body carries out ends."""
        try:
            yield
        except RobotError as error:
            self._note(str(error), f"{datetime.now():%H:%M:%S}: {error}")
            raise
        self._note("succeeded")

    def _note(self, goal: str, stop: str = "") -> None:
        with self._lock:
            self._goal, self._stop = goal, stop or self._stop

    def _report(self) -> Report:
        state = self._states.of(self._name)
        with self._lock:
            values = {"action": self._action, "state": state}
            values |= {"last goal": self._goal, "last stop": self._stop}
        served = self._served()
        # What the manager has not loaded may be served by a driver of its own.
        if state not in (ACTIVE, UNKNOWN) and not (served and state == NOT_LOADED):
            return Report(ERROR, f"{self._name} is {state}", values)
        if not served:
            # An arm may be moved by its topic alone.
            level = WARN if state == ACTIVE else ERROR
            return Report(level, f"nobody serves {self._action}", values)
        return Report(values=values)
