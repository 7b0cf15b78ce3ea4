"""Rendered views of an object or of several on a table, for `m3 bench encoder`.

The room is not that of the simulation, and not that of the compact encoder's training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import torch._dynamo  # noqa: F401  brings an LLVM; after the renderer's it would crash

from m3_ros.geometry import matrix_to_quat, rpy_to_matrix
from m3_ros.sim.mesh_object import MeshModel, add_mesh
from m3_ros.sim.objects import ObjectModel, add_object
from m3_ros.types import Image, Mask

WIDTH, HEIGHT = 640, 480
FIELD_OF_VIEW = 50.0  # vertical, degrees
FILL = 0.45
"""Diagonal of the objects' box as a share of the image's height, in views of one object."""
ELEVATIONS = (20.0, 60.0)  # of the camera, degrees
PLACES = ((-0.13, -0.09), (0.13, -0.09), (-0.13, 0.1), (0.13, 0.1), (0.0, 0.0))
"""Where objects stand on a table, m."""
TABLES = (
    (0.62, 0.47, 0.33),
    (0.55, 0.55, 0.55),
    (0.83, 0.81, 0.77),
    (0.33, 0.24, 0.17),
    (0.35, 0.42, 0.47),
)
"""Colours of tables: wood, grey, white, dark wood, slate."""


@dataclass(frozen=True)
class View:
    """An image `[H, W, 3]` and the pixels `[H, W]` of each object in it."""

    rgb: Image
    masks: tuple[Mask, ...]


def views(
    models: Sequence[ObjectModel | MeshModel], count: int, rng: np.random.Generator
) -> list[View]:
    """Return views of objects: one in the middle, several at `PLACES`."""
    spec = mujoco.MjSpec()
    spec.visual.global_.offwidth, spec.visual.global_.offheight = WIDTH, HEIGHT
    spec.visual.global_.fovy = FIELD_OF_VIEW
    spec.visual.map.znear, spec.stat.extent = 0.02, 1.0
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = [0.35] * 3, [0.25] * 3
    spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[2, 2, 0.02],
        pos=[0, 0, -0.02],
        rgba=[*TABLES[rng.integers(len(TABLES))], 1],
    )
    spec.worldbody.add_light(pos=[0.6, -0.5, 1.5], dir=[-0.4, 0.3, -1], diffuse=[0.55] * 3)
    places = PLACES if len(models) > 1 else ((0.0, 0.0),)
    for index, (model, (x, y)) in enumerate(zip(models, places, strict=False)):
        quat = matrix_to_quat(rpy_to_matrix([0, 0, rng.uniform(-np.pi, np.pi)]))
        place = np.array([x, y, 0.0])
        if isinstance(model, MeshModel):
            add_mesh(spec, model, place, quat, f"object {index}")
        else:
            add_object(spec, model, place, quat, name=f"object {index}", collide=False)
    compiled = spec.compile()
    data = mujoco.MjData(compiled)
    mujoco.mj_forward(compiled, data)
    with mujoco.Renderer(compiled, HEIGHT, WIDTH) as renderer:
        return [_view(compiled, data, renderer, models, rng) for _ in range(count)]


def _view(
    compiled: mujoco.MjModel,
    data: mujoco.MjData,
    renderer: mujoco.Renderer,
    models: Sequence[ObjectModel | MeshModel],
    rng: np.random.Generator,
) -> View:
    camera = mujoco.MjvCamera()
    camera.azimuth, camera.elevation = rng.uniform(0, 360), -rng.uniform(*ELEVATIONS)
    height = float(np.mean([model.size[2] for model in models]))
    camera.lookat[:] = [0, 0, height / 2]
    extent = float(np.linalg.norm(models[0].size))
    half = np.tan(np.radians(FIELD_OF_VIEW / 2))
    camera.distance = 0.55 if len(models) > 1 else extent / (2 * FILL * half)
    renderer.update_scene(data, camera)
    rgb = renderer.render().copy()
    renderer.enable_segmentation_rendering()
    hit = renderer.render()
    renderer.disable_segmentation_rendering()
    geom = np.where(hit[..., 1] == int(mujoco.mjtObj.mjOBJ_GEOM), hit[..., 0], -1)
    body = np.append(compiled.geom_bodyid, -1)[geom]
    ids = [compiled.body(f"object {index}").id for index in range(len(models))]
    return View(rgb, tuple(body == number for number in ids))
