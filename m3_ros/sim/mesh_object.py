"""A user's own object: a mesh with a texture, weighed and put into the simulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import mujoco
import numpy as np
import trimesh
from numpy.typing import NDArray

from m3_ros.settings import ConfigError, Stage, setting
from m3_ros.sim.objects.spec import ROLLING_FRICTION

SIZE_RULE = (0.005, 0.5)  # extents that stand on the table, m
PLAIN = (0.7, 0.7, 0.7, 1.0)


@dataclass(frozen=True)
class MeshSettings(Stage):
    """One entry of `objects` in scene.yaml."""

    name: str = setting("", "what a person calls it")
    mesh: str = setting("", "OBJ, PLY, STL or GLB file, beside scene.yaml or absolute")
    texture: str = setting("", "PNG or JPEG for the mesh's texture coordinates")
    scale: float = setting(1.0, "metres per unit of the mesh", "", 1e-6, 1e3)
    up: str = setting("z", "axis of the mesh that points up", choices=("y", "z"))
    mass: float = setting(0.1, "mass", "kg", 0.001, 10.0)
    friction: float = setting(0.7, "sliding friction", "", 0.01, 3.0)
    pose: tuple[float, ...] = setting((), "x y (m) yaw (rad) on the table; random when absent")


@dataclass(frozen=True, eq=False)
class MeshModel:
    """A textured mesh; its frame's origin is the middle of its bounding box's bottom, z up.

    Attributes:
        vertices, faces: `[V, 3]` m and `[F, 3]`.
        texcoords: `[V, 2]`, v upwards, or None.
        texture: `[H, W, 3]` uint8 RGB, or None.
        mass: kg.
        friction: sliding friction coefficient.
        size: `[3]` extents in m.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    texcoords: NDArray[np.float64] | None
    texture: NDArray[np.uint8] | None
    mass: float
    friction: float
    size: NDArray[np.float64]


def load_mesh(settings: MeshSettings, folder: Path) -> MeshModel:
    """Read a user's mesh and texture.

    Args:
        settings: the entry of scene.yaml.
        folder: what its relative paths are relative to.

    Raises:
        ConfigError: a file is missing or unreadable, or the scaled size breaks its rule.
    """
    path = folder / settings.mesh
    if not settings.mesh or not path.is_file():
        raise ConfigError(f"mesh = {settings.mesh!r}: it must be a file; {path} is none")
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
    except Exception as error:  # trimesh raises whatever its readers raise
        raise ConfigError(f"mesh = {settings.mesh!r} cannot be read: {error}") from error
    if len(mesh.faces) == 0:
        raise ConfigError(f"mesh = {settings.mesh!r}: it must have faces")
    vertices = np.asarray(mesh.vertices, np.float64) * settings.scale
    if settings.up == "y":
        vertices = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=-1)
    low, high = vertices.min(0), vertices.max(0)
    size = high - low
    if not (size.max() <= SIZE_RULE[1] and size.max() >= SIZE_RULE[0]):
        extents = " x ".join(f"{extent:.4g}" for extent in size)
        raise ConfigError(
            f"scale = {settings.scale}: the object is {extents} m; "
            f"its largest extent must be {SIZE_RULE[0]} .. {SIZE_RULE[1]} m"
        )
    texcoords, texture = _surface(mesh, settings, folder)
    origin = np.array([(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0, low[2]])
    faces = np.asarray(mesh.faces, np.int32)
    return MeshModel(
        vertices - origin, faces, texcoords, texture, settings.mass, settings.friction, size
    )


def _surface(
    mesh: trimesh.Trimesh, settings: MeshSettings, folder: Path
) -> tuple[NDArray[np.float64] | None, NDArray[np.uint8] | None]:
    """Texture coordinates `[V, 2]` and image `[H, W, 3]` of a mesh, None without a texture."""
    texcoords = getattr(mesh.visual, "uv", None)
    if not settings.texture:
        image = getattr(getattr(mesh.visual, "material", None), "image", None)
        image = None if image is None else np.asarray(image.convert("RGB"))
        return (texcoords, image) if image is not None and texcoords is not None else (None, None)
    path = folder / settings.texture
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None:
        raise ConfigError(f"texture = {settings.texture!r}: it must be a picture; {path} is none")
    if texcoords is None:
        raise ConfigError(
            f"texture = {settings.texture!r}: mesh {settings.mesh!r} must have texture coordinates"
        )
    return texcoords, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def add_mesh(
    spec: mujoco.MjSpec,
    model: MeshModel,
    pos: NDArray[np.float64],
    quat: NDArray[np.float64],
    name: str,
) -> None:
    """Put a mesh object into a scene as a free body; it collides by its convex hull."""
    body = spec.worldbody.add_body(name=name, pos=pos, quat=quat)
    body.add_freejoint(name=f"{name} joint")
    mesh = spec.add_mesh(
        name=name,
        uservert=model.vertices.ravel(),
        userface=model.faces.ravel(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX,
    )
    material = spec.add_material(name=name, rgba=PLAIN, specular=0.2, shininess=0.3)
    if model.texture is not None:
        mesh.usertexcoord = model.texcoords.ravel()
        image = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
        image.height, image.width, image.nchannel = model.texture.shape
        image.data = np.flipud(model.texture).tobytes()  # MuJoCo's v points down
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
        material.rgba = [1.0, 1.0, 1.0, 1.0]
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname=name,
        material=name,
        mass=model.mass,
        friction=[model.friction, 0.01, ROLLING_FRICTION],
        condim=6,
        priority=1,
        solref=[0.005, 1.0],
        solimp=[0.95, 0.99, 0.001, 0.5, 2.0],
    )
