"""Viewpoints of the wrist camera: one of an object, or a path around a table.

The camera looks at a centre from rings of constant elevation; its roll about the optical axis is
free, which doubles the viewpoints that the arm reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from m3_ros.geometry import look_at
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.grasp.robot import MotionCancelled, Robot, never
from m3_ros.grasp.sensing import visible_points
from m3_ros.types import Array


class Ring(NamedTuple):
    """Viewpoints at one height above a centre.

    Attributes:
        elevation: above the centre, degrees.
        span: how far the ring goes to both sides of the arm, degrees.
        distance: camera to centre, in radii of the scan.
        nearer: how far its centre lies toward the arm, in radii.
    """

    elevation: float
    span: float
    distance: float = 1.0
    nearer: float = 0.0


RINGS = (
    Ring(80.0, 60.0, 1.5, 0.5),
    Ring(75.0, 180.0),
    Ring(60.0, 120.0),
    Ring(45.0, 96.0),
)
"""From the top down. The first shows tall objects beside the arm, before the gripper, which
hides what is below it, could meet them. The spans shrink with the elevation, as the reach to the
far side does."""
SCAN_CLEARANCES = 3.0
"""`scene_clearance` multiplied by this is kept from measured surfaces during a scan, which gains
nothing by coming nearer."""
VIEW_ELEVATIONS = (60.0, 50.0, 70.0, 40.0, 78.0)
"""Elevations of a view of one object, best first, degrees: 60 shows its top and its sides."""
VIEW_SIDES = (0.0, 25.0, -25.0, 50.0, -50.0)
"""Azimuths of such a view from the direction to the arm, best first, degrees."""


class ViewCount(NamedTuple):
    """Viewpoints of a scan so far: those reached, and those left out."""

    visited: int
    skipped: int


@dataclass(frozen=True, eq=False)
class ScanPath:
    """Postures of the arm along a scan.

    Attributes:
        positions: `[N, 6]` joint positions of the viewpoints, in order.
        wanted: number of viewpoints tried.
    """

    positions: Array
    wanted: int


def enough_views(count: int, wanted: int) -> bool:
    """Return whether `count` viewpoints are two thirds of those wanted, the least for a scan."""
    return 3 * count >= 2 * wanted


def view_from(center: Array, radius: float, elevation: float, azimuth: float) -> Array:
    """Return `T_base_camera [4, 4]` of a camera that looks at `center [3]` from a sphere about it.

    Args:
        center: in m.
        radius: of the sphere, m.
        elevation: above the horizontal, rad.
        azimuth: about z, from +x, rad.
    """
    out = np.array([np.cos(azimuth), np.sin(azimuth)]) * np.cos(elevation)
    return look_at(center + radius * np.append(out, np.sin(elevation)), center)


def scan_path(
    planner: Planner,
    center: Array,
    scene: Scene,
    start: Array,
    radius: float = 0.30,
    views: int = 60,
    cancelled: Callable[[], bool] = never,
) -> ScanPath:
    """Return viewpoints around a centre, ring by ring to and fro, each near the previous one.

    Args:
        planner: of the arm.
        center: `[3]` of the region, in `base_link`, m.
        scene: obstacles.
        start: joint positions `[6]` before the scan.
        radius: camera to centre, m; `RINGS` says in which ring it is another.
        views: viewpoints wanted.
        cancelled: asked before each viewpoint.

    Raises:
        MotionCancelled: `cancelled()` became true.
        PlanError: fewer than two thirds of the viewpoints are within reach.
    """
    toward_arm = np.arctan2(*(planner.arm.shoulder - center)[[1, 0]])
    arm = np.array([np.cos(toward_arm), np.sin(toward_arm), 0.0])
    shares = np.cumsum([0.0, *(ring.span for ring in RINGS)])
    counts = np.diff(np.round(views * shares / shares[-1]).astype(int))
    path: list[Array] = []
    seed, wanted = start, 0
    for number, (ring, count) in enumerate(zip(RINGS, counts, strict=True)):
        sides = np.linspace(-ring.span, ring.span, count, endpoint=ring.span < 180.0)
        middle = center + ring.nearer * radius * arm
        for side in np.radians(sides if number % 2 == 0 else sides[::-1]):
            _check(cancelled)
            wanted += 1
            azimuth, elevation = toward_arm + side, np.radians(ring.elevation)
            view = view_from(middle, ring.distance * radius, elevation, azimuth)
            q = _posture(planner, view, seed, scene)
            if q is not None:
                path.append(q)
                seed = q
    if not enough_views(len(path), wanted):
        raise PlanError(f"{len(path)} of {wanted} viewpoints are within reach", unreachable=True)
    return ScanPath(np.array(path), wanted)


def viewpoint(
    planner: Planner, center: Array, scene: Scene, start: Array, distance: float
) -> Array:
    """Return joint positions `[6]` from which the camera views an object, near the current ones.

    Args:
        planner: of the arm.
        center: `[3]` of the object, in `base_link`, m.
        scene: obstacles.
        start: current joint positions `[6]`.
        distance: camera to centre, m.

    Raises:
        PlanError: no viewpoint is within reach.
    """
    toward_arm = np.arctan2(*(planner.arm.shoulder - center)[[1, 0]])
    for elevation in np.radians(VIEW_ELEVATIONS):
        for side in np.radians(VIEW_SIDES):
            view = view_from(center, distance, elevation, toward_arm + side)
            q = _posture(planner, view, start, scene)
            if q is not None:
                return q
    raise PlanError("no viewpoint of the object is within reach", unreachable=True)


def follow_scan(
    robot: Robot,
    planner: Planner,
    path: ScanPath,
    cancelled: Callable[[], bool] = never,
) -> Iterator[ViewCount]:
    """Move the arm along a scan; yield the count of viewpoints after each of them.

    Surfaces that the camera measures become obstacles; a viewpoint that they block is skipped.

    Raises:
        MotionCancelled: `cancelled()` became true: no other viewpoint is tried.
        RobotError: a motion was not followed, or the robot delivers no frames or joints.
    """
    planner = planner.with_clearance(SCAN_CLEARANCES * planner.config.scene_clearance)
    scene = Scene(np.zeros((0, 3)))
    visited = skipped = 0
    for goal in path.positions:
        _check(cancelled)
        try:
            motion = planner.plan_joint_motion(robot.joint_state().arm, goal, scene)
        except PlanError:
            skipped += 1
            yield ViewCount(visited, skipped)
            continue
        robot.execute_trajectory(motion, cancelled)
        seen = visible_points(
            robot.capture_frame(), robot, planner.collision, planner.config.robot_padding
        )
        scene = Scene(np.concatenate([scene.points, seen]))
        visited += 1
        yield ViewCount(visited, skipped)


def _check(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise MotionCancelled("cancelled: the scan has ended")


def _posture(planner: Planner, view: Array, seed: Array, scene: Scene) -> Array | None:
    """Return valid joint positions `[6]` for a view, near the seed if possible."""
    camera = planner.robot_model.camera_frame
    q = planner.arm.ik(view, (seed,), camera, free_roll=True, restarts=8)
    return q if q is not None and planner.is_valid(q, scene) else None
