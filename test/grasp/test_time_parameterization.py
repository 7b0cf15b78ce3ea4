import numpy as np
import pytest

from m3_ros.grasp.time_parameterization import join, joint_move, straight_move
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
HOME, SCAN = ROBOT.home, ROBOT.scan


@pytest.mark.parametrize(("velocity", "acceleration"), [(1.0, 4.0), (0.3, 1.0)])
def test_joint_moves_keep_the_limits_and_rest_at_both_ends(velocity, acceleration):
    motion = joint_move(HOME, SCAN, velocity, acceleration)
    assert np.allclose(motion.positions[0], HOME) and np.allclose(motion.positions[-1], SCAN)
    assert np.abs(motion.velocities[[0, -1]]).max() < 1e-9
    assert np.abs(motion.velocities).max() <= velocity + 1e-9
    gained = np.abs(np.diff(motion.velocities, axis=0)) / np.diff(motion.times)[:, None]
    assert gained.max() <= acceleration + 1e-6
    assert np.abs(motion.velocities).max() > 0.9 * velocity  # and not slower than need be


def test_a_move_to_where_one_is_takes_no_way():
    motion = joint_move(HOME, HOME, 1.0, 4.0)
    assert np.allclose(motion.positions, HOME) and motion.duration > 0.0


def test_straight_moves_keep_speed_and_pass_their_path():
    path = np.linspace(HOME, HOME + 0.1, 11)
    motion = straight_move(path, length=0.10, max_speed=0.05, max_velocity=1.0, max_acceleration=4)
    assert motion.duration == pytest.approx(1.875 * 0.10 / 0.05)
    assert np.allclose(motion.positions[[0, -1]], path[[0, -1]])
    share = (motion.positions[:, 0] - HOME[0]) / 0.1
    speed = np.gradient(share * 0.10, motion.times)
    assert speed.max() == pytest.approx(0.05, rel=0.01)


def test_straight_moves_slow_down_for_the_joints():
    path = np.linspace(HOME, HOME + 2.0, 11)
    motion = straight_move(path, length=0.01, max_speed=1.0, max_velocity=0.5, max_acceleration=2)
    assert np.abs(motion.velocities).max() <= 0.5 * 1.01
    gained = np.abs(np.diff(motion.velocities, axis=0)) / np.diff(motion.times)[:, None]
    assert gained.max() <= 2.0 * 1.02


def test_joined_motions_follow_each_other():
    there, back = joint_move(HOME, SCAN, 1.0, 4.0), joint_move(SCAN, HOME, 1.0, 4.0)
    both = join(there, back)
    assert both.duration == pytest.approx(there.duration + back.duration)
    assert np.allclose(both.sample(there.duration)[0], SCAN)
    assert np.allclose(both.positions[-1], HOME)
