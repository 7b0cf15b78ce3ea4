"""Large planes are found and small faces are not; pieces are what hangs together."""

import numpy as np
import pytest

from m3_ros.query.connectivity import connected_components, neighbour_graph, smooth
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


def test_pieces_hang_together():
    points = np.concatenate([grid(0.1, 0.1), grid(0.05, 0.05) + [0.2, 0, 0]])
    graph = neighbour_graph(points, 0.012)
    found = connected_components(graph, np.ones(len(points), bool))
    assert [len(part) for part in found] == [100, 25]
    cut = points[:, 0] != 0.05
    assert sorted(len(part) for part in connected_components(graph, cut)) == [25, 40, 50]
    assert connected_components(graph, np.zeros(len(points), bool)) == []


def test_smoothing_keeps_constants_and_heeds_weights():
    points = grid(0.05, 0.05)
    graph = neighbour_graph(points, 0.012)
    weights = np.ones(len(points), np.float32)
    constant = np.full(len(points), 0.7, np.float32)
    np.testing.assert_allclose(smooth(graph, constant, weights), constant, rtol=1e-5)
    spike = np.zeros(len(points), np.float32)
    spike[12] = 1.0
    assert smooth(graph, spike, weights)[12] == pytest.approx(0.2)
    weights[12] = 0.0
    assert smooth(graph, spike, weights).max() == 0.0
