"""The physics: objects rest where they stand, joints and base follow, the gripper's force ends."""

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.geometry import planar_pose, pose_distance
from m3_ros.sim.scene import TABLE_HEIGHT, TableScene, random_scene
from m3_ros.sim.world import World

CONFIG = SimulationConfig()


def run(world, seconds):
    for _ in range(round(seconds / world.model.opt.timestep)):
        world.step()


@pytest.fixture
def empty():
    return World(TableScene((), 0), CONFIG)


@pytest.mark.parametrize("seed", range(4))
def test_objects_settle_on_the_table_and_stay(seed):
    scene = random_scene(seed, 12)
    world = World(scene, CONFIG)
    before = world.ground_truth()
    run(world, 1.0)
    after = world.ground_truth()
    for item in scene.objects:
        shift, turn = pose_distance(before[item.name], after[item.name])
        assert shift < 0.002, item.name
        assert turn < 0.05, item.name
        assert abs(after[item.name][2, 3] - TABLE_HEIGHT) < item.model.size.max(), item.name


def test_ground_truth_is_the_centre_of_the_object():
    scene = random_scene(0, 1)
    duck = scene.objects[0]
    truth = World(scene, CONFIG).ground_truth()["yellow bath duck"][:3, 3]
    expected = duck.pose[:3, 3] + [0.0, 0.0, duck.model.size[2] / 2.0]
    np.testing.assert_allclose(truth, expected, atol=5e-3)


def test_arm_follows_a_moving_set_point_closely(empty):
    start = empty.joint_state().arm
    swing = np.array([0.6, 0.3, -0.3, 0.4, 0.3, 0.5])
    rate = 2.0 * np.pi / 4.0

    def command(time):
        return (
            start + swing * (1.0 - np.cos(rate * time)) / 2.0,
            swing * rate * np.sin(rate * time) / 2.0,
        )

    empty.command.arm = command
    for _ in range(40):
        run(empty, 0.1)
        error = empty.joint_state().arm - command(empty.time)[0]
        assert np.abs(error).max() < 0.005


def test_gripper_opens_and_closes_and_yields_at_its_torque_limit(empty):
    empty.command.gripper = -1.0
    run(empty, 1.5)
    assert empty.joint_state().gripper == pytest.approx(-1.0, abs=0.02)
    empty.set_gripper_effort(3.0)
    empty.command.gripper = 0.0
    peak = 0.0
    for _ in range(15):
        run(empty, 0.1)
        peak = max(peak, abs(empty.joint_state().efforts[6]))
    assert empty.joint_state().gripper == pytest.approx(0.0, abs=0.02)
    assert peak <= 3.0 + 1e-9


def test_base_drives_as_told_within_its_limits(empty):
    empty.command.base_velocity = np.array([-0.2, 0.1, 0.0])
    run(empty, 2.0)
    np.testing.assert_allclose(empty.base_velocity(), [-0.2, 0.1, 0.0], atol=2e-3)
    empty.command.base_velocity = np.array([-9.0, 9.0, 0.0])
    run(empty, 3.0)
    limits = empty.robot_model.base.velocity_limits
    fastest = [limits[0][0], limits[1][1], 0.0]
    np.testing.assert_allclose(empty.base_velocity(), fastest, atol=5e-3)
    empty.command.base_velocity = np.zeros(3)
    run(empty, 2.0)
    np.testing.assert_allclose(empty.base_velocity(), 0.0, atol=1e-3)


def test_base_drives_along_its_heading(empty):
    empty.teleport_base(-0.5, -0.2, np.pi / 2.0)
    expected = planar_pose(-0.5, -0.2, np.pi / 2.0, 0.58)
    np.testing.assert_allclose(empty.base_pose(), expected, atol=1e-9)
    empty.command.base_velocity = np.array([0.2, 0.0, 0.0])
    run(empty, 1.0)
    x, y = empty.base_pose()[:2, 3]
    assert x == pytest.approx(-0.5, abs=1e-3)
    assert y > -0.1


def test_moving_the_arm_does_not_move_the_base(empty):
    before = empty.base_pose()
    goal = empty.joint_state().arm + [1.0, 0.5, -0.5, 0.0, 0.0, 0.0]
    empty.command.arm = lambda _: (goal, np.zeros(6))
    run(empty, 1.0)
    shift, turn = pose_distance(before, empty.base_pose())
    assert shift < 1e-4
    assert turn < 1e-4
