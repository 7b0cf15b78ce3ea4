"""Scans by a hand-held camera in a simulated room, and on a ring about a simulated statue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import SimulationConfig
from m3_ros.errors import UsageError
from m3_ros.geometry import (
    backproject,
    inverse,
    look_at,
    matrix_to_quat,
    se3,
    transform,
    wxyz_to_xyzw,
)
from m3_ros.sim.camera import WRIST, Camera, intrinsics
from m3_ros.sim.sensor_artifacts import expose
from m3_ros.sim.sensor_noise import measured_depth, noisy_color
from m3_ros.sim.static_scenes import monument, room
from m3_ros.types import Array, Depth, Image

FOCAL, BASELINE, RANGE = 525.0 / 640.0, 0.075, (0.4, 5.0)
"""Focal length by width, baseline (m) and range (m) of a Kinect's depth camera, as TUM RGB-D."""
PATH, SPEED = 7.0, 0.4
"""Length of the path through the room, m, and how fast the camera goes, m/s."""
DRIFT = (0.01, 0.0087)
"""Error of the believed pose by the root of the path, m and rad by the root of a metre: a random
walk of 1 cm and half a degree a metre, as visual odometry does indoors."""
SWAY = (0.03, 0.05)
"""A hand's slow motion about the path, m and rad: an assumption."""
RING, EYES, FOCUS = 5.0, (1.5, 2.3), 1.6
"""Radius of the ring, least and largest height of the camera, height it looks at, m."""
PLACED = (0.002, 0.0003)
"""Error of a pose by structure from motion, m and rad: 0.2 px at the statue."""
CORNERS, PARALLAX, LOCATED = 150, 1.0, 0.5
"""Sparse points of a picture at most, distance of the two views that place one, m, and error of a
corner, px: depth errs by z^2 LOCATED / (f PARALLAX)."""
TRUTH = "groundtruth.txt"


class HandCamera:
    """Renders a model from any pose, with the errors of a sensor.

    Args:
        model: with a camera `WRIST`.
        config: size and noise of the camera.
        rng: of the noise.
    """

    def __init__(
        self, model: mujoco.MjModel, config: SimulationConfig, rng: np.random.Generator
    ) -> None:
        self.K, self._config, self._rng = intrinsics(config), config, rng
        self._data, self._index = mujoco.MjData(model), model.camera(WRIST).id
        mujoco.mj_forward(model, self._data)
        self._camera = Camera(model, config.width, config.height)
        self._far = 0.99 * model.vis.map.zfar * model.stat.extent

    def close(self) -> None:
        """Free the camera."""
        self._camera.close()

    def see(self, camtoworld: Array) -> tuple[Image, Depth]:
        """Return the picture at a pose, and true depth in m, 0 where there is the sky."""
        self._data.cam_xpos[self._index] = camtoworld[:3, 3]
        axes = camtoworld[:3, :3] @ np.diag([1.0, -1.0, -1.0])
        self._data.cam_xmat[self._index] = axes.ravel()
        rgb, depth = self._camera.render(self._data)
        color = noisy_color(expose(rgb), self._config.color_noise, self._rng)
        return color, np.where(depth < self._far, depth, np.float32(0.0))

    def measure(self, depth: Depth, rgb: Image) -> Depth:
        """Return what the depth camera measures of true depth."""
        return measured_depth(depth, rgb, self._config, self._rng)


def simulate_room(folder: Path, seed: int, views: int, config: SimulationConfig) -> None:
    """Write a scan of a room: a walk of `PATH` about its middle, with drift and auto-exposure.

    Args:
        folder: to make; the true poses are in its `groundtruth.txt` (TUM RGB-D's format).
        seed: of the room, the hand and the noise.
        views: frames, evenly along the path.
        config: size of the pictures and noise.

    Raises:
        ValueError: the folder is not empty, or no view was asked for.
    """
    rng = np.random.default_rng([seed, 13])
    poses = walk(views, rng)
    believed = drifted(poses, rng)

    def frame(camera: HandCamera, index: int) -> RgbdFrame:
        rgb, depth = camera.see(poses[index])
        stamp = index * PATH / SPEED / views
        return RgbdFrame(rgb, camera.measure(depth, rgb), camera.K, believed[index], stamp)

    _write(folder, room, seed, rng, poses, config, frame)


def simulate_ring(folder: Path, seed: int, views: int, config: SimulationConfig) -> None:
    """Write a scan of a statue outdoors: colour only, placed as by structure from motion.

    Args:
        folder: to make; the true poses are in its `groundtruth.txt` (TUM RGB-D's format).
        seed: of the scene, the hand and the noise.
        views: frames on two rounds about the statue.
        config: size of the pictures and noise.

    Raises:
        ValueError: the folder is not empty, or no view was asked for.
    """
    rng = np.random.default_rng([seed, 17])
    poses = ring(views, rng)
    noise = PLACED[1], PLACED[0]
    believed = poses @ _errors(rng, np.repeat([noise], views, 0))
    points: list[Array] = []
    colors: list[NDArray[np.uint8]] = []

    def frame(camera: HandCamera, index: int) -> RgbdFrame:
        rgb, depth = camera.see(poses[index])
        u, v = corners(rgb, depth).T
        z = depth[v, u].astype(np.float64)
        located = np.zeros_like(depth)
        error = rng.normal(0.0, LOCATED, len(z)) * z**2 / (camera.K[0, 0] * PARALLAX)
        located[v, u] = (z + error).clip(0.5 * z, 2.0 * z)
        points.append(transform(believed[index], backproject(located, camera.K)[v, u]))
        colors.append(rgb[v, u])
        return RgbdFrame(rgb, np.zeros_like(depth), camera.K, believed[index], float(index))

    def finish(writer: ScanWriter) -> None:
        writer.set_points(np.concatenate(points), np.concatenate(colors))

    _write(folder, monument, seed, rng, poses, config, frame, finish)


