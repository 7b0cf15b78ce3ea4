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
from scipy.spatial import cKDTree

from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse, se3, transform
from m3_ros.grasp import gripper

Array = NDArray[np.float64]

YAWS = 24  # closing directions of a vertical approach
PITCHES = (75.0, 60.0)  # degrees below the horizontal, of slanted approaches
SIDES = (-35.0, 0.0, 35.0)  # degrees about the direction from arm to object
ROLLS = 8  # closing directions of a slanted approach
TILTS = (0.5, 0.25, 0.0)  # shares of the contact opening
DEPTHS = (0.02, 0.03, 0.04, 0.05, 0.06)  # tips past the object's near side, m
WEIGHTS = {
    "narrow": 0.25,
    "deep": 0.15,
    "central": 0.2,
    "antipodal": 0.2,
    "bisected": 0.1,
    "upright": 0.1,
}
REACH = 0.3  # surroundings farther from the object than this cannot meet the gripper, m


@dataclass(frozen=True, eq=False)
class Grasp:
    """A pose of the gripper about an object, in the frame of the points it was made from.

    Attributes:
        pose: `[4, 4]` of `z1_gripper_stator`, the fixed jaw touching, just before closing.
        approach: `[3]` unit direction of the straight approach.
        width: extent of the object between the jaws in m.
        opening: opening at which the moving jaw should meet the object, rad.
        preopening: opening during the approach, rad.
        depth: stator x of the middle of what is held, m.
        tilt: angle between approach and the stator's x axis, rad.
        score: weighted mean of `terms`, in [0, 1].
        terms: what the score is made of, each in [0, 1].
    """

    pose: Array
    approach: Array
    width: float
    opening: float
    preopening: float
    depth: float
    tilt: float
    score: float
    terms: dict[str, float]

    def open_pose(self, jaw_clearance: float) -> Array:
        """Pose `[4, 4]` before the sideways touch: the fixed jaw `jaw_clearance` m off."""
        return self.pose @ se3(np.eye(3), [0.0, 0.0, -jaw_clearance])

    def in_frame(self, T: Array) -> Grasp:
        """The same grasp in another frame, `T [4, 4]` maps this frame to it."""
        return replace(self, pose=T @ self.pose, approach=T[:3, :3] @ self.approach)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Grasps, best first, and in words why others (or all) were refused."""

    grasps: list[Grasp]
    reason: str


@dataclass(frozen=True, eq=False)
class _Target:
    points: Array
    normals: Array
    others: Array
    table_z: float


def grasp_candidates(
    object_points: Array,
    scene_points: Array,
    config: GraspConfig,
    azimuth: float = 0.0,
    table_z: float | None = None,
    limit: int = 60,
) -> Candidates:
    """Ranked grasps of an object; none is a normal answer, with its reason.

    Args:
        object_points: `[M, 3]` points on the object, in a frame with z up, m.
        scene_points: `[S, 3]` points on everything else near it, the support included.
        config: clearances and widths.
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
    target = _target(object_points, scene_points, table_z)
    if len(target.points) < 20:
        return Candidates([], f"the object rises less than 6 mm above z = {target.table_z:.3f} m")
    hypotheses = sorted(_hypotheses(target, config, azimuth), key=lambda grasp: -grasp.score)
    grasps: list[Grasp] = []
    refused: Counter[str] = Counter()
    for grasp in hypotheses:
        opened, problem = _with_room(grasp, target, config)
        if opened is None:
            refused[problem] += 1
            continue
        grasps.append(opened)
        if len(grasps) == limit:
            break
    reason = "" if grasps else _reason(target, refused, config)
    return Candidates(grasps, reason)


def support_height(object_points: Array, scene_points: Array) -> float:
    """Height in m of the plane that carries the object: most crowded level at its foot."""
    low, high = np.percentile(object_points[:, 2], [1, 50])
    center = object_points[:, :2].mean(0)
    near = scene_points[np.linalg.norm(scene_points[:, :2] - center, axis=1) < REACH]
    levels = near[(near[:, 2] > low - 0.05) & (near[:, 2] < high), 2]
    if len(levels) < 20:
        return float(object_points[:, 2].min())
    counts, edges = np.histogram(levels, np.arange(levels.min(), levels.max() + 0.012, 0.006))
    top = edges[counts.argmax()]
    return float(np.median(levels[(levels >= top - 0.003) & (levels < top + 0.009)]))


