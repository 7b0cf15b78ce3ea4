"""Execute one grasp goal on any `Robot`: locate, observe, plan, grasp, lift, check.

The robot moves only inside `execute_grasp`; after any failure it holds its posture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from m3_ros.codes import GraspErrorCode
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.attempt import execute_attempt
from m3_ros.grasp.base_placement import describe_move, place_base
from m3_ros.grasp.candidates import Grasp, grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.history import AttemptHistory
from m3_ros.grasp.jaws import empty_jaws, leave_object
from m3_ros.grasp.outcome import (
    EmptyGrasp,
    GraspError,
    GraspOutcome,
    RetryableGraspFailure,
    Target,
    plan_failure,
    require_located,
)
from m3_ros.grasp.place import put_back
from m3_ros.grasp.planning import Plan, PlanError, Planner
from m3_ros.grasp.points import near
from m3_ros.grasp.preview import Preview, preview
from m3_ros.grasp.recovery import abort, undo_attempt
from m3_ros.grasp.robot import (
    JointTrajectory,
    MotionCancelled,
    Robot,
    RobotError,
    TrackingError,
    never,
)
from m3_ros.grasp.scan_path import viewpoint
from m3_ros.grasp.sensing import displacement, unobserved, visible_points
from m3_ros.types import Array


def execute_grasp(
    robot: Robot,
    planner: Planner,
    localize: Callable[[], Target],
    surroundings: Array,
    feedback: Callable[[str, float, int], None] = lambda stage, progress, retries: None,
    cancelled: Callable[[], bool] = never,
    dry_run: bool = False,
    place: bool = False,
    release_first: bool = False,
    planned: Callable[[Preview], None] = lambda preview: None,
) -> GraspOutcome:
    """Grasp, lift and hold the object that `localize` locates.

    Args:
        robot: that grasps.
        planner: of its arm.
        localize: returns where the object is, from the current camera view.
        surroundings: `[S, 3]` points of the remembered scene, in map, m; may be empty.
        feedback: called with stage, progress in [0, 1] and number of retries.
        cancelled: returns true when the robot must stop.
        dry_run: plan from the current posture without moving.
        place: after the lift, put the object back where it stood.
        release_first: first let go of what the gripper holds; otherwise such a goal fails.
        planned: called with each plan before it is executed.
    """
    run = _Execution(
        GraspContext(robot, planner, localize, feedback, cancelled, planned), surroundings, place
    )
    code, message, height = GraspErrorCode.NONE, "", 0.0
    try:
        robot.base_pose()  # raises where it is unknown or cannot be right, before anything moves
        height = run.plan_only() if dry_run else run.execute(release_first)
    except GraspError as error:
        code, message = error.code, str(error)
    except RobotError as error:
        robot.hold()
        cancel, blocked = (isinstance(error, kind) for kind in (MotionCancelled, TrackingError))
        code = GraspErrorCode.CANCELLED if cancel else GraspErrorCode.EXECUTION_FAILED
        message = str(error) + (abort(run.context, run.history) if blocked else "")
    return GraspOutcome(code, message, run.context.retries, run.grasp, height)


class _Execution:
    def __init__(self, context: GraspContext, remembered: Array, place: bool) -> None:
        self.place = place
        self.context, self.robot, self.planner = context, context.robot, context.planner
        self.config = context.planner.config
        self.cloud = remembered
        self.grasp: Grasp | None = None
        self.history = AttemptHistory()

    def plan_only(self) -> float:
        """Plan from the current posture; return 0, the height of the lift."""
        self.context.report("locate", 0.0)
        target = require_located(self.context.localize())
        self.context.report("plan", 0.5)
        try:
            self.plan(target)
        except PlanError as error:
            if not error.unreachable:
                raise plan_failure(error) from error
            self.base_goal(target)
        return 0.0

    def execute(self, release_first: bool) -> float:
        """Grasp the object; return how far the gripper was raised, m."""
        empty_jaws(self.context, release_first)
        self.context.report("locate", 0.0)
        target = require_located(self.context.localize())
        leave_object(self.context, self.cloud)
        for retries in range(self.config.max_attempts):
            self.context.retries = retries
            try:
                target = self.observe(target)
                plan, target = self.plan_or_drive(target)
                self.history.grasps.append(self.grasp)
                height = execute_attempt(self.context, plan, target)
            except RetryableGraspFailure as error:
                problem = str(error)
                if isinstance(error, EmptyGrasp):
                    self.history.empty.append(self.grasp.middle)
                self.context.report(f"attempt failed: {problem}", 0.9)
                undo_attempt(self.context, plan)
            else:
                if self.place:
                    put_back(self.context, plan)
                self.context.report("done", 1.0)
                return height
        message = f"{problem}; attempts: {self.config.max_attempts}"
        raise GraspError(GraspErrorCode.EXECUTION_FAILED, message)

    def observe(self, target: Target) -> Target:
        """Move the camera over the object; return the target and update the scene from its depth.

        Raises:
            GraspError: no viewpoint is reachable, or the camera does not see the object.
        """
        self.context.report("observe", 0.1)
        self.move_to_view(target)
        frame = self.robot.capture_frame()
        seen = require_located(self.context.localize())
        if not seen.seen:
            raise GraspError(GraspErrorCode.NO_DEPTH, f"the camera cannot see it: {seen.message}")
        around = self.cloud[near(self.cloud, seen.points, self.config.context_radius)]
        shift = displacement(frame, seen.points, around, self.config.max_shift)
        padding = self.config.robot_padding
        points = visible_points(frame, self.robot, self.planner.collision, padding)
        known = self.cloud + shift
        self.cloud = np.concatenate(
            [
                known[unobserved(frame, known, self.config.max_shift)],
                transform(self.robot.base_pose(), points),
            ]
        )
        return replace(seen, points=seen.points + shift)

    def move_to_view(self, target: Target) -> None:
        """Move the arm to a viewpoint of the target, after driving the base if none is near."""
        try:
            motion = self.plan_view(target)
        except PlanError as error:
            if not error.unreachable:
                raise plan_failure(error) from error
            self.drive(target)
            try:
                motion = self.plan_view(target)
            except PlanError as again:
                raise plan_failure(again) from again
        self.robot.execute_trajectory(motion, self.context.cancelled)

    def plan_view(self, target: Target) -> JointTrajectory:
        """Plan a motion to a viewpoint of the target."""
        T_base_map = inverse(self.robot.base_pose())
        scene = Scene(transform(T_base_map, self.cloud))
        center = transform(T_base_map, target.center)
        here, distance = self.robot.joint_state().arm, self.config.look_distance
        view = viewpoint(self.planner, center, scene, here, distance)
        return self.planner.plan_joint_motion(here, view, scene)

    def plan_or_drive(self, target: Target) -> tuple[Plan, Target]:
        """Return a plan from here, or after the base has driven to where there is one."""
        self.context.report("plan", 0.2)
        try:
            return self.plan(target), target
        except PlanError as error:
            if not error.unreachable:
                raise plan_failure(error) from error
        self.drive(target)
        target = self.observe(target)
        try:
            return self.plan(target), target
        except PlanError as error:
            raise plan_failure(error) from error

    def plan(self, target: Target) -> Plan:
        """Plan the best remaining candidate whose motions exist, in `base_link`."""
        T_map_base, cloud = self.robot.base_pose(), self.cloud
        mine = near(cloud, target.points, self.config.position_tolerance)
        own = transform(inverse(T_map_base), np.concatenate([target.points, cloud[mine]]))
        others = transform(inverse(T_map_base), cloud[~mine])
        azimuth = float(np.arctan2(*(own.mean(0) - self.planner.arm.shoulder)[[1, 0]]))
        found = grasp_candidates(
            self.planner.gripper, own, others, self.config, azimuth,
            check=self.planner.check_cancelled,
        )  # fmt: skip
        remaining = self.history.remaining(found.grasps, T_map_base)
        if not remaining:
            reason = found.reason or "every candidate was tried"
            raise GraspError(GraspErrorCode.NO_GRASP, reason)
        scene = Scene(np.concatenate([own, others]))
        plan = self.planner.plan_grasp(self.robot.joint_state().arm, remaining, scene, own)
        self.grasp = plan.grasp.in_frame(T_map_base)
        self.context.planned(preview(self.planner, plan, remaining, T_map_base))
        return plan

    def drive(self, target: Target) -> None:
        """Drive the base to where the arm can grasp the target."""
        goal = self.base_goal(target)
        self.context.report("drive", 0.15)
        speeds = self.config.base_speed, self.config.base_yaw_rate
        self.robot.move_base(goal, *speeds, self.context.cancelled)

    def base_goal(self, target: Target) -> Array:
        """Return the pose `[4, 4]` of the base from which the arm reaches the target, in map.

        Raises:
            GraspError: there is none, or the base may not drive (`drive_base`).
        """
        here, cloud = self.robot.base_pose(), self.cloud
        others = cloud[~near(cloud, target.points, self.config.position_tolerance)]
        try:
            goal = place_base(self.planner, here, target.points, others)
        except PlanError as error:
            raise GraspError(GraspErrorCode.UNREACHABLE, str(error)) from error
        if not self.config.drive_base:
            way = describe_move(here, goal)
            raise GraspError(GraspErrorCode.UNREACHABLE, f"out of reach; the base must move {way}")
        return goal
