"""A perfect search for grasp trials: an object's true surface with chosen errors."""

from __future__ import annotations

import mujoco
import numpy as np

from m3_ros.codes import QueryStatus
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.outcome import Target
from m3_ros.sim.camera import WRIST
from m3_ros.sim.simulation import Simulation
from m3_ros.types import Array

VIEWPOINTS = (
    (45.0, 180.0),
    (45.0, 110.0),
    (45.0, 250.0),
    (60.0, 60.0),
    (60.0, 300.0),
    (80.0, 0.0),
)
RAYS = 70  # per side of a viewpoint's grid: 9 mm apart at the object


class Oracle:
    """Points on the true surface that a ring of viewpoints would see, with noise.

    A camera whose mount differs from the URDF shifts them as it shifts its own depth.

    Args:
        simulation: with the true surfaces.
        name: of the object.
        noise: standard deviation of each point, m.
        bias: error of all points, `[3]` m.
        rng: randomness.
    """

    def __init__(
        self,
        simulation: Simulation,
        name: str,
        noise: float,
        bias: Array,
        rng: np.random.Generator,
    ) -> None:
        self._world, self._robot, self._name = simulation.world, simulation.robot, name
        self._noise, self._bias, self._rng = noise, bias, rng

    def target(self) -> Target:
        """Return the object, as a perfect search would report it."""
        own, _ = self._points()
        status = QueryStatus.FOUND if len(own) else QueryStatus.NOT_FOUND
        return Target(status, own, f"{self._name} (oracle)")

    def surroundings(self) -> Array:
        """Return the points `[S, 3]` of everything else near it."""
        return self._points()[1]

    def _points(self) -> tuple[Array, Array]:
        model, data = self._world.model, self._world.data
        body = model.body(self._name).id
        center = data.xipos[body]
        hits, owners = [], []
        for elevation, azimuth in np.radians(VIEWPOINTS):
            out = np.array([np.cos(azimuth), np.sin(azimuth)]) * np.cos(elevation)
            eye = center + 0.35 * np.append(out, np.sin(elevation))
            rays = _fan(center - eye, 0.3)
            distance, geom = np.zeros(len(rays)), np.full(len(rays), -1, np.int32)
            groups = np.array([1, 1, 1, 0, 0, 0], np.uint8)
            mujoco.mj_multiRay(
                model, data, eye, rays.ravel(), groups, 1, -1, geom, distance, None, len(rays), 2.0
            )
            hit = geom >= 0
            hits.append(eye + rays[hit] * distance[hit, None])
            owners.append(model.geom_bodyid[geom[hit]])
        points, owner = np.concatenate(hits), np.concatenate(owners)
        points = points + self._rng.normal(0.0, self._noise, points.shape) + self._bias
        points = transform(self._camera_error(), points)
        outside = model.body_rootid[owner] != model.body(self._world.robot_model.base_frame).id
        return points[owner == body], points[(owner != body) & outside]

    def _camera_error(self) -> Array:
        """Return `[4, 4]` from true positions to those that the robot computes from its camera."""
        data, index = self._world.data, self._world.model.camera(WRIST).id
        true = np.eye(4)
        true[:3, :3] = data.cam_xmat[index].reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
        true[:3, 3] = data.cam_xpos[index]
        positions, model = self._world.joint_state().positions, self._world.robot_model
        believed = self._world.base_pose() @ self._robot.base_to(model.camera_frame, positions)
        return believed @ inverse(true)


def _fan(axis: Array, half_width: float) -> Array:
    """Return unit rays `[N, 3]` about an axis that span +-half_width at its end."""
    forward = axis / np.linalg.norm(axis)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    grid = np.linspace(-half_width, half_width, RAYS) / np.linalg.norm(axis)
    u, v = np.meshgrid(grid, grid)
    rays = forward + u.reshape(-1, 1) * right + v.reshape(-1, 1) * np.cross(right, forward)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)
