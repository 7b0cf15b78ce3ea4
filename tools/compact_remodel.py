"""Variants of object models as other authors might make them: coarser, with fewer details."""

from dataclasses import replace

import numpy as np
import trimesh

from m3_ros.geometry import quat_to_matrix
from m3_ros.sim.objects.model import ObjectModel, Part, bounds

SIZE_SPREAD = 0.12
"""Standard deviation of the logarithm of the scale along each axis."""
TRUE_TO_SIZE = ("ball", "dice", "toy block", "egg", "tape roll")
"""Categories recognised by their proportions: scaled equally in all directions."""
TAPER_SPREAD, BEND_SPREAD = 0.15, 0.12
"""Standard deviations of the relative width of the top, and of its shift over the height."""
DETAIL_SHARE = 0.1
"""Details are parts of another colour with a box below this share of the object's."""


def remodel(model: ObjectModel, rng: np.random.Generator) -> ObjectModel:
    """Return a variant for rendering alone: meshes of few faces, bent, with fewer details."""
    low, high = bounds(model.parts)
    whole, bare = np.prod(high - low), rng.random() < 0.5
    kept = [
        part
        for part in model.parts
        if not (
            bare
            and part.tint != "main"
            and np.prod(np.ptp(part.bounds(), 0)) < DETAIL_SHARE * whole
        )
    ]
    coarse = int(rng.integers(1, 4))
    meshes = [_mesh(part, coarse, rng) for part in kept]
    bent = _bent(
        np.concatenate([mesh.vertices for mesh in meshes]), low, high, model.category, rng
    )
    bent -= [*bent[:, :2].mean(0), bent[:, 2].min()]
    ends = np.cumsum([len(mesh.vertices) for mesh in meshes])[:-1]
    parts = tuple(
        replace(
            part,
            shape="mesh",
            size=(),
            position=np.zeros(3),
            quaternion=np.array([1.0, 0.0, 0.0, 0.0]),
            vertices=vertices,
            faces=np.ascontiguousarray(mesh.faces, dtype=np.int32),
        )
        for part, mesh, vertices in zip(kept, meshes, np.split(bent, ends), strict=True)
    )
    return replace(model, parts=parts, size=np.ptp(bent, axis=0))


def _mesh(part: Part, coarse: int, rng: np.random.Generator) -> trimesh.Trimesh:
    """Return a part in the object's frame; `coarse` 1 to 3, more faces for higher values."""
    size = part.size
    sections = int(rng.integers(5, 9)) * coarse
    if part.vertices is not None:
        mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
    elif part.shape == "box":
        mesh = trimesh.creation.box(2.0 * np.array(size)).subdivide()
    elif part.shape == "cylinder":
        mesh = trimesh.creation.cylinder(size[0], 2.0 * size[1], sections)
    elif part.shape == "capsule":
        mesh = trimesh.creation.capsule(2.0 * size[1], size[0], (sections, sections))
        mesh.apply_translation(-mesh.bounds.mean(0))
    else:
        mesh = trimesh.creation.icosphere(coarse, 1.0)
        mesh.apply_scale(size if part.shape == "ellipsoid" else size[0])
    mesh.vertices = mesh.vertices @ quat_to_matrix(part.quaternion).T + part.position
    return mesh


def _bent(
    vertices: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    category: str,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return vertices `[V, 3]` of an object between two corners: stretched, tapered, leaning."""
    if category in TRUE_TO_SIZE:
        return vertices * np.exp(rng.normal(0.0, SIZE_SPREAD))
    stretched = vertices * np.exp(rng.normal(0.0, SIZE_SPREAD, 3))
    height = 2.0 * (vertices[:, 2] - low[2]) / max(high[2] - low[2], 1e-6) - 1.0
    stretched[:, :2] *= np.exp(rng.normal(0.0, TAPER_SPREAD) * height)[:, None]
    lean = rng.normal(0.0, BEND_SPREAD, 2) * (high[2] - low[2])
    stretched[:, :2] += lean * ((height + 1.0)[:, None] / 2.0) ** 2
    return stretched
