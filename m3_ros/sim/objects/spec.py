"""Objects as MuJoCo bodies: geoms, meshes, materials and contact settings."""

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from m3_ros.sim.objects.model import ObjectModel, Part, bounds

_GEOM = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
}
_PATTERN_SIZE = 64
ROLLING_FRICTION = 0.001
"""Coefficient of rolling friction as MuJoCo counts it, m: with it balls and eggs come to rest."""


def pattern_texture(pattern: str, seed: int = 0) -> NDArray[np.uint8]:
    """Return a grey image `[6 s, s, 3]` (a cube map's faces) that darkens a colour in places."""
    rng = np.random.default_rng(seed)
    n = _PATTERN_SIZE
    if pattern == "speckled":
        grey = np.where(rng.random((6 * n, n)) < 0.06, 0.55, 1.0)
        grey = np.minimum(grey, np.roll(grey, 1, 0))
    elif pattern == "mottled":
        coarse = rng.random((6 * n // 8, n // 8))
        grey = 0.78 + 0.22 * np.kron(coarse, np.ones((8, 8)))
        for axis in (0, 1):
            for step in (1, 2):
                grey = (grey + np.roll(grey, step, axis) + np.roll(grey, -step, axis)) / 3
    else:  # grain
        rows = np.repeat(rng.random((6 * n, 1)), n, 1)
        grey = 0.75 + 0.25 * rows
    return np.repeat((255 * grey).astype(np.uint8)[..., None], 3, -1)


def _material(spec: mujoco.MjSpec, part: Part, name: str, shine: float) -> str:
    """Add a part's material (and, once per spec, its pattern's texture)."""
    material = spec.add_material(
        name=name, rgba=part.rgba, specular=shine, shininess=0.3 + 0.4 * shine, reflectance=0.0
    )
    if part.pattern != "plain":
        texture = f"pattern_{part.pattern}"
        if spec.texture(texture) is None:
            image = spec.add_texture(
                name=texture,
                type=mujoco.mjtTexture.mjTEXTURE_CUBE,
                width=_PATTERN_SIZE,
                height=6 * _PATTERN_SIZE,
                nchannel=3,
            )
            image.data = pattern_texture(part.pattern).tobytes()
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture
    return name


def add_object(
    spec: mujoco.MjSpec,
    model: ObjectModel,
    pos: ArrayLike = (0, 0, 0),
    quat: ArrayLike = (1, 0, 0, 0),
    free: bool = True,
    *,
    name: str | None = None,
    collide: bool = True,
) -> "mujoco.MjsBody":
    """Add an object to a scene.

    Args:
        spec: the scene being built.
        model: the object.
        pos: `[3]` where its resting plane's middle goes, metres, world.
        quat: `[4]` wxyz.
        free: give it a free joint (otherwise it is fixed).
        name: name of the body; the object's name unless given. Must be unique in the spec.
        collide: False leaves it without contacts (for rendering only).

    Returns:
        The new body. Its geoms win contact parameters (priority 1) with stiff, non-creeping
        settings for grasping.
    """
    name = model.name if name is None else name
    body = spec.worldbody.add_body(name=name, pos=np.asarray(pos), quat=np.asarray(quat))
    if free:
        body.add_freejoint(name=f"{name} joint")
    solid = bounds([part for part in model.parts if part.collide])
    body.explicitinertial = True
    body.mass = model.mass
    body.ipos = solid.mean(axis=0)  # of what touches the table, not of a cable or a handle
    a, b, c = (solid[1] - solid[0]) ** 2
    body.inertia = np.maximum(np.array([b + c, a + c, a + b]) * model.mass / 12, 1e-6)
    shine = model.shine
    for index, part in enumerate(model.parts):
        label = f"{name} {index}"
        geom = body.add_geom(
            name=label,
            type=_GEOM[part.shape],
            pos=part.position,
            quat=part.quaternion,
            material=_material(spec, part, label, shine),
            friction=[model.friction, 0.01, ROLLING_FRICTION],
            condim=6,  # with rolling friction, or balls and eggs never rest
            priority=1,
            solref=[0.005, 1],
            solimp=[0.95, 0.99, 0.001, 0.5, 2],
            contype=int(part.collide and collide),
            conaffinity=int(part.collide and collide),
        )
        if part.vertices is None:
            geom.size[: len(part.size)] = part.size
        else:
            spec.add_mesh(
                name=label,
                uservert=part.vertices.ravel(),
                userface=part.faces.ravel(),
                inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
            )
            geom.meshname = label
    return body
