"""Steering: towards the goal, within limits, and it ends there."""

import numpy as np
import pytest

from m3_ros.geometry import planar_pose
from m3_ros.grasp.base_controller import goal_reached, pose_error, velocity_command


def test_way_left_is_in_the_base_frame():
    left = pose_error(planar_pose(1.0, 0.0, np.pi / 2), planar_pose(1.0, 0.5, np.pi))
    np.testing.assert_allclose(left, (0.5, 0.0, np.pi / 2), atol=1e-12)


@pytest.mark.parametrize("left", [(2.0, -1.0, 3.0), (0.01, 0.0, -0.01), (0.0, 0.0, 0.0)])
def test_limits_hold(left):
    vx, vy, rate = velocity_command(left, max_speed=0.15, max_yaw_rate=0.2)
    assert np.hypot(vx, vy) <= 0.15 + 1e-12 and abs(rate) <= 0.2


def test_the_loop_arrives():
    pose, goal = planar_pose(0, 0, 0), planar_pose(0.3, -0.2, 0.7)
    for _ in range(2000):
        left = pose_error(pose, goal)
        if goal_reached(left):
            break
        vx, vy, rate = velocity_command(left, 0.15, 0.3)
        pose = pose @ planar_pose(0.02 * vx, 0.02 * vy, 0.02 * rate)
    assert goal_reached(pose_error(pose, goal))
    assert not goal_reached(pose_error(planar_pose(0, 0, 0), goal))
