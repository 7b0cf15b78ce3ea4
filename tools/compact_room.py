"""Surroundings of the objects in training images: room, lights, gripper, distractors."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import matrix_to_quat, rpy_to_matrix
from m3_ros.sim.objects import COLORS
from m3_ros.sim.objects.catalog import shade

HIDDEN_POSITION = np.array([0.0, 0.0, -20.0])
"""Position of objects that an image does not show, m."""
COLOR_NAMES = list(COLORS)


def surface(rng: np.random.Generator, size: int = 128) -> NDArray[np.uint8]:
    """Draw a surface `[size, size, 3]`: plain, noise, grain, checks, stripes or blotches."""
    one, two = rng.uniform(0.1, 0.95, 3), rng.uniform(0.1, 0.95, 3)
    if rng.random() < 0.7:  # real tables are mostly pale, grey or wooden
        base = rng.choice(
            [(0.75, 0.58, 0.4), (0.6, 0.6, 0.6), (0.85, 0.83, 0.8), (0.4, 0.28, 0.18)]
        )
        one = np.clip(np.asarray(base) * rng.uniform(0.6, 1.2) + rng.normal(0, 0.04, 3), 0, 1)
        two = np.clip(one * rng.uniform(0.6, 1.3), 0, 1)
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    kind = rng.integers(6)
    if kind == 0:
        mix = np.zeros((size, size))
    elif kind == 1:
        mix = rng.random((size, size)) * rng.uniform(0.1, 0.6)
    elif kind == 2:
        mix = np.repeat(rng.random((size, 1)), size, 1) + 0.2 * np.sin(x / rng.uniform(5, 30))
    elif kind == 3:
        cell = int(rng.choice([8, 16, 32, 64]))
        mix = ((x // cell + y // cell) % 2).astype(float)
    elif kind == 4:
        mix = (
            np.sin((x * np.cos(a := rng.uniform(0, 3)) + y * np.sin(a)) / rng.uniform(2, 12)) > 0
        ) * 1.0
    else:
        cells = rng.random((8, 8))
        mix = np.kron(cells, np.ones((size // 8, size // 8)))
        for _ in range(3):
            mix = (mix + np.roll(mix, 5, 0) + np.roll(mix, 5, 1) + np.roll(mix, -5, 0)) / 4
    mix = np.clip(mix, 0, 1)[..., None]
    return (255 * np.clip(one * (1 - mix) + two * mix, 0, 1)).astype(np.uint8)


def add_room(spec: mujoco.MjSpec, rng: np.random.Generator) -> None:
    """Add table, floor, four walls, lights, a camera and a gripper before it."""
    for i in range(6):
        texture = spec.add_texture(
            name=f"surface {i}",
            type=mujoco.mjtTexture.mjTEXTURE_2D,
            width=128,
            height=128,
            nchannel=3,
        )
        texture.data = surface(rng).tobytes()
    for name in ("table", "floor", "wall"):
        material = spec.add_material(
            name=name, texrepeat=[3, 3], texuniform=True, reflectance=0.0, specular=0.2
        )
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "surface 0"
    world, cube = spec.worldbody, mujoco.mjtGeom.mjGEOM_BOX
    world.add_geom(
        name="table", type=cube, size=[0.6, 0.45, 0.02], pos=[0, 0, -0.02], material="table"
    )
    world.add_geom(name="floor", type=cube, size=[3, 3, 0.01], pos=[0, 0, -0.6], material="floor")
    for x, y in ((2, 0), (-2, 0), (0, 2), (0, -2)):
        world.add_geom(
            name=f"wall {x} {y}",
            type=cube,
            pos=[x, y, 0.8],
            material="wall",
            size=[0.02 if x else 2, 0.02 if y else 2, 1.5],
        )
    for i in range(3):
        world.add_light(
            name=f"light {i}",
            pos=[0, 0, 2],
            castshadow=i == 0,
            type=mujoco.mjtLightType.mjLIGHT_SPOT,
            cutoff=80,
            exponent=1,
        )
    world.add_camera(name="eye")
    gripper = world.add_body(name="gripper", mocap=True, pos=HIDDEN_POSITION)
    for i, (x, y, z) in enumerate(((0.0, 0.09, 0.04), (0.02, 0.1, 0.12), (-0.02, 0.1, 0.13))):
        gripper.add_geom(
            name=f"gripper {i}",
            type=cube,
            size=rng.uniform([0.02, 0.02, 0.03], [0.05, 0.04, 0.07]),
            pos=[x, y, z],
            rgba=[*np.full(3, rng.uniform(0.05, 0.8)), 1],
        )


def add_distractor(spec: mujoco.MjSpec, index: int, rng: np.random.Generator) -> int:
    """Add an object of no category: a few solids in one colour; returns the colour's index."""
    body = spec.worldbody.add_body(name=f"distractor {index}", pos=HIDDEN_POSITION)
    body.add_freejoint()
    color = int(rng.integers(len(COLORS)))
    kinds = (
        mujoco.mjtGeom.mjGEOM_BOX,
        mujoco.mjtGeom.mjGEOM_CYLINDER,
        mujoco.mjtGeom.mjGEOM_CAPSULE,
        mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    )
    for _ in range(int(rng.integers(3, 6))):
        rgba = (
            shade(COLOR_NAMES[color], rng) if rng.random() < 0.75 else rng.uniform(0.05, 0.95, 3)
        )
        body.add_geom(
            type=kinds[rng.integers(4)],
            size=rng.uniform(0.006, 0.03, 3),
            pos=rng.uniform([-0.03, -0.03, 0.01], [0.03, 0.03, 0.06]),
            rgba=[*rgba, 1],
            quat=matrix_to_quat(rpy_to_matrix(rng.uniform(-3, 3, 3))),
            contype=0,
            conaffinity=0,
        )
    return color
