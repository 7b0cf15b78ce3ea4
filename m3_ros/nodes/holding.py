"""Actions of a gripper that holds something: /m3/place, /m3/release and /m3/stow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from m3_ros.action import Place, Release, Stow
from m3_ros.capture.messages import to_pose
from m3_ros.codes import GraspErrorCode, MoveErrorCode, PlaceErrorCode
from m3_ros.grasp.carry import execute_release, execute_stow
from m3_ros.grasp.landing import closing_heading
from m3_ros.grasp.outcome import Target
from m3_ros.grasp.placement import PlaceOutcome, execute_place
from m3_ros.grasp.planning import Planner
from m3_ros.nodes.exclusive_actions import ExclusiveActions
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.nodes.targets import TargetFinder

TABLE = ("", "table")
"""Names of the largest level surface within reach; it needs no query."""
Outcome = TypeVar("Outcome")


class HoldingActions:
    """Serve the actions beside those of the grasp node.

    Args:
        node: that logs.
        actions: serve them, one goal at a time.
        robot: that holds.
        planner: returns that of its arm; called while the node is active.
        finder: locates a named surface.
        world_frame: of memory and results.
        remembered: returns the points `[S, 3]` of the memory.
    """

    def __init__(
        self,
        node: Node,
        actions: ExclusiveActions,
        robot: RosRobot,
        planner: Callable[[], Planner],
        finder: TargetFinder,
        world_frame: str,
        remembered: Callable[[], np.ndarray],
    ) -> None:
        self._node, self._actions, self._robot, self._planner = node, actions, robot, planner
        self._finder, self._world, self._remembered = finder, world_frame, remembered
        actions.serve(Place, "m3/place", self._place)
        actions.serve(Release, "m3/release", self._release)
        actions.serve(Stow, "m3/stow", self._stow)

    def _place(self, goal: ServerGoalHandle) -> Place.Result:
        def report(stage: str, progress: float, _: int) -> None:
            self._node.get_logger().info(stage)
            goal.publish_feedback(Place.Feedback(stage=stage, progress=progress))

        def place() -> PlaceOutcome:
            request = goal.request
            spot, heading = self._target(request.target)
            surface = None
            if not request.target.header.frame_id and request.surface not in TABLE:
                found = self._finder.named(request.surface)
                if (code := without_surface(found)) is not PlaceErrorCode.NONE:
                    return PlaceOutcome(code, found.message)
                surface = found.points
            return execute_place(
                self._robot,
                self._planner(),
                self._remembered(),
                spot,
                surface,
                heading,
                report,
                lambda: self._actions.interrupted(goal),
            )

        failed = PlaceErrorCode.EXECUTION_FAILED
        outcome = self._held(place, lambda message: PlaceOutcome(failed, message))
        result = Place.Result(success=outcome.error_code is PlaceErrorCode.NONE)
        result.error_code, result.error_msg = int(outcome.error_code), outcome.error_msg
        if outcome.spot is not None:
            result.spot.header.frame_id = self._world
            result.spot.header.stamp = self._node.get_clock().now().to_msg()
            point = result.spot.point
            point.x, point.y, point.z = (float(value) for value in outcome.spot)
        return result

    def _release(self, goal: ServerGoalHandle) -> Release.Result:
        return self._move(goal, Release, execute_release)

    def _stow(self, goal: ServerGoalHandle) -> Stow.Result:
        def stow(robot: RosRobot, planner: Planner, *rest: object) -> tuple[MoveErrorCode, str]:
            return execute_stow(robot, planner, self._remembered(), goal.request.posture, *rest)

        return self._move(goal, Stow, stow)

    def _move(
        self, goal: ServerGoalHandle, kind: type, execute: Callable[..., tuple[MoveErrorCode, str]]
    ) -> object:
        """Return the result of a release or a stow."""

        def report(stage: str, *_: object) -> None:
            self._node.get_logger().info(stage)
            goal.publish_feedback(kind.Feedback(stage=stage))

        code, message = self._held(
            lambda: execute(
                self._robot, self._planner(), report, lambda: self._actions.interrupted(goal)
            ),
            lambda message: (MoveErrorCode.EXECUTION_FAILED, message),
        )
        done = code is MoveErrorCode.NONE
        return kind.Result(success=done, error_code=int(code), error_msg=message)

    def _held(self, execute: Callable[[], Outcome], failure: Callable[[str], Outcome]) -> Outcome:
        """Run a goal; whatever goes wrong, the arm holds and the client gets a sentence."""
        try:
            return execute()
        except Exception as error:
            self._robot.hold()
            self._node.get_logger().error(f"the goal failed: {type(error).__name__}: {error}")
            return failure(str(error))

    def _target(self, stamped: PoseStamped) -> tuple[np.ndarray | None, float | None]:
        """Return spot `[3]` and heading of a target in map; None where it leaves them free."""
        if not stamped.header.frame_id:
            return None, None
        T = to_pose(stamped.pose)
        free = closing_heading(T[:3, :3]) is None
        T = self._robot.lookup(self._world, stamped.header.frame_id) @ T
        return T[:3, 3], None if free else closing_heading(T[:3, :3])


def without_surface(found: Target) -> PlaceErrorCode:
    """Return why nothing can be put on what a query found; NONE where it can."""
    if found.located or found.is_surface:
        return PlaceErrorCode.NONE
    if found.error_code is GraspErrorCode.NOT_METRIC:
        return PlaceErrorCode.NOT_METRIC
    return PlaceErrorCode.NO_SPACE
