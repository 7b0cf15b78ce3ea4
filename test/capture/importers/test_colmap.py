"""COLMAP folders come in with poses, images, sparse points, and the points' depth."""

import json

import cv2
import numpy as np
import pycolmap
import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import ScanError
from m3_ros.geometry import OPENGL_FROM_OPENCV, inverse, project, transform

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


def rename(source, names):
    """Give the images other names, in the folder and in the order of the model."""
    for index, name in enumerate(names, start=1):
        path = source / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (source / "images" / f"{index}.png").rename(path)


def test_a_rig_with_its_cameras_in_subfolders(tmp_path, source, frames):
    names = ["left/1.png", "right/1.png", "left/2.png"]
    rename(source, names)
    model = pycolmap.Reconstruction()
    rig = pycolmap.Rig(rig_id=1)
    for index in (1, 2):
        camera = pycolmap.Camera(
            camera_id=index, model="PINHOLE", width=64, height=48, params=[60, 60, 32, 24]
        )
        model.add_camera(camera)
        sensor = pycolmap.sensor_t(pycolmap.SensorType.CAMERA, index)
        if index == 1:
            rig.add_ref_sensor(sensor)
        else:
            left, right = (inverse(frame.camtoworld) for frame in frames[:2])
            rig.add_sensor(sensor, pycolmap.Rigid3d((right @ inverse(left))[:3]))
    model.add_rig(rig)
    for number, pose, members in ((1, frames[0], (0, 1)), (2, frames[2], (2,))):
        frame = pycolmap.Frame(frame_id=number, rig_id=1)
        frame.rig_from_world = pycolmap.Rigid3d(inverse(pose.camtoworld)[:3])
        images = []
        for member in members:
            image = pycolmap.Image(image_id=member + 1, name=names[member])
            image.camera_id = 2 if names[member].startswith("right") else 1
            image.frame_id = number
            frame.add_data_id(image.data_id)
            images.append(image)
        model.add_frame(frame)
        for image in images:
            model.add_image(image)
        model.register_frame(number)
    (source / "sparse/0").mkdir(parents=True)
    model.write(str(source / "sparse/0"))
    scan = import_scan(source, tmp_path / "ours")
    assert [frame.name for frame in scan] == sorted(names)
    order = np.argsort(names)
    for ours, theirs in zip(scan, [frames[index] for index in order], strict=True):
        np.testing.assert_allclose(ours.camtoworld, theirs.camtoworld, atol=1e-6)
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)


def test_images_without_their_subfolder_are_found(tmp_path, source, frames):
    write_model(source / "sparse/0", frames)
    model = pycolmap.Reconstruction(str(source / "sparse/0"))
    for image in model.images.values():
        image.name = f"some/folder/{image.name}"
    model.write(str(source / "sparse/0"))
    assert len(import_scan(source, tmp_path / "ours")) == 3


def test_a_model_folder_alone_finds_its_images(tmp_path, source, frames):
    write_model(source / "sparse/0", frames)
    assert len(import_scan(source / "sparse/0", tmp_path / "ours")) == 3


def test_points_without_tracks_give_depth_where_nothing_hides_them(tmp_path, source, frames):
    write_model(source / "sparse/0", frames, with_point=False)
    model = pycolmap.Reconstruction(str(source / "sparse/0"))
    grid = np.stack(np.meshgrid(*[np.linspace(-0.2, 0.2, 41)] * 2, [0.0]), -1).reshape(-1, 3)
    below = grid - [0.0, 0.0, 0.3]  # a second floor, hidden by the first one
    for point in np.concatenate([grid, below]):
        model.add_point3D(point, pycolmap.Track(), np.zeros(3, np.uint8))
    model.write(str(source / "sparse/0"))
    for frame in import_scan(source, tmp_path / "ours"):
        rows, columns = np.nonzero(frame.depth)
        assert len(rows) > 200
        points = np.column_stack([columns + 0.5, rows + 0.5, np.ones(len(rows))])
        points = points @ np.linalg.inv(frame.K).T * frame.depth[rows, columns, None]
        z = transform(frame.camtoworld, points)[:, 2]
        middle = (np.abs(rows - 24) < 8) & (np.abs(columns - 32) < 8)
        assert np.abs(z[middle]).max() < 0.02


def test_a_scaled_picture_has_a_scaled_camera(tmp_path, source, frames):
    for path in (source / "images").iterdir():
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (32, 24)))
    write_model(source / "sparse/0", frames)
    frame = import_scan(source, tmp_path / "ours")[0]
    np.testing.assert_allclose(frame.K, [[30, 0, 16], [0, 30, 12], [0, 0, 1]])


def test_masks_are_read_and_undistorted(tmp_path, source, frames):
    (source / "masks").mkdir()
    mask = np.full((48, 64), 255, np.uint8)
    mask[:, :20] = 0
    for name in ("1.png.png", "2.png"):
        cv2.imwrite(str(source / "masks" / name), mask)
    write_model(source / "sparse/0", frames, camera=("SIMPLE_RADIAL", [60, 32, 24, 0.1]))
    one, two, three = import_scan(source, tmp_path / "ours")
    assert three.mask is None
    for frame in (one, two):
        assert not frame.mask[20:28, :15].any() and frame.mask[20:28, 25:].all()


def test_missing_images_are_left_out_or_refused(tmp_path, source, frames, caplog):
    write_model(source / "sparse/0", [*frames, frames[0]])
    assert len(import_scan(source, tmp_path / "ours")) == 3  # 4.png was never there
    assert "4.png" in caplog.text and "1 of 4" in caplog.text
    (source / "images/2.png").unlink()
    with pytest.raises(ScanError, match=r"2\.png.*2 of 4.*scan.max_missing_share"):
        import_scan(source, tmp_path / "none")


TURNED = np.array([[0.0, 2, 0, 1], [0, 0, 2, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
"""From COLMAP's world to one that is turned, moved and twice as large."""


def write_transforms(folder, frames, error=0.0):
    """Write transforms.json of the frames in the turned world, without points."""
    entries = []
    for index, frame in enumerate(frames, start=1):
        pose = TURNED @ frame.camtoworld
        pose[:3, :3] /= 2
        pose[0, 3] += error * index**2
        matrix = (pose @ OPENGL_FROM_OPENCV).tolist()
        entries.append({"file_path": f"images/{index}.png", "transform_matrix": matrix})
    meta = {"fl_x": 60, "fl_y": 60, "cx": 32, "cy": 24, "frames": entries}
    (folder / "transforms.json").write_text(json.dumps(meta))


def test_transforms_without_points_take_those_of_the_model_beside_them(tmp_path, source, frames):
    write_model(source / "colmap/sparse/0", frames)
    write_transforms(source, frames)
    points, colors = import_scan(source, tmp_path / "ours").points
    np.testing.assert_allclose(points, [transform(TURNED, POINT)], atol=1e-6)
    np.testing.assert_array_equal(colors, [[9, 8, 7]])


def test_points_of_a_model_with_other_cameras_are_left_out(tmp_path, source, frames, caplog):
    write_model(source / "sparse/0", frames)
    write_transforms(source, frames, error=0.1)
    assert import_scan(source, tmp_path / "ours").points is None
    assert "differ" in caplog.text
