"""The simulated robot as its drivers see it: frames, odometry, refusals, the truth kept apart."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from m3_ros.config import SimulationConfig
from m3_ros.geometry import backproject, inverse, pose_distance, transform
from m3_ros.grasp.robot import RobotError
from m3_ros.robot_model import load_robot
from m3_ros.settings import ConfigError
from m3_ros.sim.scene import TABLE_HEIGHT, TableScene, random_scene
from m3_ros.sim.simulation import Simulation, scene_of
from m3_ros.sim.trajectory_rules import Point, ResultCode, Trajectory, TrajectoryRejected

CAMERA_FRAME = load_robot().camera_frame

SMALL = {"width": 160, "height": 120, "focal_length": 95.0}
LOOK_DOWN = np.array([0.0, 1.0, -0.9, 1.1, 0.2, -1.2])


def move_arm(simulation, goal, duration=2.0):
    start_arm(simulation, goal, duration)
    simulation.step_until(simulation.time + duration + 0.2)


def start_arm(simulation, goal, duration=2.0):
    point = Point(goal, np.zeros(6), time_from_start=duration)
    names = simulation.robot_model.arm.joints
    simulation.start_arm(Trajectory(names, [point]), is_goal=True)


@pytest.fixture
def simulation():
    simulation = Simulation(SimulationConfig(**SMALL), random_scene(0, 2))
    yield simulation
    simulation.close()


def test_frame_puts_the_table_where_it_is(simulation):
    move_arm(simulation, LOOK_DOWN)
    assert simulation.arm.result == (ResultCode.SUCCESSFUL, "Goal successfully reached!")
    frame = simulation.capture()
    assert frame.rgb.shape == (120, 160, 3)
    points = transform(frame.camtoworld, backproject(frame.depth, frame.K))[frame.depth > 0]
    near = np.abs(points[:, 2] - TABLE_HEIGHT) < 0.015
    assert near.mean() > 0.1
    assert np.median(points[near, 2]) == pytest.approx(TABLE_HEIGHT, abs=0.003)


def test_pose_of_a_frame_knows_nothing_of_the_mount_error():
    """The robot trusts its URDF: a crooked camera gives frames with the wrong pose."""
    config = SimulationConfig(**SMALL, mount_error=(0.005, 0.0), odometry_noise=(0.0, 0.0))
    simulation = Simulation(config, TableScene((), 0))
    frame = simulation.capture()
    simulation.close()
    shift, _ = pose_distance(frame.camtoworld, simulation.world.pose_of(CAMERA_FRAME))
    assert shift == pytest.approx(0.005, abs=1e-4)


def test_still_scene_gives_the_same_view_with_new_noise(simulation):
    first = simulation.capture()
    simulation.step_until(simulation.time + 0.1)
    second = simulation.capture()
    assert second.stamp == pytest.approx(first.stamp + 0.1)
    both = (first.depth > 0) & (second.depth > 0)
    assert (first.depth != second.depth)[both].any()
    assert np.median(np.abs(first.depth - second.depth)[both]) < 0.02
    picture = simulation.picture()
    assert picture.shape[2] == 3
    assert picture.std() > 10.0


def test_view_follows_the_arm(simulation):
    before = simulation.capture()
    simulation.picture()
    move_arm(simulation, LOOK_DOWN)
    after = simulation.capture()
    assert np.abs(after.rgb.astype(int) - before.rgb).mean() > 5.0


def test_base_stops_without_fresh_commands(simulation):
    simulation.set_base_velocity(-0.2, 0.0, 0.0)
    simulation.step_until(simulation.time + 0.4)
    assert simulation.world.base_velocity()[0] == pytest.approx(-0.2, abs=0.02)
    simulation.step_until(simulation.time + 1.0)
    assert simulation.world.base_velocity()[0] == pytest.approx(0.0, abs=1e-3)


def test_odometry_follows_the_base_at_its_rate(simulation):
    first = simulation.odometry()
    simulation.teleport_base(0.1, 0.2, 0.3)
    moved = simulation.odometry().T_map_base
    shift, turn = pose_distance(moved, simulation.ground_truth()["base_link"])
    assert shift < 0.01
    assert turn < 0.01
    assert pose_distance(first.T_map_base, moved)[0] > 0.2
    stamps = set()
    for _ in range(100):
        simulation.step_until(simulation.time + 0.01)
        stamps.add(simulation.odometry().stamp)
    assert len(stamps) == pytest.approx(10, abs=1)


def test_what_is_rejected_moves_nothing(simulation):
    start = simulation.joint_state().arm
    with pytest.raises(RobotError, match=r"2 positions"):
        simulation.start_gripper([-0.5, -0.5], [], [])
    with pytest.raises(RobotError, match=r"it must be finite"):
        simulation.set_base_velocity(float("nan"), 0.0, 0.0)
    with pytest.raises(TrajectoryRejected, match="5 positions"):
        start_arm(simulation, start[:5])
    simulation.step_until(simulation.time + 1.0)
    np.testing.assert_allclose(simulation.joint_state().arm, start, atol=0.01)
    assert simulation.joint_state().gripper == pytest.approx(0.0, abs=0.01)


def test_the_gripper_stops_at_its_limit(simulation):
    simulation.start_gripper([-3.0], [3.0], [10.0])
    simulation.step_until(simulation.time + 3.0)
    assert simulation.gripper.stalled
    assert simulation.joint_state().gripper == pytest.approx(-1.5708, abs=0.03)


def test_stop_ends_a_motion_where_it_is(simulation):
    start_arm(simulation, simulation.joint_state().arm + [1.0, 0, 0, 0, 0, 0])
    simulation.step_until(simulation.time + 1.0)
    simulation.stop_arm()
    there = simulation.joint_state().arm[0]
    simulation.step_until(simulation.time + 1.0)
    assert simulation.joint_state().arm[0] == pytest.approx(there, abs=0.05)
    assert simulation.arm.result is None


def test_controllers_have_the_parameters_of_the_robots_file(simulation):
    arm, gripper = simulation.arm.parameters, simulation.gripper.parameters
    content = yaml.safe_load(simulation.robot_model.controllers.read_text())
    constraints = content["joint_trajectory_controller"]["ros__parameters"]["constraints"]
    assert arm.trajectory["joint3"] == constraints["joint3"]["trajectory"] > 0.0
    assert arm.goal["joint6"] == constraints["joint6"]["goal"] > 0.0
    assert arm.goal_time == constraints["goal_time"] > 0.0
    given = content["gripper_controller"]["ros__parameters"]
    assert gripper.stall_timeout == given["stall_timeout"]
    assert gripper.allow_stalling and gripper.has_max_effort_interface


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "joint_trajectory_controller:\n  ros",
            "other:\n  ros",
            "no ros__parameters of joint_tr",
        ),
        ("joints: [joint1, joint2", "joints: [joint2, joint1", "in this order"),
        ("joint: jointGripper", "joint: jaw", "'jaw'; it must be 'jointGripper'"),
    ],
)
def test_a_controller_file_of_another_robot_is_named(tmp_path, old, new, words):
    text = load_robot().controllers.read_text()
    assert old in text
    (tmp_path / "controllers.yaml").write_text(text.replace(old, new))
    robot = load_robot()
    robot._content = replace(robot._content, controllers=str(tmp_path / "controllers.yaml"))
    with pytest.raises(ConfigError, match=words):
        Simulation(SimulationConfig(**SMALL), TableScene((), 0), robot)


def test_transforms_compose_to_the_true_camera(simulation):
    """What the node publishes on /tf and /tf_static is the chain that the physics has."""
    robot, joints = simulation.robot, simulation.joint_state().positions
    links = robot.link_transforms(joints, fixed=False) | robot.link_transforms(joints, fixed=True)
    parents = {child: (parent, T) for (parent, child), T in links.items()}
    T, frame = np.eye(4), CAMERA_FRAME
    while frame != "base_link":
        frame, step = parents[frame]
        T = step @ T
    np.testing.assert_allclose(T, robot.base_to(CAMERA_FRAME, joints), atol=1e-9)
    true = inverse(simulation.ground_truth()["base_link"]) @ simulation.world.pose_of(CAMERA_FRAME)
    np.testing.assert_allclose(T, true, atol=1e-5)


def test_settings_choose_the_scene(tmp_path):
    assert len(scene_of(SimulationConfig(objects=3)).objects) == 3
    path = tmp_path / "scene.yaml"
    path.write_text("include: [red mug]")
    assert [item.name for item in scene_of(SimulationConfig(scene=str(path))).objects] == [
        "red mug"
    ]


def test_moving_jaws_that_are_cancelled_stay_where_they_are(simulation):
    simulation.start_gripper([-1.0], [1.5], [10.0])
    simulation.step_until(2.0)
    simulation.start_gripper([0.0], [0.15], [3.0])
    simulation.step_until(3.0)
    before = simulation.joint_state()
    assert before.gripper_velocity > 0.1
    simulation.stop_gripper()
    simulation.step_until(3.1)
    after = simulation.joint_state()
    assert abs(after.gripper - before.gripper) < 0.003 and abs(after.gripper_velocity) < 0.02
