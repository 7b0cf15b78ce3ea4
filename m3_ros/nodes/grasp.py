"""Moves the arm: actions /m3/grasp, /m3/scan_motion and those of `HoldingActions`.

Nothing moves outside a goal.
"""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PointStamped
from rclpy.action.server import ServerGoalHandle

from m3_ros.action import Grasp, ScanMotion
from m3_ros.codes import GraspErrorCode, ScanMotionErrorCode
from m3_ros.geometry import transform
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.holding import holding_message, is_holding
from m3_ros.grasp.outcome import GraspOutcome
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.grasp.robot import MotionCancelled, RobotError
from m3_ros.grasp.scan_path import ScanPath, enough_views, follow_scan, scan_path
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.conversions import pose_stamped
from m3_ros.nodes.exclusive_actions import GOAL_END, ExclusiveActions
from m3_ros.nodes.holding import HoldingActions
from m3_ros.nodes.motion_markers import MotionMarkers
from m3_ros.nodes.obstacles import RememberedObstacles
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.nodes.runtime import run_node
from m3_ros.nodes.targets import TargetFinder
from m3_ros.robot_model import load_robot
from m3_ros.schema import MAX_LENGTH

EMPTY = np.zeros((0, 3))


class GraspNode(ManagedNode):
    """One goal at a time; a cancel, or the end of the node, stops the arm where it is."""

    def __init__(self) -> None:
        super().__init__("grasp", "robot", "scan", "grasp", "motion")
        robot_model = self._model = load_robot(self._config.robot)
        self._robot = RosRobot(self, self._config, robot_model)
        self._planner: Planner | None = None
        self._finder = TargetFinder(self, self._robot, self._config)
        self._remembered = RememberedObstacles(self, self._config.robot.world_frame)
        self._markers = MotionMarkers(self, self._config.robot.world_frame)
        actions = self._actions = ExclusiveActions(self)
        actions.serve(Grasp, "m3/grasp", self._grasp)
        actions.serve(ScanMotion, "m3/scan_motion", self._scan)
        self._holding = HoldingActions(
            self,
            actions,
            self._robot,
            lambda: self._planner,
            self._finder,
            self._config.robot.world_frame,
            lambda: self._remembered.points,
        )

    def configure(self) -> None:
        """Load the robot's shapes for planning."""
        self._planner = Planner(self._model, self._config.grasp)

    def deactivate(self) -> None:
        """Wait until the motion of a running goal has stopped; the robot holds its position."""
        self._actions.wait(GOAL_END)

    def cleanup(self) -> None:
        """Drop the planner."""
        self._planner = None

    def end(self) -> None:
        """Stop the motion of a running goal; the robot holds its position."""
        super().end()
        self._robot.stop()
        self._actions.close(GOAL_END)

    def destroy_node(self) -> None:
        """Stop receiving and end the node."""
        self._robot.close()
        super().destroy_node()

    def _grasp(self, goal: ServerGoalHandle) -> Grasp.Result:
        def report(stage: str, progress: float, retries: int) -> None:
            self.get_logger().info(stage)
            feedback = Grasp.Feedback(stage=stage, progress=progress, num_retries=retries)
            goal.publish_feedback(feedback)

        def cancelled() -> bool:
            return self._actions.interrupted(goal)

        request = goal.request
        try:
            outcome = execute_grasp(
                self._robot,
                self._planner,
                self._finder.of(request.text, request.target, cancelled, request.accept_uncertain),
                self._remembered.points,
                report,
                cancelled,
                request.dry_run,
                request.place,
                request.release_first,
                self._markers.show_plan,
            )
        except Exception as error:  # whatever it is, the arm holds and the client is told
            self._robot.hold()
            self.get_logger().error(f"the grasp failed: {type(error).__name__}: {error}")
            outcome = GraspOutcome(GraspErrorCode.EXECUTION_FAILED, str(error))
        if not request.dry_run:  # the plan of a dry run stays to be looked at
            self._markers.clear()
        result = Grasp.Result(success=outcome.error_code is GraspErrorCode.NONE)
        result.error_code, result.error_msg = int(outcome.error_code), outcome.error_msg
        result.num_retries, result.lift_height = outcome.retries, outcome.lift_height
        if outcome.grasp is not None:
            stamp = self.get_clock().now().to_msg()
            frame = self._config.robot.world_frame
            result.grasp = pose_stamped(frame, stamp, outcome.grasp.pose)
            result.width = outcome.grasp.width
        return result

    def _scan(self, goal: ServerGoalHandle) -> ScanMotion.Result:
        result, request, settings = ScanMotion.Result(), goal.request, self._config.grasp

        def cancelled() -> bool:
            return self._actions.interrupted(goal)

        try:
            joints = self._robot.joint_state()
            if is_holding(self._planner, joints):
                result.error_code = ScanMotionErrorCode.HOLDING
                result.error_msg = holding_message(self._planner, joints)
                return result
            _check_lengths(request)
            path = scan_path(
                self._planner,
                self._center(request.center),
                Scene(EMPTY),
                joints.arm,
                request.radius or settings.scan_radius,
                request.views or settings.scan_views,
                cancelled,
            )
            total = len(path.positions)
            poses = self._camera_poses(path)
            self._markers.show_views(poses)
            for views in follow_scan(self._robot, self._planner, path, cancelled):
                self._markers.show_views(poses[sum(views) :])
                result.visited, result.skipped = views
                goal.publish_feedback(ScanMotion.Feedback(**views._asdict(), total=total))
            result.success = enough_views(result.visited, total)
            if not result.success:
                result.error_code = ScanMotionErrorCode.UNREACHABLE
                result.error_msg = (
                    f"{result.visited} of {total} viewpoints were visited; no collision-free "
                    "motion to the others was found"
                )
        except PlanError as error:
            result.error_code, result.error_msg = ScanMotionErrorCode.UNREACHABLE, str(error)
        except MotionCancelled as error:
            result.error_code, result.error_msg = ScanMotionErrorCode.CANCELLED, str(error)
        except (RobotError, LookupError) as error:
            self._robot.hold()
            result.error_code = ScanMotionErrorCode.EXECUTION_FAILED
            result.error_msg = str(error)
        except Exception as error:  # whatever it is, the client is told
            self._robot.hold()
            result.error_code = ScanMotionErrorCode.EXECUTION_FAILED
            result.error_msg = str(error)
            self.get_logger().error(f"the scan failed: {type(error).__name__}: {error}")
        self._markers.clear()
        return result

    def _camera_poses(self, path: ScanPath) -> np.ndarray:
        """Return the poses `[N, 4, 4]` of the camera along a scan, in the world frame."""
        arm, camera = self._planner.arm, self._model.camera_frame
        return self._robot.base_pose() @ np.array([arm.fk(q, camera) for q in path.positions])

    def _center(self, center: PointStamped) -> np.ndarray:
        """Return the centre `[3]` of the scanned region in base_link."""
        if not center.header.frame_id:
            return np.array(self._config.grasp.scan_center)
        frames = self._config.robot.base_frame, center.header.frame_id
        point = center.point
        return transform(self._robot.lookup(*frames), [point.x, point.y, point.z])


def _check_lengths(request: ScanMotion.Goal) -> None:
    """Check the numbers of a goal.

    Raises:
        PlanError: one is no length.
    """
    point = request.center.point
    for name, value in zip("xyz", (point.x, point.y, point.z), strict=True):
        if not abs(value) <= MAX_LENGTH:
            raise PlanError(f"center.point.{name} = {value:g}; it must be within ±1000, m")
    if not 0.0 <= request.radius <= MAX_LENGTH:
        raise PlanError(f"radius = {request.radius:g}; it must be 0 to 1000, m; 0: as configured")


def main() -> None:
    """Run the node until Ctrl-C."""
    run_node(GraspNode, threads=6)
