"""Reader of scene.yaml: a user's own objects beside simulated ones.

seed: 3                        # of surfaces, lights and random poses
include: [yellow bath duck]    # simulated objects "<color> <category>", placed at random
objects:                       # your own; see `MeshSettings` for every field
  - name: toy dinosaur
    mesh: dinosaur.obj
    texture: dinosaur.png      # or `color: [0.2, 0.6, 0.3]`; left out: what the mesh brings along
    scale: 0.001               # the mesh is in millimetres
    mass: 0.08
    pose: [0.70, -0.10, 1.57]  # x, y, yaw; left out: random
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from m3_ros.geometry import planar_pose
from m3_ros.settings import ConfigError, Stage, from_dict, read_yaml, setting
from m3_ros.sim.mesh_object import MeshModel, MeshSettings, load_mesh
from m3_ros.sim.objects import make_object
from m3_ros.sim.scene import (
    REGION,
    TABLE_HEIGHT,
    TABLE_X,
    TABLE_Y,
    SceneObject,
    TableScene,
    footprint,
    label_of,
    numbered,
    parse_label,
    place,
)
from m3_ros.types import Array


@dataclass(frozen=True)
class SceneSettings(Stage):
    """Top level of scene.yaml, without `objects`."""

    seed: int = setting(0, "seed of surfaces, lights and random poses", "", 0)
    include: tuple[str, ...] = setting((), "simulated objects")


def load_scene(path: str | Path) -> TableScene:
    """Read a scene file.

    Raises:
        ConfigError: the file is missing or not YAML, or a field breaks its rule; the message
            names file, entry, field, value and rule.
    """
    path = Path(path)
    content = read_yaml(path, "scene file")
    if not isinstance(content, dict) or not isinstance(content.get("objects", []), list):
        raise ConfigError(f"scene file {path}: it must be a mapping, its objects a list")
    entries = content.pop("objects", [])
    try:
        settings = from_dict(SceneSettings, content, "scene")
        own = [_own_object(i, entry, path.parent) for i, entry in enumerate(entries)]
        return _arrange(settings, own)
    except ValueError as error:
        raise ConfigError(f"scene file {path}: {error}") from error


def _own_object(index: int, entry: dict, folder: Path) -> tuple[MeshSettings, MeshModel]:
    try:
        settings = from_dict(MeshSettings, entry, "object")
        if not settings.name.strip():
            raise ConfigError(f"name = {settings.name!r}: it must not be empty")
        if len(settings.pose) not in (0, 3):
            raise ConfigError(f"pose = {settings.pose}: it must have 3 numbers: x, y, yaw")
        if settings.pose:
            for axis, value, (low, high) in zip(
                "xy", settings.pose, (TABLE_X, TABLE_Y), strict=False
            ):
                if not low <= value <= high:
                    raise ConfigError(f"pose {axis} = {value}: it must be {low} .. {high} m")
        return settings, load_mesh(settings, folder)
    except ConfigError as error:
        raise ConfigError(f"objects[{index}]: {error}") from error


def _arrange(settings: SceneSettings, own: list[tuple[MeshSettings, MeshModel]]) -> TableScene:
    """Place objects with a pose first, then all others at random around them."""
    rng = np.random.default_rng([settings.seed, 1])
    kinds = [parse_label(label) for label in settings.include]
    simulated = [
        (label_of(*kind), make_object(*kind, int(rng.integers(2**31)), split="eval"))
        for kind in kinds
    ]
    items = [(label, model, None) for label, model in simulated]
    items += [(entry.name, model, _pose(entry)) for entry, model in own]
    if not items:
        raise ConfigError("include and objects: at least one object must be given")
    taken = [footprint(model, pose) for _, model, pose in items if pose is not None]
    models = [model for _, model, pose in items if pose is None]
    poses = iter(place(models, rng, [REGION] * len(models), taken))
    labels = [label for label, _, _ in items]
    return TableScene(
        tuple(
            SceneObject(name, label, model, next(poses) if pose is None else pose)
            for name, (label, model, pose) in zip(numbered(labels), items, strict=True)
        ),
        settings.seed,
    )


def _pose(entry: MeshSettings) -> Array | None:
    return planar_pose(*entry.pose, TABLE_HEIGHT) if entry.pose else None