def _target(object_points: Array, scene_points: Array, table_z: float | None) -> _Target:
    if table_z is None:
        table_z = support_height(object_points, scene_points)
    points = _thin(object_points[object_points[:, 2] > table_z + 0.006], 0.004, 800)
    others = scene_points[scene_points[:, 2] > table_z + 0.01]
    if len(points):
        others = others[np.linalg.norm(others - points.mean(0), axis=1) < REACH]
    return _Target(points, _normals(points), _thin(others, 0.006, 3000), table_z)


def _thin(points: Array, voxel: float, limit: int) -> Array:
    """One point a voxel (their mean), evenly thinned to `limit`."""
    if len(points) == 0:
        return points
    _, index, counts = np.unique(
        np.floor(points / voxel).astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(counts), 3))
    np.add.at(sums, index.ravel(), points)
    means = sums / counts[:, None]
    return means[np.linspace(0, len(means) - 1, min(limit, len(means))).astype(int)]


def _normals(points: Array, neighbours: int = 12) -> Array:
    """Unit normals `[N, 3]` of unknown sign: least-variance direction of the neighbours."""
    if len(points) < neighbours:
        return np.zeros_like(points)
    _, index = cKDTree(points).query(points, neighbours)
    near = points[index] - points[index].mean(1, keepdims=True)
    return np.linalg.svd(near, full_matrices=False)[2][:, -1]


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


def _hypotheses(target: _Target, config: GraspConfig, azimuth: float) -> Iterator[Grasp]:
    """Scored placements of the jaws on the object's points, not yet checked for room."""
    for approach, closing in _directions(azimuth):
        axes = np.stack([approach, np.cross(closing, approach), closing])
        along, across, between = axes @ target.points.T
        middle = np.median(across)
        reach = (across.max() - across.min()) / 2 - gripper.PAD_HALF_WIDTH
        for shift in (0.0,) if reach < 0.01 else (0.0, -reach / 2, reach / 2):
            slab = np.abs(across - middle - shift) < gripper.PAD_HALF_WIDTH
            if slab.sum() < 10:
                continue
            near = np.percentile(along[slab], 2)
            table = (target.points[:, 2].mean() - target.table_z) / max(-approach[2], 0.1)
            deepest = along.mean() + table - config.table_clearance - 0.001
            for tip in {*(d for d in near + np.array(DEPTHS) if d < deepest), deepest}:
                if not 0.008 < tip - near <= gripper.TIP_X - gripper.PALM_X - 0.003:
                    continue
                zone = slab & (along < tip)
                for part in _parts(between, np.flatnonzero(zone), config.jaw_clearance):
                    hold = min((tip - near) / min(0.045, np.ptp(along) + 1e-6), 1.0)
                    place = (middle + shift, tip, hold)
                    yield from _placements(target, part, axes, place, config)


def _parts(between: Array, zone: NDArray[np.int64], jaw_clearance: float) -> list[NDArray]:
    """Split points where a gap is wide enough for a jaw: a rim, a handle, or the whole thing."""
    if len(zone) < 10:
        return []
    order = zone[np.argsort(between[zone])]
    gaps = np.flatnonzero(np.diff(between[order]) > 0.02 + 2 * jaw_clearance)
    return [part for part in np.split(order, gaps + 1) if len(part) >= 10]


