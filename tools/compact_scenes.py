"""Training images of the compact encoder: cluttered tables rendered with labels.

One compiled scene holds a pool of objects; every picture draws some of them, recolours them,
rearranges them and changes table, walls, lights and camera, so that compiling costs little.
"""

import os

os.environ.setdefault("MUJOCO_GL", "egl")
os.environ.setdefault("LP_NUM_THREADS", "0")  # one thread a process; several crash now and then

from pathlib import Path

import mujoco
import numpy as np
from compact_remodel import remodel
from compact_room import COLOR_NAMES, HIDDEN_POSITION, add_distractor, add_room
from compact_splits import SPLITS, Split
from numpy.typing import NDArray

from m3_ros.geometry import matrix_to_quat, rpy_to_matrix
from m3_ros.sim.objects import CATEGORIES, COLORS, add_object, make_object
from m3_ros.sim.objects.catalog import shade

IMAGE_WIDTH, IMAGE_HEIGHT = 640, 480
POOL, DISTRACTORS, PICTURES_PER_POOL, SLOTS = 30, 8, 30, 24
TABLE_CLASS, UNKNOWN_CLASS = len(CATEGORIES), len(CATEGORIES) + 1
NO_COLOR = len(COLORS)
_RGB = np.array(list(COLORS.values()))


