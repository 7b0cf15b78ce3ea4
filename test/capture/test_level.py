"""A world that is not level is refused, and the remedy that is named makes it level."""

import re

import numpy as np
import pytest

from m3_ros.capture.level import level_problem, tilt
from m3_ros.capture.transform_buffer import TransformBuffer
from m3_ros.geometry import planar_pose, rpy_to_matrix, se3


def tilted(degrees, yaw=0.0, axis=(0.0, 1.0, 0.0)):
    angle = np.radians(degrees)
    return se3(rpy_to_matrix(np.multiply(axis, angle)), [0, 0, 0]) @ planar_pose(1, 2, yaw)


@pytest.mark.parametrize("axis", [(0, 1, 0), (0, -1, 0), (1, 0, 0)])
def test_a_lidar_mounted_at_20_degrees_is_refused_and_the_remedy_levels_it(axis):
    # FAST-LIO's camera_init is the first pose of the tilted sensor; base_link stands level.
    buffer = TransformBuffer()
    for stamp, yaw in ((0.0, 0.0), (1.0, 1.2)):
        buffer.add("camera_init", "base_link", stamp, tilted(20.0, yaw, axis))
    T = buffer.lookup("camera_init", "base_link")
    problem = level_problem(T, "camera_init", "base_link", np.radians(15.0))
    assert "camera_init is not level" in problem and "20.0 degrees" in problem
    rpy = [float(re.search(rf"--{name} (\S+)", problem)[1]) for name in ("roll", "pitch", "yaw")]
    buffer.add("map", "camera_init", None, se3(rpy_to_matrix(rpy), [0, 0, 0]))
    for stamp in (0.0, 0.5, 1.0):
        assert tilt(buffer.lookup("map", "base_link", stamp)) < 1e-3


def test_a_body_that_pitches_a_little_stands_in_a_level_world():
    assert level_problem(tilted(10.0), "map", "base_link", np.radians(15.0)) is None


def test_a_sensor_upside_down_is_levelled_too():
    problem = level_problem(tilted(180.0, axis=(1, 0, 0)), "map", "base_link", 0.26)
    assert "--frame-id map_level --child-frame-id map" in problem
