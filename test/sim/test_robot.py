"""`SimulatedRobot` keeps the Robot protocol: motions end where told, or stop and say why."""

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.geometry import inverse, matrix_to_quat, planar_pose, pose_distance, se3
from m3_ros.grasp.robot import JointTrajectory, MotionCancelled, TrackingError
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.scene import TableScene, random_scene
from m3_ros.sim.simulation import Simulation

SMALL = SimulationConfig(width=160, height=120, focal_length=95.0)


def trajectory(robot, goal, duration=2.0):
    start = robot.joint_state().arm
    points = np.stack([start, np.asarray(goal)])
    return JointTrajectory(points, np.zeros((2, 6)), np.array([0.0, duration]))


@pytest.fixture
def robot():
    robot = SimulatedRobot(Simulation(SMALL, TableScene((), 0)))
    yield robot
    robot.simulation.close()


def test_follow_ends_at_the_goal(robot):
    goal = robot.joint_state().arm + [0.4, 0.2, -0.2, 0.3, -0.3, 0.5]
    robot.execute_trajectory(trajectory(robot, goal))
    np.testing.assert_allclose(robot.joint_state().arm, goal, atol=0.01)


def test_cancel_stops_within_a_tick(robot):
    began = robot.simulation.time
    goal = robot.joint_state().arm + [1.0, 0, 0, 0, 0, 0]
    with pytest.raises(MotionCancelled):
        robot.execute_trajectory(
            trajectory(robot, goal), lambda: robot.simulation.time > began + 0.5
        )
    assert robot.simulation.time < began + 0.6
    there = robot.joint_state().arm[0]
    robot.wait(0.5)
    assert robot.joint_state().arm[0] == pytest.approx(there, abs=0.05)
    assert there < 0.5


def test_something_in_the_way_raises_and_stops(robot):
    """The arm is told to reach down through the table."""
    down = np.array([0.0, 2.7, -1.2, 0.6, 0.0, 0.0])
    with pytest.raises(TrackingError, match="did not follow"):
        robot.execute_trajectory(trajectory(robot, down, 4.0))
    assert robot.simulation.world.pose_of("z1_gripper_stator")[2, 3] > 0.45


def test_gripper_reaches_its_goal_where_nothing_is(robot):
    assert robot.move_gripper(-1.0, 10.0, 1.5) == pytest.approx(-1.0, abs=0.02)
    assert robot.move_gripper(0.0, 5.0, 1.5) == pytest.approx(0.0, abs=0.02)


def test_a_cancelled_gripper_stops_where_it_is(robot):
    robot.move_gripper(-1.0, 10.0, 1.5)
    with pytest.raises(MotionCancelled):
        robot.move_gripper(0.0, 3.0, 0.3, lambda: robot.joint_state().gripper > -0.7)
    robot.wait(2.0)
    assert robot.joint_state().gripper == pytest.approx(-0.7, abs=0.03)


def test_gripper_stops_at_an_object_and_holds_it_while_the_arm_moves():
    """A block is put between the open jaws without gravity, gripped, then carried with it."""
    simulation = Simulation(SMALL, random_scene(0, 1, include=("red toy block",)))
    robot, world = SimulatedRobot(simulation), simulation.world
    world.model.opt.gravity[:] = 0.0
    robot.move_gripper(-1.0, 10.0, 1.5)
    T = world.pose_of("z1_gripper_stator") @ se3(np.eye(3), [0.125, 0.0, 0.0])
    block = world.data.joint("red toy block joint")
    block.qpos[:] = np.concatenate([T[:3, 3], matrix_to_quat(T[:3, :3])])
    block.qvel[:] = 0.0
    assert robot.move_gripper(0.0, 5.0, 1.5) < -0.15
    world.model.opt.gravity[2] = -9.81

    def in_hand():
        return inverse(world.pose_of("z1_gripper_stator")) @ world.pose_of("red toy block")

    gripped = in_hand()
    robot.execute_trajectory(
        trajectory(robot, robot.joint_state().arm + [0.8, 0.0, 0.0, 0.0, 0.0, 0.4])
    )
    robot.wait(2.0)
    shift, turn = pose_distance(gripped, in_hand())
    assert shift < 0.005
    assert turn < 0.1


def test_base_reaches_its_goal_within_its_speed(robot):
    goal = planar_pose(-0.15, 0.1, 0.2, 0.58)
    speeds = []
    watched = SimulatedRobot(
        robot.simulation, lambda: speeds.append(robot.simulation.world.base_velocity())
    )
    watched.move_base(goal, max_speed=0.15, max_yaw_rate=0.15)
    shift, turn = pose_distance(watched.base_pose(), goal)
    assert shift < 0.012
    assert turn < 0.012
    assert np.linalg.norm(np.array(speeds)[:, :2], axis=1).max() < 0.16
    assert np.abs(np.array(speeds)[:, 2]).max() < 0.16


def test_observe_is_newer_than_the_call():
    robot = SimulatedRobot(Simulation(SMALL, random_scene(0, 1)))
    before = robot.simulation.time
    frame = robot.capture_frame()
    robot.simulation.close()
    assert frame.stamp > before
