"""Objects on the simulated table, with names and poses, drawn by seed or placed by a user.

World frame: z up, floor at z = 0, the robot starts at the origin and looks along +x. The poses
here are where objects are put; physics lets them settle (`m3_ros.sim.world`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from m3_ros.errors import UsageError
from m3_ros.geometry import planar_pose
from m3_ros.sim.mesh_object import MeshModel
from m3_ros.sim.objects import CATEGORIES, COLORS, ObjectModel, make_object
from m3_ros.types import Array

# The table of mjcf/scene.xml, m; a test compares them.
TABLE_HEIGHT = 0.50  # of the top
TABLE_X = (0.55, 1.20)  # near and far edge
TABLE_Y = (-0.60, 0.60)
REACHABLE = ((0.62, 0.78), (-0.15, 0.15))  # x and y in which the arm grasps without driving, m
REGION = ((0.61, 0.88), (-0.30, 0.30))  # x and y in which up to 12 objects stand, m
OBJECT_SPACING = 0.035
"""Free space between objects that `place` tries first, m: sets how crowded scenes are."""


@dataclass(frozen=True, eq=False)
class SceneObject:
    """An object in a scene.

    Attributes:
        name: unique in the scene: the label, numbered when it occurs again ("red mug 2").
        label: "<color> <category>", or the name of a user's object.
        model: shape, mass, friction.
        pose: `T_world_object [4, 4]`, the origin on its resting plane.
    """

    name: str
    label: str
    model: ObjectModel | MeshModel
    pose: Array


@dataclass(frozen=True, eq=False)
class TableScene:
    """A table with objects; `seed` draws textures and lights."""

    objects: tuple[SceneObject, ...]
    seed: int


def label_of(category: str, color: str) -> str:
    """Return the label of an object: "red mug", "yellow bath duck"."""
    return f"{color} {'bath duck' if category == 'duck' else category}"


def parse_label(label: str) -> tuple[str, str]:
    """Return category and colour of a label such as "red mug" or "yellow bath duck".

    Raises:
        ValueError: the colour or the category is not one of the simulation's.
    """
    color, _, category = label.strip().lower().partition(" ")
    category = "duck" if category in ("bath duck", "rubber duck") else category
    if color not in COLORS or category not in CATEGORIES:
        raise UsageError(
            f"object {label!r} must be '<color> <category>' with a color of {', '.join(COLORS)} "
            f"and a category of {', '.join(CATEGORIES)}"
        )
    return category, color


def numbered(labels: Sequence[str]) -> list[str]:
    """Return unique names: "red mug", "red mug 2", "red mug 3"."""
    return [
        label if (count := labels[: i + 1].count(label)) == 1 else f"{label} {count}"
        for i, label in enumerate(labels)
    ]


def random_scene(
    seed: int,
    count: int = 8,
    include: Sequence[str] = ("yellow bath duck",),
    exclude: Sequence[str] = (),
) -> TableScene:
    """Draw a scene: the `include`d objects within reach, others beside them, no two overlapping.

    Args:
        seed: the same seed and arguments always give the same scene.
        count: number of objects, included ones among them.
        include: labels of objects that must be there.
        exclude: labels of objects that must not.

    Raises:
        ValueError: unknown label, more included objects than `count`, or no room for all.
    """
    if len(include) > count:
        raise UsageError(f"count = {count}: it must be at least the {len(include)} included")
    rng = np.random.default_rng([seed, 1])
    kinds = [parse_label(label) for label in include]
    barred = {parse_label(label) for label in exclude} | set(kinds)
    pairs = [(category, color) for category in CATEGORIES for color in COLORS]
    free = [pair for pair in pairs if pair not in barred]
    for category in rng.permutation(sorted({category for category, _ in free})):
        if len(kinds) == count:
            break
        colors = [color for other, color in free if other == category]
        kinds.append((str(category), colors[rng.integers(len(colors))]))
    if len(kinds) < count:
        raise UsageError(f"count = {count}: it must be at most {len(kinds)}, one per category")
    models = [
        make_object(category, color, int(rng.integers(2**31)), split="eval")
        for category, color in kinds
    ]
    wide = 0.30 * max(1.0, count / 12.0)
    regions = [REACHABLE if i < len(include) else (REGION[0], (-wide, wide)) for i in range(count)]
    poses = place(models, rng, regions)
    labels = [label_of(category, color) for category, color in kinds]
    names = numbered(labels)
    objects = zip(names, labels, models, poses, strict=True)
    return TableScene(tuple(SceneObject(*parts) for parts in objects), seed)


def footprint(model: ObjectModel | MeshModel, pose: Array) -> Array:
    """Return corners `[4, 2]` (m, world x and y) of the box around an object at a pose."""
    half = model.size[:2] / 2.0
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * half
    return corners @ pose[:2, :2].T + pose[:2, 3]


def free_space(a: Array, b: Array) -> float:
    """Return the widest gap (m) between rectangles `[4, 2]` along an edge; negative: overlap.

    Separating axis theorem; beyond `OBJECT_SPACING` the gap of the circumscribed circles, a lower
    bound.
    """
    (ax, ay), (bx, by) = (a[0] + a[2]) / 2.0, (b[0] + b[2]) / 2.0
    radii = math.dist(a[0], a[2]) / 2.0 + math.dist(b[0], b[2]) / 2.0
    if (apart := math.hypot(ax - bx, ay - by) - radii) > OBJECT_SPACING:
        return apart
    edges = np.concatenate([a[:2] - a[1:3], b[:2] - b[1:3]])
    axes = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    along_a, along_b = a @ axes.T, b @ axes.T
    gaps = np.maximum(along_b.min(0) - along_a.max(0), along_a.min(0) - along_b.max(0))
    return float(gaps.max())


def place(
    models: Sequence[ObjectModel | MeshModel],
    rng: np.random.Generator,
    regions: Sequence[tuple[tuple[float, float], tuple[float, float]]],
    taken: Sequence[Array] = (),
) -> list[Array]:
    """Draw poses `T_world_object [4, 4]` upright on the table, clear of each other.

    Args:
        models: of the objects, in the order in which they are placed.
        rng: source of randomness.
        regions: x and y interval of each origin in m.
        taken: rectangles `[4, 2]` in m that are occupied.

    Raises:
        ValueError: there is no room.
    """
    for gap in np.linspace(OBJECT_SPACING, 0.002, 12):
        for _ in range(3):
            poses = _try_to_place(models, rng, regions, list(taken), float(gap))
            if poses is not None:
                return poses
    raise UsageError(f"{len(models)} objects must fit the table region x, y {regions[-1]} m")


def _try_to_place(
    models: Sequence[ObjectModel | MeshModel],
    rng: np.random.Generator,
    regions: Sequence[tuple[tuple[float, float], tuple[float, float]]],
    taken: list[Array],
    gap: float,
) -> list[Array] | None:
    poses = []
    for model, (range_x, range_y) in zip(models, regions, strict=True):
        for _ in range(40):
            yaw = rng.uniform(-np.pi, np.pi)
            pose = planar_pose(rng.uniform(*range_x), rng.uniform(*range_y), yaw, TABLE_HEIGHT)
            corners = footprint(model, pose)
            on_table = corners[:, 0].min() > TABLE_X[0] + 0.01
            if on_table and all(free_space(corners, other) > gap for other in taken):
                break
        else:
            return None
        taken.append(corners)
        poses.append(pose)
    return poses
