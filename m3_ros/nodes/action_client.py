"""rclpy's action client, made safe for threads that do not spin the node; cancels of goals."""

from __future__ import annotations

import threading
import uuid
import weakref

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

ENDED = (GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_ABORTED)
CHECKED = "7.1.5 (Jazzy)"  # release of rclpy whose action client was read line by line
STATE = (
    "_action_type",
    "_goal_handles",
    "_goal_sequence_number_to_goal_id",
    "_pending_goal_requests",
)
METHODS = ("_cancel_goal_async", "_get_result_async")


class ThreadSafeActionClient(ActionClient):
    """An `ActionClient` whose requests may come from any thread, and whose goals are not lost.

    rclpy records a request after sending it; a spinning thread that takes the answer in between
    drops it ("Ignoring unexpected goal response"), and the goal waits for ever.

    The middleware may lose the answer to a goal: Fast DDS drops a response when the server has
    not discovered the client's reader within 0.1 s, as after a stall of either process. The goal
    runs all the same. Its feedback or its status, which is kept for late subscribers, then stands
    for the answer.

    rclpy has no public way to either: the class overrides `METHODS` and reads `STATE`, private to
    `ActionClient`, as they are in rclpy `CHECKED`.

    Raises:
        RuntimeError: this rclpy lacks one of them.
    """

    def __init__(self, *args: object, **options: object) -> None:
        self._mutex = threading.RLock()
        self._inferred: set[int] = set()  # sequence numbers of goals accepted without an answer
        super().__init__(*args, **options)
        missing = [name for name in STATE if name not in vars(self)]
        missing += [name for name in METHODS if not hasattr(ActionClient, name)]
        if missing:
            raise RuntimeError(
                f"rclpy.action.ActionClient lacks {', '.join(missing)}, which m3_ros needs: use "
                f"rclpy {CHECKED}, with which it was checked"
            )

    def send_goal_async(self, *args: object, **options: object) -> Future:
        """Send a goal; the future yields its handle."""
        with self._mutex:
            return super().send_goal_async(*args, **options)

    def _cancel_goal_async(self, *args: object) -> Future:
        with self._mutex:
            return super()._cancel_goal_async(*args)

    def _get_result_async(self, *args: object) -> Future:
        with self._mutex:
            return super()._get_result_async(*args)

    async def execute(self, taken_data: dict[str, object]) -> None:
        """Answer the futures of what was taken; waits while a request is being sent."""
        with self._mutex:
            number = taken_data.get("goal", (None,))[0]
            if number in self._inferred:
                self._inferred.discard(taken_data.pop("goal")[0])  # late, not lost
            elif (handle := self._running(number)) is not None:
                self._pending_goal_requests[taken_data.pop("goal")[0]].set_result(handle)
            await super().execute(taken_data)
            self._infer_acceptance(taken_data)

    def _running(self, number: int | None) -> ClientGoalHandle | None:
        """Return the handle that another request for the same goal has got already."""
        goal_id = self._goal_sequence_number_to_goal_id.get(number)
        known = None if goal_id is None else self._goal_handles.get(bytes(goal_id.uuid))
        return None if known is None else known()

    def _infer_acceptance(self, taken_data: dict[str, object]) -> None:
        """Accept goals without an answer that feedback or status name: the server runs them."""
        heard = []
        if "feedback" in taken_data:
            heard.append(taken_data["feedback"].goal_id)
        if "status" in taken_data:
            heard += [item.goal_info.goal_id for item in taken_data["status"].status_list]
        running = {bytes(goal_id.uuid) for goal_id in heard}
        for sequence, goal_id in list(self._goal_sequence_number_to_goal_id.items()):
            sent = self._pending_goal_requests.get(sequence)
            if sent and not sent.done() and bytes(goal_id.uuid) in running:
                answer = self._action_type.Impl.SendGoalService.Response(accepted=True)
                handle = ClientGoalHandle(self, goal_id, answer)
                self._goal_handles[bytes(goal_id.uuid)] = weakref.ref(handle)
                self._inferred.add(sequence)
                sent.set_result(handle)


def new_goal_id() -> UUID:
    """Return the id of a goal that may be sent more than once."""
    return UUID(uuid=list(uuid.uuid4().bytes))


def cancel_goal(sent: Future) -> Future:
    """Cancel the goal of `send_goal_async`'s future as soon as the server has accepted it.

    Returns:
        A future that is done when the server has answered the cancel, or has rejected the goal.
    """
    ended = Future()

    def cancel(sent: Future) -> None:
        handle = sent.result()
        if handle is None or not handle.accepted:
            ended.set_result(None)
        else:
            answer = handle.cancel_goal_async()
            answer.add_done_callback(lambda answer: ended.set_result(answer.result()))

    sent.add_done_callback(cancel)
    return ended
