"""Scan folders: what is written is read back, and broken ones are refused by name."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.geometry import look_at


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return RgbdFrame(
        rgb=rng.integers(0, 255, (24, 32, 3), dtype=np.uint8),
        depth=rng.integers(0, 3000, (24, 32)).astype(np.float32) * np.float32(1e-3),
        K=np.array([[30.0, 0, 16.2], [0, 31.0, 11.7], [0, 0, 1]]),
        camtoworld=look_at([0.3, -0.2, 0.5], [0, 0, 0]),
        stamp=12.25,
    )


def test_a_frame_comes_back_as_it_was(tmp_path, frame):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame)
    (back,) = Scan.open(tmp_path / "scan")
    np.testing.assert_array_equal(back.rgb, frame.rgb)
    np.testing.assert_allclose(back.depth, frame.depth, atol=1e-6)
    np.testing.assert_allclose(back.K, frame.K)
    np.testing.assert_allclose(back.camtoworld, frame.camtoworld, atol=1e-12)
    assert back.stamp == frame.stamp


def test_file_has_opengl_cameras_as_nerfstudio_expects(tmp_path, frame):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame)
    meta = json.loads((tmp_path / "scan/transforms.json").read_text())
    matrix = np.array(meta["frames"][0]["transform_matrix"])
    viewing = -matrix[:3, 2]
    towards_origin = -frame.camtoworld[:3, 3] / np.linalg.norm(frame.camtoworld[:3, 3])
    np.testing.assert_allclose(viewing, towards_origin, atol=1e-12)


def test_every_added_frame_survives_a_crash(tmp_path, frame):
    writer = ScanWriter(tmp_path / "scan")
    writer.add(frame)
    writer.add(frame)  # no close(): the process died here
    assert len(Scan.open(tmp_path / "scan")) == 2


@pytest.mark.parametrize("metric", [True, False])
def test_whether_lengths_are_metres_is_kept(tmp_path, frame, metric):
    with ScanWriter(tmp_path / "scan", metric) as writer:
        writer.add(frame)
    assert Scan.open(tmp_path / "scan").metric is metric


@pytest.mark.parametrize("depth", [True, False])
def test_a_file_that_does_not_say_is_metric_if_it_has_depth(tmp_path, frame, depth):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame)
    file = tmp_path / "scan/transforms.json"
    meta = json.loads(file.read_text())
    del meta["metric"]
    if not depth:
        del meta["frames"][0]["depth_file_path"]
    file.write_text(json.dumps(meta))
    assert Scan.open(tmp_path / "scan").metric is depth


def test_a_scan_without_frames_leaves_no_folder(tmp_path):
    with ScanWriter(tmp_path / "scan"):
        pass
    assert not (tmp_path / "scan").exists()


def test_an_existing_scan_is_never_overwritten(tmp_path, frame):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame)
    with pytest.raises(ScanError, match="not empty"):
        ScanWriter(tmp_path / "scan")


def test_sparse_points_round_trip(tmp_path, frame):
    points = np.random.default_rng(1).normal(size=(7, 3))
    colors = np.arange(21, dtype=np.uint8).reshape(7, 3)
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame)
        writer.set_points(points, colors)
    back_points, back_colors = Scan.open(tmp_path / "scan").points
    np.testing.assert_allclose(back_points, points, atol=1e-6)
    np.testing.assert_array_equal(back_colors, colors)


def test_distortion_is_removed(tmp_path):
    """A distorted picture of a dot comes back with the dot where a pinhole would see it."""
    K = np.array([[100.0, 0, 80], [0, 100.0, 60], [0, 0, 1]])
    k1 = -0.2
    x, y = 0.5, 0.3
    factor = 1 + k1 * (x * x + y * y)
    u, v = int(x * factor * 100 + 80), int(y * factor * 100 + 60)
    image = np.zeros((120, 160, 3), np.uint8)
    image[v - 1 : v + 2, u - 1 : u + 2] = 255
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), image)
    entry = {"file_path": "images/a.png", "transform_matrix": np.eye(4).tolist()}
    meta = {"fl_x": 100, "fl_y": 100, "cx": 80, "cy": 60, "k1": k1, "frames": [entry]}
    (tmp_path / "transforms.json").write_text(json.dumps(meta))
    frame = Scan.open(tmp_path)[0]
    rows, columns = np.nonzero(frame.rgb[..., 0] > 100)
    np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], [130, 90], atol=1.0)
    np.testing.assert_array_equal(frame.K, K)
    assert not frame.depth.any()


def test_a_name_that_no_folder_can_have_is_refused():
    with pytest.raises(ScanError, match="is no scan: transforms.json cannot be read: File name"):
        Scan.open("x" * 300)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is no scan"),
        ("{", "not JSON"),
        ('{"frames": []}', r"\$\.frames is \[\]; it must be a list of 1 to"),
    ],
)
def test_a_broken_folder_is_refused(tmp_path, text, words):
    if text is not None:
        (tmp_path / "transforms.json").write_text(text)
    with pytest.raises(ScanError, match=words):
        Scan.open(tmp_path)


def test_a_missing_picture_is_named(tmp_path, frame):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame)
    (tmp_path / "scan/depths/000000.png").unlink()
    with pytest.raises(ScanError, match=r"frames\[0\].*depth_file_path.*000000"):
        Scan.open(tmp_path / "scan")[0]


@pytest.mark.parametrize(
    ("metric", "depth", "error"),
    [(True, 2.0, 5.1e-4), (True, 60.0, 5.1e-4), (True, 200.0, 2e-3), (False, 0.02, 5e-7)],
)
def test_depth_of_any_range_keeps_its_precision(tmp_path, frame, metric, depth, error):
    depth = np.linspace(depth / 2, depth, 24 * 32, dtype=np.float32).reshape(24, 32)
    depth[3] = 0.0
    with ScanWriter(tmp_path / "scan", metric) as writer:
        writer.add(replace(frame, depth=depth))
    (back,) = Scan.open(tmp_path / "scan")
    assert np.abs(back.depth - depth).max() < error and not back.depth[3].any()


def test_a_mask_comes_back_as_it_was(tmp_path, frame):
    mask = np.ones((24, 32), bool)
    mask[5:9, 3:20] = False
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(apply_mask(frame, mask))
        writer.add(frame)
    masked, plain = Scan.open(tmp_path / "scan")
    np.testing.assert_array_equal(masked.mask, mask)
    assert plain.mask is None


def test_a_scan_whose_points_file_is_empty_opens(tmp_path, frame):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame)
        writer.set_points(np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    assert Scan.open(tmp_path / "scan").points is None
