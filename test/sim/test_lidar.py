"""The odometry's error: noise at rest, drift in proportion to the way, nothing else."""

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.geometry import inverse, planar_pose, pose_distance
from m3_ros.sim.lidar import LidarOdometry

START = planar_pose(0.0, 0.0, 0.0, 0.58)


def odometry(noise=(0.0, 0.0), drift=(0.0, 0.0), seed=0):
    config = SimulationConfig(seed=seed, odometry_noise=noise, odometry_drift=drift)
    return LidarOdometry(config, START)


def test_without_errors_it_tells_the_truth():
    lidar = odometry()
    for pose in (START, planar_pose(1.0, -0.5, 2.0, 0.58)):
        np.testing.assert_allclose(lidar.estimate(pose), pose, atol=1e-12)


def test_noise_at_rest_has_its_size_and_no_trend():
    lidar = odometry(noise=(0.002, 0.001))
    estimates = np.array([lidar.estimate(START) for _ in range(2000)])
    assert estimates[:, 0, 3].std() == pytest.approx(0.002, rel=0.1)
    assert np.arctan2(estimates[:, 1, 0], estimates[:, 0, 0]).std() == pytest.approx(
        0.001, rel=0.1
    )
    np.testing.assert_allclose(estimates[:, :3, 3].mean(0), START[:3, 3], atol=2e-4)


def test_drift_grows_with_the_way_and_the_turn():
    lidar = odometry(drift=(0.01, 0.02))
    for x in np.linspace(0.0, 2.0, 21):
        estimate = lidar.estimate(planar_pose(x, 0.0, 0.0, 0.58))
    shift, turn = pose_distance(estimate, planar_pose(2.0, 0.0, 0.0, 0.58))
    assert shift == pytest.approx(0.02)
    assert turn == pytest.approx(0.0, abs=1e-9)
    for yaw in np.linspace(0.0, 1.0, 11):
        estimate = lidar.estimate(planar_pose(2.0, 0.0, yaw, 0.58))
    shift, turn = pose_distance(estimate, planar_pose(2.0, 0.0, 1.0, 0.58))
    assert shift == pytest.approx(0.02)
    assert turn == pytest.approx(0.02)


def test_what_remains_without_the_drift_is_the_true_motion():
    lidar = odometry(drift=(0.1, 0.0))
    for step in range(20):
        true = planar_pose(0.1 * step, 0.0, 0.05 * step, 0.58)
        T_map_base = lidar.estimate(true)
    np.testing.assert_allclose(inverse(lidar.T_map_odom) @ T_map_base, true, atol=1e-12)
    assert pose_distance(lidar.T_map_odom, np.eye(4))[0] > 0.1


def test_what_has_drifted_before_stays():
    lidar = odometry()
    lidar.drift(0.01, -0.02)
    for pose in (START, planar_pose(1.0, -0.5, 2.0, 0.58)):
        off = lidar.estimate(pose)[:3, 3] - pose[:3, 3]
        np.testing.assert_allclose(off, [0.01, -0.02, 0.0], atol=1e-12)
