"""Motions of the arm: free joint moves, straight lines, and a whole grasp before it begins."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from m3_ros.config import GraspConfig
from m3_ros.geometry import se3, transform
from m3_ros.grasp import time_parameterization
from m3_ros.grasp.candidates import Grasp
from m3_ros.grasp.clearance import open_pose
from m3_ros.grasp.collision import CollisionModel, Scene
from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.kinematics import Arm
from m3_ros.grasp.robot import JointTrajectory
from m3_ros.grasp.rrt_connect import rrt_connect
from m3_ros.robot_model import RobotModel
from m3_ros.types import Array

EDGE_STEP = 0.06  # largest joint step between collision checks, rad
STRAIGHT_STEP = 0.01  # between waypoints of a straight line, m
PATH_STRIDE = 8  # points of a timed line between collision checks


class PlanError(RuntimeError):
    """No motion was found; the message says why.

    Attributes:
        unreachable: True when the arm is too far from (or too near to) every grasp, so that
            another place of the base may help.
    """

    def __init__(self, message: str, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


@dataclass(frozen=True, eq=False)
class Plan:
    """A grasp with all of its motions, each starting where the one before ends.

    Attributes:
        grasp: in `base_link`.
        phases: "pre-grasp", "approach", "touch", "lift", in this order.
    """

    grasp: Grasp
    phases: dict[str, JointTrajectory]

    @property
    def duration(self) -> float:
        """Time of all arm motions in s, without the gripper's."""
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

    def cautious(self, clearance: float) -> Planner:
        """The same planner, which stays `clearance` m off everything."""
        other = copy.copy(self)
        other.config = replace(self.config, scene_clearance=clearance)
        return other

    def move(self, start: Array, goal: Array, scene: Scene) -> JointTrajectory:
        """Collision-free joint motion `[6]` → `[6]`: direct, or around by RRT-Connect.

        Raises:
            PlanError: the goal is not free, or no way was found.
        """
        if not self.free(goal, scene):
            raise PlanError("the goal posture touches the robot or the scene")
        way = [start, goal] if self.edge_free(start, goal, scene) else None
        way = way or rrt_connect(
            start, goal, (self.arm.lower, self.arm.upper), lambda a, b: self.edge_free(a, b, scene)
        )
        if way is None:
            raise PlanError("no collision-free way to the goal posture")
        moves = [time_parameterization.joint_move(a, b, *self.limits) for a, b in pairwise(way)]
        return time_parameterization.join(*moves)

    def free(self, q: Array, scene: Scene) -> bool:
        """Whether a posture `[6]` is inside the limits and off robot and scene."""
        margin = self.config.scene_clearance
        return self.arm.within_limits(q) and self.collision.is_free(q, scene, margin)

    def edge_free(self, start: Array, goal: Array, scene: Scene) -> bool:
        """Whether the straight joint motion is free, the start excepted."""
        steps = int(np.ceil(np.abs(goal - start).max() / EDGE_STEP)) or 1
        return all(
            self.free(start + (goal - start) * i / steps, scene) for i in range(1, steps + 1)
        )

    def grasp(
        self, start: Array, grasps: Sequence[Grasp], scene: Scene, object_points: Array
    ) -> Plan:
        """The first of ranked grasps whose every motion exists, the lift included.

        Args:
            start: present joint positions `[6]`.
            grasps: in `base_link`, best first.
            scene: all points near, the object's included, in `base_link`.
            object_points: `[M, 3]` in `base_link`.

        Raises:
            PlanError: none can be executed; `unreachable` says whether for distance alone.
        """
        surroundings = scene.without(object_points, 0.02)
        problems: Counter[str] = Counter()
        for grasp in grasps:
            try:
                return self._plan(start, grasp, scene, surroundings)
            except PlanError as error:
                problems[str(error)] += 1
                unreachable = error.unreachable
        told = ", ".join(f"{problem} ({count})" for problem, count in problems.most_common())
        raise PlanError(told or "no grasp to plan", len(problems) == 1 and unreachable)

    def _plan(self, start: Array, grasp: Grasp, scene: Scene, surroundings: Scene) -> Plan:
        config, jaws = self.config, self.robot_model.gripper
        above = open_pose(grasp.pose, self.gripper.touch_distance(config.jaw_clearance))
        wrist = transform(above, self.arm.wrist)
        if np.linalg.norm(wrist - self.arm.shoulder) > self.arm.reach:
            raise PlanError("out of the arm's reach", unreachable=True)
        bottom = self.arm.ik(above, (start,))
        if bottom is None:
            raise PlanError("out of the arm's reach", unreachable=True)
        retreat = self.straight(above, -grasp.approach * config.approach_distance, bottom)
        touch = self.touch(bottom, grasp)
        lift = self.lift(touch.positions[-1])
        near = touch.positions[::PATH_STRIDE], lift.positions[::PATH_STRIDE]
        for q in np.concatenate([retreat, *near]):
            opened = np.append(q, jaws.position(grasp.pregrasp_aperture))
            margin = config.scene_clearance
            if not self.collision.is_free(opened, surroundings, margin, jaws.links):
                raise PlanError("the arm would touch something on the straight way")
        pre_grasp = self.move(start, retreat[-1], scene)
        line = retreat[::-1], config.approach_distance, config.approach_speed
        approach = time_parameterization.straight_move(*line, *self.limits)
        phases = {"pre-grasp": pre_grasp, "approach": approach, "touch": touch, "lift": lift}
        return Plan(grasp, phases)

    def touch(self, start: Array, grasp: Grasp) -> JointTrajectory:
        """Sideways from joint positions `[6]`, the open jaws around the object, to touch it.

        Raises:
            PlanError: the line leaves the arm's reach.
        """
        across = grasp.pose[:3, 2] * self.gripper.touch_distance(self.config.jaw_clearance)
        return self.line(start, across, self.config.touch_speed)

    def lift(self, start: Array) -> JointTrajectory:
        """Straight up from joint positions `[6]`.

        Raises:
            PlanError: the line leaves the arm's reach.
        """
        up = np.array([0.0, 0.0, self.config.lift_height])
        return self.line(start, up, self.config.lift_speed)

    def line(self, start: Array, offset: Array, speed: float) -> JointTrajectory:
        """Straight motion of the tool by `offset [3]` m in `base_link`, peak `speed` in m/s.

        Raises:
            PlanError: the line leaves the arm's reach.
        """
        path = self.straight(self.arm.fk(start), offset, start)
        length = float(np.linalg.norm(offset))
        return time_parameterization.straight_move(path, length, speed, *self.limits)

    def straight(self, pose: Array, offset: Array, start: Array) -> Array:
        """Joint positions `[K, 6]` of a straight line of the tool from `pose` by `offset`.

        Raises:
            PlanError: the line leaves the arm's reach.
        """
        length = float(np.linalg.norm(offset))
        count = max(int(np.ceil(length / STRAIGHT_STEP)), 1)
        poses = [se3(np.eye(3), offset * i / count) @ pose for i in range(count + 1)]
        path = self.arm.ik_path(poses, start)
        if path is None:
            raise PlanError("a straight way leaves the arm's reach")
        return path
