"""Scenes without a robot and without physics, for scans with a hand-held camera: a room, a statue.

World frame: z up, the ground at z = 0, lengths in m. Everything is drawn by the seed.
"""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np

from m3_ros.config import SimulationConfig
from m3_ros.geometry import matrix_to_quat, planar_pose, rpy_to_matrix
from m3_ros.sim import environment
from m3_ros.sim.camera import WRIST, set_camera
from m3_ros.sim.objects import CATEGORIES, COLORS, add_object, make_object
from m3_ros.types import Array

ROOM = (5.0, 4.0, 2.6)
"""Length, width and height of the room: a living room of 20 square metres."""
THINGS = 24
"""Household objects on the furniture."""
FIGURE_HEIGHT, PEDESTAL_HEIGHT = 2.0, 1.0  # of the statue
FIGURES = ("duck", "teddy bear", "teapot", "vase")
"""Categories of which the statue is one, enlarged."""
Vector = tuple[float, float, float]
STONE: Vector = (0.62, 0.60, 0.56)


class StaticScene:
    """Builds a scene of coloured and textured solids.

    Args:
        seed: of all that is random.
        farthest: distance that is drawn, m.
    """

    def __init__(self, seed: int, farthest: float) -> None:
        self.rng = np.random.default_rng([seed, 11])
        self.spec = spec = mujoco.MjSpec()
        spec.stat.extent = 1.0
        spec.visual.map.znear, spec.visual.map.zfar = 0.05, farthest
        spec.visual.map.shadowclip, spec.visual.quality.shadowsize = 5.0, 2048
        spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
        spec.visual.headlight.ambient = [0.45] * 3
        spec.visual.headlight.diffuse, spec.visual.headlight.specular = [0.1] * 3, [0.0] * 3
        directional = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
        spec.worldbody.add_light(
            type=directional, pos=[0, 0, 6], dir=[0.12, -0.16, -1], diffuse=[0.4] * 3
        )
        spec.worldbody.add_light(
            type=directional, pos=[0, 0, 6], dir=[-0.7, 0.6, -0.5], diffuse=[0.2] * 3,
            castshadow=False,
        )  # fmt: skip
        spec.worldbody.add_body(name="camera_link").add_camera(name=WRIST)
        self._count = 0

    def material(self, make: environment.Maker, color: Array | Vector, repeat: float = 0) -> str:
        """Add a textured material; with `repeat` a plane's, which shows it so many times."""
        self._count += 1
        name, image = f"material {self._count}", make(self.rng, tuple(color))
        texture = self.spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
        if not repeat:
            texture.type, image = mujoco.mjtTexture.mjTEXTURE_CUBE, np.concatenate([image] * 6)
        environment.paint(texture, image)
        material = self.spec.add_material(name=name, specular=0.1, texrepeat=[repeat or 1] * 2)
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
        return name

    def solid(
        self, size: Vector, at: Vector, look: str | Array | Vector, shape: str = "box",
        rpy: Vector = (0.0, 0.0, 0.0),
    ) -> None:  # fmt: skip
        """Add a solid of full extents `size` around its centre `at`, of a material or a colour."""
        geom = self.spec.worldbody.add_geom(
            type=getattr(mujoco.mjtGeom, f"mjGEOM_{shape.upper()}"),
            size=np.array(size) / 2, pos=at, quat=matrix_to_quat(rpy_to_matrix(np.array(rpy))),
        )  # fmt: skip
        if shape == "cylinder":
            geom.size[1] = size[2] / 2
        if isinstance(look, str):
            geom.material = look
        else:
            geom.rgba = [*np.clip(look, 0, 1), 1.0]

    def thing(self, x: float, y: float, z: float) -> None:
        """Put a household object of random category, colour and yaw on a place."""
        rng = self.rng
        category, color = str(rng.choice(CATEGORIES)), str(rng.choice(list(COLORS)))
        model = make_object(category, color, int(rng.integers(2**31)), split="eval")
        self._count += 1
        pose = planar_pose(x, y, rng.uniform(-np.pi, np.pi), z)
        place = pose[:3, 3], matrix_to_quat(pose[:3, :3])
        name = f"{model.name} {self._count}"
        add_object(self.spec, model, *place, free=False, name=name, collide=False)

    def compile(self, config: SimulationConfig) -> mujoco.MjModel:
        """Return the model with the camera of the settings."""
        set_camera(self.spec, config)
        return self.spec.compile()


