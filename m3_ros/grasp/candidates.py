"""Where to put the jaws: points of an object and of its surroundings → ranked grasps.

Approaches from above and slanted, closing directions all round, several depths, the gripper
tilted so that the bisector of its opening points along the approach. A candidate lives when the
jaws, open, have room around the object and off everything else all the way down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m3_ros.config import GraspConfig
from m3_ros.geometry import transform
from m3_ros.grasp.clearance import GraspInCollision, smallest_opening
from m3_ros.grasp.gripper import Gripper
from m3_ros.grasp.points import normals, support_height, thin
from m3_ros.grasp.scoring import JawPlacement, Surface, extent, fit_gripper
from m3_ros.types import Array

YAWS = 24  # closing directions of a vertical approach
PITCHES = (75.0, 60.0)  # degrees below the horizontal, of slanted approaches
SIDES = (-35.0, 0.0, 35.0)  # degrees about the direction from arm to object
ROLLS = 8  # closing directions of a slanted approach
DEPTHS = np.array([0.02, 0.03, 0.04, 0.05, 0.06])  # tips past the object's near side, m
LESS = 0.004  # a little higher than as deep as the table allows, m
MIN_POINTS = 10  # on a part of the object that is worth closing on
FOOT = 0.006  # what is lower than this above the support may be the support, m
TABLE_NOISE = 0.01  # points of the support reach up to this, m
REACH = 0.3  # surroundings farther from the object than this cannot meet the gripper, m


@dataclass(frozen=True, eq=False)
class Grasp:
    """A pose of the gripper about an object, in the frame of the points it was made from.

    Attributes:
        pose: `[4, 4]` of the tool, a fixed jaw touching, just before closing.
        approach: `[3]` unit direction of the straight approach.
        width: extent of the object between the jaws in m.
        opening: at which the jaws should meet the object, in the gripper's unit.
        pregrasp_aperture: opening during the approach, in the gripper's unit.
        held: middle of what is held, in the tool's frame `[3]`, m.
        tilt: angle between approach and the tool's x axis, rad.
        score: weighted mean of `terms`, in [0, 1].
        terms: what the score is made of, each in [0, 1].
    """

    pose: Array
    approach: Array
    width: float
    opening: float
    pregrasp_aperture: float
    held: Array
    tilt: float
    score: float
    terms: dict[str, float]

    @property
    def middle(self) -> Array:
        """Middle `[3]` of what is held, in the frame of the pose."""
        return transform(self.pose, self.held)

    def in_frame(self, T: Array) -> Grasp:
        """The same grasp in another frame, `T [4, 4]` maps this frame to it."""
        return replace(self, pose=T @ self.pose, approach=T[:3, :3] @ self.approach)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Grasps, best first, and in words why others (or all) were refused."""

    grasps: list[Grasp]
    reason: str


def grasp_candidates(
    gripper: Gripper,
    object_points: Array,
    scene_points: Array,
    config: GraspConfig,
    azimuth: float = 0.0,
    table_z: float | None = None,
    limit: int = 60,
) -> Candidates:
    """Ranked grasps of an object; none is a normal answer, with its reason.

    Args:
        gripper: shape of the jaws.
        object_points: `[M, 3]` points on the object, in a frame with z up, m.
        scene_points: `[S, 3]` points on everything else near it, the support included.
        config: clearances.
        azimuth: direction about z from the arm to the object, rad; slanted approaches use it.
        table_z: height of the support, m; found from the points when None.
        limit: most grasps returned.

    Raises:
        ValueError: points are not `[N, 3]` or not finite.
    """
    for name, points in (("object_points", object_points), ("scene_points", scene_points)):
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise ValueError(f"{name} has shape {points.shape}; it must be a finite [N, 3]")
    if len(object_points) < 20:
        return Candidates([], f"{len(object_points)} points on the object; 20 are needed")
    if table_z is None:
        table_z = support_height(object_points, scene_points)
    raised = object_points[object_points[:, 2] > table_z + FOOT]
    if len(raised) < 20:
        return Candidates([], f"it rises less than {FOOT * 1e3:.0f} mm above z = {table_z:.3f} m")
    target = _target(raised, scene_points, table_z)
    grasps: list[Grasp] = []
    refused: Counter[str] = Counter()
    placements = _placements(gripper, target, config, azimuth)
    for placement in sorted(placements, key=lambda placement: -placement.score):
        try:
            grasps.append(_grasp_at(gripper, target, placement, config))
        except GraspInCollision as problem:
            refused[str(problem)] += 1
        if len(grasps) == limit:
            break
    grasps.sort(key=lambda grasp: -grasp.score)
    return Candidates(grasps, "" if grasps else _reason(target, refused, gripper.config.max_width))


def _target(object_points: Array, scene_points: Array, table_z: float) -> Surface:
    points = thin(object_points, 0.004, 800)
    outward = normals(points)
    outward *= np.sign((outward * (points - points.mean(0))).sum(1, keepdims=True))
    others = scene_points[scene_points[:, 2] > table_z + TABLE_NOISE]
    others = others[np.linalg.norm(others - points.mean(0), axis=1) < REACH]
    return Surface(points, outward, thin(others, 0.006, 3000), table_z)


