import numpy as np
import pytest

from m3_ros.geometry import inverse, look_at, pose_distance, se3, transform
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
TIPS = np.array([0.137, 0.0, -0.009])  # where the closed jaws meet, in the tool's frame, m
CAMERA_FRAME, HOME, SCAN, TOOL_FRAME = ROBOT.camera_frame, ROBOT.home, ROBOT.scan, ROBOT.tool_frame

ARM_BASE = np.array([0.30, 0.0, 0.10])


@pytest.fixture(scope="module")
def arm(planner):
    return planner.arm


def postures(arm, count, seed=0):
    return np.random.default_rng(seed).uniform(arm.lower, arm.upper, (count, 6))


def test_published_postures_reach_the_published_points(arm):
    """The flange at Unitree's "forward" and zero posture, from the Z1's tables."""
    for q, flange in (
        (np.zeros(6), [0.0382, 0.0, 0.1605]),
        (np.array([0.0, 1.5, -1.0, -0.54, 0.0, 0.0]), [0.3639, 0.0, 0.4049]),
    ):
        assert np.allclose(arm.fk(q)[:3, 3] - ARM_BASE, flange, atol=2e-4)


def test_jacobian_is_the_slope_of_the_forward_kinematics(arm):
    for q in postures(arm, 5):
        slope = np.zeros((3, 6))
        for j in range(6):
            step = np.zeros(6)
            step[j] = 1e-6
            slope[:, j] = (arm.fk(q + step)[:3, 3] - arm.fk(q - step)[:3, 3]) / 2e-6
        assert np.allclose(arm.fk(q)[:3, :3] @ arm.jacobian(q)[:3], slope, atol=1e-6)


def test_a_force_on_the_tips_is_told_from_the_torques_that_hold_against_it(arm):
    """By virtual work: torques times joint motions are the force times the tips' way."""
    rng = np.random.default_rng(1)
    for q in postures(arm, 5):
        slope = np.zeros((3, 6))
        for j, step in enumerate(1e-6 * np.eye(6)):
            ways = [transform(arm.fk(q + sign * step), TIPS) for sign in (1, -1)]
            slope[:, j] = (ways[0] - ways[1]) / 2e-6
        force = rng.normal(size=3)
        assert np.allclose(arm.force(q, -slope.T @ force, TIPS), force, atol=1e-5)


def test_ik_brings_the_tool_back_inside_the_limits(arm):
    found = 0
    for q in postures(arm, 60):
        target = arm.fk(q)
        solution = arm.ik(target, restarts=16)
        if solution is None:
            continue
        found += 1
        metres, radians = pose_distance(arm.fk(solution), target)
        assert metres < 2e-5 and radians < 2e-4
        assert arm.within_limits(solution)
    assert found >= 58


def test_ik_stays_near_its_seed(arm):
    for q in postures(arm, 20, seed=1) * 0.8:
        q = np.clip(q, arm.lower + 0.1, arm.upper - 0.1)
        solution = arm.ik(arm.fk(q), (q + 0.02,), restarts=0)
        assert solution is None or np.abs(solution - q).max() < 0.3


def test_a_free_roll_keeps_place_and_view(arm):
    view = look_at([0.55, 0.05, 0.2], [0.75, 0.0, -0.05])
    solution = arm.ik(view, (SCAN,), CAMERA_FRAME, free_roll=True)
    reached = arm.fk(solution, CAMERA_FRAME)
    assert np.allclose(reached[:3, 3], view[:3, 3], atol=2e-5)
    assert np.allclose(reached[:3, 2], view[:3, 2], atol=2e-4)


def test_what_is_out_of_reach_has_no_solution(arm):
    assert arm.ik(se3(np.eye(3), [2.0, 0.0, 0.5])) is None


def test_a_path_follows_every_pose(arm):
    start = arm.fk(SCAN)
    poses = [se3(np.eye(3), [0.0, 0.0, 0.01 * i]) @ start for i in range(6)]
    path = arm.ik_path(poses, SCAN)
    for q, pose in zip(path, poses, strict=True):
        assert pose_distance(arm.fk(q), pose)[0] < 2e-5
    far = [se3(np.eye(3), [0.5, 0.0, 0.5]) @ start]
    assert arm.ik_path(far, SCAN) is None


def test_the_camera_sits_beside_the_gripper(arm):
    T = inverse(arm.fk(HOME, TOOL_FRAME)) @ arm.fk(HOME, CAMERA_FRAME)
    assert np.allclose(T[:3, 3], [0.02, 0.10, -0.005], atol=1e-6)
    assert T[0, 2] == pytest.approx(np.cos(np.radians(15.0)), abs=1e-4)


def test_an_unknown_frame_is_named(arm):
    with pytest.raises(ValueError, match="elbow"):
        arm.fk(HOME, "elbow")
