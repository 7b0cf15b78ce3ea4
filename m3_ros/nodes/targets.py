"""Locates the target of a grasp, anew whenever the arm has come nearer."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from m3_ros.capture.messages import to_pose
from m3_ros.codes import GraspErrorCode, QueryErrorCode, QueryStatus
from m3_ros.config import M3Config
from m3_ros.geometry import inverse, project, transform
from m3_ros.grasp.outcome import Target
from m3_ros.grasp.points import object_at
from m3_ros.grasp.robot import MotionCancelled, never
from m3_ros.grasp.sensing import depth_points
from m3_ros.nodes.images import to_points
from m3_ros.nodes.repeated_request import RepeatedRequest, is_late
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.srv import Query

POLL = 0.02  # s between two checks whether a query is answered or the goal cancelled
NOTHING = np.zeros((0, 3))
NOT_METRIC = (
    "the memory's lengths are not metres (its poses are of structure from motion), so nothing can "
    "be grasped or put down by it; give it a scale with `m3 align`"
)


class TargetFinder:
    """Make the `localize` of `execute_grasp` from a text or a pose.

    Args:
        node: carries the client of /m3/query.
        robot: whose camera and transforms are used.
        config: the targets' frame, and how long a query may take.
    """

    def __init__(self, node: Node, robot: RosRobot, config: M3Config) -> None:
        group = ReentrantCallbackGroup()
        self._client = node.create_client(Query, "m3/query", callback_group=group)
        self._name = node.resolve_service_name("m3/query")
        self._robot, self._world = robot, config.robot.world_frame
        self._timeout = config.motion.query_timeout

    def of(
        self,
        text: str,
        pose: PoseStamped,
        cancelled: Callable[[], bool] = never,
        accept_uncertain: bool = False,
    ) -> Callable[[], Target]:
        """Return the localizer of a goal: by its text, or where that is empty by its pose.

        Raises:
            LookupError: the pose's frame is not in the TF tree.
        """
        if text or not pose.header.frame_id:
            return lambda: self.named(text, cancelled, accept_uncertain)
        T = self._robot.lookup(self._world, pose.header.frame_id) @ to_pose(pose.pose)
        return lambda: self._observe(T[:3, 3])

    def named(
        self,
        text: str,
        cancelled: Callable[[], bool] = never,
        accept_uncertain: bool = False,
    ) -> Target:
        """Return the answer of /m3/query; with `accept_uncertain` the likeliest counts as found.

        Raises:
            MotionCancelled: `cancelled()` became true.
        """
        if not self._wait(self._client.service_is_ready, cancelled):
            message = f"nobody serves {self._name}"
            return _failure(GraspErrorCode.EXECUTION_FAILED, message)
        request = Query.Request(text=text, with_points=True)
        sent = RepeatedRequest(lambda: self._client.call_async(request), is_late)
        if not self._wait(sent.done, cancelled):
            message = f"{self._name} did not answer within {self._timeout:.0f} s"
            return _failure(GraspErrorCode.EXECUTION_FAILED, message)
        answer = sent.answer.result()
        if answer.error_code == QueryErrorCode.NO_MEMORY:
            return _failure(GraspErrorCode.NO_MEMORY, answer.error_msg)
        if answer.error_code != QueryErrorCode.NONE:
            return _failure(GraspErrorCode.EXECUTION_FAILED, answer.error_msg)
        if not answer.metric:
            return _failure(GraspErrorCode.NOT_METRIC, NOT_METRIC)
        points = [to_points(target.points).astype(np.float64) for target in answer.targets]
        status = QueryStatus(answer.status.value)
        if status is QueryStatus.UNCERTAIN and accept_uncertain:
            status, points = QueryStatus(answer.targets[0].status.value), points[:1]
        return Target.of_answer(status, points, answer.error_msg)

    def _wait(self, ready: Callable[[], bool], cancelled: Callable[[], bool]) -> bool:
        """Wait up to the timeout until `ready()`; return whether it is."""
        end = time.monotonic() + self._timeout
        while not ready() and time.monotonic() < end:
            if cancelled():
                raise MotionCancelled("cancelled before the query was answered")
            time.sleep(POLL)
        return ready()

    def _observe(self, center: NDArray[np.float64]) -> Target:
        """Return what the camera shows at `center [3]` in map."""
        frame = self._robot.capture_frame()
        (column, row), _ = project(transform(inverse(frame.camtoworld), center), frame.K)
        if not (0 < column < frame.width and 0 < row < frame.height):  # NaN: behind the camera
            return Target(QueryStatus.OUT_OF_VIEW, center[None], "the camera does not look there")
        points = object_at(depth_points(frame), center)
        if len(points) == 0:
            return Target(
                QueryStatus.NO_DEPTH, NOTHING, "the camera sees nothing that stands there"
            )
        return Target(QueryStatus.FOUND, points)


def _failure(code: GraspErrorCode, message: str) -> Target:
    return Target(QueryStatus.UNKNOWN, NOTHING, message, code)
