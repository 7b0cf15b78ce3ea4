"""The rendered picture obeys the published intrinsics and pose; depth is metric."""

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.geometry import backproject, inverse, pose_distance, project, transform
from m3_ros.robot_model import load_robot
from m3_ros.sim.camera import Camera, intrinsics
from m3_ros.sim.scene import TABLE_HEIGHT, TableScene, random_scene
from m3_ros.sim.world import World

CAMERA_FRAME = load_robot().camera_frame

LOOK_DOWN = np.array([0.0, 1.0, -0.9, 1.1, 0.2, -1.2])


def looking_down(scene, config):
    world = World(scene, config)
    world.command.arm = lambda _: (LOOK_DOWN, np.zeros(6))
    for _ in range(700):
        world.step()
    return world


@pytest.fixture(scope="module", params=[(0.0, 0.0), (23.0, -17.0)], ids=["centred", "off centre"])
def view(request):
    config = SimulationConfig(
        width=320, height=240, focal_length=190.0, principal_offset=request.param
    )
    world = looking_down(random_scene(0, 1), config)
    camera = Camera(world.model, config.width, config.height)
    rgb, depth = camera.render(world.data)
    camera.close()
    return world, intrinsics(config), rgb, depth


def test_table_lies_at_its_height(view):
    world, K, _, depth = view
    points = transform(world.pose_of(CAMERA_FRAME), backproject(depth, K))
    heights = points[..., 2][np.abs(points[..., 2] - TABLE_HEIGHT) < 0.002]
    assert heights.size > 0.1 * depth.size
    assert np.abs(heights - TABLE_HEIGHT).mean() < 1e-4


def test_duck_is_seen_where_it_projects_to(view):
    """The picture's yellow blob is centred on the projection of the duck's centre."""
    world, K, rgb, depth = view
    center = world.ground_truth()["yellow bath duck"][:3, 3]
    uv, z = project(transform(inverse(world.pose_of(CAMERA_FRAME)), center), K)
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    rows, columns = np.nonzero((red > 1.8 * blue + 20) & (green > 1.4 * blue) & (red > 70))
    points = transform(world.pose_of(CAMERA_FRAME), backproject(depth, K))[rows, columns]
    near = np.linalg.norm(points - center, axis=1) < 0.08
    assert near.sum() > 100
    seen = np.array([columns[near].mean(), rows[near].mean()]) + 0.5
    assert np.abs(seen - uv).max() < 8.0
    assert depth[rows[near], columns[near]].min() == pytest.approx(z, abs=0.08)


def test_intrinsics_follow_the_settings():
    K = intrinsics(SimulationConfig(width=100, height=80, principal_offset=(2.0, -1.0)))
    np.testing.assert_allclose(K, [[382.26, 0, 52], [0, 382.26, 39], [0, 0, 1]])


def test_mount_error_moves_the_true_camera_by_its_size():
    perfect = World(TableScene((), 0), SimulationConfig())
    crooked = World(TableScene((), 0), SimulationConfig(mount_error=(0.005, 0.017)))
    shift, turn = pose_distance(perfect.pose_of(CAMERA_FRAME), crooked.pose_of(CAMERA_FRAME))
    assert shift == pytest.approx(0.005, abs=1e-6)
    assert turn == pytest.approx(0.017, abs=1e-6)
