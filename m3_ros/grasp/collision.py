"""Whether the arm meets itself, the base or the points of the scene.

Shapes are the URDF's collision primitives. Self-collision is coal's; distances to the scene's
voxels are those of boxes, cylinders and spheres, in closed form, so no mesh or octree is built.
"""

from __future__ import annotations

from itertools import combinations

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.robot_model import RobotModel
from m3_ros.types import Array

VOXEL = 0.006
"""Edge of a scene's voxels, m: two voxels of the memory (`splat.voxel_size`)."""


class CollisionModel:
    """The robot's primitives, and the pairs of them that must not touch.

    Pairs on neighbouring links and inside the gripper are left out, and pairs of shapes that touch
    at home, where the robot does not.
    """

    def __init__(self, robot: RobotModel) -> None:
        self._robot, self.model = robot, robot.kinematics
        self.geometry = pin.buildGeomFromUrdf(
            self.model, str(robot.urdf), pin.GeometryType.COLLISION, package_dirs=[]
        )
        self._data = self.model.createData()
        self._geometry_data = pin.GeometryData(self.geometry)
        shapes = self.geometry.geometryObjects
        self._moving = [i for i, shape in enumerate(shapes) if shape.parentJoint > 0]
        self._link = [self.model.frames[shape.parentFrame].name for shape in shapes]
        self._radius = [_bounding_radius(shape.geometry) for shape in shapes]
        self._use_distant_pairs()
        self._place(robot.home)
        pin.computeCollisions(self.geometry, self._geometry_data, False)
        touching = {
            (pair.first, pair.second)
            for pair, result in zip(
                self.geometry.collisionPairs, self._geometry_data.collisionResults, strict=True
            )
            if result.isCollision()
        }
        for first, second in touching:
            self.geometry.removeCollisionPair(pin.CollisionPair(first, second))
        self._geometry_data = pin.GeometryData(self.geometry)

    def self_collision(self, q: Array) -> bool:
        """Return whether the robot touches itself at joint positions `[A]` or `[A + 1]`."""
        self._place(q)
        return bool(pin.computeCollisions(self.geometry, self._geometry_data, True))

    def clearance(self, q: Array, scene: Scene, ignore: tuple[str, ...] = ()) -> float:
        """Return the smallest distance in m from the moving links to the scene.

        Never larger than to any of the points that the scene was made of, smaller by a voxel's
        diagonal at most. Negative inside a link; inf when the scene is empty.

        Args:
            q: joint positions `[A]` or `[A + 1]` (gripper closed when absent).
            scene: points in `base_link`.
            ignore: names of links that do not count.
        """
        self._place(q)
        nearest = float("inf")
        for i in self._moving:
            if self._link[i] in ignore or scene.tree is None:
                continue
            placement = self._geometry_data.oMg[i]
            reach = self._radius[i] + min(nearest, 0.1) + scene.radius
            near = scene.tree.query_ball_point(placement.translation, reach)
            if near:
                local = (scene.points[near] - placement.translation) @ placement.rotation
                shape = self.geometry.geometryObjects[i].geometry
                nearest = min(nearest, float(_distance(shape, local).min()) - scene.radius)
        return nearest

    def off_robot(self, q: Array, points: Array, margin: float) -> NDArray[np.bool_]:
        """Return which of points `[N, 3]` in the base frame are over `margin` m from the robot.

        Args:
            q: joint positions `[A + 1]`.
            points: seen by the robot's own camera, say.
            margin: in m.
        """
        self._place(q)
        off = np.ones(len(points), bool)
        for i, radius in enumerate(self._radius):
            placement = self._geometry_data.oMg[i]
            offset = points - placement.translation
            near = np.flatnonzero(np.linalg.norm(offset, axis=1) < radius + margin)
            shape = self.geometry.geometryObjects[i].geometry
            off[near] &= _distance(shape, offset[near] @ placement.rotation) > margin
        return off

    def is_free(self, q: Array, scene: Scene, margin: float, ignore: tuple[str, ...] = ()) -> bool:
        """Return whether the robot is off itself, and its links `margin` m off the scene."""
        return not self.self_collision(q) and self.clearance(q, scene, ignore) >= margin

    def _use_distant_pairs(self) -> None:
        joints = [shape.parentJoint for shape in self.geometry.geometryObjects]
        parents, jaws = self.model.parents, set(self._robot.gripper.links)
        for i, j in combinations(range(len(joints)), 2):
            a, b = joints[i], joints[j]
            in_gripper = {self._link[i], self._link[j]} <= jaws
            if not in_gripper and a != b and parents[a] != b and parents[b] != a:
                self.geometry.addCollisionPair(pin.CollisionPair(i, j))
        self._geometry_data = pin.GeometryData(self.geometry)

    def _place(self, q: Array) -> None:
        full = self._robot.configuration(q)
        pin.updateGeometryPlacements(
            self.model, self._data, self.geometry, self._geometry_data, full
        )


class Scene:
    """Space that the arm must not meet, in the base frame: voxels that hold points.

    Attributes:
        points: `[S, 3]` middles of the voxels, m.
        radius: of the ball around a middle that holds the whole voxel, m.
        tree: k-d tree of the middles; None without points.
    """

    def __init__(self, points: Array, voxel: float = VOXEL) -> None:
        keys = np.floor(np.asarray(points, np.float64) / voxel).astype(np.int64)
        self.points = (np.unique(keys, axis=0) + 0.5) * voxel
        self.radius = voxel * np.sqrt(3.0) / 2.0
        self.tree = cKDTree(self.points) if len(self.points) else None

    def without(self, points: Array, radius: float) -> Scene:
        """Return the scene less the voxels with centres within `radius` m of points `[N, 3]`."""
        if self.tree is None or len(points) == 0:
            return self
        distance, _ = cKDTree(points).query(self.points, distance_upper_bound=radius)
        return Scene(self.points[np.isinf(distance)])


def _bounding_radius(shape: coal.ShapeBase) -> float:
    if isinstance(shape, coal.Box):
        return float(np.linalg.norm(shape.halfSide))
    if isinstance(shape, coal.Cylinder):
        return float(np.hypot(shape.radius, shape.halfLength))
    if isinstance(shape, coal.Sphere):
        return float(shape.radius)
    raise ValueError(f"collision shape {type(shape).__name__}; it must be a box, cylinder, sphere")


def _distance(shape: coal.ShapeBase, points: Array) -> Array:
    """Return signed distances `[N]` of points `[N, 3]` in the shape's own frame."""
    if isinstance(shape, coal.Sphere):
        return np.linalg.norm(points, axis=1) - shape.radius
    if isinstance(shape, coal.Box):
        beyond = np.abs(points) - shape.halfSide
    else:
        radial = np.hypot(points[:, 0], points[:, 1]) - shape.radius
        beyond = np.stack([radial, np.abs(points[:, 2]) - shape.halfLength], axis=-1)
    outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
    return outside + np.minimum(beyond.max(1), 0.0)
