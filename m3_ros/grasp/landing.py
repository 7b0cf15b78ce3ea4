"""Motions of an arm that carries something: to a posture, and onto a spot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from m3_ros.geometry import se3
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.jaws import UP
from m3_ros.grasp.planning import PATH_STRIDE, PlanError, Planner
from m3_ros.grasp.robot import JointState, JointTrajectory
from m3_ros.types import Array

MAX_SPOTS = 12
"""Spots that are tried: so many times `TURNS` are 96 inverse kinematics."""
TURNS = (0.0, 45.0, -45.0, 90.0, -90.0, 135.0, -135.0, 180.0)
"""Turns of the gripper about the vertical from how it holds the object, best first, degrees."""


MAX_LEAN = np.radians(40.0)
"""Angle of the jaws' bisector from straight down up to which the gripper is taken to hold the
object as it lifted it, rad: the most slanted approach, 30 degrees, and 10 for other tilts."""


@dataclass(frozen=True, eq=False)
class Landing:
    """How an object is put down.

    Attributes:
        spot: `[3]` on which it is to stand, in `base_link`, m.
        motion: from here to above the spot.
        way: positions `[3]` of the tool from there down to where the jaws would meet the surface,
            not farther apart than `approach_distance`: a contact is told by the change of the
            torques since the last one.
    """

    spot: Array
    motion: JointTrajectory
    way: tuple[Array, ...]


def plan_carried(planner: Planner, start: Array, goal: Array, scene: Scene) -> JointTrajectory:
    """Plan a motion between postures `[A]`, `held_clearance` off the scene if there is one.

    Raises:
        PlanError: there is none, not even with `scene_clearance`.
    """
    config = planner.config
    try:
        wide = planner.with_clearance(max(config.held_clearance, config.scene_clearance))
        return wide.plan_joint_motion(start, goal, scene)
    except PlanError:
        return planner.plan_joint_motion(start, goal, scene)


def plan_landing(
    planner: Planner,
    joints: JointState,
    spots: Array,
    scene: Scene,
    opening: float,
    heading: float | None = None,
) -> Landing:
    """Plan how to put down what the gripper holds, on the first spot for which motions exist.

    Args:
        planner: of the arm.
        joints: now.
        spots: `[K, 3]` in `base_link`, best first.
        scene: all but the held object.
        opening: of the jaws that let go of it.
        heading: angle of the closing direction about the vertical, in `base_link`, rad; any turn
            of `TURNS` when None.

    Raises:
        PlanError: there is none; `unreachable` if all spots are out of reach.
    """
    tilt = planner.gripper.tilts(planner.robot_model.gripper.opening(joints.gripper))[0]
    held = upright(planner.arm.fk(joints.arm)[:3, :3], tilt)
    turns = np.radians(TURNS)
    if heading is not None:
        turns = np.array([heading - np.arctan2(held[1, 2], held[0, 2])])
    reached: PlanError | None = None
    for spot in spots[:MAX_SPOTS]:
        for turn in turns:
            rotation = Rotation.from_euler("z", turn).as_matrix() @ held
            try:
                return _plan_on(planner, joints, spot, rotation, scene, opening)
            except PlanError as error:
                reached = reached if error.unreachable else error
    raise reached or PlanError("no spot to put it down is within the arm's reach", True)


def upright(rotation: Array, tilt: float) -> Array:
    """Return a rotation `[3, 3]` of the tool in which the held object stands upright.

    The present one while the gripper points down, as after a lift. In another posture, as after a
    stow, the one that turns the jaws' bisector straight down on the shortest way: most grasps
    hold objects so.

    Args:
        rotation: `[3, 3]` of the tool in `base_link`.
        tilt: angle between bisector and tool x, rad.
    """
    bisector = rotation @ [np.cos(tilt), 0.0, np.sin(tilt)]
    lean = np.arccos(np.clip(-bisector[2], -1.0, 1.0))
    if lean < MAX_LEAN:
        return rotation
    axis = np.cross(bisector, -UP)
    length = np.linalg.norm(axis)
    axis = axis / length if length > 1e-6 else rotation[:, 1]
    return Rotation.from_rotvec(lean * axis).as_matrix() @ rotation


def closing_heading(rotation: Array) -> float | None:
    """Return the heading about the vertical in which a gripper's jaws close, rad.

    Args:
        rotation: `[3, 3]` of the gripper; the identity, which no gripper that puts something down
            has, means any heading.

    Raises:
        ValueError: the jaws close more along the vertical than across it.
    """
    if np.allclose(rotation, np.eye(3)):
        return None
    x, y, z = rotation[:, 2]
    if abs(z) > np.hypot(x, y):
        raise ValueError(
            "the orientation of the target must be the gripper's, its z axis level, as in the "
            "result of /m3/grasp; the identity leaves the heading free"
        )
    return float(np.arctan2(y, x))


def _plan_on(
    planner: Planner,
    joints: JointState,
    spot: Array,
    rotation: Array,
    scene: Scene,
    opening: float,
) -> Landing:
    config, jaws = planner.config, planner.robot_model.gripper
    start = joints.arm
    parts = (*planner.gripper.fixed_jaw, *planner.gripper.moving_jaws(opening))
    corners = np.concatenate([part.corners() for part in parts]) @ rotation.T
    bottom = spot - rotation @ planner.gripper.tips
    bottom[2] = spot[2] + config.table_clearance - corners[:, 2].min()
    height = config.held_reach + config.landing_distance
    low = planner.arm.ik(se3(rotation, bottom), (start,))
    if low is None:
        raise PlanError("out of the arm's reach", True)
    try:
        path = planner.linear_path(se3(rotation, bottom), height * UP, low)
    except PlanError as error:
        raise PlanError(str(error), True) from error
    opened = jaws.position(opening)
    for q in path[::PATH_STRIDE]:
        if not planner.collision.is_free(
            np.append(q, opened), scene, config.scene_clearance, jaws.links
        ):
            raise PlanError("the arm would touch something on the way down")
    motion = plan_carried(planner, start, path[-1], scene)
    steps = int(np.ceil(height / config.approach_distance))
    heights = height * np.arange(steps - 1, -1, -1) / steps
    return Landing(spot, motion, tuple(bottom + above * UP for above in heights))
