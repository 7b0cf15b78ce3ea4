"""Find it, look again, plan, grasp, lift, check: one grasp on any `Robot`, told phase by phase.

The robot moves only inside `execute_grasp`; whatever goes wrong ends with it holding still.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from m3_ros.codes import GraspErrorCode
from m3_ros.geometry import inverse, pose_distance, transform
from m3_ros.grasp.attempt import attempt, open_jaws
from m3_ros.grasp.base_placement import describe_move, place_base
from m3_ros.grasp.candidates import Grasp, grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.outcome import (
    GraspError,
    GraspOutcome,
    Missed,
    RetryableGraspFailure,
    Target,
)
from m3_ros.grasp.place import put_back
from m3_ros.grasp.planning import Plan, PlanError, Planner
from m3_ros.grasp.points import near
from m3_ros.grasp.robot import (
    JointTrajectory,
    MotionCancelled,
    Robot,
    RobotError,
    TrackingError,
    never,
)
from m3_ros.grasp.scan_path import viewpoint
from m3_ros.grasp.sensing import displacement, unseen, visible_points
from m3_ros.types import Array

OWN_RADIUS = 0.012  # seen points this near to the object's are the object, m
AROUND = 0.04  # what is this near to the object stands with it, m
EMPTY = 0.025  # around a place where the jaws found nothing, m
SAME_GRASP = (0.02, 0.35)  # nearer than this to a grasp that failed is not another one, m, rad


def execute_grasp(
    robot: Robot,
    planner: Planner,
    localize: Callable[[], Target],
    surroundings: Array,
    feedback: Callable[[str, float, int], None] = lambda stage, progress, retries: None,
    cancelled: Callable[[], bool] = never,
    dry_run: bool = False,
    place: bool = False,
) -> GraspOutcome:
    """Grasp, lift and hold what `localize` points at.

    Args:
        robot: to move.
        planner: for its arm.
        localize: asks where the object is, seen from where the camera is now.
        surroundings: `[S, 3]` what is remembered of the scene, in map, m; may be empty.
        feedback: told the stage, the share of the whole that is done, and the retries.
        cancelled: the robot stops where it is when true.
        dry_run: plan from here with what is known; nothing moves.
        place: do not hold it: put it back where it stood.
    """
    run = _Execution(
        GraspContext(robot, planner, localize, feedback, cancelled), surroundings, place
    )
    code, message, height = GraspErrorCode.NONE, "", 0.0
    try:
        height = run.rehearse() if dry_run else run.perform()
    except GraspError as error:
        code, message = error.code, str(error)
    except MotionCancelled as error:
        code, message = GraspErrorCode.CANCELLED, str(error)
        robot.hold()
    except TrackingError as error:
        robot.hold()
        code, message = GraspErrorCode.EXECUTION_FAILED, str(error) + run.abort()
    except RobotError as error:
        code, message = GraspErrorCode.EXECUTION_FAILED, str(error)
        robot.hold()
    return GraspOutcome(code, message, run.context.retries, run.grasp, height)


class _Execution:
    def __init__(self, context: GraspContext, remembered: Array, place: bool) -> None:
        self.place = place
        self.context, self.robot, self.planner = context, context.robot, context.planner
        self.config = context.planner.config
        self.cloud = remembered
        self.grasp: Grasp | None = None
        self.tried: list[Grasp] = []
        self.empty: list[Array] = []

    def rehearse(self) -> float:
        """Plan from here."""
        self.context.tell("locate", 0.0)
        target = self.known(self.context.localize())
        self.context.tell("plan", 0.5)
        try:
            self.plan(target)
        except PlanError as error:
            if not error.unreachable:
                raise GraspError(GraspErrorCode.PLAN_FAILED, str(error)) from error
            self.refuse_or_place(target)
        return 0.0

    def perform(self) -> float:
        """Grasp it; returns how far the gripper was raised in m."""
        self.context.tell("locate", 0.0)
        target = self.known(self.context.localize())
        for retries in range(self.config.max_attempts):
            self.context.retries = retries
            try:
                target = self.look(target)
                plan, target = self.plan_or_drive(target)
                self.tried.append(self.grasp)
                height = attempt(self.context, plan, target)
            except RetryableGraspFailure as error:
                problem = str(error)
                if isinstance(error, Missed):
                    self.empty.append(self.grasp.middle)
                self.context.tell(f"let go: {problem}", 0.9)
                open_jaws(self.context, self.tried[-1].preopening)
            else:
                if self.place:
                    put_back(self.context, plan)
                self.context.tell("done" if self.place else "hold", 1.0)
                return height
        message = f"{problem}; grasps tried: {self.config.max_attempts}"
        raise GraspError(GraspErrorCode.EXECUTION_FAILED, message)

    def abort(self) -> str:
        """Let go after the arm was blocked; returns what to add to the message if it cannot."""
        if not self.tried:
            return ""
        try:
            open_jaws(self.context, self.tried[-1].preopening)
        except RobotError as error:
            self.robot.hold()
            return f"; then it could not let go: {error}"
        return ""

    def known(self, target: Target) -> Target:
        """The target when there is something to reach for."""
        if not target.located:
            raise GraspError(GraspErrorCode[target.status], target.message)
        return target

    def look(self, target: Target) -> Target:
        """Bring the camera over the object; where is it now, and what is around it?"""
        self.context.tell("look", 0.1)
        try:
            self.robot.execute_trajectory(self.way_to_view(target), self.context.cancelled)
        except PlanError as error:
            if not error.unreachable:
                raise GraspError(GraspErrorCode.PLAN_FAILED, str(error)) from error
            self.drive(target)
            try:
                self.robot.execute_trajectory(self.way_to_view(target), self.context.cancelled)
            except PlanError as again:
                raise GraspError(GraspErrorCode.UNREACHABLE, str(again)) from again
        frame = self.robot.capture_frame()
        seen = self.known(self.context.localize())
        if not seen.seen:
            raise GraspError(GraspErrorCode.NO_DEPTH, f"the camera cannot see it: {seen.message}")
        around = self.cloud[near(self.cloud, seen.points, AROUND)]
        shift = displacement(frame, seen.points, around)
        points = visible_points(frame, self.robot, self.planner.collision)
        known = self.cloud + shift
        self.cloud = np.concatenate(
            [known[unseen(frame, known)], transform(self.robot.base_pose(), points)]
        )
        return replace(seen, points=seen.points + shift)

    def way_to_view(self, target: Target) -> JointTrajectory:
        """Motion to a posture from which the camera looks at the target."""
        T_base_map = inverse(self.robot.base_pose())
        scene = Scene(transform(T_base_map, self.cloud))
        center = transform(T_base_map, target.center)
        here, distance = self.robot.joint_state().arm, self.config.look_distance
        view = viewpoint(self.planner, center, scene, here, distance)
        return self.planner.move(here, view, scene)

    def plan_or_drive(self, target: Target) -> tuple[Plan, Target]:
        """A plan from here, or from where the base has driven to for it."""
        self.context.tell("plan", 0.2)
        for last in (False, True):
            try:
                return self.plan(target), target
            except PlanError as error:
                if last or not error.unreachable:
                    code = (
                        GraspErrorCode.UNREACHABLE
                        if error.unreachable
                        else GraspErrorCode.PLAN_FAILED
                    )
                    raise GraspError(code, str(error)) from error
            self.drive(target)
            target = self.look(target)
        raise AssertionError("the second round returns or raises")

    def plan(self, target: Target) -> Plan:
        """Candidates, and the best whose motions exist; in `base_link`."""
        T_map_base, cloud = self.robot.base_pose(), self.cloud
        mine = near(cloud, target.points, OWN_RADIUS)
        own = transform(inverse(T_map_base), np.concatenate([target.points, cloud[mine]]))
        others = transform(inverse(T_map_base), cloud[~mine])
        azimuth = float(np.arctan2(*(own.mean(0) - self.planner.shoulder)[[1, 0]]))
        found = grasp_candidates(own, others, self.config, azimuth)
        fresh = [grasp for grasp in found.grasps if self.is_new(grasp.in_frame(T_map_base))]
        fresh.sort(key=lambda grasp: self.was_empty(grasp.in_frame(T_map_base)))  # those last
        if not fresh:
            reason = found.reason or "every grasp that fits was tried"
            raise GraspError(GraspErrorCode.NO_GRASP, reason)
        scene = Scene(np.concatenate([own, others]))
        plan = self.planner.grasp(self.robot.joint_state().arm, fresh, scene, own)
        self.grasp = plan.grasp.in_frame(T_map_base)
        return plan

    def is_new(self, grasp: Grasp) -> bool:
        """Whether a grasp (in map) differs from all that failed."""
        distances = (pose_distance(grasp.pose, other.pose) for other in self.tried)
        return all(m > SAME_GRASP[0] or rad > SAME_GRASP[1] for m, rad in distances)

    def was_empty(self, grasp: Grasp) -> bool:
        """Whether the jaws have found nothing where a grasp (in map) would hold."""
        return any(np.linalg.norm(grasp.middle - place) < EMPTY for place in self.empty)

    def drive(self, target: Target) -> None:
        """Move the base to where the arm can grasp the target."""
        goal = self.refuse_or_place(target)
        self.context.tell("drive", 0.15)
        speeds = self.config.base_speed, self.config.base_yaw_rate
        self.robot.move_base(goal, *speeds, self.context.cancelled)

    def refuse_or_place(self, target: Target) -> Array:
        """Where the base must go; an error that says so when it may not drive."""
        here, cloud = self.robot.base_pose(), self.cloud
        others = cloud[~near(cloud, target.points, OWN_RADIUS)]
        try:
            goal = place_base(self.planner, here, target.points, others)
        except PlanError as error:
            raise GraspError(GraspErrorCode.UNREACHABLE, str(error)) from error
        if not self.config.drive_base:
            way = describe_move(here, goal)
            raise GraspError(GraspErrorCode.UNREACHABLE, f"out of reach; the base must move {way}")
        return goal
