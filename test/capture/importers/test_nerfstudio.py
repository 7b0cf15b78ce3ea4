"""nerfstudio folders come in with the poses and images they had, whatever lens, mask, depth."""

import json
import re

import cv2
import numpy as np
import pytest
import trimesh

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, ScanConfig


def test_a_folder_comes_in_as_it_was(tmp_path, frames):
    with ScanWriter(tmp_path / "theirs") as writer:
        for frame in frames:
            writer.add(frame)
    scan = import_scan(tmp_path / "theirs", tmp_path / "ours")
    for ours, theirs in zip(scan, frames, strict=True):
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-12)
        np.testing.assert_allclose(ours.depth, theirs.depth, atol=1e-6)


F, C, SIZE = 90.0, (80.0, 60.0), (120, 160)
FISHEYE = {"k1": 0.05, "k2": 0.01, "k3": -0.002, "k4": 0.0005}


def texture(x, y):
    """Grey `[...]` uint8 of a plane at z = 1 m: a smooth pattern of its coordinates."""
    return (128 + 60 * np.sin(9 * x) + 60 * np.sin(11 * y + 1)).astype(np.uint8)


def rays(size=SIZE):
    """Coordinates x, y `[H, W]` at z = 1 m of the pixels of an ideal pinhole camera."""
    rows, columns = np.indices(size) + 0.5
    return (columns - C[0]) / F, (rows - C[1]) / F


def fisheye_image(**k):
    """The plane through a fisheye lens: theta_d = theta (1 + k1 theta^2 + ...), inverted."""
    x, y = rays()
    radius = np.hypot(x, y)
    theta = np.linspace(0, 1.4, 20001)
    distorted = theta * (1 + sum(k[f"k{i}"] * theta ** (2 * i) for i in (1, 2, 3, 4)))
    scale = np.tan(np.interp(radius, distorted, theta)) / np.maximum(radius, 1e-9)
    return texture(x * scale, y * scale)


def write_scan(folder, image, **root):
    """A scan of one view with this image `[H, W]` or `[H, W, 3]`."""
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images/a.png"), image)
    frame = root.pop("frame", {})
    entry = {"file_path": "images/a.png", "transform_matrix": np.eye(4).tolist(), **frame}
    meta = {"fl_x": F, "fl_y": F, "cx": C[0], "cy": C[1], **root, "frames": [entry]}
    (folder / "transforms.json").write_text(json.dumps(meta))
    return folder


@pytest.mark.parametrize(
    "k", [FISHEYE, dict.fromkeys(FISHEYE, 0.0)], ids=["OPENCV", "equidistant"]
)
def test_a_fisheye_lens_is_undistorted_as_one(tmp_path, k):
    source = write_scan(
        tmp_path / "theirs", fisheye_image(**k), camera_model="OPENCV_FISHEYE", **k
    )
    (frame,) = import_scan(source, tmp_path / "ours")
    error = np.abs(frame.rgb[..., 0].astype(float) - texture(*rays()))
    assert error[5:-5, 5:-5].mean() < 2.0


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ({"camera_model": "EQUIRECTANGULAR"}, "camera_model = 'EQUIRECTANGULAR'"),
        ({"camera_model": "OPENCV", "k4": 0.1}, "k4 = 0.1"),
        ({"fl_y": 0.5}, "fl_x, fl_y, cx, cy"),
        ({"cx": 900.0}, "fl_x, fl_y, cx, cy"),
        ({"frame": {"cx": "left"}}, 'cx is "left"; it must be a number'),
        ({"frame": {"transform_matrix": [[1, 0], [0, 1]]}}, "transform_matrix"),
        ({"frame": {"mask_path": "masks/none.png"}}, 'mask_path = "masks/none.png"'),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, root, words):
    source = write_scan(tmp_path / "theirs", fisheye_image(**FISHEYE), **root)
    with pytest.raises(ScanError, match=rf"frames\[0\].*{re.escape(words)}"):
        import_scan(source, tmp_path / "ours")


