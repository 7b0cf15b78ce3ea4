"""Registration: bring a memory from its own coordinates into the robot's frame.

A memory built from COLMAP's poses has an arbitrary frame and scale. Corresponding points, for
instance the centres of the same cameras in both frames, determine the similarity between them (the
factor COLMAP0_T_c0 in Eq. 3 of the M3 paper, with a scale). The memory itself is transformed, so
that no other stage needs to know.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from msgspec import UNSET

from m3_ros.capture.frame import check_pose
from m3_ros.capture.transforms_file import TransformsFile
from m3_ros.errors import DataError
from m3_ros.geometry import OPENGL_FROM_OPENCV, se3, split_similarity, transform, umeyama
from m3_ros.memory.queries import View
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.schema import MAX_LENGTH, read_json, read_lines
from m3_ros.splat.scale import NOMINAL_DISTANCE
from m3_ros.types import Array

logger = logging.getLogger(__name__)

MAX_RESIDUAL = 0.05
"""Root-mean-square residual relative to the points' spread. An error of this share turns the
memory by about as many radians, which moves a target by 15 mm, the default `grasp.jaw_clearance`,
at the default `grasp.scan_radius` of 0.3 m."""
SAME_STAMP = 0.0005
"""Difference, s, below which stamps are equal: a twentieth of a frame at 90 Hz, the D405's
fastest."""
ON_A_LINE = 1e-6
"""Ratio of the second to the first principal spread below which points are on one line: above the
rounding error of float32 coordinates."""


@dataclass(frozen=True, eq=False)
class Registration:
    """Similarity between two frames, and how well the points fit it.

    Attributes:
        similarity: `[4, 4]` from the memory's frame to the robot's; scale x rotation, translation.
        residuals: Distances `[n]` of the transformed points to their partners, m.
        spread: Root-mean-square extent of the points across their main axis, m.
    """

    similarity: Array
    residuals: Array
    spread: float

    @property
    def rms(self) -> float:
        """Root-mean-square residual, m."""
        return float(np.sqrt(np.square(self.residuals).mean()))


def register(memory_points: Array, robot_points: Array, names: Sequence[str]) -> Registration:
    """Estimate the similarity that maps points of the memory onto points of the robot's frame.

    Args:
        memory_points: `[n, 3]`, n >= 3, in the memory's units.
        robot_points: The same points `[n, 3]` in the robot's frame, m.
        names: Names of the points, for error messages.

    Raises:
        ValueError: Fewer than three points, one that is not finite, points on one line, or points
            that do not fit.
    """
    if len(names) < 3:
        raise DataError(f"registration needs at least three common points, got {len(names)}")
    for frame, points in (("the memory", memory_points), ("the robot's frame", robot_points)):
        infinite = np.flatnonzero(~np.isfinite(points).all(1))
        if len(infinite):
            raise DataError(f"the coordinates in {frame} of {names[infinite[0]]} must be finite")
        first, second, _ = _spreads(points)
        if second <= ON_A_LINE * first:
            raise DataError(
                f"the {len(points)} points lie on one line in {frame}, so the rotation about it "
                "is unknown; add a point beside the line"
            )
    similarity = umeyama(memory_points, robot_points)
    residuals = np.linalg.norm(transform(similarity, memory_points) - robot_points, axis=1)
    result = Registration(similarity, residuals, second)
    if result.rms > MAX_RESIDUAL * second:
        worst = int(residuals.argmax())
        raise DataError(
            f"the points do not fit each other: their rms residual {result.rms:.4f} m is "
            f"{result.rms / second:.0%} of their spread {second:.4f} m across their main axis, at "
            f"most {MAX_RESIDUAL:.0%} is allowed; {names[worst]} is off most, by "
            f"{residuals[worst]:.4f} m: check it, or use points farther apart"
        )
    return result


def transform_memory(memory: SpatialMemory, similarity: Array, frame_id: str) -> SpatialMemory:
    """Return the memory in another frame: its Gaussians, keyframe poses and frame name.

    Args:
        memory: A memory in any frame.
        similarity: `[4, 4]` from its frame to `frame_id`.
        frame_id: Name of the new frame.
    """
    scale, rotation, _ = split_similarity(similarity)
    views = tuple(
        replace(
            view,
            camtoworld=se3(
                rotation @ view.camtoworld[:3, :3], transform(similarity, view.camtoworld[:3, 3])
            ),
        )
        for view in memory.views
    )
    return replace(
        memory,
        gaussians=memory.gaussians.transformed(similarity),
        views=views,
        frame_id=frame_id,
        working_distance=scale * memory.working_distance,
    )


def without_distant(memory: SpatialMemory) -> SpatialMemory:
    """Return a memory without Gaussians beyond `MAX_LENGTH`, if its lengths are metres.

    Structure from motion puts a few of its points anywhere along their rays.
    """
    near = memory.gaussians.means.abs().amax(1) <= MAX_LENGTH
    if not memory.metric or near.all():
        return memory
    logger.warning(
        "%d of %d Gaussians lie farther out than %.0f m and are left out",
        int((~near).sum()), len(near), MAX_LENGTH,
    )  # fmt: skip
    models = {
        name: replace(model, queries=model.queries[near], reliability=model.reliability[near])
        for name, model in memory.models.items()
    }
    return replace(memory, gaussians=memory.gaussians.select(near), models=models)


def at_nominal_scale(memory: SpatialMemory) -> SpatialMemory:
    """Return the memory with its working distance at the nominal one."""
    return scaled(memory, NOMINAL_DISTANCE / memory.working_distance)


def scaled(memory: SpatialMemory, factor: float) -> SpatialMemory:
    """Return the memory with all lengths times `factor`."""
    return transform_memory(memory, np.diag([factor, factor, factor, 1.0]), memory.frame_id)


def shared_cameras(views: Sequence[View], path: Path) -> tuple[Array, Array, list[str]]:
    """Match a memory's keyframes with posed images of a file, by file name, else by stamp.

    Args:
        views: The memory's keyframes.
        path: A `transforms.json` (nerfstudio: OpenGL camera axes) in the robot's frame, m.

    Returns:
        Poses `[n, 4, 4]` of the common cameras in the memory's frame and in the robot's, and
        their names. Names that occur once in both are used if there are three of them (COLMAP has
        no stamps), else stamps.

    Raises:
        ValueError: The file is no `transforms.json`, or a pose is not rigid.
    """
    names, stamps, poses = _read_poses(path)
    own = [Path(view.name).name for view in views]
    common = {name for name in names if names.count(name) == own.count(name) == 1}
    pairs = [(i, names.index(name)) for i, name in enumerate(own) if name in common]
    if len(pairs) < 3:
        differences = np.abs(np.array([view.stamp for view in views])[:, None] - stamps)
        pairs = np.argwhere(differences < SAME_STAMP).tolist()
    ours = np.array([views[i].camtoworld for i, _ in pairs]).reshape(-1, 4, 4)
    theirs = np.array([poses[j] for _, j in pairs]).reshape(-1, 4, 4)
    return ours, theirs, [names[j] for _, j in pairs]


def read_pairs(path: Path) -> Array:
    """Read point pairs `[n, 6]` of a text file: x y z in the memory, x y z in the robot's frame.

    Numbers are separated by spaces or commas; `#` starts a comment.

    Raises:
        DataError: The file cannot be read, or a line does not hold six finite numbers.
    """
    rows = []
    for number, line in enumerate(read_lines(path, DataError), 1):
        words = line.split("#")[0].replace(",", " ").split()
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = [np.nan]
        if row and (len(row) != 6 or not np.isfinite(row).all()):
            raise DataError(
                f"{path}, line {number}: {line.strip()!r} must be six numbers, x y z in the "
                "memory and x y z in the robot's frame"
            )
        if row:
            rows.append(row)
    return np.array(rows).reshape(-1, 6)


def _read_poses(path: Path) -> tuple[list[str], Array, Array]:
    """Return names, stamps `[m]` (NaN: none) and poses `[m, 4, 4]`, OpenCV axes, of a file."""
    content = read_json(path, TransformsFile, DataError)
    entries = [] if content.frames is UNSET else [frame.given() for frame in content.frames]
    if not entries or any("transform_matrix" not in entry for entry in entries):
        raise DataError(f"{path} is no transforms.json, whose frames have transform_matrix")
    files = [entry.get("source_name", entry.get("file_path", "")) for entry in entries]
    stamps = np.array([entry.get("stamp", np.nan) for entry in entries])
    poses = [np.array(entry["transform_matrix"], np.float64) for entry in entries]
    for index, pose in enumerate(poses):
        check_pose(f"{path} frames[{index}].transform_matrix", pose)
    poses = np.array(poses).reshape(-1, 4, 4) @ OPENGL_FROM_OPENCV
    return [Path(file).name for file in files], stamps, poses


def _spreads(points: Array) -> Array:
    """Return the root-mean-square extents `[3]` of points `[n, 3]` along their principal axes."""
    centred = points - points.mean(0)
    return np.linalg.svd(centred, compute_uv=False)[:3] / np.sqrt(len(points))
