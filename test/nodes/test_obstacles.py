"""What of the memory is an obstacle to motions."""

import numpy as np
import pytest

from m3_ros.capture.messages import ConversionError
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.conversions import header
from m3_ros.nodes.images import cloud_message
from m3_ros.nodes.obstacles import RememberedObstacles

BOARD = np.stack([*np.indices((10, 10)).reshape(2, -1) * 0.005, np.full(100, 0.5)], 1)


@pytest.fixture
def obstacles(spin):
    return RememberedObstacles(spin("obstacles"), "map")


def cloud(**fields):
    return cloud_message(BOARD, header("map"), fields)


def test_a_surface_is_an_obstacle_unless_the_memory_has_no_scale(obstacles):
    obstacles.take_points(cloud(opacity=np.ones(100)))
    assert np.allclose(obstacles.points, BOARD)
    obstacles.take_status(MemoryStatus(metric=False))
    assert obstacles.points.shape == (0, 3)
    obstacles.take_status(MemoryStatus(metric=True))
    assert len(obstacles.points) == 100
    with pytest.raises(ConversionError, match="opacity"):
        obstacles.take_points(cloud())
    assert len(obstacles.points) == 100
