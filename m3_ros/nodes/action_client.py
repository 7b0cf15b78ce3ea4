"""rclpy's action client, made safe for threads that do not spin the node; cancels of goals."""

from __future__ import annotations

import threading

from rclpy.action import ActionClient
from rclpy.task import Future


class ThreadSafeActionClient(ActionClient):
    """An `ActionClient` whose requests may come from any thread.

    rclpy records a request after sending it; a spinning thread that takes the answer in between
    drops it ("Ignoring unexpected goal response"), and the goal waits for ever.
    """

    def __init__(self, *args: object, **options: object) -> None:
        self._mutex = threading.RLock()
        super().__init__(*args, **options)

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

    async def execute(self, taken_data: object) -> None:
        """Answer the futures of what was taken; waits while a request is being sent."""
        with self._mutex:
            await super().execute(taken_data)


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