def _directions(azimuth: float) -> Iterator[tuple[Array, Array]]:
    """Pairs of approach and closing direction (from fixed to moving jaw), unit and orthogonal."""
    for yaw in 2 * np.pi / YAWS * np.arange(YAWS):
        yield np.array([0.0, 0.0, -1.0]), np.array([np.cos(yaw), np.sin(yaw), 0.0])
    for pitch in np.radians(PITCHES):
        for heading in azimuth + np.radians(SIDES):
            out = np.array([np.cos(heading), np.sin(heading), 0.0])
            approach = np.cos(pitch) * out + [0.0, 0.0, -np.sin(pitch)]
            across = np.array([-np.sin(heading), np.cos(heading), 0.0])
            upward = np.cross(approach, across)
            for roll in 2 * np.pi / ROLLS * np.arange(ROLLS):
                yield approach, np.cos(roll) * across + np.sin(roll) * upward


def _placements(
    gripper: Gripper, target: Surface, config: GraspConfig, azimuth: float
) -> Iterator[JawPlacement]:
    """Yield scored jaw placements on the object's points, not yet checked for collision."""
    for approach, closing in _directions(azimuth):
        axes = np.stack([approach, np.cross(closing, approach), closing])
        along, across, between = axes @ target.points.T
        middle = np.median(across)
        reach = (across.max() - across.min()) / 2 - gripper.pad_half_width
        for shift in (0.0,) if reach < 0.01 else (0.0, -reach / 2, reach / 2):
            slab = np.flatnonzero(np.abs(across - middle - shift) < gripper.pad_half_width)
            if len(slab) < MIN_POINTS:
                continue
            near = np.sort(along[slab])[len(slab) // 50]
            table = (target.points[:, 2].mean() - target.table_z) / max(-approach[2], 0.1)
            deepest = along.mean() + table - config.table_clearance - 0.001
            for tip in (*(d for d in near + DEPTHS if d < deepest), deepest - LESS, deepest):
                if not 0.008 < tip - near <= gripper.finger_length - 0.003:
                    continue
                depth = float(min((tip - near) / min(0.045, np.ptp(along) + 1e-6), 1.0))
                zone = slab[along[slab] < tip]
                for part in _parts(between, zone, config.jaw_clearance):
                    width = extent(between[part])
                    if np.ptp(width) <= gripper.config.max_width:
                        numbers = middle + shift, tip, depth, np.ptp(width), 0.0
                        placement = JawPlacement(axes, part, *numbers)
                        fit = next(fit_gripper(gripper, target, placement))
                        yield replace(placement, score=fit.score)


def _parts(between: Array, zone: NDArray[np.int64], jaw_clearance: float) -> list[NDArray]:
    """Split points where a gap is wide enough for a jaw: a rim, a handle, or the object."""
    if len(zone) < MIN_POINTS:
        return []
    order = zone[np.argsort(between[zone])]
    gaps = np.flatnonzero(np.diff(between[order]) > 0.02 + 2 * jaw_clearance)
    return [part for part in np.split(order, gaps + 1) if len(part) >= MIN_POINTS]


def _grasp_at(
    gripper: Gripper, target: Surface, placement: JawPlacement, config: GraspConfig
) -> Grasp:
    """Return the grasp at a placement with the best tilt that is free of collision.

    Raises:
        GraspInCollision: none of the tilts is; the message is the last one's.
    """
    fits = [
        fit for fit in fit_gripper(gripper, target, placement) if np.isfinite(fit.friction_angle)
    ]
    fits.sort(key=lambda fit: -fit.score)
    if not fits:
        raise GraspInCollision("the jaws do not reach around it")
    approach, around = placement.axes[0], (target.points, target.others, target.table_z)
    for fit in fits:
        opening = gripper.contact_opening(fit.local)
        try:
            aperture = smallest_opening(gripper, fit.pose, approach, opening, *around, config)
        except GraspInCollision:
            if fit is fits[-1]:
                raise
            continue
        low, high = extent(fit.local[:, 2])
        x = (fit.local[:, 0].min() + fit.local[:, 0].max()) / 2
        held = np.array([x, 0.0, gripper.lower_pad(opening) + (high - low) / 2])
        numbers = (high - low, opening, aperture, held, fit.tilt)
        return Grasp(fit.pose, approach, *numbers, fit.score, fit.terms)
    raise AssertionError("the last tilt returns or raises")


def _reason(target: Surface, refused: Counter[str], max_width: float) -> str:
    """What was refused, in one line."""
    if refused:
        return ", ".join(f"{problem} ({count})" for problem, count in refused.most_common())
    size = np.ptp(target.points, axis=0) * 100
    return (
        f"no part of the object ({size[0]:.0f} x {size[1]:.0f} x {size[2]:.0f} cm) is narrower "
        f"than {max_width * 100:.1f} cm and high enough to hold"
    )
