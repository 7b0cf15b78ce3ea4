"""Scans and single frames of simulated scenes by a free camera, for benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import torch._dynamo  # noqa: F401  brings an LLVM; after the renderer's it would crash
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import SimulationConfig
from m3_ros.errors import UsageError
from m3_ros.geometry import backproject, inverse, look_at, se3, transform
from m3_ros.sim.camera import WRIST, Camera, intrinsics
from m3_ros.sim.scene import REGION, TABLE_HEIGHT, SceneObject, TableScene
from m3_ros.sim.sensor_noise import measured_color, measured_depth
from m3_ros.sim.simulation import scene_of
from m3_ros.sim.world import World
from m3_ros.types import Array, Image

CENTER = np.array([np.mean(REGION[0]), 0.0, TABLE_HEIGHT + 0.03])
ELEVATIONS = (45.0, 60.0, 75.0)  # of the scan's rings, degrees
RADIUS = 0.42  # m
SIDES = 130.0  # a ring spans this far to both sides of the robot, degrees
ASIDE = (-1.5, 0.0, 0.0)  # the robot's pose, outside of the images
MASK_MARGIN = 0.002  # of a true box, and how far above its foot a mask begins, m
POSE_NOISE = (0.002, 0.003)  # of a believed pose in benchmarks, m and rad


class SimulatedScene:
    """A settled scene and a wrist camera without an arm.

    Args:
        scene: what stands on the table.
        config: camera and noise.
        pose_noise: standard deviation of a frame's believed pose, m and rad.

    Attributes:
        objects: on the table, by name.
        seed: of the scene.
        witness: called with each frame's picture and true `camtoworld`.
    """

    def __init__(
        self, scene: TableScene, config: SimulationConfig, pose_noise: tuple[float, float]
    ) -> None:
        self._config, self._pose_noise = config, pose_noise
        self._world = World(scene, config)
        self._world.teleport_base(*ASIDE)
        self._camera = Camera(self._world.model, config.width, config.height)
        self._rng = np.random.default_rng([scene.seed, 7])
        self.objects: dict[str, SceneObject] = {item.name: item for item in scene.objects}
        self.seed = scene.seed
        self.witness: Callable[[Image, Array], None] | None = None

    def close(self) -> None:
        """Free the camera."""
        self._camera.close()

    def frame(self, camtoworld: Array, stamp: float = 0.0) -> RgbdFrame:
        """Return the camera's frame at a true pose; the pose stored in it has noise."""
        config = self._config
        rgb, depth = self._render(camtoworld)
        shift, turn = self._pose_noise
        error = se3(
            Rotation.from_rotvec(self._rng.normal(0.0, turn, 3)).as_matrix(),
            self._rng.normal(0.0, shift, 3),
        )
        color = measured_color(rgb, config, self._rng)
        depth = measured_depth(depth, rgb, config, self._rng)
        if self.witness is not None:
            self.witness(color, camtoworld)
        return RgbdFrame(color, depth, intrinsics(config), camtoworld @ error, stamp)

    def _render(self, camtoworld: Array) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return colour and depth without noise at a true pose."""
        data = self._world.data
        index = self._world.model.camera(WRIST).id
        data.cam_xpos[index] = camtoworld[:3, 3]
        data.cam_xmat[index] = (camtoworld[:3, :3] @ np.diag([1.0, -1.0, -1.0])).ravel()
        return self._camera.render(data)

    def scan(self, views: int) -> list[RgbdFrame]:
        """Return keyframes from rings about the table's centre."""
        poses = self.scan_poses(views)
        return [self.frame(pose, float(index)) for index, pose in enumerate(poses)]

    def scan_poses(self, views: int) -> Iterator[Array]:
        """Yield the true `camtoworld [4, 4]` of each keyframe of a scan."""
        for index in range(views):
            elevation = ELEVATIONS[index % len(ELEVATIONS)]
            azimuth = 180.0 + SIDES * (2.0 * index / max(1, views - 1) - 1.0)
            yield self.viewpoint(azimuth, elevation)

    def masks(self, camtoworld: Array) -> dict[str, NDArray[np.bool_]]:
        """Return for each object, by name, the pixels `[H, W]` that show it from a true pose."""
        _, depth = self._render(camtoworld)
        points = transform(camtoworld, backproject(depth, intrinsics(self._config)))
        masks = {}
        for name in self.objects:
            pose, size = self.truth(name)
            local = np.abs(transform(inverse(pose), points))
            masks[name] = (local <= size / 2 + MASK_MARGIN).all(-1)
            masks[name] &= points[..., 2] > pose[2, 3] - size[2] / 2 + MASK_MARGIN
        return masks

    def viewpoint(self, azimuth: float, elevation: float, radius: float = RADIUS) -> Array:
        """Return `camtoworld` of a camera that looks at about the centre; angles in degrees."""
        a, e = np.radians([azimuth, elevation])
        target = CENTER + self._rng.normal(0.0, 0.015, 3)
        out = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        return look_at(target + radius * out, target)

    def truth(self, name: str) -> tuple[Array, Array]:
        """Return an object's true pose `[4, 4]` (centre of its box) and box size `[3]`, m."""
        return self._world.ground_truth()[name], np.asarray(self.objects[name].model.size)

    def move(self, name: str, offset: Array) -> None:
        """Shift an object by `offset [3]` m, without physics."""
        model, data = self._world.model, self._world.data
        start = model.jnt_qposadr[model.body(name).jntadr[0]]
        data.qpos[start : start + 3] += offset
        mujoco.mj_forward(model, data)

    def free_offset(self, name: str, least: float = 0.12) -> Array | None:
        """Return a shift on the table of at least `least` m to a free place, or None."""
        poses = {other: self.truth(other) for other in self.objects}
        place, size = poses[name][0][:2, 3], max(poses[name][1][:2])
        (x0, x1), (y0, y1) = REGION
        for x, y in self._rng.uniform([x0, y0], [x1, y1], (300, 2)):
            gaps = [
                np.hypot(*(pose[:2, 3] - [x, y])) - (size + max(box[:2])) / 2
                for other, (pose, box) in poses.items()
                if other != name
            ]
            if np.hypot(x - place[0], y - place[1]) > least and min(gaps, default=1.0) > 0.02:
                return np.array([x - place[0], y - place[1], 0.0])
        return None


def simulate_scan(
    folder: Path, seed: int, views: int, config: SimulationConfig
) -> tuple[str, ...]:
    """Write a scan of the scene file in `config`, or of the random scene of `seed`.

    Returns:
        The labels of the objects in it.

    Raises:
        ValueError: the folder is not empty, no view was asked for, or the scene breaks a rule.
    """
    if views < 1:
        raise UsageError(f"views = {views}: it must be at least 1")
    scene = scene_of(replace(config, seed=seed))
    with ScanWriter(folder) as writer:
        simulated = SimulatedScene(scene, config, POSE_NOISE)
        try:
            for frame in simulated.scan(views):
                writer.add(frame)
        finally:
            simulated.close()
    return tuple(item.label for item in scene.objects)
