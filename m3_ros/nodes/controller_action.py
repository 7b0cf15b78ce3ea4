"""Goals of one controller's action: sent, watched and cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rclpy.node import Node
from rclpy.task import Future

from m3_ros.grasp.robot import JointState, RobotError
from m3_ros.nodes.action_client import ThreadSafeActionClient, cancel_goal
from m3_ros.nodes.controller_manager import ControllerManager
from m3_ros.nodes.controller_watch import ControllerWatch, Rest, ServerProbe, ServerSilent
from m3_ros.nodes.elapsed_time import ElapsedTime
from m3_ros.nodes.motion_loop import MotionLoop, event_of
from m3_ros.nodes.repeated_request import RESULT_DELAY, request_result

ACK_TIMEOUT = 1.0
"""Time (s) in which controllers must acknowledge the last command when the node ends; part of the
time that `stack.SHUTDOWN_STEPS` allows it."""


class ControllerAction:
    """One action of a ros2_control controller, used from worker threads.

    Args:
        node: carries the client; its executor spins also when the robot's node ends.
        action_type: class of the action.
        controller: name that topics and actions begin with.
        action: name after that.
        loop: waits of motions.
        timeout: s to wait for the server, for its answer to a goal, and for its feedback.
        joints: that the controller must command.
    """

    def __init__(
        self,
        node: Node,
        action_type: type,
        controller: str,
        action: str,
        loop: MotionLoop,
        timeout: float,
        joints: Sequence[str],
    ) -> None:
        self.controller = controller
        self.name = node.resolve_topic_name(f"{controller}/{action}")
        self.type = action_type
        self._loop, self._timeout = loop, timeout
        self._client = ThreadSafeActionClient(node, action_type, self.name)
        self._probe = ServerProbe(node, action_type, self.name)
        self._manager = ControllerManager(node, loop, controller, joints)
        self._elapsed = ElapsedTime(node.get_clock())
        self._sent: Future | None = None

    def ready(self) -> bool:
        """Return whether the action is served now."""
        return self._client.server_is_ready()

    def wait_ready(self, cancelled: Callable[[], bool]) -> bool:
        """Wait until the action is served; return false after `timeout`."""
        end = time.monotonic() + self._timeout
        while not self.ready() and time.monotonic() < end:
            self._loop.tick(cancelled)
        return self.ready()

    def problem(self) -> str:
        """Return what the controller manager says is wrong with the controller, or empty."""
        return self._manager.problem()

    def failure(self) -> str:
        """Return why a motion under way cannot go on, without waiting; empty while it can."""
        if not self.ready():
            return f"{self.name} is gone: its controller has ended in a motion"
        if told := self._manager.poll():
            return f"{told}; its motion is stopped"
        return ""

    def missing(self) -> RobotError:
        """Return the error of an action that nobody serves."""
        kind = f"control_msgs/action/{self.type.__name__}"
        return RobotError(f"nobody serves {self.name} ({kind}); {self.remedy()}")

    def remedy(self) -> str:
        """Return what the controller manager says of the controller, or what to check."""
        return self.problem() or f"is {self.controller.strip('/')} loaded and active?"

    def run(
        self,
        goal: object,
        duration: float,
        late: float,
        cancelled: Callable[[], bool],
        steady: bool = False,
        obstacle: Callable[[], str] = str,
    ) -> object:
        """Send a goal and return its answer: status and result.

        Whatever ends the wait, the goal is cancelled then, also one not accepted yet. A controller
        that the manager lists as inactive gets none: those of grippers accept goals then and move
        nothing.

        Args:
            goal: of the action.
            duration: time that the motion takes, s.
            late: joints that rest this long after it, without a result, have lost their
                controller, s.
            cancelled: ends the motion when true.
            steady: whether the server gives feedback all the time; silence ends the motion.
            obstacle: returns what else ends the motion, or empty.

        Raises:
            RobotError: the goal is rejected, not answered, or its server dies.
        """
        if told := self._manager.refusal():
            raise RobotError(told)
        rest = Rest(self._elapsed, duration)
        watch = ControllerWatch(
            self.name, lambda: self.failure() or obstacle(), self._probe,
            rest, late, self._timeout, steady,
        )  # fmt: skip
        self._sent = self._client.send_goal_async(goal, watch.heard)
        try:
            handle = self._loop.result(self._sent, cancelled, watch.acceptance)
            if not handle.accepted:
                raise RobotError(f"{self.name} rejected the goal; {self.remedy()}")
            result = request_result(handle, lambda: rest.seconds > RESULT_DELAY)

            def check(joints: JointState) -> None:
                if not result.done():
                    watch.motion(joints)

            answer = self._loop.result(result.answer, cancelled, check)
        except ServerSilent:
            self.stop(timeout=0.0)
            raise
        except BaseException:
            self.stop()
            raise
        finally:
            watch.end()
        self._sent = None
        return answer

    def stop(self, timeout: float = ACK_TIMEOUT) -> None:
        """Cancel the goal under way, also one not accepted yet; wait so many s for the answer."""
        sent = self._sent
        if sent is None:
            return
        self._loop.ending(event_of(cancel_goal(sent)).wait, timeout)
        self._sent = None
