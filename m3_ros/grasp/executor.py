"""Find it, look again, plan, grasp, lift, check: one grasp on any `Robot`, told phase by phase.

The robot moves only inside `execute_grasp`; whatever goes wrong ends with it holding still.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import inverse, pose_distance, transform
from m3_ros.grasp.base_placement import describe_move, place_base
from m3_ros.grasp.candidates import Grasp, grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.outcome import ErrorCode, GraspError, GraspOutcome, Slipped, Target
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
from m3_ros.grasp.sensing import agreement, visible_points
from m3_ros.grasp.timing import straight_move

Array = NDArray[np.float64]

CLOSED = -0.03  # jointGripper above this after closing: nothing is between the jaws, rad
OPEN_EFFORT = 10.0  # N m
OWN_RADIUS = 0.012  # seen points this near to the object's are the object, m
MOVED = 0.015  # the object's middle may differ this much when confirmed, m; if more (a partial
SAME_SURFACE = 0.6  # view), the depth must confirm this share of its points
STILL_THERE = (0.02, 0.6)  # depth confirms this share of the old points to m: it was not lifted
SAME_GRASP = (0.02, 0.35)  # nearer than this to a grasp that failed is not another one, m, rad


def execute_grasp(
    robot: Robot,
    planner: Planner,
    localize: Callable[[], Target],
    surroundings: Array,
    feedback: Callable[[str, float, int], None] = lambda stage, progress, retries: None,
    cancelled: Callable[[], bool] = never,
    dry_run: bool = False,
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
    """
    run = _Execution(robot, planner, localize, surroundings, feedback, cancelled)
    code, message, height = ErrorCode.NONE, "", 0.0
    try:
        height = run.rehearse() if dry_run else run.perform()
    except GraspError as error:
        code, message = error.code, str(error)
    except MotionCancelled as error:
        code, message = ErrorCode.CANCELLED, str(error)
        robot.hold()
    except TrackingError as error:
        code, message = ErrorCode.EXECUTION_FAILED, str(error)
        robot.hold()
        run.let_go()
    except RobotError as error:
        code, message = ErrorCode.EXECUTION_FAILED, str(error)
        robot.hold()
    return GraspOutcome(code, message, run.retries, run.grasp, height)


