"""Grasp candidates: points of an object and of its surroundings → ranked, collision-free grasps.

Approaches are vertical or slanted, with closing directions all round, several depths and several
tilts of the gripper. A candidate is kept if the open jaws collide with nothing on the approach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m3_ros.config import GraspConfig
from m3_ros.geometry import transform
from m3_ros.grasp.clearance import GraspInCollision, smallest_opening
from m3_ros.grasp.collision import VOXEL
from m3_ros.grasp.directions import grasp_directions
from m3_ros.grasp.gripper import Gripper
from m3_ros.grasp.points import LAYER, NEIGHBOURHOOD, normals, support_height, thin
from m3_ros.grasp.scoring import JawPlacement, Surface, extent, fit_gripper
from m3_ros.types import Array

INSERTIONS = np.array([0.02, 0.03, 0.04, 0.05, 0.06])
"""Depths of the tips past the object's near side, m: steps of half a pad's length (24 mm), up to
where the palm meets the object."""
MIN_INSERTION = 0.008
"""Least depth, m: a third of a pad's length."""
FULL_INSERTION = 0.045
"""Depth from which more does not score higher, m: the object is in the pocket, which begins 49
mm behind the tips, even when the jaws have slid up by `scoring.RISE`."""
PALM_MARGIN = 0.003
"""Depth less than the finger's length, m: half a spacing of the object's points, and a
millimetre."""
TABLE_MARGIN = 0.001
"""Height of the tips above `table_clearance`, m: one step of the depth image."""
MIN_PART_POINTS = 10
"""Points of a part that is closed on; with the spacing below they cover 1.6 cm^2."""
MIN_OBJECT_POINTS = 20
"""Points of an object above its support: two such parts, one for each jaw."""
JAW_THICKNESS = 0.02
"""Room that a jaw needs between two parts besides `jaw_clearance` on its sides, m."""
MIN_SHIFT = 0.005
"""Shift along the jaws' width that makes another placement, m."""
POINT_SPACING, MAX_OBJECT_POINTS = 0.004, 800
"""Voxel (m) to which an object is thinned, a little more than the memory's 3 mm, and the limit
for time; 800 points cover 1.3 dm^2."""
MAX_OBSTACLE_POINTS = 3000
"""Limit for time of the surroundings' points, in voxels of the collision scene."""
SUPPORT_NOISE = 0.01
"""Height up to which points of the support are measured, m: half a level, and three standard
deviations of depth at 0.45 m (7 mm)."""


@dataclass(frozen=True, eq=False)
class Grasp:
    """A pose of the gripper at an object, in the frame of the points that it was made from.

    Attributes:
        pose: `[4, 4]` of the tool, a fixed jaw touching, just before closing.
        approach: `[3]` unit direction of the straight approach.
        width: extent of the object between the jaws in m.
        opening: at which the jaws should meet the object, in the gripper's unit.
        pregrasp_aperture: opening during the approach, in the gripper's unit.
        held: middle of what is held, in the tool's frame `[3]`, m.
        tilt: angle between approach and the tool's x axis, rad.
        score: weighted mean of `terms`, in [0, 1].
        terms: parts of the score by name, each in [0, 1].
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
        """Return the grasp in another frame, to which `T [4, 4]` maps this one."""
        return replace(self, pose=T @ self.pose, approach=T[:3, :3] @ self.approach)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Grasps, best first; `reason` says why there are none."""

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
    check: Callable[[], None] = lambda: None,
) -> Candidates:
    """Return ranked grasps of an object, or none and the reason.

    Args:
        gripper: shape of the jaws.
        object_points: `[M, 3]` points on the object, in a frame with z up, m.
        scene_points: `[S, 3]` points around it, the support included.
        config: clearances.
        azimuth: direction about z from the arm to the object, rad; slanted approaches use it.
        table_z: height of the support, m; found from the points when None.
        limit: most grasps returned.
        check: called before each placement; what it raises, as at a cancel, ends the search.

    Raises:
        ValueError: points are not `[N, 3]` or not finite.
    """
    for name, points in (("object_points", object_points), ("scene_points", scene_points)):
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise ValueError(f"{name} has shape {points.shape}; it must be a finite [N, 3]")
    if len(object_points) < MIN_OBJECT_POINTS:
        count = f"{len(object_points)} points on the object"
        return Candidates([], f"{count}; {MIN_OBJECT_POINTS} are needed")
    if table_z is None:
        table_z = support_height(object_points, scene_points)
    raised = object_points[object_points[:, 2] > table_z + LAYER]
    if len(raised) < MIN_OBJECT_POINTS:
        return Candidates([], f"it rises less than {LAYER * 1e3:.0f} mm above z = {table_z:.3f} m")
    target = _target(raised, scene_points, table_z)
    grasps: list[Grasp] = []
    refused: Counter[str] = Counter()
    placements: list[JawPlacement] = []
    for placement in _placements(gripper, target, config, azimuth):
        check()
        placements.append(placement)
    for placement in sorted(placements, key=lambda placement: -placement.score):
        check()
        try:
            grasps.append(_grasp_at(gripper, target, placement, config))
        except GraspInCollision as problem:
            refused[str(problem)] += 1
        if len(grasps) == limit:
            break
    grasps.sort(key=lambda grasp: -grasp.score)
    return Candidates(grasps, "" if grasps else _reason(target, refused, gripper.config.max_width))


