"""Motion planning of the arm: joint motions, straight motions, and all motions of a grasp."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from m3_ros.config import GraspConfig
from m3_ros.errors import M3Error
from m3_ros.geometry import se3, transform
from m3_ros.grasp import time_parameterization
from m3_ros.grasp.candidates import Grasp
from m3_ros.grasp.clearance import open_pose
from m3_ros.grasp.collision import CollisionModel, Scene
from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.kinematics import Arm
from m3_ros.grasp.robot import JointTrajectory, MotionCancelled, never
from m3_ros.grasp.rrt_connect import rrt_connect
from m3_ros.robot_model import RobotModel
from m3_ros.types import Array

COLLISION_CHECK_STEP = 0.06
"""Largest change of a joint between collision checks, rad: the tips, 0.9 m from the shoulder,
move by 5 cm, less than the gripper's width."""
WAYPOINT_SPACING = 0.01
"""Distance of the waypoints of a straight motion, m: between them the tool leaves the line by
d^2 / 8 r, 0.02 mm for 0.6 m of reach."""
PATH_STRIDE = 8
"""Points of a timed motion between collision checks: 2.4 cm at `lift_speed`."""
OBJECT_MARGIN = 0.02
"""Scene points this near to the object belong to it when jaws and arm close in, m: two diagonals
of the scene's voxels."""