class _Execution:
    def __init__(
        self,
        robot: Robot,
        planner: Planner,
        localize: Callable[[], Target],
        remembered: Array,
        feedback: Callable[[str, float, int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.robot, self.planner, self.config = robot, planner, planner.config
        self.localize, self.feedback, self.cancelled = localize, feedback, cancelled
        self.cloud = remembered
        self.grasp: Grasp | None = None
        self.tried: list[Grasp] = []
        self.retries = 0

    def rehearse(self) -> float:
        """Plan from here."""
        self.tell("locate", 0.0)
        target = self.known(self.localize())
        self.tell("plan", 0.5)
        try:
            self.plan(target)
        except PlanError as error:
            if not error.unreachable:
                raise GraspError(ErrorCode.PLAN_FAILED, str(error)) from error
            self.refuse_or_place(target)
        return 0.0

    def perform(self) -> float:
        """Grasp it; returns how far the gripper was raised in m."""
        self.tell("locate", 0.0)
        target = self.known(self.localize())
        for attempt in range(self.config.max_attempts):
            self.retries = attempt
            try:
                target = self.look(target)
                plan, target = self.plan_or_drive(target)
                return self.attempt(plan, target)
            except Slipped as error:
                problem = str(error)
                self.tell(f"let go: {problem}", 0.9)
                self.let_go()
        tries = self.retries + 1
        raise GraspError(ErrorCode.EXECUTION_FAILED, f"{problem}; grasps tried: {tries}")

    def tell(self, stage: str, progress: float) -> None:
        """Report a stage; the place where a cancel between motions is noticed."""
        self.feedback(stage, progress, self.retries)
        if self.cancelled():
            raise MotionCancelled("cancelled: the robot holds still")

    def known(self, target: Target) -> Target:
        """The target when there is something to reach for."""
        if target.status not in ("FOUND", "OUT_OF_VIEW"):
            raise GraspError(ErrorCode[target.status], target.message)
        return target

    def look(self, target: Target) -> Target:
        """Bring the camera over the object; where is it now, and what is around it?"""
        self.tell("look", 0.1)
        try:
            self.robot.follow(self.way_to_view(target), self.cancelled)
        except PlanError as error:
            if not error.unreachable:
                raise GraspError(ErrorCode.PLAN_FAILED, str(error)) from error
            self.drive(target)
            try:
                self.robot.follow(self.way_to_view(target), self.cancelled)
            except PlanError as again:
                raise GraspError(ErrorCode.UNREACHABLE, str(again)) from again
        self.observe()
        seen = self.known(self.localize())
        if seen.status == "OUT_OF_VIEW":
            raise GraspError(ErrorCode.NO_DEPTH, f"the camera cannot see it: {seen.message}")
        return seen

    def way_to_view(self, target: Target) -> JointTrajectory:
        """Motion to a posture from which the camera looks at the target."""
        T_base_map = inverse(self.robot.base_pose())
        scene = Scene(transform(T_base_map, self.cloud))
        center = transform(T_base_map, target.center)
        here, distance = self.robot.joint_state().arm, self.config.look_distance
        view = viewpoint(self.planner, center, scene, here, distance)
        return self.planner.move(here, view, scene)

    def observe(self) -> None:
        """Add what the camera sees to what is known around the robot."""
        points = visible_points(self.robot.observe(), self.robot, self.planner.collision)
        self.cloud = np.concatenate([self.cloud, transform(self.robot.base_pose(), points)])

    def plan_or_drive(self, target: Target) -> tuple[Plan, Target]:
        """A plan from here, or from where the base has driven to for it."""
        self.tell("plan", 0.2)
        for last in (False, True):
            try:
                return self.plan(target), target
            except PlanError as error:
                if last or not error.unreachable:
                    code = ErrorCode.UNREACHABLE if error.unreachable else ErrorCode.PLAN_FAILED
                    raise GraspError(code, str(error)) from error
            self.drive(target)
            target = self.look(target)
        raise AssertionError("the second round returns or raises")

    def plan(self, target: Target) -> Plan:
        """Candidates, and the best whose motions exist; in `base_link`."""
        T_map_base = self.robot.base_pose()
        mine = near(self.cloud, target.points, OWN_RADIUS)
        own = transform(inverse(T_map_base), np.concatenate([target.points, self.cloud[mine]]))
        others = transform(inverse(T_map_base), self.cloud[~mine])
        azimuth = float(np.arctan2(*(own.mean(0) - self.planner.shoulder)[[1, 0]]))
        found = grasp_candidates(own, others, self.config, azimuth)
        fresh = [grasp for grasp in found.grasps if self.is_new(grasp.in_frame(T_map_base))]
        if not fresh:
            reason = found.reason or "every grasp that fits was tried"
            raise GraspError(ErrorCode.NO_GRASP, reason)
        scene = Scene(np.concatenate([own, others]))
        plan = self.planner.grasp(self.robot.joint_state().arm, fresh, scene, own)
        self.grasp = plan.grasp.in_frame(T_map_base)
        return plan

    def is_new(self, grasp: Grasp) -> bool:
        """Whether a grasp (in map) differs from all that failed."""
        distances = (pose_distance(grasp.pose, other.pose) for other in self.tried)
        return all(m > SAME_GRASP[0] or rad > SAME_GRASP[1] for m, rad in distances)

    def drive(self, target: Target) -> None:
        """Move the base to where the arm can grasp the target."""
        goal = self.refuse_or_place(target)
        self.tell("drive", 0.15)
        self.robot.move_base(
            goal, self.config.base_speed, self.config.base_yaw_rate, self.cancelled
        )

    def refuse_or_place(self, target: Target) -> Array:
        """Where the base must go; an error that says so when it may not drive."""
        here = self.robot.base_pose()
        others = self.cloud[~near(self.cloud, target.points, OWN_RADIUS)]
        try:
            goal = place_base(self.planner, here, target.points, others)
        except PlanError as error:
            raise GraspError(ErrorCode.UNREACHABLE, str(error)) from error
        if not self.config.drive_base:
            way = describe_move(here, goal)
            raise GraspError(ErrorCode.UNREACHABLE, f"out of reach; the base must move {way}")
        return goal

    def attempt(self, plan: Plan, target: Target) -> float:
        """Pre-grasp to lift."""
        robot, cancelled = self.robot, self.cancelled
        self.tried.append(self.grasp)
        self.tell("pre-grasp", 0.3)
        robot.follow(plan.phases["pre-grasp"], cancelled)
        robot.move_gripper(-plan.grasp.preopening, OPEN_EFFORT, cancelled)
        self.tell("confirm", 0.45)
        self.check_unmoved(target)
        self.tell("approach", 0.5)
        robot.follow(plan.phases["approach"], cancelled)
        robot.follow(plan.phases["touch"], cancelled)
        self.tell("close", 0.7)
        if robot.move_gripper(0.0, self.config.gripper_effort, cancelled) > CLOSED:
            raise Slipped("the jaws closed on nothing")
        self.tell("lift", 0.8)
        low = self.planner.arm.fk(robot.joint_state().arm)[2, 3]
        robot.follow(plan.phases["lift"], cancelled)
        self.tell("check", 0.95)
        self.check_held(target)
        self.tell("hold", 1.0)
        return float(self.planner.arm.fk(robot.joint_state().arm)[2, 3] - low)

    def check_unmoved(self, target: Target) -> None:
        """Ask again from above the object; what the camera cannot judge from there is trusted."""
        now = self.localize()
        if now.status in ("STALE", "NOT_FOUND"):
            raise Slipped("the object is no longer where it was")
        if now.status != "FOUND" or np.linalg.norm(now.center - target.center) < MOVED:
            return
        if agreement(self.robot.observe(), target.points, OWN_RADIUS) < SAME_SURFACE:
            raise Slipped("the object moved while the arm came nearer")

    def check_held(self, target: Target) -> None:
        """Jaws apart, and the object gone from its place."""
        if self.robot.joint_state().gripper > CLOSED:
            raise Slipped("the object slipped out of the jaws")
        tolerance, share = STILL_THERE
        if agreement(self.robot.observe(), target.points, tolerance) > share:
            raise Slipped("the jaws hold something, but the object is still at its place")

    def let_go(self) -> None:
        """Open the jaws and rise straight up, as far as the arm can."""
        opening = self.tried[-1].preopening if self.tried else 1.0
        self.robot.move_gripper(-opening, OPEN_EFFORT, self.cancelled)
        here = self.robot.joint_state().arm
        up = np.array([0.0, 0.0, self.config.approach_distance])
        try:
            path = self.planner.straight(self.planner.arm.fk(here), up, here)
        except PlanError:
            return
        config = self.config
        limits = config.approach_speed, config.max_joint_velocity, config.max_joint_acceleration
        rise = straight_move(path, config.approach_distance, *limits)
        self.robot.follow(rise, self.cancelled)
