"""A user's own object: a mesh with texture or colours, mass and friction."""

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
from m3_ros.types import Array

SIZE_RULE = (0.005, 0.5)  # extents that stand on the table, m


@dataclass(frozen=True)
class MeshSettings(Stage):
    """One entry of `objects` in scene.yaml."""

    name: str = setting("", "what a person calls it")
    mesh: str = setting("", "OBJ, PLY, STL or GLB file, beside scene.yaml or absolute")
    texture: str = setting("", "PNG or JPEG for the mesh's texture coordinates")
    color: tuple[float, ...] = setting((), "red, green, blue, 0 .. 1, in place of the mesh's own")
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
        texcoords: `[T, 2]`, v upwards.
        face_texcoords: `[F, 3]`, which of them a face's corners have.
        texture: `[H, W, 3]` uint8 RGB.
        mass: kg.
        friction: sliding friction coefficient.
        size: `[3]` extents in m.
    """

    vertices: Array
    faces: NDArray[np.int32]
    texcoords: Array
    face_texcoords: NDArray[np.int32]
    texture: NDArray[np.uint8]
    mass: float
    friction: float
    size: Array


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
    faces = np.asarray(mesh.faces, np.int32)
    if settings.color:
        surface = _colored(np.tile(_own_color(settings), (len(faces), 1)))
    else:
        surface = _textured(mesh, settings, folder) or _colored(_face_colors(mesh))
    origin = np.array([(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0, low[2]])
    return MeshModel(vertices - origin, faces, *surface, settings.mass, settings.friction, size)


Surface = tuple[Array, NDArray[np.int32], NDArray[np.uint8]]
"""`texcoords`, `face_texcoords` and `texture` of `MeshModel`."""


def _textured(mesh: trimesh.Trimesh, settings: MeshSettings, folder: Path) -> Surface | None:
    """Return the texture that the user named, or the mesh's own; None without one."""
    texcoords = getattr(mesh.visual, "uv", None)
    if settings.texture:
        path = folder / settings.texture
        data = np.fromfile(path, np.uint8) if path.is_file() else np.zeros(0, np.uint8)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if bgr is None:
            raise ConfigError(
                f"texture = {settings.texture!r}: it must be a picture; {path} is none"
            )
        if texcoords is None:
            raise ConfigError(
                f"texture = {settings.texture!r}: "
                f"mesh {settings.mesh!r} must have texture coordinates"
            )
        return texcoords, np.asarray(mesh.faces, np.int32), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    material = getattr(mesh.visual, "material", None)
    image = getattr(material, "image", None) or getattr(material, "baseColorTexture", None)
    if image is None or texcoords is None:
        return None
    return texcoords, np.asarray(mesh.faces, np.int32), np.asarray(image.convert("RGB"))


def _own_color(settings: MeshSettings) -> NDArray[np.uint8]:
    color = settings.color
    if settings.texture:
        raise ConfigError(f"color = {color}: there must be no texture beside it")
    if len(color) != 3 or not all(0.0 <= value <= 1.0 for value in color):
        raise ConfigError(f"color = {color}: it must have 3 numbers from 0 to 1")
    return np.round(255 * np.array(color)).astype(np.uint8)


def _face_colors(mesh: trimesh.Trimesh) -> NDArray[np.uint8]:
    """Return each face's colour `[F, 3]`: material, face, mean of its vertices, or grey."""
    if mesh.visual.kind == "texture":
        return np.tile(np.asarray(mesh.visual.material.main_color)[:3], (len(mesh.faces), 1))
    return mesh.visual.face_colors[:, :3]


def _colored(colors: NDArray[np.uint8]) -> Surface:
    """Return a texture with one texel for each of the faces' colours `[F, 3]`."""
    palette, index = np.unique(colors, axis=0, return_inverse=True)
    side = int(np.ceil(np.sqrt(len(palette))))
    texture = np.zeros((side * side, 3), np.uint8)
    texture[: len(palette)] = palette
    row, column = np.divmod(np.arange(len(palette)), side)
    texcoords = np.stack([column + 0.5, side - row - 0.5], axis=1) / side
    corners = np.repeat(index.reshape(-1, 1), 3, axis=1).astype(np.int32)
    return texcoords, corners, texture.reshape(side, side, 3)


def add_mesh(
    spec: mujoco.MjSpec,
    model: MeshModel,
    pos: Array,
    quat: Array,
    name: str,
) -> None:
    """Add a mesh object to a scene as a free body; it collides by its convex hull."""
    body = spec.worldbody.add_body(name=name, pos=pos, quat=quat)
    body.add_freejoint(name=f"{name} joint")
    spec.add_mesh(
        name=name,
        uservert=model.vertices.ravel(),
        userface=model.faces.ravel(),
        usertexcoord=model.texcoords.ravel(),
        userfacetexcoord=model.face_texcoords.ravel(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX,
    )
    image = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
    image.height, image.width, image.nchannel = model.texture.shape
    image.data = np.flipud(model.texture).tobytes()  # MuJoCo's v points down
    material = spec.add_material(name=name, rgba=[1.0] * 4, specular=0.2, shininess=0.3)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
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
