"""rclpy's action server, made safe for answers that the middleware loses."""

from __future__ import annotations

from contextlib import suppress

from action_msgs.msg import GoalStatus
from rclpy.action import ActionServer
from rclpy.executors import await_or_execute
from rclpy.impl.implementation_singleton import rclpy_implementation


class ReliableActionServer(ActionServer):
    """An `ActionServer` that runs every goal that it has accepted, once.

    rclpy forgets an accepted goal where its answer cannot be sent, as to a client that Fast DDS
    has not discovered yet: a server of one goal at a time would be busy with it for ever. Here
    the goal runs, and its status tells the client. `handle_accepted_callback` must execute the
    goal at once. A goal that is sent again, with the same id, is accepted again, which rclpy
    rejects.
    """

    async def _execute_goal_request(self, request_header_and_message: tuple) -> None:
        header, request = request_header_and_message
        goal_id = bytes(request.goal_id.uuid)
        if goal_id in self._goal_handles:
            answer = self.action_type.Impl.SendGoalService.Response(accepted=True)
            with suppress(rclpy_implementation.RCLError):
                self._handle.send_goal_response(header, answer)
            return
        await super()._execute_goal_request(request_header_and_message)
        goal = self._goal_handles.get(goal_id)
        if goal is not None and goal.status == GoalStatus.STATUS_ACCEPTED:
            self._handle.publish_status()
            await await_or_execute(self._handle_accepted_callback, goal)
