"""COLMAP folders come in with poses, images, sparse points, and the points' depth."""

import cv2
import numpy as np
import pycolmap
import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.geometry import inverse, project, transform

POINT = np.array([0.02, 0.03, 0.05])


def write_model(folder, frames, with_point=True):
    """Write a COLMAP model of frames, with one point that all of them see."""
    folder.mkdir(parents=True)
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        camera_id=1, model="PINHOLE", width=64, height=48, params=[60, 60, 32, 24]
    )
    model.add_camera_with_trivial_rig(camera)
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
    assert len(scan) == 3
    for ours, theirs in zip(scan, frames, strict=True):
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-9)
        (u, v), z = project(transform(inverse(theirs.camtoworld), POINT), theirs.K)
        assert np.count_nonzero(ours.depth) == 1
        assert ours.depth[int(v), int(u)] == pytest.approx(z, abs=1e-3)
    points, colors = scan.points
    np.testing.assert_allclose(points, [POINT], atol=1e-6)
    np.testing.assert_array_equal(colors, [[9, 8, 7]])
