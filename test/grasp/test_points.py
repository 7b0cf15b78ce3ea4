import numpy as np
import pytest

from m3_ros.grasp.points import near, normals, object_at, solid, support_height, thin

rng = np.random.default_rng(0)
TABLE = np.c_[rng.uniform(-0.4, 0.4, (6000, 2)), rng.normal(0.3, 0.001, 6000)]


def ball(center, radius=0.03, count=800):
    points = rng.normal(size=(count, 3))
    return center + radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def test_thin_keeps_one_point_a_voxel_and_the_limit():
    points = rng.uniform(0.0, 0.1, (5000, 3))
    few = thin(points, 0.02, 10_000)
    assert len(few) == 125
    assert len(thin(points, 0.02, 30)) == 30
    assert len(thin(points[:0], 0.02, 30)) == 0


def test_normals_of_a_sphere_point_at_its_centre():
    points = ball(np.zeros(3))
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert np.median(np.abs((normals(points) * directions).sum(1))) > 0.98


def test_near_is_brute_force_distance():
    a, b = rng.uniform(0, 1, (200, 3)), rng.uniform(0, 1, (30, 3))
    distance = np.linalg.norm(a[:, None] - b[None], axis=2).min(1)
    assert (near(a, b, 0.15) == (distance < 0.15)).all()
    assert not near(a, b[:0], 0.15).any()


def test_support_is_the_plane_at_the_foot_not_the_neighbour():
    thing, neighbour = ball([0.0, 0.0, 0.33]), ball([0.1, 0.0, 0.36], 0.06)
    scene = np.concatenate([TABLE, neighbour])
    assert support_height(thing, scene) == pytest.approx(0.3, abs=0.002)
    assert support_height(thing, scene[:0]) == pytest.approx(0.3, abs=0.002)


def test_object_at_takes_the_nearest_thing_alone():
    thing, other = ball([0.0, 0.0, 0.33]), ball([0.09, 0.0, 0.33])
    found = object_at(np.concatenate([TABLE, thing, other]), np.array([0.01, 0.0, 0.32]))
    assert len(found) > 600
    assert np.abs(found.mean(0)[:2]).max() < 0.004
    assert found[:, 0].max() < 0.035


def test_what_one_view_hides_below_is_filled():
    cap = ball([0.0, 0.0, 0.36])
    cap = cap[cap[:, 2] > 0.36]
    found = object_at(np.concatenate([TABLE, cap]), np.array([0.0, 0.0, 0.35]))
    low = found[found[:, 2] < 0.34]
    assert len(low) > 50
    assert np.linalg.norm(low[:, :2], axis=1).max() < 0.032
    assert found[:, 2].min() == pytest.approx(0.308, abs=0.004)


def test_an_empty_place_holds_nothing():
    assert len(object_at(TABLE, np.array([0.0, 0.0, 0.32]))) == 0


def test_haze_and_lone_floaters_are_not_solid():
    surface = TABLE[:500] * [0.1, 0.1, 1.0]
    haze = surface + [0.0, 0.0, 0.05]
    lone = np.array([[0.0, 0.0, 0.6]])
    means = np.concatenate([surface, haze, lone])
    opacities = np.concatenate([np.full(500, 0.9), np.full(500, 0.2), [0.9]])
    kept = solid(means, opacities)
    assert len(kept) > 480 and kept[:, 2].max() < 0.32
    assert len(solid(means, np.zeros(1001))) == 0