def _write(
    folder: Path,
    make: Callable[[int, SimulationConfig], mujoco.MjModel],
    seed: int,
    rng: np.random.Generator,
    poses: Array,
    config: SimulationConfig,
    frame: Callable[[HandCamera, int], RgbdFrame],
    finish: Callable[[ScanWriter], None] = lambda _: None,
) -> None:
    focal, optics = FOCAL * config.width, {"baseline": BASELINE, "depth_range": RANGE}
    config = replace(config, focal_length=focal, **optics)
    with ScanWriter(folder, metric=make is room) as writer:
        camera = HandCamera(make(seed, config), config, rng)
        try:
            stamps = []
            for index in range(len(poses)):
                writer.add(shot := frame(camera, index))
                stamps.append(shot.stamp)
        finally:
            camera.close()
        finish(writer)
        (folder / TRUTH).write_text(tum_lines(stamps, poses))


def walk(views: int, rng: np.random.Generator) -> Array:
    """Return poses `[N, 4, 4]` on an ellipse of `PATH` about the room's middle.

    The camera looks across the middle to the other side, from left to right and back.
    """
    share = np.linspace(0.0, 1.0, _at_least_one(views))
    angle = 2 * np.pi * (share + rng.random())
    axes = np.array([1.25, 0.95]) * PATH / 6.94  # the ellipse 1.25 by 0.95 m has 6.94 m
    places = np.stack([axes[0] * np.cos(angle), axes[1] * np.sin(angle)], 1)
    heading = np.arctan2(-places[:, 1], -places[:, 0]) + 0.5 * np.sin(5 * angle)
    ahead = np.stack([np.cos(heading), np.sin(heading)], 1)
    eyes = np.column_stack([places, np.full(views, 1.4)]) + SWAY[0] * _sway(share, rng)
    targets = np.column_stack([places + 2.0 * ahead, 0.7 + 0.25 * np.sin(7 * angle)])
    return _looks(eyes, targets, share, rng)


def ring(views: int, rng: np.random.Generator) -> Array:
    """Return poses `[N, 4, 4]` on two rounds about the statue, at a changing height."""
    share = np.arange(_at_least_one(views)) / views
    angle = 4 * np.pi * share
    height = np.mean(EYES) + np.ptp(EYES) / 2 * np.sin(3.5 * angle)
    eyes = np.column_stack([RING * np.cos(angle), RING * np.sin(angle), height])
    targets = np.broadcast_to([0.0, 0.0, FOCUS], eyes.shape)
    return _looks(eyes + SWAY[0] * _sway(share, rng), targets, share, rng)


def drifted(poses: Array, rng: np.random.Generator) -> Array:
    """Return the poses with the drift of odometry; the first one is exact."""
    lengths = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    errors = _errors(rng, np.sqrt(lengths)[:, None] * [DRIFT[1], DRIFT[0]])
    believed = [poses[0]]
    for before, after, error in zip(poses[:-1], poses[1:], errors, strict=True):
        believed.append(believed[-1] @ inverse(before) @ after @ error)
    return np.stack(believed)


def corners(rgb: Image, depth: Depth) -> NDArray[np.intp]:
    """Return pixels `[C, 2]` (column, row) of corners that are not in the sky."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    found = cv2.goodFeaturesToTrack(gray, CORNERS, 0.01, 7)
    pixels = np.zeros((0, 2), np.intp) if found is None else found[:, 0].astype(np.intp)
    return pixels[depth[pixels[:, 1], pixels[:, 0]] > 0]


def tum_lines(stamps: list[float], poses: Array) -> str:
    """Return lines "stamp tx ty tz qx qy qz qw" of poses `[N, 4, 4]`."""
    quats = wxyz_to_xyzw(matrix_to_quat(poses[:, :3, :3]))
    rows = np.column_stack([stamps, poses[:, :3, 3], quats])
    return "".join(" ".join(f"{x:.7f}" for x in row) + "\n" for row in rows)


def _at_least_one(views: int) -> int:
    if views < 1:
        raise UsageError(f"views = {views}: it must be at least 1")
    return views


def _looks(eyes: Array, targets: Array, share: Array, rng: np.random.Generator) -> Array:
    poses = np.stack([look_at(eye, target) for eye, target in zip(eyes, targets, strict=True)])
    turns = Rotation.from_rotvec(SWAY[1] * _sway(share, rng)).as_matrix()
    return poses @ se3(turns, np.zeros(3))


def _sway(share: Array, rng: np.random.Generator) -> Array:
    """Return a smooth random motion `[N, 3]` of deviation 1 along a path."""
    periods, phases = rng.uniform(3, 12, (4, 3)), rng.uniform(0, 2 * np.pi, (4, 3))
    return np.sin(2 * np.pi * periods * share[:, None, None] + phases).sum(1) / np.sqrt(2)


def _errors(rng: np.random.Generator, deviations: Array) -> Array:
    """Return random motions `[N, 4, 4]` of deviations `[N, 2]`, rad and m."""
    turn, shift = (d[:, None] * rng.normal(size=(len(deviations), 3)) for d in deviations.T)
    return se3(Rotation.from_rotvec(turn).as_matrix(), shift)
