"""Large planes are found, small faces are not."""

import numpy as np
import pytest

from m3_ros.query.planes import find_planes


def grid(width, depth, spacing=0.01):
    x, y = np.meshgrid(np.arange(0, width, spacing), np.arange(0, depth, spacing))
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], -1)


@pytest.mark.parametrize("tilt", [0.0, 0.7])
def test_planes_are_found_largest_first(tilt):
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    table, wall = grid(0.6, 0.6), grid(0.6, 0.4)[:, [0, 2, 1]] + [0, 0.6, 0.02]
    lid = grid(0.1, 0.1) + [0.2, 0.2, 0.05]
    noise = np.random.default_rng(0).normal(scale=0.001, size=(len(table), 3))
    points = np.concatenate([table + noise, wall, lid]) @ turn.T
    planes, on_plane = find_planes(points)
    assert len(planes) == 2
    assert np.abs(planes[0].normal @ turn - [0, 0, 1]).max() < 0.01
    assert on_plane[: len(table)].mean() > 0.99
    assert on_plane[len(table) : -len(lid)].mean() > 0.9
    assert not on_plane[-len(lid) :].any()
    assert np.abs(planes[0].height(points[-len(lid) :]) - 0.05).max() < 0.003


def test_small_faces_and_few_points_are_no_planes():
    planes, on_plane = find_planes(grid(0.2, 0.2))
    assert not planes
    assert not on_plane.any()
    assert find_planes(np.zeros((0, 3)))[0] == []
    assert find_planes(np.ones((100, 3)))[0] == []


def test_a_level_through_many_things_is_no_plane():
    """Fourteen cups of one height stand closely: their rims lie in one plane, and make none."""
    angle, height = np.meshgrid(np.linspace(0, 2 * np.pi, 60), np.arange(0.01, 0.1, 0.004))
    wall = np.stack([0.035 * np.cos(angle), 0.035 * np.sin(angle), height], -1).reshape(-1, 3)
    middles = [[0.1 + 0.085 * i, 0.1 + 0.085 * j, 0.0] for i in range(7) for j in range(2)]
    cups = np.concatenate([wall + middle for middle in middles])
    planes, on_plane = find_planes(np.concatenate([grid(0.8, 0.4), cups]))
    assert len(planes) == 1
    assert not on_plane[-len(cups) :].any()


@pytest.mark.parametrize(("width", "found"), [(0.25, 1), (0.2, 0)])
def test_the_least_area(width, found):
    assert len(find_planes(grid(width, width), min_area=0.05)[0]) == found


def test_half_of_the_least_area_must_be_filled():
    """A grating of strips 2 cm wide has the area, but no filled squares."""
    strips = grid(0.5, 0.5, 0.005)
    strips = strips[(strips[:, 0] * 1000).round().astype(int) % 60 < 20]
    assert find_planes(strips)[0] == []


def test_points_within_the_distance_belong_to_the_plane():
    table = grid(0.4, 0.4)
    near, far = (table[::7] + [0, 0, height] for height in (0.003, 0.007))
    _, on_plane = find_planes(np.concatenate([table, near, far]), tolerance=0.005)
    assert on_plane[: len(table)].all()
    assert on_plane[len(table) : -len(far)].all() and not on_plane[-len(far) :].any()


def test_what_lies_at_the_level_of_a_plane_elsewhere_is_free():
    apart = grid(0.1, 0.1) + [0.8, 0.0, 0.0]
    _, on_plane = find_planes(np.concatenate([grid(0.4, 0.4), apart]))
    assert on_plane[:-100].all() and not on_plane[-100:].any()


def test_a_room_has_as_many_planes_as_it_has():
    floor = grid(0.6, 0.6)
    levels = np.concatenate([floor + [0, 0, 0.1 * level] for level in range(6)])
    planes, _ = find_planes(levels)
    heights = sorted(float(np.round(plane.offset * plane.normal[2], 3)) for plane in planes)
    assert heights == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_the_seed_decides():
    points = np.random.default_rng(1).uniform(0, 0.4, (3000, 3)) * [1, 1, 0.01]
    (first, on_first), (second, on_second) = (
        find_planes(points, seed=3),
        find_planes(points, seed=3),
    )
    assert first[0].offset == second[0].offset
    np.testing.assert_array_equal(on_first, on_second)


def noisy_grid(sigma, spacing=0.01):
    points = grid(0.8, 0.8, spacing)
    points[:, 2] += np.random.default_rng(2).normal(0, sigma, len(points))
    return points


def test_a_noisy_table_is_one_plane():
    """With a tolerance for a sensor without noise, its layers are several, and much is free."""
    table = noisy_grid(0.008)
    planes, on_plane = find_planes(table, 3 * 0.008)
    assert len(planes) == 1 and on_plane.mean() > 0.98
    assert planes[0].tolerance == pytest.approx(0.024)
    assert np.abs(planes[0].normal[2]) > 0.9999
    assert find_planes(table, 0.005)[1].mean() < 0.95


def test_layers_of_a_plane_are_no_planes_of_their_own():
    """Two passes of a camera whose poses differ by 8 mm."""
    planes, on_plane = find_planes(
        np.concatenate([grid(0.6, 0.6), grid(0.5, 0.5) + [0, 0, 0.008]])
    )
    assert len(planes) == 1 and on_plane.all()


def test_coarse_points_of_a_plane_are_connected():
    """A wall far from the camera has points 6 cm apart, more than two cells."""
    wall = grid(2.0, 2.0, 0.06)
    planes, on_plane = find_planes(wall, 0.02, spacing=0.06)
    assert len(planes) == 1 and on_plane.all()
    assert find_planes(wall, 0.02)[0] == []


def test_few_coarse_points_are_no_plane():
    assert find_planes(grid(1.0, 1.0, 0.2), 0.05, spacing=0.2)[0] == []