class Stage:
    """A compiled pool of objects in a room, from which images are drawn."""

    def __init__(self, split: Split, rng: np.random.Generator) -> None:
        self.split, self.rng = split, rng
        spec = mujoco.MjSpec()
        spec.visual.global_.offwidth, spec.visual.global_.offheight = IMAGE_WIDTH, IMAGE_HEIGHT
        spec.visual.quality.shadowsize = 1024
        spec.visual.map.znear, spec.stat.extent = 0.02, 1.0
        add_room(spec, rng)
        self.objects = []
        order = rng.permutation(len(CATEGORIES))[:POOL]
        for index in order:
            category = CATEGORIES[index]
            allowed = split.colors(category)
            if not allowed:
                continue
            color = COLOR_NAMES[rng.choice(allowed)]
            model = make_object(
                category, color, int(rng.integers(1 << 31)), split=split.structures
            )
            if split.remodelled and rng.random() < split.remodelled:
                model = remodel(model, rng)
            add_object(
                spec, model, HIDDEN_POSITION, name=f"object {len(self.objects)}", collide=False
            )
            self.objects.append(model)
        self.distractor_colors = [add_distractor(spec, i, rng) for i in range(DISTRACTORS)]
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.renderer = mujoco.Renderer(self.model, IMAGE_HEIGHT, IMAGE_WIDTH)
        self._index()

    def _index(self) -> None:
        """Store the body of each geom, and the materials that have an object's colour."""
        model = self.model
        first = model.body("object 0").id
        self.slot_of_geom = np.zeros(model.ngeom + 1, dtype=np.uint8)  # last: nothing hit
        for geom in range(model.ngeom):
            body = int(model.geom_bodyid[geom])
            name = model.body(body).name
            if name == "gripper":
                self.slot_of_geom[geom] = 255
            elif body >= first:
                self.slot_of_geom[geom] = 1 + body - first
        self.main, self.details, self.accents = [], [], []
        for i, model_i in enumerate(self.objects):
            ids = [model.mat(f"object {i} {j}").id for j in range(len(model_i.parts))]
            tints = np.array([part.tint == "main" for part in model_i.parts])
            self.main.append(np.array(ids)[tints])
            self.details.append(np.array(ids)[~tints])
            quiet = [part.rgba[:3] for part in model_i.parts if part.tint != "main"]
            self.accents.append(np.array(quiet).reshape(-1, 3))

    def _paint(self, index: int) -> int:
        """Draw another colour for an object that differs from its details; returns its index."""
        rng, thing = self.rng, self.objects[index]
        own = COLOR_NAMES.index(thing.color)
        allowed = [
            c
            for c in self.split.colors(thing.category)
            if not len(self.accents[index])
            or np.abs(self.accents[index] - _RGB[c]).max(axis=1).min() > 0.2
        ]
        color = own if not allowed or rng.random() < 0.3 else int(rng.choice(allowed))
        self.model.mat_rgba[self.main[index], :3] = painted = shade(COLOR_NAMES[color], rng)
        plain = self.split.plain > 0.0 and rng.random() < self.split.plain
        self.model.mat_rgba[self.details[index], :3] = painted if plain else self.accents[index]
        return color

    def _arrange(self) -> NDArray[np.uint8]:
        """Choose and place objects; returns category and colour `[objects, 2]`."""
        rng = self.rng
        total = len(self.objects) + DISTRACTORS
        labels = np.full((total, 2), 255, dtype=np.uint8)
        qpos = np.tile([*HIDDEN_POSITION, 1, 0, 0, 0], (total, 1))
        qpos[:, 0] = np.arange(total)
        radius, placed = rng.uniform(0.1, 0.3), []
        chosen = list(rng.permutation(len(self.objects))[: rng.integers(5, 15)])
        chosen += list(len(self.objects) + rng.permutation(DISTRACTORS)[: rng.integers(0, 4)])
        gap = rng.uniform(0.7, 1.15)
        for slot in chosen:
            known = slot < len(self.objects)
            size = self.objects[slot].size if known else np.array([0.08, 0.08, 0.08])
            rpy = np.array([0, 0, rng.uniform(-np.pi, np.pi)])
            if rng.random() < 0.2:
                rpy[:2] = rng.choice([np.pi / 2, -np.pi / 2, np.pi, 0.4], 2) * rng.integers(
                    0, 2, 2
                )
            rotation = rpy_to_matrix(rpy)
            extent = np.abs(rotation) @ size / 2
            reach = gap * 0.5 * float(np.hypot(*size[:2]) + max(size[:2])) / 2
            for _ in range(12):
                xy = (
                    radius
                    * np.sqrt(rng.random())
                    * np.array([np.cos(a := rng.uniform(0, 2 * np.pi)), np.sin(a)])
                )
                if all(np.hypot(*(xy - other)) > reach + r for other, r in placed):
                    break
            else:
                continue
            placed.append((xy, reach))
            middle = rotation @ [0, 0, size[2] / 2]
            qpos[slot] = [*(np.array([*xy, extent[2]]) - middle), *matrix_to_quat(rotation)]
            if known:
                category = CATEGORIES.index(self.objects[slot].category)
                labels[slot] = category, self._paint(slot)
            else:
                labels[slot] = UNKNOWN_CLASS, self.distractor_colors[slot - len(self.objects)]
        self.data.qpos[:] = qpos.ravel()
        return labels

    def _look(self) -> None:
        """Draw camera, lights and surfaces; in 3 of 10 images the gripper is in view."""
        rng, model, data = self.rng, self.model, self.data
        for name in ("table", "floor", "wall"):
            material = model.mat(name).id
            model.mat_texid[material, mujoco.mjtTextureRole.mjTEXROLE_RGB] = rng.integers(6)
            model.mat_texrepeat[material] = rng.uniform(1, 12)
            model.mat_rgba[material, :3] = rng.uniform(0.7, 1, 3) * rng.uniform(0.6, 1)
        level = rng.uniform(0.5, 1.1)
        model.vis.headlight.ambient[:] = level * rng.uniform(0.2, 0.6)
        model.vis.headlight.diffuse[:] = level * rng.uniform(0.1, 0.5)
        for i in range(model.nlight):
            position = np.array([*rng.uniform(-1.5, 1.5, 2), rng.uniform(0.8, 2.2)])
            model.light_pos[i] = position
            model.light_dir[i] = -position / np.linalg.norm(position)
            model.light_diffuse[i] = level * rng.uniform(0.15, 0.7) * rng.uniform(0.85, 1, 3)
            model.light_specular[i] = rng.uniform(0, 0.5)
            model.light_active[i] = i == 0 or rng.random() < 0.5
        distance = np.exp(rng.uniform(np.log(0.2), np.log(0.7)))
        elevation, azimuth = np.radians(rng.uniform(22, 86)), rng.uniform(0, 2 * np.pi)
        forward = -np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )
        target = np.array([*rng.normal(0, 0.05, 2), 0.03])
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        roll = rng.uniform(-np.pi, np.pi) if rng.random() < 0.5 else rng.normal(0, 0.15)
        axes = np.column_stack([right, up, -forward])
        turn = rpy_to_matrix([0, 0, roll])
        self.rotation, self.eye = axes @ turn, target - distance * forward
        model.cam_fovy[0] = rng.uniform(40, 66)
        data.mocap_pos[0] = HIDDEN_POSITION
        if rng.random() < 0.3:
            data.mocap_pos[0] = self.eye
            data.mocap_quat[0] = matrix_to_quat(
                self.rotation
                @ np.diag([1.0, -1, -1])
                @ rpy_to_matrix([0, 0, rng.choice([0, np.pi / 2, np.pi, -np.pi / 2])])
            )

    def picture(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Render rgb `[H, W, 3]`, slot numbers `[H, W]` (0 room, 255 gripper), and labels.

        Labels `[SLOTS, 2]` give category and colour of slots 1, 2, ...
        """
        labels = self._arrange()
        self._look()
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        self.data.cam_xpos[0], self.data.cam_xmat[0] = self.eye, self.rotation.ravel()
        self.renderer.update_scene(self.data, camera=0)
        rgb = self.renderer.render()
        self.renderer.enable_segmentation_rendering()
        hit = self.renderer.render()
        self.renderer.disable_segmentation_rendering()
        geom = np.where(hit[..., 1] == int(mujoco.mjtObj.mjOBJ_GEOM), hit[..., 0], -1)
        slots = self.slot_of_geom[geom]
        return rgb, *_compact_slots(slots, labels)

    def close(self) -> None:
        """Free the renderer."""
        self.renderer.close()


def _compact_slots(slots: NDArray, labels: NDArray) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Renumber visible slots 1..n so that labels fit `[SLOTS, 2]`."""
    table = np.zeros(256, dtype=np.uint8)
    table[255] = 255
    kept = np.full((SLOTS, 2), 255, dtype=np.uint8)
    visible = [s for s in np.unique(slots) if s not in (0, 255)][:SLOTS]
    for number, slot in enumerate(visible):
        table[slot] = number + 1
        kept[number] = labels[slot - 1]
    return table[slots], kept


def render(folder: Path, split: str, images: int, seed: int, stage: type[Stage] = Stage) -> None:
    """Write `images` pictures of a split to `folder` as rgb.npy, slots.npy and labels.npy.

    An existing, finished data set is kept.
    """
    if (folder / "done").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {
        "rgb": (IMAGE_HEIGHT, IMAGE_WIDTH, 3),
        "slots": (IMAGE_HEIGHT, IMAGE_WIDTH),
        "labels": (SLOTS, 2),
    }
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, (images, *shape))
        for name, shape in shapes.items()
    }
    rng = np.random.default_rng([seed, list(SPLITS).index(split)])
    for start in range(0, images, PICTURES_PER_POOL):
        pool = stage(SPLITS[split], rng)
        for i in range(start, min(start + PICTURES_PER_POOL, images)):
            arrays["rgb"][i], arrays["slots"][i], arrays["labels"][i] = pool.picture()
        pool.close()
    for array in arrays.values():
        array.flush()
    (folder / "done").touch()
