"""Connected components and smoothing over neighbours."""

import numpy as np
import pytest

from m3_ros.query.connectivity import connected_components, neighbour_graph, smooth


def grid(width, depth, spacing=0.01):
    x, y = np.meshgrid(np.arange(0, width, spacing), np.arange(0, depth, spacing))
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], -1)


def test_components_are_connected():
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


def test_with_a_radius_for_each_point_the_smaller_of_two_counts():
    rng = np.random.default_rng(5)
    points, radii = rng.uniform(0, 1, (300, 3)), 10 ** rng.uniform(-2, -0.5, 300)
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    expected = apart <= np.minimum(radii[:, None], radii)
    np.fill_diagonal(expected, False)
    graph = neighbour_graph(points, radii).toarray()
    np.testing.assert_array_equal(graph, expected.astype(np.float32))