def _placements(
    target: _Target,
    part: NDArray,
    axes: Array,
    place: tuple[float, float, float],
    config: GraspConfig,
) -> Iterator[Grasp]:
    """One grasp for every tilt, around points `part` at a place across and along the approach."""
    approach, side, closing = axes
    across, tip, hold = place
    points = target.points[part]
    width = np.ptp(np.percentile(points @ closing, [1, 99]))
    if width > config.max_width:
        return
    for share in TILTS:
        tilt = share * gripper.opening_for(width)
        x_axis = np.cos(tilt) * approach - np.sin(tilt) * closing
        z_axis = np.sin(tilt) * approach + np.cos(tilt) * closing
        low, high = np.percentile(points @ z_axis, [1, 99])
        z = low - gripper.PAD_Z
        tip_along = gripper.TIP_X * np.cos(tilt) + gripper.PAD_Z * np.sin(tilt)
        x = (tip - z * np.sin(tilt) - tip_along) / np.cos(tilt)
        rotation = np.stack([x_axis, side, z_axis], axis=-1)
        pose = se3(rotation, rotation @ [x, across, z])
        local = transform(inverse(pose), points)
        opening = gripper.contact_opening(local)
        depth = float((local[:, 0].min() + local[:, 0].max()) / 2)
        terms = {
            "narrow": float(np.clip(1.0 - opening / 1.3, 0.0, 1.0)),
            "deep": float(hold),
            "central": _central(target.points, pose),
            "antipodal": _antipodal(target.normals[part] @ rotation[:, 2], local[:, 2]),
            "bisected": 2.0 * share,
            "upright": float(-approach[2]),
        }
        score = sum(WEIGHTS[name] * value for name, value in terms.items())
        yield Grasp(
            pose, approach, float(high - low), opening, 0.0, depth, tilt, float(score), terms
        )


def _central(points: Array, pose: Array) -> float:
    """1 where the pads meet the object at its middle, seen along the closing direction."""
    offset = transform(inverse(pose), points.mean(0)) - [0.13, 0.0, 0.0]
    return float(np.exp(-np.hypot(offset[0], offset[1]) / 0.03))


def _antipodal(facing: Array, between: Array) -> float:
    """Mean |normal . closing| of the worse of the two sides that the jaws touch."""
    sides = between < between.min() + 0.006, between > between.max() - 0.006
    return float(min(np.abs(facing[side]).mean() for side in sides))


def _with_room(grasp: Grasp, target: _Target, config: GraspConfig) -> tuple[Grasp | None, str]:
    """The grasp with the smallest opening that has room all the way, or what is in its way."""
    at_contact = transform(inverse(grasp.pose), target.points)
    if gripper.contact_opening(at_contact) > grasp.opening + 0.1:
        return None, "the moving jaw meets another part of the object first"
    T = inverse(grasp.open_pose(config.jaw_clearance))
    own, others = transform(T, target.points), transform(T, target.others)
    backward = -config.approach_distance * (T[:3, :3] @ grasp.approach)[[0, 2]]
    first = grasp.opening + 0.1
    for preopening in np.arange(first, max(gripper.MAX_OPENING, first + 0.01), 0.1):
        still = gripper.gripper(preopening)
        swept = tuple(replace(prism, sweep=(backward[0], backward[1])) for prism in still)
        if gripper.clearance(swept[1:], own) < 0.6 * config.jaw_clearance:
            continue
        if gripper.clearance(swept[:1], own) < 0.003:
            return None, "the palm meets the object"
        if _lowest(grasp, preopening, config) < target.table_z + config.table_clearance:
            return None, "a jaw meets the table"
        moved = others - [0.0, 0.0, config.jaw_clearance]
        closed = gripper.gripper(grasp.opening)
        if (
            gripper.clearance(swept, others) < config.scene_clearance
            or gripper.clearance((*still, *closed), moved) < config.scene_clearance
        ):
            return None, "something else is in the way"
        return replace(grasp, preopening=float(preopening)), ""
    return None, "the jaws cannot open wide enough"


def _lowest(grasp: Grasp, preopening: float, config: GraspConfig) -> float:
    """Lowest z of the jaws, open and touching, in m."""
    prisms = (*gripper.gripper(preopening), *gripper.moving_jaw(grasp.opening))
    corners = np.concatenate([prism.corners() for prism in prisms])
    poses = (grasp.pose, grasp.open_pose(config.jaw_clearance))
    return float(min(transform(pose, corners)[:, 2].min() for pose in poses))


def _reason(target: _Target, refused: Counter[str], config: GraspConfig) -> str:
    """What was refused, in one line."""
    if refused:
        return ", ".join(f"{problem} ({count})" for problem, count in refused.most_common())
    size = np.ptp(target.points, axis=0) * 100
    return (
        f"no part of the object ({size[0]:.0f} x {size[1]:.0f} x {size[2]:.0f} cm) is narrower "
        f"than {config.max_width * 100:.1f} cm and high enough to hold"
    )