def room(seed: int, config: SimulationConfig) -> mujoco.MjModel:
    """Return a furnished room; its middle is the origin, free but for a low table."""
    scene = StaticScene(seed, 12.0)
    rng, (length, width, height) = scene.rng, ROOM

    def one_of(colors: tuple[Vector, ...]) -> Array:
        return np.asarray(colors[rng.integers(len(colors))]) * rng.uniform(0.85, 1.05)

    floor = scene.material(environment.wood, one_of(environment.FLOORS), 2)
    wall = scene.material(environment.plain, one_of(environment.WALLS), 2)
    wood = scene.material(environment.wood, one_of(environment.WOODS))
    cloth = scene.material(environment.cloth, one_of(environment.CLOTHS))
    half_turn, quarter = np.pi, np.pi / 2
    scene.solid((length, width, 0.6), (0, 0, -0.3), floor)
    # The texture of a wall is mapped along its own z axis, which points into the room.
    for x, yaw in ((-1, half_turn), (1, 0.0)):
        at = (x * (length / 2 + 0.05), 0.0, height / 2)
        scene.solid((height, width, 0.1), at, wall, rpy=(0.0, -quarter, yaw))
    for y in (-1, 1):
        at = (0.0, y * (width / 2 + 0.05), height / 2)
        scene.solid((length, height, 0.1), at, wall, rpy=(y * quarter, 0.0, 0.0))
    carpet = scene.material(environment.cloth, one_of(environment.CLOTHS), 1)
    scene.solid((2.0, 1.4, 0.01), (0.0, 0.0, 0.005), carpet)
    tops = [(0.0, 0.0, 0.45, 0.4, 0.25)]  # x, y, z, half extents of where things stand
    scene.solid((1.0, 0.6, 0.04), (0.0, 0.0, 0.43), wood)
    for x, y in ((-0.45, -0.25), (0.45, -0.25), (-0.45, 0.25), (0.45, 0.25)):
        scene.solid((0.05, 0.05, 0.41), (x, y, 0.205), (0.3, 0.25, 0.2), "cylinder")
    scene.solid((1.8, 0.7, 0.42), (-0.5, -1.62, 0.21), cloth)  # sofa
    scene.solid((1.8, 0.2, 0.45), (-0.5, -1.88, 0.62), cloth)
    for x in (-1.5, 0.5):
        scene.solid((0.2, 0.7, 0.6), (x, -1.62, 0.3), cloth)
    scene.solid((0.45, 0.35, 0.12), (-0.9, -1.6, 0.48), one_of(tuple(COLORS.values())))
    scene.solid((1.6, 0.5, 0.8), (0.6, 1.73, 0.4), wood)  # sideboard
    tops.append((0.6, 1.73, 0.8, 0.7, 0.18))
    scene.solid((0.7, 1.4, 0.04), (2.12, -0.3, 0.72), wood)  # desk
    for y in (-0.95, 0.35):
        scene.solid((0.6, 0.06, 0.7), (2.12, y, 0.35), wood)
    tops.append((2.12, -0.3, 0.74, 0.28, 0.6))
    scene.solid((0.3, 1.6, 2.0), (-2.48, 0.4, 1.0), (0.25, 0.2, 0.16))  # shelf: its back,
    for level in np.linspace(0.05, 1.95, 6):  # boards, and books on them
        scene.solid((0.32, 1.6, 0.03), (-2.3, 0.4, level), wood)
        y = -0.38
        while level < 1.9 and y < 1.1:
            thick, tall = rng.uniform(0.02, 0.06), rng.uniform(0.18, 0.3)
            if rng.random() < 0.85:
                shade = rng.uniform(0.05, 0.9, 3)
                scene.solid((0.2, thick, tall), (-2.24, y + thick / 2, level + tall / 2), shade)
            y += thick
    for x, y, yaw in ((-1.4, 1.96, 0.0), (2.46, 1.0, quarter), (1.6, -1.96, 0.0)):  # pictures
        wide = rng.uniform(0.5, 0.8)
        scene.solid((wide, 0.03, 0.6), (x, y, 1.5), one_of(environment.WOODS), rpy=(0, 0, yaw))
        for sheet in range(8):
            size, offset = rng.uniform(0.05, 0.2, 2), rng.uniform(-0.18, 0.18, 2)
            inward = (0.02 + 0.002 * sheet) * (1 if yaw else np.sign(y))
            at = (x - inward, y + offset[0]) if yaw else (x + offset[0], y - inward)
            shade = rng.uniform(0.0, 1.0, 3)
            scene.solid((size[0], 0.01, size[1]), (*at, 1.5 + offset[1]), shade, rpy=(0, 0, yaw))
    scene.solid((0.35, 0.35, 0.35), (1.9, 1.5, 0.175), (0.6, 0.3, 0.2), "cylinder")  # plant
    for _ in range(30):
        at = rng.normal((1.9, 1.5, 0.75), (0.12, 0.12, 0.2))
        size = rng.uniform((0.04, 0.1, 0.02), (0.08, 0.25, 0.03))
        shade = np.array([0.2, 0.45, 0.15]) * rng.uniform(0.6, 1.3)
        scene.solid(tuple(size), tuple(at), shade, "ellipsoid", tuple(rng.uniform(-3, 3, 3)))
    for index in range(THINGS):
        x, y, z, dx, dy = tops[index % len(tops)]
        place = rng.uniform(-1, 1, 2) * (dx, dy)
        scene.thing(x + place[0], y + place[1], z)
    return scene.compile(config)


