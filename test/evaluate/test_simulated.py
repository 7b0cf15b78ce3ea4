"""A free camera in a simulated scene: its pictures agree with the truth."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.evaluate.simulated import SimulatedScene
from m3_ros.geometry import inverse, project, transform
from m3_ros.sim.scene import random_scene

CONFIG = SimulationConfig(width=160, height=120, focal_length=95.6, depth_noise=0.0)


@pytest.fixture(scope="module")
def scene():
    made = SimulatedScene(random_scene(3, 3), replace(CONFIG, color_noise=0.0), (0.0, 0.0))
    yield made
    made.close()


def depth_at(frame, point):
    """Measured and true depth where a world point projects."""
    uv, z = project(transform(inverse(frame.camtoworld), point), frame.K)
    column, row = np.floor(uv).astype(int)
    return frame.depth[row, column], z


def test_a_scan_sees_the_objects_where_they_are(scene):
    frames = scene.scan(3)
    assert [frame.stamp for frame in frames] == [0.0, 1.0, 2.0]
    for frame in frames:
        measured, z = depth_at(frame, scene.truth("yellow bath duck")[0][:3, 3])
        assert 0 < z - measured < 0.08  # the surface is before the middle


def test_a_moved_object_leaves_its_place(scene):
    name = "yellow bath duck"
    place = scene.truth(name)[0][:3, 3]
    camtoworld = scene.viewpoint(180.0, 75.0)
    before, _ = depth_at(scene.frame(camtoworld), place)
    offset = scene.free_offset(name)
    assert np.linalg.norm(offset) > 0.12
    scene.move(name, offset)
    after, _ = depth_at(scene.frame(camtoworld), place)
    assert after > before + 0.02
    np.testing.assert_allclose(scene.truth(name)[0][:3, 3], place + offset, atol=1e-9)
    scene.move(name, -offset)


def test_pose_noise_is_in_the_frames_pose_only():
    noisy = SimulatedScene(random_scene(3, 1), CONFIG, (0.01, 0.01))
    pose = noisy.viewpoint(180.0, 60.0)
    believed = noisy.frame(pose).camtoworld
    noisy.close()
    assert 1e-4 < np.abs(believed - pose).max() < 0.1
