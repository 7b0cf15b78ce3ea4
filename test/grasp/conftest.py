import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.grasp.planning import Planner
from m3_ros.resources import resource

TABLE_Z = -0.08  # of a 0.5 m table, in base_link


@pytest.fixture(scope="session")
def urdf():
    return resource("urdf/b1_z1.urdf")


@pytest.fixture(scope="session")
def planner(urdf):
    return Planner(urdf, GraspConfig())


@pytest.fixture(scope="session")
def table():
    """Points of a table top in front of the robot, in base_link."""
    x, y = np.meshgrid(np.arange(0.56, 1.15, 0.008), np.arange(-0.4, 0.4, 0.008))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, TABLE_Z)], axis=-1)


@pytest.fixture(scope="session")
def box_points():
    """Makes points on top and sides of a standing box; size and place in m."""

    def make(size, place, count=1500, yaw=0.0, seed=0):
        rng = np.random.default_rng(seed)
        points = rng.uniform(-0.5, 0.5, (count, 3))
        face = rng.choice([0, 1, 2], count)
        sign = np.where(face == 2, 0.5, rng.choice([-0.5, 0.5], count))
        points[np.arange(count), face] = sign
        points = points * size
        points[:, 2] += size[2] / 2
        cos, sin = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return points @ turn.T + [place[0], place[1], TABLE_Z]

    return make