def _target(object_points: Array, scene_points: Array, table_z: float) -> Surface:
    """Return the object and its obstacles, thinned, with outward normals."""
    points = thin(object_points, POINT_SPACING, MAX_OBJECT_POINTS)
    outward = normals(points)
    outward *= np.sign((outward * (points - points.mean(0))).sum(1, keepdims=True))
    others = scene_points[scene_points[:, 2] > table_z + SUPPORT_NOISE]
    others = others[np.linalg.norm(others - points.mean(0), axis=1) < NEIGHBOURHOOD]
    return Surface(points, outward, thin(others, VOXEL, MAX_OBSTACLE_POINTS), table_z)


def _placements(
    gripper: Gripper, target: Surface, config: GraspConfig, azimuth: float
) -> Iterator[JawPlacement]:
    """Yield scored jaw placements on the object's points, not yet checked for collision."""
    for approach, closing in grasp_directions(azimuth):
        axes = np.stack([approach, np.cross(closing, approach), closing])
        along, across, between = axes @ target.points.T
        middle = np.median(across)
        reach = (across.max() - across.min()) / 2 - gripper.pad_half_width
        for shift in (0.0,) if reach < 2 * MIN_SHIFT else (0.0, -reach / 2, reach / 2):
            slab = np.flatnonzero(np.abs(across - middle - shift) < gripper.pad_half_width)
            if len(slab) < MIN_PART_POINTS:
                continue
            near = np.sort(along[slab])[len(slab) // 50]  # 2 % may be strays
            table = (target.points[:, 2].mean() - target.table_z) / -approach[2]
            deepest = along.mean() + table - config.table_clearance - TABLE_MARGIN
            low = deepest - config.table_clearance, deepest
            for tip in (*(tip for tip in near + INSERTIONS if tip < deepest), *low):
                if not MIN_INSERTION < tip - near <= gripper.finger_length - PALM_MARGIN:
                    continue
                depth = float(min((tip - near) / min(FULL_INSERTION, np.ptp(along) + 1e-6), 1.0))
                zone = slab[along[slab] < tip]
                for part in _parts(between, zone, config.jaw_clearance):
                    width = extent(between[part])
                    if np.ptp(width) <= gripper.config.max_width:
                        numbers = middle + shift, tip, depth, np.ptp(width), 0.0
                        placement = JawPlacement(axes, part, *numbers)
                        fit = next(fit_gripper(gripper, target, placement))
                        yield replace(placement, score=fit.score)


def _parts(between: Array, zone: NDArray[np.int64], jaw_clearance: float) -> list[NDArray]:
    """Split the points of a zone at gaps that are wide enough for a jaw, as beside a handle."""
    if len(zone) < MIN_PART_POINTS:
        return []
    order = zone[np.argsort(between[zone])]
    gaps = np.flatnonzero(np.diff(between[order]) > JAW_THICKNESS + 2 * jaw_clearance)
    return [part for part in np.split(order, gaps + 1) if len(part) >= MIN_PART_POINTS]


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
    """Return why there is no grasp, in one line."""
    if refused:
        return ", ".join(f"{problem} ({count})" for problem, count in refused.most_common())
    size = np.ptp(target.points, axis=0) * 100
    return (
        f"no part of the object ({size[0]:.0f} x {size[1]:.0f} x {size[2]:.0f} cm) is narrower "
        f"than {max_width * 100:.1f} cm and high enough to hold"
    )
