"""Scans of a room and of a statue: they repeat by seed, and agree with the true poses."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.capture.scan import Scan, ScanError
from m3_ros.config import SimulationConfig
from m3_ros.evaluate.simulated_walk import (
    DRIFT,
    PATH,
    drifted,
    ring,
    simulate_ring,
    simulate_room,
    walk,
)
from m3_ros.geometry import inverse, pose_distance, project, quat_to_matrix, se3, transform
from m3_ros.sim.sensor_noise import depth_sigma

SMALL = SimulationConfig(width=80, height=60)


def true_poses(folder):
    """Stamps and poses of a groundtruth.txt: stamp tx ty tz qx qy qz qw, as TUM RGB-D defines."""
    rows = np.loadtxt(folder / "groundtruth.txt", ndmin=2)
    return rows[:, 0], se3(quat_to_matrix(rows[:, [7, 4, 5, 6]]), rows[:, 1:4])


def test_a_room_repeats_by_seed_and_its_depth_errs_as_the_sensor_does(tmp_path):
    perfect = replace(SMALL, depth_noise=0.0, color_noise=0.0)
    for name, views, config in (("one", 2, SMALL), ("two", 2, SMALL), ("exact", 1, perfect)):
        simulate_room(tmp_path / name, 3, views, config)
    one, two, exact = (Scan.open(tmp_path / name) for name in ("one", "two", "exact"))
    assert one.metric
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.rgb, second.rgb)
        np.testing.assert_array_equal(first.depth, second.depth)
        np.testing.assert_array_equal(first.camtoworld, second.camtoworld)
    stamps, truth = true_poses(tmp_path / "one")
    np.testing.assert_allclose(stamps, [frame.stamp for frame in one], atol=1e-6)
    np.testing.assert_allclose(truth[0], one[0].camtoworld, atol=1e-6)
    both = (one[0].depth > 0) & (exact[0].depth > 0)
    z = exact[0].depth[both]
    assert both.mean() > 0.6
    errors = np.abs(one[0].depth[both] - z) / depth_sigma(z, one[0].K[0, 0], 0.075)
    assert np.median(errors) == pytest.approx(0.674, abs=0.1)  # of a normal distribution
    with pytest.raises(ScanError, match="not empty"):
        simulate_room(tmp_path / "one", 3, 2, SMALL)
    with pytest.raises(ValueError, match="views"):
        simulate_room(tmp_path / "none", 3, 0, SMALL)


def test_the_walk_is_seven_metres_and_drifts_as_much_with_few_frames_as_with_many():
    lengths, ends = [], []
    for views in (60, 240):
        poses = walk(views, np.random.default_rng(0))
        lengths.append(np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).sum())
        drifts = [drifted(poses, np.random.default_rng(seed)) for seed in range(16)]
        ends.append(np.mean([pose_distance(poses[-1], drift[-1])[1] for drift in drifts]))
    assert lengths == pytest.approx([PATH, PATH], rel=0.1)
    assert ends[0] == pytest.approx(ends[1], rel=0.3)
    assert ends[0] == pytest.approx(DRIFT[1] * np.sqrt(3 * PATH), rel=0.3)


def test_the_ring_is_colour_only_and_its_points_lie_where_the_pictures_show_them(tmp_path):
    simulate_ring(tmp_path / "ring", 1, 3, SMALL)
    scan = Scan.open(tmp_path / "ring")
    points, colors = scan.points
    assert not scan.metric and len(points) > 60
    stamps, truth = true_poses(tmp_path / "ring")
    assert len(stamps) == 3
    shown = []
    for frame, pose in zip(scan, truth, strict=True):
        assert not frame.depth.any()
        assert np.abs(frame.camtoworld - pose).max() < 0.02
        uv, z = project(transform(inverse(frame.camtoworld), points), frame.K)
        inside = (z > 0) & (uv > 0).all(1) & (uv < [80, 60]).all(1)
        column, row = uv[inside].astype(int).T
        shown.append(
            (np.abs(frame.rgb[row, column].astype(int) - colors[inside]) < 12).all(1).sum()
        )
    assert sum(shown) >= len(points)  # each point at least in its own picture


def test_the_ring_sees_the_statue_from_all_sides():
    poses = ring(60, np.random.default_rng(0))
    toward = -poses[:, :2, 3] / np.linalg.norm(poses[:, :2, 3], axis=1, keepdims=True)
    assert ((poses[:, :2, 2] * toward).sum(1) > 0.9).all()
    assert (np.bincount((np.degrees(np.arctan2(*toward.T)) // 45 + 4).astype(int)) >= 4).all()
