"""What the page of the viewer can have done: services and actions of the stack."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from functools import partial

from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from rclpy.action.client import ClientGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from m3_ros.action import BuildMemory, Grasp, Place, Release, ScanMotion, Stow
from m3_ros.codes import QueryErrorCode, QueryStatus
from m3_ros.nodes.action_client import ThreadSafeActionClient, new_goal_id
from m3_ros.nodes.process_state import own_process
from m3_ros.nodes.repeated_request import RepeatedRequest, is_late, request_result
from m3_ros.srv import Query, StartScan, StopScan

ACTIONS = {
    "build_memory": BuildMemory,
    "grasp": Grasp,
    "place": Place,
    "release": Release,
    "scan_motion": ScanMotion,
    "stow": Stow,
}
"""Actions of the stack below m3/."""
CHECK_PERIOD = 1.0  # s between two looks at what is not answered
ANSWER_TIMEOUT = 30.0  # s for an answer to a request, and to a goal whether it is accepted


class NodeOrders:
    """Send requests and goals, and tell what comes of each.

    Args:
        node: whose clients it uses; spun by its owner.

    Attributes:
        tell: receives one sentence for each order that is answered or refused.
        planned: receives the text of a grasp for which a plan was found.
    """

    def __init__(self, node: Node) -> None:
        self._node, self._group = node, ReentrantCallbackGroup()
        self.tell: Callable[[str], None] = lambda sentence: None
        self.planned: Callable[[str], None] = lambda text: None
        self._lock = threading.Lock()
        self._clients: dict[str, object] = {}
        for name, kind in ACTIONS.items():
            self._client(CancelGoal, f"m3/{name}/_action/cancel_goal")
            self._clients[f"m3/{name}"] = ThreadSafeActionClient(
                node, kind, f"m3/{name}", callback_group=self._group
            )
        for kind, name in ((Query, "query"), (StartScan, "scan/start"), (StopScan, "scan/stop")):
            self._client(kind, f"m3/{name}")
        self._unanswered: dict[RepeatedRequest, tuple[str, float]] = {}
        node.create_timer(CHECK_PERIOD, self._check, self._group)

    def _client(self, kind: type, name: str) -> None:
        self._clients[name] = self._node.create_client(kind, name, callback_group=self._group)

    def ask(self, text: str) -> None:
        """Ask where something is."""
        self._call("m3/query", Query.Request(text=text), self._answered, repeat=True)

    def _answered(self, answer: Query.Response) -> None:
        if answer.error_code != QueryErrorCode.NONE:
            self.tell(f"refused: {answer.error_msg}")
            return
        found = [
            f"{each.label} {each.score:.2f} at {each.pose.position.x:.2f}, "
            f"{each.pose.position.y:.2f}, {each.pose.position.z:.2f}"
            for each in answer.targets
        ]
        status = QueryStatus(answer.status.value).name
        self.tell("; ".join([": ".join(filter(None, (status, answer.error_msg))), *found]))

    def cancel(self) -> None:
        """Cancel every goal of every action."""
        self.tell("cancelling")
        for name in ACTIONS:
            client = self._clients[f"m3/{name}/_action/cancel_goal"]
            if client.service_is_ready():  # a request without an id and a stamp means every goal
                client.call_async(CancelGoal.Request())

    def plan(self, text: str) -> None:
        """Plan a grasp without moving."""
        goal = Grasp.Goal(text=text, dry_run=True, client_process=own_process())
        self._send("grasp", goal, lambda: self.planned(text))

    def grasp(self, text: str) -> None:
        """Grasp an object."""
        self._send("grasp", Grasp.Goal(text=text, client_process=own_process()))

    def steering(self) -> dict[str, Callable[[], None]]:
        """Return what else moves or records, by label."""
        own = own_process()
        return {
            "Start a scan": lambda: self._call("m3/scan/start", StartScan.Request(), self._told),
            "Move the camera around": lambda: self._send("scan_motion", ScanMotion.Goal()),
            "Stop the scan": lambda: self._call("m3/scan/stop", StopScan.Request(), self._told),
            "Build the memory": lambda: self._send("build_memory", BuildMemory.Goal()),
            "Put down": lambda: self._send("place", Place.Goal(client_process=own)),
            "Open the jaws": lambda: self._send("release", Release.Goal()),
        }

    def _told(self, answer: StartScan.Response | StopScan.Response) -> None:
        self.tell(answer.error_msg or answer.folder)

    def _call(
        self, name: str, request: object, done: Callable[[object], None], repeat: bool = False
    ) -> None:
        client = self._clients[name]
        if not client.service_is_ready():
            self.tell(f"nobody serves {self._node.resolve_service_name(name)}: start its node")
            return
        send = partial(client.call_async, request)
        sent = RepeatedRequest(send, lambda waited: repeat and is_late(waited))
        self._await(name, sent, done)

    def _send(self, name: str, goal: object, done: Callable[[], None] = lambda: None) -> None:
        client = self._clients[f"m3/{name}"]
        if not client.server_is_ready():
            self.tell(f"nobody serves {self._node.resolve_service_name(f'm3/{name}')}")
            return
        self.tell(f"{name}: sent")
        send = partial(client.send_goal_async, goal, goal_uuid=new_goal_id())
        sent = RepeatedRequest(send, is_late)
        self._await(f"m3/{name}", sent, partial(self._accepted, name, done))

    def _await(
        self,
        name: str,
        sent: RepeatedRequest,
        done: Callable[[object], None],
        timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        with self._lock:
            self._unanswered[sent] = name, time.monotonic() + timeout
        sent.answer.add_done_callback(lambda future: done(future.result()))

    def _check(self) -> None:
        """Send late requests again; tell of those that got no answer."""
        with self._lock:
            requests = list(self._unanswered.items())
        for sent, (name, end) in requests:
            done = sent.done()
            if done or time.monotonic() > end:
                with self._lock:
                    self._unanswered.pop(sent, None)
                if not done:
                    self.tell(f"{self._node.resolve_service_name(name)} does not answer")

    def _accepted(self, name: str, done: Callable[[], None], handle: ClientGoalHandle) -> None:
        if not handle.accepted:
            self.tell(f"{name} rejected the goal: it is busy or not active, see its log")
            return

        def ended(answer: object) -> None:
            if answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.success:
                self.tell(f"{name}: done")
                done()
            else:
                self.tell(f"{name}: {answer.result.error_msg or 'ended without success'}")

        self._await(f"m3/{name}", request_result(handle), ended, math.inf)
