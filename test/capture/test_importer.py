"""Scans of other tools come in with the poses, pictures and points they had."""

import cv2
import numpy as np
import pycolmap
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.importer import import_scan
from m3_ros.capture.scan import ScanError, ScanWriter
from m3_ros.geometry import inverse, look_at, project, transform

K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])
POINT = np.array([0.02, 0.03, 0.05])
EYES = ([0.5, 0, 0.5], [0, 0.5, 0.4], [-0.5, 0.1, 0.6])


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    return [
        RgbdFrame(
            rng.integers(0, 255, (48, 64, 3), dtype=np.uint8),
            np.full((48, 64), 0.5, np.float32),
            K,
            look_at(eye, [0, 0, 0]),
        )
        for eye in EYES
    ]


def test_nerfstudio_folder(tmp_path, frames):
    with ScanWriter(tmp_path / "theirs") as writer:
        for frame in frames:
            writer.add(frame)
    calls = []
    scan = import_scan(tmp_path / "theirs", tmp_path / "ours", lambda *call: calls.append(call))
    assert calls == [("import", done / 3) for done in (1, 2, 3)]
    for ours, theirs in zip(scan, frames, strict=True):
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-12)
        np.testing.assert_allclose(ours.depth, theirs.depth, atol=1e-6)


def test_colmap_folder(tmp_path, frames):
    source = tmp_path / "theirs"
    (source / "sparse/0").mkdir(parents=True)
    (source / "images").mkdir()
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        camera_id=1, model="PINHOLE", width=64, height=48, params=[60, 60, 32, 24]
    )
    model.add_camera_with_trivial_rig(camera)
    for index, frame in enumerate(frames, start=1):
        name = f"{index}.png"
        cv2.imwrite(str(source / "images" / name), frame.rgb[..., ::-1])
        pose = pycolmap.Rigid3d(inverse(frame.camtoworld)[:3])
        seen, _ = project(transform(inverse(frame.camtoworld), POINT), K)
        image = pycolmap.Image(image_id=index, name=name, camera_id=1, keypoints=seen[None])
        model.add_image_with_trivial_frame(image, pose)
    track = pycolmap.Track([pycolmap.TrackElement(index, 0) for index in (1, 2, 3)])
    model.add_point3D(POINT, track, np.array([9, 8, 7], np.uint8))
    model.write(str(source / "sparse/0"))
    scan = import_scan(source, tmp_path / "ours")
    assert len(scan) == 3
    for ours, theirs in zip(scan, frames, strict=True):
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-9)
        (u, v), z = project(transform(inverse(theirs.camtoworld), POINT), K)
        assert np.count_nonzero(ours.depth) == 1
        assert ours.depth[int(v), int(u)] == pytest.approx(z, abs=1e-3)
    points, colors = scan.points
    np.testing.assert_allclose(points, [POINT], atol=1e-6)
    np.testing.assert_array_equal(colors, [[9, 8, 7]])


def test_a_folder_without_a_scan_is_refused(tmp_path):
    with pytest.raises(ScanError, match=r"neither transforms.json.*nor a COLMAP"):
        import_scan(tmp_path, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_broken_picture_leaves_no_half_import(tmp_path, frames):
    with ScanWriter(tmp_path / "theirs") as writer:
        for frame in frames:
            writer.add(frame)
    (tmp_path / "theirs/images/000001.png").unlink()
    with pytest.raises(ScanError, match=r"frames\[1\]"):
        import_scan(tmp_path / "theirs", tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
