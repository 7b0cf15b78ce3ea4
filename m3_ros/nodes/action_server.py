"""rclpy's action server, made safe for answers that the middleware loses."""

from __future__ import annotations

from action_msgs.msg import GoalStatus
from rclpy.action import ActionServer
from rclpy.executors import await_or_execute


class ReliableActionServer(ActionServer):
    """An `ActionServer` that runs every goal that it has accepted.

    rclpy forgets an accepted goal where its answer cannot be sent, as to a client that Fast DDS
    has not discovered yet: a server of one goal at a time would be busy with it for ever. Here
    the goal runs, and its status tells the client. `handle_accepted_callback` must execute the
    goal at once.
    """

    async def _execute_goal_request(self, request_header_and_message: tuple) -> None:
        await super()._execute_goal_request(request_header_and_message)
        goal_id = bytes(request_header_and_message[1].goal_id.uuid)
        goal = self._goal_handles.get(goal_id)
        if goal is not None and goal.status == GoalStatus.STATUS_ACCEPTED:
            self._handle.publish_status()
            await await_or_execute(self._handle_accepted_callback, goal)
