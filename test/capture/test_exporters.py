"""Exported scans come back as they were when they are imported again."""

import json
from dataclasses import replace

import numpy as np
import pycolmap
import pytest

from m3_ros.capture.exporters import EXPORTERS, export_scan
from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.files import WriteError
from m3_ros.geometry import backproject, look_at, transform

K = np.array([[60.0, 0, 32], [0, 61.0, 24], [0, 0, 1]])
POINTS = np.random.default_rng(1).uniform(-0.1, 0.1, (20, 3))


def make(folder, points=True, depth=0.5, metric=True, masked=True):
    rng = np.random.default_rng(0)
    with ScanWriter(folder, metric) as writer:
        for index in range(3):
            rgb = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            pose = look_at([0.5, 0.05 * index, 0.5], [0, 0, 0])
            pixels = np.full((48, 64), depth, np.float32)
            pixels[:, index * 4 : index * 4 + 3] = 0.0
            frame = RgbdFrame(rgb, pixels, K, pose, 10.0 + index)
            mask = np.ones((48, 64), bool)
            mask[:7] = False
            writer.add(apply_mask(frame, mask) if index == 1 and masked else frame)
        if points:
            writer.set_points(POINTS, np.full((20, 3), 9, np.uint8))
    return Scan.open(folder)


def round_trip(tmp_path, scan, kind):
    stages = []
    export_scan(scan, tmp_path / "theirs", kind, progress=lambda *state: stages.append(state))
    assert stages[-1] == ("export", 1.0)
    back = import_scan(tmp_path / "theirs", tmp_path / "back")
    assert len(back) == len(scan)
    for ours, theirs in zip(back, scan, strict=True):
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)
        np.testing.assert_allclose(ours.K, theirs.K)
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-6)
    return back


@pytest.mark.parametrize(
    ("depth", "metric", "points"), [(0.5, True, True), (0.004, False, True), (200.0, True, False)]
)
def test_nerfstudio(tmp_path, depth, metric, points):
    scan = make(tmp_path / "scan", points, depth, metric)
    back = round_trip(tmp_path, scan, "nerfstudio")
    assert back.metric is metric and (back.points is None) is not points
    for ours, theirs in zip(back, scan, strict=True):
        np.testing.assert_allclose(ours.depth, theirs.depth, rtol=2e-3)
        assert ours.stamp == theirs.stamp
    frames = json.loads((tmp_path / "theirs/transforms.json").read_text())["frames"]
    assert all({"depth_file_path", "mask_path", "w", "fl_x"} <= set(frame) for frame in frames)
    assert back[0].mask is None or back[0].mask.all()
    np.testing.assert_array_equal(back[1].mask, scan[1].mask)


def test_nerfstudio_of_colour_only(tmp_path):
    scan = make(tmp_path / "scan", depth=0.0, metric=False, masked=False)
    assert not any(frame.depth.any() for frame in round_trip(tmp_path, scan, "nerfstudio"))
    frames = json.loads((tmp_path / "theirs/transforms.json").read_text())["frames"]
    assert not any({"depth_file_path", "mask_path"} & set(frame) for frame in frames)


def test_colmap_keeps_points_and_masks(tmp_path):
    scan = make(tmp_path / "scan")
    back = round_trip(tmp_path, scan, "colmap")
    np.testing.assert_allclose(np.sort(back.points[0], 0), np.sort(POINTS, 0), atol=1e-6)
    np.testing.assert_array_equal(back[1].mask, scan[1].mask)


def test_colmap_gets_the_depth_as_points(tmp_path):
    scan = make(tmp_path / "scan", points=False)
    export_scan(scan, tmp_path / "theirs", "colmap")
    model = pycolmap.Reconstruction(str(tmp_path / "theirs/sparse/0"))
    found = np.array([point.xyz for point in model.points3D.values()])
    frame = scan[0]
    expected = transform(frame.camtoworld, backproject(frame.depth, frame.K)[frame.depth > 0])
    distances = np.abs(expected[:50, None] - found[None]).max(-1).min(1)
    assert distances.max() < 1e-6


def test_rosbag2(tmp_path):
    scan = make(tmp_path / "scan")
    for ours, theirs in zip(round_trip(tmp_path, scan, "rosbag2"), scan, strict=True):
        np.testing.assert_allclose(ours.depth, theirs.depth, atol=1e-6)
        assert ours.stamp == theirs.stamp


def test_a_bag_of_colour_only(tmp_path):
    round_trip(tmp_path, make(tmp_path / "scan", depth=0.0), "rosbag2")


def test_stamps_that_do_not_increase_are_replaced(tmp_path, caplog):
    with ScanWriter(tmp_path / "other") as writer:
        for frame in make(tmp_path / "scan"):
            writer.add(replace(frame, stamp=5.0))
    back = round_trip(tmp_path, Scan.open(tmp_path / "other"), "rosbag2")
    assert [frame.stamp for frame in back] == [5.0, 6.0, 7.0]
    assert caplog.text.count("stamps do not increase") == 1


def test_a_target_with_something_in_it_is_refused(tmp_path):
    scan = make(tmp_path / "scan")
    with pytest.raises(ScanError, match="not empty"):
        export_scan(scan, tmp_path, "colmap")
    assert (tmp_path / "scan").exists()


@pytest.mark.parametrize("kind", EXPORTERS)
def test_a_target_that_is_a_link(tmp_path, kind):
    for name, place in (("loop", "loop"), ("link", "new")):
        (tmp_path / name).symlink_to(place)
    scan = make(tmp_path / "scan")
    with pytest.raises(WriteError, match="loop cannot be written: .*; name another folder"):
        export_scan(scan, tmp_path / "loop", kind)
    export_scan(scan, tmp_path / "link", kind)
    assert any((tmp_path / "new").iterdir()) and (tmp_path / "link").is_symlink()
