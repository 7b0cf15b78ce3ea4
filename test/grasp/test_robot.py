import numpy as np
import pytest

from m3_ros.grasp.robot import JointState, JointTrajectory


def trajectory():
    times = np.array([0.0, 0.5, 1.5])
    positions = np.outer([0.0, 1.0, 0.5], np.ones(6))
    velocities = np.outer([0.0, 0.3, 0.0], np.ones(6))
    return JointTrajectory(positions, velocities, times)


def test_sample_passes_through_the_points_and_clamps():
    motion = trajectory()
    for i, time in enumerate(motion.times):
        position, velocity = motion.sample(time)
        assert np.allclose(position, motion.positions[i])
        assert np.allclose(velocity, motion.velocities[i])
    assert np.allclose(motion.sample(-1.0)[0], motion.positions[0])
    assert np.allclose(motion.sample(9.0)[0], motion.positions[-1])


def test_sampled_velocity_is_the_slope_of_the_sampled_position():
    motion = trajectory()
    for time in np.linspace(0.05, 1.45, 30):
        slope = (motion.sample(time + 1e-6)[0] - motion.sample(time - 1e-6)[0]) / 2e-6
        assert np.allclose(motion.sample(time)[1], slope, atol=1e-5)


def test_reversed_is_the_same_motion_backwards():
    motion = trajectory()
    back = motion.reversed()
    for time in np.linspace(0.0, motion.duration, 20):
        position, velocity = motion.sample(time)
        mirrored, speed = back.sample(motion.duration - time)
        assert np.allclose(position, mirrored) and np.allclose(velocity, -speed)


@pytest.mark.parametrize(
    ("times", "shape", "word"),
    [
        ([0.0, 0.0], (2, 6), "increase"),
        ([0.1, 0.2], (2, 6), "increase"),
        ([0.0], (1, 6), "increase"),
        ([0.0, 1.0], (3, 6), "shape"),
        ([0.0, 1.0], (2,), "shape"),
    ],
)
def test_bad_trajectories_are_refused(times, shape, word):
    with pytest.raises(ValueError, match=word):
        JointTrajectory(np.zeros(shape), np.zeros(shape), np.array(times))


@pytest.mark.parametrize("broken", ["positions", "velocities", "efforts"])
def test_columns_of_a_joint_state_are_equally_long(broken):
    columns = {"positions": np.zeros(7), "velocities": np.zeros(7), "efforts": np.zeros(7)}
    with pytest.raises(ValueError, match="shape"):
        JointState(**{**columns, broken: np.zeros(6)}, stamp=0.0)


def test_the_gripper_is_the_last_joint():
    state = JointState(np.arange(5.0), np.arange(5.0) + 10, np.arange(5.0) + 20, 0.0)
    assert state.arm.tolist() == [0.0, 1.0, 2.0, 3.0] and state.gripper == 4.0
    assert state.arm_efforts.tolist() == [20.0, 21.0, 22.0, 23.0]
    assert state.gripper_velocity == 14.0
