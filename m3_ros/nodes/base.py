"""Managed nodes: they load what they need in configure, and answer and move only while active."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from m3_ros.errors import M3Error
from m3_ros.nodes.claims import Claims
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.qos import SERVICE
from m3_ros.nodes.received import DroppingNode

AUTOSTART = ParameterDescriptor(
    description="configure and activate at the start; otherwise by `ros2 lifecycle set`",
    read_only=True,
)


class StartError(M3Error, ValueError):
    """A node that starts by itself cannot be configured or activated; the message says why."""


class ManagedNode(DroppingNode, LifecycleNode):
    """A lifecycle node of this package; subclasses fill in the steps that they have.

    With the parameter `autostart` (the default) it configures and activates itself as soon as it
    spins, and raises `StartError` in its executor where that fails.

    Args:
        name: node name.
        groups: groups of settings that it declares.
        options: as of `rclpy.node.Node`.

    Attributes:
        claims: names that it serves, and no other node may; taken at the first activation.
    """

    def __init__(self, name: str, *groups: str, **options: object) -> None:
        super().__init__(name, **options)
        self._change_state = self._service_change_state.callback
        self._service_change_state.callback = self._change_state_checked
        self._active = threading.Event()
        self.claims = Claims(self)
        self._problem = ""
        self._waiting: list[Callable[[], object]] = []
        autostart = self.declare_parameter("autostart", True, AUTOSTART).value
        self._config = declare_settings(self, *groups)
        if autostart:
            # In the group of the lifecycle services: one transition at a time.
            self.create_guard_condition(self._start, self.default_callback_group).trigger()
        else:
            self.get_logger().info(f"unconfigured; `ros2 lifecycle set {self.path} configure`")

    @property
    def active(self) -> bool:
        """Return whether services answer and goals run."""
        return self._active.is_set()

    @property
    def path(self) -> str:
        """Return the node's full name."""
        return self.get_fully_qualified_name()

    def configure(self) -> None:
        """Load models and data; what it raises is told, and the node stays unconfigured."""

    def activate(self) -> None:
        """Begin to work."""

    def deactivate(self) -> None:
        """End work in progress; `active` is False already."""

    def cleanup(self) -> None:
        """Drop what `configure` loaded."""

    def serve(
        self,
        kind: type,
        name: str,
        answer: Callable[[object, object], object],
        codes: tuple[int, int],
        group: CallbackGroup,
    ) -> None:
        """Serve `name` from the first activation on.

        No request of many at once is lost: those not taken yet are kept. While the node is active
        `answer` fills the response. The error codes are of a node that is not active, and of an
        `answer` that raises: whatever it is, the node lives and the client is told.
        """
        not_active, failed = codes

        def respond(request: object, response: object) -> object:
            if not self.active:
                response.error_code, response.error_msg = not_active, self.not_active()
                return response
            try:
                return answer(request, response)
            except Exception as error:
                self.get_logger().error(f"{name} failed: {type(error).__name__}: {error}")
                response.error_code, response.error_msg = failed, str(error)
                return response

        def create() -> None:
            self.claims.offer(name)
            self.create_service(kind, name, respond, qos_profile=SERVICE, callback_group=group)

        self.claims.add(name)
        self.when_active(create)

    def when_active(self, create: Callable[[], object]) -> None:
        """Call `create` at the first activation: clients wait for servers that are missing."""
        self._waiting.append(create)

    def not_active(self) -> str:
        """Return why the node refuses, and how to make it work."""
        _, label = self._state_machine.current_state
        command = f"`ros2 lifecycle set {self.path}"
        remedies = {
            "unconfigured": f"run {command} configure` and {command} activate`",
            "inactive": f"run {command} activate`",
            "finalized": "end its process and start it again",
        }
        return f"node {self.path} is {label}: {remedies.get(label, 'wait until it is active')}"

    def end(self) -> None:
        """End work in progress while the executor still spins, so that clients are answered.

        Goals that run see that the node is no longer active.
        """
        self._active.clear()

    def destroy_node(self) -> None:
        """End the node."""
        self._active.clear()
        super().destroy_node()
        self.claims.release()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load; called by rclpy, as are the following."""
        self.get_logger().info("loading")
        return self._try("configured", self.configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to work."""
        result = self._try("activated", self.claims.take, self.activate)
        if result == TransitionCallbackReturn.SUCCESS:
            self._active.set()
            while self._waiting:
                self._waiting.pop(0)()
            self.get_logger().info("ready")
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End work in progress."""
        self._active.clear()
        return self._try("deactivated", self.deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Drop what was loaded."""
        return self._try("cleaned up", self.cleanup)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End work in progress and drop what was loaded, as far as the state has any."""
        if self.active:
            self.on_deactivate(state)
        return self._try("shut down", self.cleanup)

    def _change_state_checked(self, request: object, response: object) -> object:
        """Refuse a transition that this state has not, as rclcpp does: rclpy would end the node.

        rclpy itself refuses one by its label; launch_ros and lifecycle managers send the number.
        """
        asked = request.transition
        labels = {item[0]: item[1] for item in self._state_machine.available_transitions}
        if asked.label or asked.id in labels:
            return self._change_state(request, response)
        choice = " and ".join(f"{label} ({number})" for number, label in labels.items())
        self.get_logger().warning(
            f"transition {asked.id} is refused: {self.path} is "
            f"{self._state_machine.current_state[1]}, which has {choice or 'none'}"
        )
        response.success = False
        return response

    def _try(self, done: str, *steps: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            for step in steps:
                step()
        except Exception as error:  # rclpy would drop it without a word
            self._problem = f"node {self.path} cannot be {done}: {error}"
            self.get_logger().error(self._problem)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _start(self) -> None:
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != TransitionCallbackReturn.SUCCESS:
                # An executor of several threads sees what a callback raised when the next one is
                # ready, and this node may receive nothing.
                clock = Clock(clock_type=ClockType.STEADY_TIME)
                self.create_timer(0.1, lambda: None, clock=clock)
                raise StartError(self._problem)