class PlanError(M3Error, RuntimeError):
    """No motion was found; the message says why.

    Attributes:
        unreachable: True when every grasp is too far or too near, so that another base pose may
            help.
    """

    def __init__(self, message: str, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


@dataclass(frozen=True, eq=False)
class Plan:
    """A grasp with all of its motions, each starting where the previous one ends.

    Attributes:
        grasp: in `base_link`.
        phases: "pre-grasp", "approach", "touch", "lift", in this order.
    """

    grasp: Grasp
    phases: dict[str, JointTrajectory]

    @property
    def duration(self) -> float:
        """Duration of all arm motions in s, without those of the jaws."""
        return sum(phase.duration for phase in self.phases.values())


class Planner:
    """Plans for one robot within the limits of a `GraspConfig`.

    Attributes:
        robot_model: names and numbers of the robot.
        arm: kinematics.
        gripper: shape of the jaws.
        collision: shapes of the robot.
        config: limits and clearances.
        limits: of every joint, rad/s and rad/s^2.
    """

    def __init__(self, robot_model: RobotModel, config: GraspConfig) -> None:
        self.robot_model = robot_model
        self.arm = Arm(robot_model)
        self.gripper = make_gripper(robot_model)
        self.collision = CollisionModel(robot_model)
        self.config = config
        self.limits = config.max_joint_velocity, config.max_joint_acceleration
        self._cancelled: Callable[[], bool] = never

    def until(self, cancelled: Callable[[], bool]) -> Planner:
        """Return this planner; its searches raise `MotionCancelled` once `cancelled()` is true."""
        other = copy.copy(self)
        other._cancelled = cancelled
        return other

    def with_clearance(self, clearance: float) -> Planner:
        """Return this planner with another `scene_clearance`, m."""
        other = copy.copy(self)
        other.config = replace(self.config, scene_clearance=clearance)
        return other

    def plan_joint_motion(self, start: Array, goal: Array, scene: Scene) -> JointTrajectory:
        """Return a collision-free motion between joint positions `[6]`: direct, or by RRT-Connect.

        Raises:
            PlanError: the goal is in collision, or no path was found.
        """
        if not self.is_valid(goal, scene):
            raise PlanError("the goal posture touches the robot or the scene")

        def valid(a: Array, b: Array) -> bool:
            return self.is_motion_valid(a, b, scene)

        path = [start, goal] if valid(start, goal) else None
        path = path or rrt_connect(start, goal, (self.arm.lower, self.arm.upper), valid)
        if path is None:
            raise PlanError("no collision-free path to the goal posture")
        moves = [time_parameterization.joint_move(a, b, *self.limits) for a, b in pairwise(path)]
        return time_parameterization.join(*moves)

    def is_valid(self, q: Array, scene: Scene) -> bool:
        """Return whether joint positions `[6]` are inside the limits and free of collision."""
        self.check_cancelled()
        margin = self.config.scene_clearance
        return self.arm.within_limits(q) and self.collision.is_free(q, scene, margin)

    def check_cancelled(self) -> None:
        """Raise `MotionCancelled` when the search must end (`until`)."""
        if self._cancelled():
            raise MotionCancelled("cancelled while planning: the robot holds still")

    def is_motion_valid(self, start: Array, goal: Array, scene: Scene) -> bool:
        """Return whether the straight joint motion is valid; the start is not checked."""
        steps = int(np.ceil(np.abs(goal - start).max() / COLLISION_CHECK_STEP)) or 1
        return all(
            self.is_valid(start + (goal - start) * i / steps, scene) for i in range(1, steps + 1)
        )

    def plan_grasp(
        self, start: Array, grasps: Sequence[Grasp], scene: Scene, object_points: Array
    ) -> Plan:
        """Return the first of ranked grasps for which all motions exist, with these motions.

        Args:
            start: current joint positions `[6]`.
            grasps: in `base_link`, best first.
            scene: points around, those of the object included, in `base_link`.
            object_points: `[M, 3]` in `base_link`.

        Raises:
            PlanError: none can be executed; `unreachable` if all are out of reach.
        """
        surroundings = scene.without(object_points, OBJECT_MARGIN)
        problems: Counter[str] = Counter()
        for grasp in grasps:
            try:
                return self._plan_phases(start, grasp, scene, surroundings)
            except PlanError as error:
                problems[str(error)] += 1
                unreachable = error.unreachable
        counts = ", ".join(f"{problem} ({count})" for problem, count in problems.most_common())
        raise PlanError(counts or "no grasp to plan", len(problems) == 1 and unreachable)

    def _plan_phases(self, start: Array, grasp: Grasp, scene: Scene, surroundings: Scene) -> Plan:
        """Return the motions of one grasp.

        Raises:
            PlanError: one of them does not exist.
        """
        self.check_cancelled()
        config, jaws = self.config, self.robot_model.gripper
        above = open_pose(grasp.pose, self.gripper.touch_distance(config.jaw_clearance))
        wrist = transform(above, self.arm.wrist)
        if np.linalg.norm(wrist - self.arm.shoulder) > self.arm.reach:
            raise PlanError("out of the arm's reach", unreachable=True)
        bottom = self.arm.ik(above, (start,))
        if bottom is None:
            raise PlanError("out of the arm's reach", unreachable=True)
        retreat = self.linear_path(above, -grasp.approach * config.approach_distance, bottom)
        touch = self.plan_linear(bottom, self.touch_offset(grasp), config.touch_speed)
        up = np.array([0.0, 0.0, config.lift_height])
        lift = self.plan_linear(touch.positions[-1], up, config.lift_speed)
        near = touch.positions[::PATH_STRIDE], lift.positions[::PATH_STRIDE]
        for q in np.concatenate([retreat, *near]):
            opened = np.append(q, jaws.position(grasp.pregrasp_aperture))
            margin = config.scene_clearance
            if not self.collision.is_free(opened, surroundings, margin, jaws.links):
                raise PlanError("the arm would touch something on the straight path")
        pre_grasp = self.plan_joint_motion(start, retreat[-1], scene)
        line = retreat[::-1], config.approach_distance, config.approach_speed
        approach = time_parameterization.straight_move(*line, *self.limits)
        phases = {"pre-grasp": pre_grasp, "approach": approach, "touch": touch, "lift": lift}
        return Plan(grasp, phases)

    def touch_offset(self, grasp: Grasp) -> Array:
        """Return the motion `[3]` of the tool to touch the object, in `base_link`, m."""
        return grasp.pose[:3, 2] * self.gripper.touch_distance(self.config.jaw_clearance)

    def plan_linear(self, start: Array, offset: Array, speed: float) -> JointTrajectory:
        """Return a straight motion of the tool from joint positions `[6]`.

        Args:
            start: joint positions `[6]`.
            offset: `[3]` in `base_link`, m.
            speed: peak, m/s.

        Raises:
            PlanError: the line leaves the arm's reach.
        """
        path = self.linear_path(self.arm.fk(start), offset, start)
        length = float(np.linalg.norm(offset))
        return time_parameterization.straight_move(path, length, speed, *self.limits)

    def linear_path(self, pose: Array, offset: Array, start: Array) -> Array:
        """Return joint positions `[K, 6]` of a straight line of the tool from `pose` by `offset`.

        Raises:
            PlanError: the line leaves the arm's reach.
        """
        length = float(np.linalg.norm(offset))
        count = max(int(np.ceil(length / WAYPOINT_SPACING)), 1)
        poses = [se3(np.eye(3), offset * i / count) @ pose for i in range(count + 1)]
        path = self.arm.ik_path(poses, start)
        if path is None:
            raise PlanError("a straight path leaves the arm's reach")
        return path