def test_masks_come_along_and_hide_the_depth(tmp_path):
    mask = np.full(SIZE, 255, np.uint8)
    mask[20:60, 30:70] = 0
    frame = {"mask_path": "masks/a.png", "depth_file_path": "depth.png"}
    source = write_scan(tmp_path / "theirs", texture(*rays()), frame=frame)
    (source / "masks").mkdir()
    cv2.imwrite(str(source / "masks/a.png"), mask)
    cv2.imwrite(str(source / "depth.png"), np.full(SIZE, 1000, np.uint16))
    for target in (source, import_scan(source, tmp_path / "ours").folder):
        (found,) = Scan.open(target)
        np.testing.assert_array_equal(found.mask, mask > 0)
        np.testing.assert_array_equal(found.depth, np.float32(mask > 0))


def test_a_mask_moves_with_the_pixels_of_its_lens(tmp_path):
    image = fisheye_image(**FISHEYE)
    frame = {"mask_path": "mask.png"}
    source = write_scan(
        tmp_path / "theirs", image, camera_model="OPENCV_FISHEYE", frame=frame, **FISHEYE
    )
    cv2.imwrite(str(source / "mask.png"), np.where(image > 128, 255, 0).astype(np.uint8))
    (found,) = import_scan(source, tmp_path / "ours")
    assert (found.mask == (texture(*rays()) > 128)).mean() > 0.97


def test_depth_of_another_size_is_brought_to_the_images(tmp_path):
    small = np.arange(1, 30 * 40 + 1, dtype=np.uint16).reshape(30, 40) + 1000
    source = write_scan(tmp_path / "s", texture(*rays()), frame={"depth_file_path": "depth.png"})
    cv2.imwrite(str(source / "depth.png"), small)
    (frame,) = import_scan(source, tmp_path / "ours")
    np.testing.assert_allclose(frame.depth, small.repeat(4, 0).repeat(4, 1) * 1e-3, atol=1e-6)


def test_depth_of_another_shape_is_refused_with_both_sizes(tmp_path):
    source = write_scan(tmp_path / "s", texture(*rays()), frame={"depth_file_path": "depth.png"})
    cv2.imwrite(str(source / "depth.png"), np.ones((40, 40), np.uint16))
    words = r'frames\[0\].*depth_file_path = "depth.png".*40 x 40.*160 x 120'
    with pytest.raises(ScanError, match=words):
        import_scan(source, tmp_path / "ours")


def test_the_largest_number_is_a_hole(tmp_path):
    depth = np.full(SIZE, 65535, np.uint16)
    depth[10:20] = 700
    source = write_scan(tmp_path / "s", texture(*rays()), frame={"depth_file_path": "depth.png"})
    cv2.imwrite(str(source / "depth.png"), depth)
    (frame,) = import_scan(source, tmp_path / "ours")
    assert frame.depth[10:20] == pytest.approx(0.7) and not frame.depth[20:].any()


def test_points_without_colours_are_grey(tmp_path):
    source = write_scan(tmp_path / "s", texture(*rays()), ply_file_path="cloud.ply")
    trimesh.PointCloud(np.eye(3)).export(source / "cloud.ply")
    points, colors = import_scan(source, tmp_path / "ours").points
    np.testing.assert_allclose(points, np.eye(3))
    assert colors.shape == (3, 3) and len(np.unique(colors)) == 1


def test_large_pictures_are_scaled_where_they_are_read_and_imported(tmp_path):
    source = write_scan(tmp_path / "s", texture(*rays()))
    config = M3Config(scan=ScanConfig(max_side=80))
    (opened,) = Scan.open(source, config.scan)
    (imported,) = import_scan(source, tmp_path / "ours", config=config)
    for frame in (opened, imported):
        assert (frame.width, frame.height) == (80, 60)
        assert frame.K[0, 0] == F / 2