def monument(seed: int, config: SimulationConfig) -> mujoco.MjModel:
    """Return a statue on a square, with a lawn, trees, houses and the sky around it."""
    scene = StaticScene(seed, 150.0)
    rng = scene.rng
    sky = scene.spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX)
    sky.builtin, sky.width, sky.height = mujoco.mjtBuiltin.mjBUILTIN_GRADIENT, 256, 256
    sky.rgb1, sky.rgb2 = [0.45, 0.62, 0.85], [0.85, 0.88, 0.92]
    grass = scene.material(environment.plain, (0.32, 0.42, 0.22), 20)
    paving = scene.material(environment.tiles, environment.FLOORS[0], 4)
    stone = scene.material(environment.plain, STONE)
    scene.solid((200.0, 200.0, 1.0), (0, 0, -0.5), grass)
    scene.solid((12.0, 12.0, 1.0), (0, 0, -0.48), paving)
    scene.solid((1.5, 1.5, 0.2), (0, 0, 0.1), stone)
    scene.solid((1.0, 1.0, PEDESTAL_HEIGHT), (0, 0, PEDESTAL_HEIGHT / 2), stone)
    figure = make_object(str(rng.choice(FIGURES)), "grey", int(rng.integers(2**31)), split="eval")
    factor = FIGURE_HEIGHT / figure.size[2]
    parts = [
        replace(
            part, size=tuple(factor * x for x in part.size), position=factor * part.position,
            vertices=None if part.vertices is None else factor * part.vertices, pattern="mottled",
            rgba=(*STONE, 1.0),
        )
        for part in figure.parts
    ]  # fmt: skip
    statue = replace(figure, parts=tuple(parts), size=factor * figure.size)
    add_object(scene.spec, statue, (0, 0, PEDESTAL_HEIGHT), free=False, collide=False)
    leaves = scene.material(environment.plain, (0.2, 0.35, 0.12))
    for azimuth in np.arange(18) * 20.0 + rng.uniform(-8, 8, 18):
        away = rng.uniform(10, 28)
        x, y = away * np.cos(np.radians(azimuth)), away * np.sin(np.radians(azimuth))
        tall = rng.uniform(4, 8)
        scene.solid((0.4, 0.4, tall), (x, y, tall / 2), (0.3, 0.22, 0.15), "cylinder")
        for _ in range(5):
            at = rng.normal((x, y, tall), (0.8, 0.8, 0.7))
            scene.solid(tuple(rng.uniform(1.5, 3.5, 3)), tuple(at), leaves, "ellipsoid")
    for azimuth in np.arange(7) * 51.0 + rng.uniform(-15, 15, 7):
        away, wide, tall = rng.uniform(34, 50), rng.uniform(8, 14), rng.uniform(6, 12)
        angle = np.radians(azimuth)
        direction = np.array([np.cos(angle), np.sin(angle)])
        shade = environment.WALLS[rng.integers(len(environment.WALLS))]
        at = (*(away * direction), tall / 2)
        scene.solid((8.0, wide, tall), at, np.asarray(shade), rpy=(0, 0, angle))
        for level in np.arange(1.5, tall - 1, 2.5):  # windows
            for side in np.arange(-wide / 2 + 1.2, wide / 2 - 0.8, 2.2):
                place = (away - 4.0) * direction + side * np.array([-direction[1], direction[0]])
                scene.solid((0.1, 1.0, 1.3), (*place, level), (0.15, 0.2, 0.25), rpy=(0, 0, angle))
    return scene.compile(config)
