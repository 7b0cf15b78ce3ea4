"""COLMAP folders come in with poses, images, sparse points, and the points' depth."""

import cv2
import numpy as np
import pycolmap
import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.geometry import inverse, project, transform

POINT = np.array([0.02, 0.03, 0.05])


def write_model(folder, frames, with_point=True, camera=("PINHOLE", [60, 60, 32, 24])):
    """Write a COLMAP model of frames, with one point that all of them see."""
    folder.mkdir(parents=True)
    model = pycolmap.Reconstruction()
    name, params = camera
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(camera_id=1, model=name, width=64, height=48, params=params)
    )
    for index, frame in enumerate(frames, start=1):
        pose = pycolmap.Rigid3d(inverse(frame.camtoworld)[:3])
        seen, _ = project(transform(inverse(frame.camtoworld), POINT), frame.K)
        image = pycolmap.Image(
            image_id=index, name=f"{index}.png", camera_id=1, keypoints=seen[None]
        )
        model.add_image_with_trivial_frame(image, pose)
    if with_point:
        elements = [pycolmap.TrackElement(index, 0) for index in range(1, len(frames) + 1)]
        model.add_point3D(POINT, pycolmap.Track(elements), np.array([9, 8, 7], np.uint8))
    model.write(str(folder))


@pytest.fixture
def source(tmp_path, frames):
    """A folder with the images, without a model."""
    folder = tmp_path / "theirs"
    (folder / "images").mkdir(parents=True)
    for index, frame in enumerate(frames, start=1):
        cv2.imwrite(str(folder / "images" / f"{index}.png"), frame.rgb[..., ::-1])
    return folder


def test_a_folder_comes_in_as_it_was(tmp_path, source, frames):
    write_model(source / "sparse/0", frames)
    scan = import_scan(source, tmp_path / "ours")
    assert [frame.name for frame in scan] == ["1.png", "2.png", "3.png"]
    for ours, theirs in zip(scan, frames, strict=True):
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-9)
        (u, v), z = project(transform(inverse(theirs.camtoworld), POINT), theirs.K)
        assert np.count_nonzero(ours.depth) == 1
        assert ours.depth[int(v), int(u)] == pytest.approx(z, abs=1e-3)
    points, colors = scan.points
    np.testing.assert_allclose(points, [POINT], atol=1e-6)
    np.testing.assert_array_equal(colors, [[9, 8, 7]])


def test_the_larger_of_two_models_is_taken_and_both_are_told(tmp_path, source, frames, caplog):
    write_model(source / "sparse/0", frames[:1])
    write_model(source / "sparse/1", frames)
    assert len(import_scan(source, tmp_path / "ours")) == 3
    assert "sparse/0 (1 image)" in caplog.text and "sparse/1 (3 images)" in caplog.text


def test_a_model_without_points_is_told_and_opens_again(tmp_path, source, frames, caplog):
    write_model(source / "sparse/0", frames, with_point=False)
    ours = import_scan(source, tmp_path / "ours")
    assert "no depth" in caplog.text and ours.points is None
    assert len(import_scan(ours.folder, tmp_path / "again")) == 3


def test_a_text_model_with_an_empty_points_file(tmp_path, source, frames):
    write_model(source / "sparse/0", frames, with_point=False)
    pycolmap.Reconstruction(str(source / "sparse/0")).write_text(str(source / "sparse/0"))
    for file in (source / "sparse/0").glob("*.bin"):
        file.unlink()
    (source / "sparse/0/points3D.txt").write_bytes(b"")
    assert import_scan(source, tmp_path / "ours").points is None


@pytest.mark.parametrize("camera", [("OPENCV_FISHEYE", [0.0] * 4), ("SIMPLE_FISHEYE", [])])
def test_an_equidistant_fisheye_is_undistorted(tmp_path, source, frames, camera):
    name, coefficients = camera
    lens = [60, 60, 32, 24] if name == "OPENCV_FISHEYE" else [60, 32, 24]
    dot = np.zeros((48, 64, 3), np.uint8)
    angle = np.arctan(0.4)  # where x / z = 0.4; a pinhole sees it at 32 + 60 * 0.4
    cv2.circle(
        dot, (round((32 + 60 * angle - 0.5) * 16), round(23.5 * 16)), 24, [255] * 3, -1, 8, 4
    )
    for path in (source / "images").iterdir():
        cv2.imwrite(str(path), dot)
    write_model(source / "sparse/0", frames, camera=(name, [*lens, *coefficients]))
    frame = import_scan(source, tmp_path / "ours")[0]
    rows, columns = np.nonzero(frame.rgb[..., 0] > 100)
    seen = np.linalg.inv(frame.K) @ [columns.mean() + 0.5, rows.mean() + 0.5, 1.0]
    np.testing.assert_allclose(seen[:2], [0.4, 0.0], atol=0.01)
