"""Conventions: round trips and invariants of m3_ros.geometry."""

import numpy as np
import pytest

from m3_ros import geometry as g


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def random_pose(rng):
    return g.se3(g.quat_to_matrix(rng.normal(size=4)), rng.normal(size=3))


def test_inverse_undoes_a_transform(rng):
    T = np.stack([random_pose(rng) for _ in range(5)])
    np.testing.assert_allclose(g.inverse(T) @ T, np.broadcast_to(np.eye(4), (5, 4, 4)), atol=1e-12)


def test_quaternion_round_trip_keeps_order(rng):
    quat = rng.normal(size=(20, 4))
    quat *= np.sign(quat[:, :1]) / np.linalg.norm(quat, axis=-1, keepdims=True)
    np.testing.assert_allclose(g.matrix_to_quat(g.quat_to_matrix(quat)), quat, atol=1e-12)
    np.testing.assert_allclose(g.xyzw_to_wxyz(g.wxyz_to_xyzw(quat)), quat)
    np.testing.assert_allclose(g.wxyz_to_xyzw([1, 0, 0, 0]), [0, 0, 0, 1])


def test_quaternion_wxyz_turns_about_the_named_axis():
    quarter = [np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)]
    np.testing.assert_allclose(g.quat_to_matrix(quarter) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(g.rpy_to_matrix([0, 0, np.pi / 2]), g.quat_to_matrix(quarter))


def test_backproject_inverts_project(rng):
    K = np.array([[500.0, 0, 31.3], [0, 490.0, 23.9], [0, 0, 1]])
    depth = rng.uniform(0.2, 2.0, (48, 64))
    uv, z = g.project(g.backproject(depth, K), K)
    np.testing.assert_allclose(uv, g.pixel_centers(64, 48), atol=1e-9)
    np.testing.assert_allclose(z, depth)


def test_points_behind_the_camera_have_no_pixel():
    uv, z = g.project([[0.0, 0.0, -1.0]], np.eye(3))
    assert np.isnan(uv).all() and z[0] == -1.0


def test_look_at_puts_the_target_on_the_optical_axis(rng):
    eye, target = rng.normal(size=3), rng.normal(size=3)
    T = g.look_at(eye, target)
    in_camera = g.transform(g.inverse(T), target)
    np.testing.assert_allclose(in_camera, [0, 0, np.linalg.norm(target - eye)], atol=1e-12)
    assert T[2, 1] < 0, "image y must point down"


@pytest.mark.parametrize("target", [(0, 0, 0), (0, 0, 1)])
def test_look_at_refuses_a_view_without_an_up(target):
    with pytest.raises(ValueError, match="look_at"):
        g.look_at((0, 0, 0), target)


def test_interpolation_meets_both_ends_and_halves_the_way(rng):
    T0, T1 = random_pose(rng), random_pose(rng)
    np.testing.assert_allclose(g.interpolate_pose(T0, T1, 0.0), T0, atol=1e-12)
    np.testing.assert_allclose(g.interpolate_pose(T0, T1, 1.0), T1, atol=1e-12)
    middle = g.interpolate_pose(T0, T1, 0.5)
    whole, half = g.pose_distance(T0, T1), g.pose_distance(T0, middle)
    np.testing.assert_allclose(np.array(half) * 2, whole, rtol=1e-9)


def test_umeyama_recovers_a_similarity(rng):
    points = rng.normal(size=(10, 3))
    truth = random_pose(rng)
    truth[:3, :3] *= 2.5
    np.testing.assert_allclose(g.umeyama(points, g.transform(truth, points)), truth, atol=1e-10)


def test_umeyama_never_mirrors(rng):
    points = rng.normal(size=(10, 3))
    found = g.umeyama(points, points * [1, 1, -1])
    assert np.linalg.det(found[:3, :3]) > 0


def test_umeyama_refuses_points_on_a_line():
    line = np.arange(9.0).reshape(3, 3)[:, :1] * [[1, 2, 3]]
    with pytest.raises(ValueError, match="line"):
        g.umeyama(line, line)


def test_scaled_intrinsics_project_to_scaled_pixels(rng):
    K = np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]])
    points = rng.normal(size=(5, 3)) + [0, 0, 3]
    uv, _ = g.project(points, K)
    half, _ = g.project(points, g.scale_intrinsics(K, 0.5, 0.25))
    np.testing.assert_allclose(half, uv * [0.5, 0.25])
