"""Phones' and data sets' own folders come in with the poses, lenses and depth they had."""

import json
import os
import zipfile

import cv2
import lzfse
import numpy as np
import OpenEXR
import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.capture.importers.seven_scenes import K_COLOR, K_DEPTH, T_COLOR_DEPTH
from m3_ros.capture.scan import ScanError
from m3_ros.geometry import (
    OPENGL_FROM_OPENCV,
    inverse,
    look_at,
    matrix_to_quat,
    transform,
    wxyz_to_xyzw,
)

SIZE = (48, 64)
LENS = (60.0, 61.0, 31.0, 25.0)
K = np.array([[60.0, 0, 31], [0, 61.0, 25], [0, 0, 1]])
POSES = [look_at([0.5, y, 0.6], [0.0, y / 2, 0.1]) for y in (0.0, 0.1, 0.2)]
Z_FROM_Y = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
RAMP = np.indices(SIZE).sum(0) * 2
RGB = np.dstack([RAMP, 222 - RAMP, RAMP // 2]).astype(np.uint8)
SMALL = np.linspace(500, 1500, 12 * 16).reshape(12, 16).astype(np.uint16)
UNSURE = np.zeros((12, 16), bool)
UNSURE[:3] = True
DEPTH = np.where(UNSURE, 0, SMALL).repeat(4, 0).repeat(4, 1) * 1e-3


def picture(path, pixels=RGB):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def pose_row(camtoworld):
    """Position and quaternion x y z w."""
    return [*camtoworld[:3, 3], *wxyz_to_xyzw(matrix_to_quat(camtoworld[:3, :3]))]


def arkit(camtoworld):
    """The pose of a phone: y up, OpenGL camera axes."""
    return inverse(Z_FROM_Y) @ camtoworld @ OPENGL_FROM_OPENCV


def check(scan, depth=DEPTH, names=None, lens=K, color_error=4.0):
    assert len(scan) == len(POSES) and scan.metric
    for frame, pose in zip(scan, POSES, strict=True):
        np.testing.assert_allclose(frame.camtoworld, pose, atol=1e-6)
        np.testing.assert_allclose(frame.K, lens)
        assert np.abs(frame.rgb.astype(int) - RGB).mean() < color_error
        np.testing.assert_allclose(frame.depth, depth, atol=2e-3)
    assert names is None or [frame.name for frame in scan] == names


def write_polycam(folder, prefix=""):
    base = folder / "keyframes"
    for index, pose in enumerate(POSES):
        stem = f"{1000 + index}"
        picture(base / f"{prefix}images/{stem}.jpg")
        picture(base / f"depth/{stem}.png", SMALL)
        picture(base / f"confidence/{stem}.png", np.where(UNSURE, 0, 255).astype(np.uint8))
        camera = dict(zip(("fx", "fy", "cx", "cy"), LENS, strict=True), width=64, height=48)
        T = arkit(pose)
        camera |= {f"t_{row}{column}": T[row, column] for row in range(3) for column in range(4)}
        (base / f"{prefix}cameras").mkdir(exist_ok=True)
        (base / f"{prefix}cameras/{stem}.json").write_text(json.dumps(camera))
    return folder


@pytest.mark.parametrize("prefix", ["", "corrected_"])
def test_polycam(tmp_path, prefix):
    scan = import_scan(write_polycam(tmp_path / "poly", prefix), tmp_path / "scan")
    check(scan, names=["1000.jpg", "1001.jpg", "1002.jpg"])


def test_a_field_of_polycam_is_named(tmp_path):
    folder = write_polycam(tmp_path / "poly")
    path = folder / "keyframes/cameras/1001.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fx": -1}))
    with pytest.raises(ScanError, match=r"1001\.json: \$\.fx is -1; it must be a number > 0"):
        import_scan(folder, tmp_path / "scan")


def record3d_metadata(**more):
    rows = [pose_row(arkit(pose)) for pose in POSES]
    poses = [[*row[3:], *row[:3]] for row in rows]
    return {"w": 64, "h": 48, "K": K.T.ravel().tolist(), "poses": poses, "fps": 30, **more}


def write_r3d(path, depth=None, number="{}", first=0):
    depth = (SMALL * np.float32(1e-3)).astype("<f4") if depth is None else depth
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata", json.dumps(record3d_metadata(dw=16, dh=12)))
        for index in range(first, first + len(POSES)):
            stem = f"rgbd/{number.format(index)}"
            jpeg = cv2.imencode(".jpg", RGB[..., ::-1])[1].tobytes()
            archive.writestr(f"{stem}.jpg", jpeg)
            archive.writestr(f"{stem}.depth", lzfse.compress(depth.tobytes()))
            sure = np.where(UNSURE, 0, 2).astype(np.uint8)
            archive.writestr(f"{stem}.conf", lzfse.compress(sure.tobytes()))
    return path


def test_record3d_file(tmp_path):
    check(import_scan(write_r3d(tmp_path / "room.r3d"), tmp_path / "scan"))


def test_record3d_pictures_that_count_from_1_with_zeros(tmp_path):
    path = write_r3d(tmp_path / "room.r3d", number="{:05d}", first=1)
    check(import_scan(path, tmp_path / "scan"))


def test_record3d_folder_with_intrinsics_of_each_frame(tmp_path):
    folder = tmp_path / "EXR_RGBD"
    (folder / "depth").mkdir(parents=True)
    for index in range(len(POSES)):
        picture(folder / f"rgb/{index}.jpg")
        exr = OpenEXR.File({"type": OpenEXR.scanlineimage}, {"R": np.float32(SMALL) / 1000})
        exr.write(str(folder / f"depth/{index}.exr"))
    more = {"perFrameIntrinsicCoeffs": [[70, 70, 32, 24]] * 3}
    (folder / "metadata.json").write_text(json.dumps(record3d_metadata(**more)))
    lens = [[70, 0, 32], [0, 70, 24], [0, 0, 1]]
    depth = SMALL.repeat(4, 0).repeat(4, 1) * 1e-3
    check(import_scan(folder, tmp_path / "scan"), depth, lens=lens)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(b"no zip"), "no file of Record3D"),
        (lambda path: write_r3d(path, np.zeros(7, "<f4")), r"rgbd/0\.depth has 7 numbers"),
    ],
)
def test_a_damaged_record3d_file_is_named(tmp_path, damage, words):
    path = write_r3d(tmp_path / "room.r3d")
    damage(path)
    with pytest.raises(ScanError, match=rf"room\.r3d.*{words}"):
        import_scan(path, tmp_path / "scan")


def change(path, name, new):
    """Replace a file of an archive."""
    with zipfile.ZipFile(path) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    files[name] = new(files[name])
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in files.items():
            archive.writestr(each, data)


def metadata(**fields):
    return lambda data: json.dumps(json.loads(data) | fields)


@pytest.mark.parametrize(
    ("name", "new", "words"),
    [
        ("metadata", lambda data: b"[" * 99_999, "metadata is nested too deeply"),
        ("metadata", lambda data: b"\xff", "metadata is no text: byte 0 is not UTF-8"),
        ("metadata", lambda data: data.replace(b'"w"', b'"w": 1, "w"'), 'has the key "w" twice'),
        ("metadata", metadata(fps=-5), "fps is -5; it must be a number >= 0"),
        ("metadata", metadata(dw=10**12), "dw is 1000000000000; it must be a whole number"),
        ("metadata", metadata(frameTimestamps=[float("nan")]), r"frameTimestamps\[0\] is NaN"),
        ("metadata", metadata(perFrameIntrinsicCoeffs=[[1]]), "must be 4 numbers or more"),
        ("rgbd/1.jpg", lambda data: b"", r"rgbd/1\.jpg is no readable image"),
        ("rgbd/1.jpg", lambda data: data[:-99], r"rgbd/1\.jpg is no readable image"),
        ("rgbd/1.depth", lambda data: b"", r"rgbd/1\.depth is damaged: it is not LZFSE"),
    ],
)
def test_a_part_of_a_record3d_file_is_named(tmp_path, name, new, words):
    path = write_r3d(tmp_path / "room.r3d")
    change(path, name, new)
    with pytest.raises(ScanError, match=rf"room\.r3d.*{words}"):
        import_scan(path, tmp_path / "scan")


def test_a_folder_that_is_named_as_a_record3d_file(tmp_path):
    (tmp_path / "room.r3d").mkdir()
    with pytest.raises(ScanError, match="holds no scan"):
        import_scan(tmp_path / "room.r3d", tmp_path / "scan")


def write_stray(folder, frames=3):
    folder.mkdir()
    video = cv2.VideoWriter(
        str(folder / "rgb.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, SIZE[::-1]
    )
    lines = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    for index, pose in enumerate(POSES):
        if index < frames:
            video.write(np.ascontiguousarray(RGB[..., ::-1]))
        picture(folder / f"depth/{index:06d}.png", SMALL)
        picture(folder / f"confidence/{index:06d}.png", np.where(UNSURE, 0, 2).astype(np.uint8))
        row = pose_row(inverse(Z_FROM_Y) @ pose)
        lines.append(", ".join([f"{10 + index / 60}", f"{index:06d}", *map(str, row)]))
    video.release()
    (folder / "odometry.csv").write_text("\n".join(lines))
    np.savetxt(folder / "camera_matrix.csv", K, delimiter=",")
    return folder


def test_stray_scanner(tmp_path):
    scan = import_scan(write_stray(tmp_path / "71de12f9"), tmp_path / "scan")
    check(scan, color_error=12.0)
    assert scan[1].stamp == pytest.approx(10 + 1 / 60)


def test_a_video_that_ends_early_is_named(tmp_path):
    with pytest.raises(ScanError, match=r"rgb\.mp4 ends before frame 2"):
        import_scan(write_stray(tmp_path / "stray", frames=2), tmp_path / "scan")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("000001", "-1", "frame is -1.0; it must be a whole number"),
        ("000001", "1e300", "frame is 1e.300; it must be a whole number"),
        ("10.0,", "-10.0,", "stamp of picture 000000 is -10.0; it must be a number of seconds"),
        ("10.0,", "nan,", "line 2 is 'nan 000000"),
    ],
)
def test_a_row_of_stray_scanner_is_named(tmp_path, old, new, words):
    path = write_stray(tmp_path / "stray") / "odometry.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ScanError, match=words):
        import_scan(tmp_path / "stray", tmp_path / "scan")


def write_tum(folder, rgb=RGB):
    folder.mkdir()
    lists = {"rgb.txt": ["# color images"], "depth.txt": [], "groundtruth.txt": ["# poses"]}
    for index, pose in enumerate(POSES):
        stamp = 100 + index
        picture(folder / f"rgb/{stamp}.png", rgb)
        picture(folder / f"depth/{stamp}.png", np.uint16(DEPTH * 5000))
        lists["rgb.txt"].append(f"{stamp}.000 rgb/{stamp}.png")
        lists["depth.txt"].append(f"{stamp}.011 depth/{stamp}.png")
        for offset in (-0.01, 0.01):
            row = " ".join(f"{value:.9f}" for value in pose_row(pose))
            lists["groundtruth.txt"].append(f"{stamp + offset:.3f} {row}")
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines))
    return folder


def test_tum_with_a_calibration(tmp_path):
    folder = write_tum(tmp_path / "desk")
    (folder / "calibration.txt").write_text("60.0 61.0 30.5 24.5")  # middle of the first pixel: 0
    check(import_scan(folder, tmp_path / "scan"))


def test_tum_knows_its_cameras(tmp_path, caplog):
    large = cv2.resize(RGB, (640, 480))
    name = "rgbd_dataset_freiburg3_desk"
    one = import_scan(write_tum(tmp_path / name, large), tmp_path / "1")[0]
    np.testing.assert_allclose(one.K, [[535.4, 0, 320.6], [0, 539.2, 248.1], [0, 0, 1]])
    assert "fx fy" not in caplog.text
    two = import_scan(write_tum(tmp_path / "mine", large), tmp_path / "2")[0]
    assert two.K[0, 0] == 525.0 and "calibration.txt" in caplog.text


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("groundtruth.txt", "100 1 2 3", r"line 1 is '100 1 2 3'; it must be stamp tx ty tz"),
        ("rgb.txt", "nan a.png", r"line 1 is 'nan a.png'; it must be stamp file, the stamp in s"),
        ("groundtruth.txt", "100 1 2 3 0 0 0 0", "lists no picture with a pose"),
        ("calibration.txt", "60 61 30 24 a b c d", "calibration.txt line 1 is .* k1 k2 p1 p2"),
        ("calibration.txt", "60 61 30 24 0 0", "calibration.txt line 1 is .* k1 k2 p1 p2"),
        ("rgb.txt", "now a.png", r"line 1 is 'now a.png'; it must be stamp file"),
        ("groundtruth.txt", None, "no groundtruth.txt, so its pictures have no poses"),
    ],
)
def test_a_fault_of_a_tum_list_is_named(tmp_path, name, text, words):
    folder = write_tum(tmp_path / "desk")
    (folder / name).unlink() if text is None else (folder / name).write_text(text)
    with pytest.raises(ScanError, match=words):
        import_scan(folder, tmp_path / "scan")


def kinect_view(camera_pose, intrinsics, offset=0.0):
    """A bright box at 1 m before a dark wall at 2 m (z of the scene): colour and depth."""
    rows, columns = np.indices((480, 640)) + 0.5
    rays = (
        np.stack(
            [
                (columns - 320) / intrinsics[0, 0],
                (rows - 240) / intrinsics[1, 1],
                np.ones((480, 640)),
            ],
            -1,
        )
        @ camera_pose[:3, :3].T
    )
    eye = camera_pose[:3, 3]
    steps = [(z - eye[2]) / rays[..., 2] for z in (1.0, 2.0)]
    near = eye + rays * steps[0][..., None]
    box = (np.abs(near[..., 0]) < 0.2) & (np.abs(near[..., 1]) < 0.2)
    points = eye + rays * np.where(box, *steps)[..., None]
    grey = np.where(box, 220, 40 + 10 * np.sin(8 * points[..., 0])).astype(np.uint8)
    z = transform(inverse(camera_pose), points)[..., 2]
    return np.dstack([grey] * 3), z


def test_seven_scenes_has_its_depth_registered(tmp_path):
    truth = T_COLOR_DEPTH.copy()
    truth[:3, 3] *= 0.6  # this Kinect's colour camera is nearer than the calibrated one's
    folder = tmp_path / "redkitchen/seq-01"
    for index in range(3):
        depth_pose = np.eye(4)
        depth_pose[0, 3] = 0.05 * index
        color, expected = kinect_view(depth_pose @ inverse(truth), K_COLOR)
        _, depth = kinect_view(depth_pose, K_DEPTH)
        pixels = np.uint16(depth * 1000)
        pixels[:20] = 65535
        picture(folder / f"frame-{index:06d}.color.png", color)
        picture(folder / f"frame-{index:06d}.depth.png", pixels)
        np.savetxt(folder / f"frame-{index:06d}.pose.txt", depth_pose)
    scan = import_scan(folder.parent, tmp_path / "scan")
    assert len(scan) == 3 and scan.metric
    last = scan[2]
    np.testing.assert_allclose(last.camtoworld, depth_pose @ inverse(truth), atol=1e-6)
    measured = last.depth > 0
    wrong = np.abs(last.depth - expected)[measured] > 0.02
    assert measured[60:-60, 60:-60].mean() > 0.8 and wrong.mean() < 0.01
    assert not last.depth[:5].any()


def test_lost_tracking_is_left_out_and_told(tmp_path, caplog):
    folder = write_stray(tmp_path / "stray")
    lines = (folder / "odometry.csv").read_text().splitlines()
    lines[2] = "10.0, 1, 0, 0, 0, 0, 0, 0, 0"
    (folder / "odometry.csv").write_text("\n".join(lines))
    assert len(import_scan(folder, tmp_path / "scan")) == 2
    assert "1 of 3 poses are no rigid transforms" in caplog.text


def test_near_pictures_are_thinned_as_in_a_live_scan(tmp_path):
    folder = write_stray(tmp_path / "stray")
    lines = (folder / "odometry.csv").read_text().splitlines()
    row = pose_row(inverse(Z_FROM_Y) @ POSES[0])
    lines[2] = ", ".join(["10.02", "1", *map(str, row)])
    (folder / "odometry.csv").write_text("\n".join(lines))
    assert [frame.name for frame in import_scan(folder, tmp_path / "scan")] == ["000000", "000002"]


def test_a_scaled_picture_of_a_phone_has_scaled_intrinsics(tmp_path):
    folder = write_polycam(tmp_path / "poly")
    for path in (folder / "keyframes/cameras").glob("*.json"):
        camera = json.loads(path.read_text())
        camera |= {name: 2 * camera[name] for name in ("fx", "fy", "cx", "cy", "width", "height")}
        path.write_text(json.dumps(camera))
    check(import_scan(folder, tmp_path / "scan"))


def test_a_picture_of_another_shape_than_its_intrinsics_is_refused(tmp_path):
    folder = write_polycam(tmp_path / "poly")
    path = folder / "keyframes/cameras/1000.json"
    path.write_text(path.read_text().replace('"width": 64', '"width": 90'))
    with pytest.raises(ScanError, match=r"1000\.jpg: it has 64 x 48 .* for 90 x 48"):
        import_scan(folder, tmp_path / "scan")


def test_stray_scanner_pairs_by_the_number_of_the_frame(tmp_path):
    folder = write_stray(tmp_path / "stray")
    lines = (folder / "odometry.csv").read_text().splitlines()
    (folder / "odometry.csv").write_text("\n".join([lines[0], *lines[2:]]))
    picture(folder / "depth/000002.png", SMALL + np.uint16(500))
    scan = import_scan(folder, tmp_path / "scan")
    assert [frame.name for frame in scan] == ["000001", "000002"]
    assert scan[1].depth.max() == pytest.approx(2.0, abs=2e-3)


def write_scannet(folder, size=SIZE, first=0):
    """Colour of a size, depth of half the lens, poses by number; the last one is lost."""
    lens = np.eye(4)
    lens[:3, :3] = K
    small = np.diag([0.25, 0.25, 1, 1]) @ lens
    for name, matrix in (("color", lens), ("depth", small)):
        path = folder / f"intrinsic/intrinsic_{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(path, matrix)
    (folder / "pose").mkdir()
    for index, pose in enumerate([*POSES, np.full((4, 4), -np.inf)], start=first):
        picture(folder / f"color/{index}.jpg", cv2.resize(RGB, size[::-1]))
        picture(folder / f"depth/{index}.png", np.uint16(np.where(UNSURE, 0, SMALL)))
        np.savetxt(folder / f"pose/{index}.txt", pose)
    return folder


@pytest.mark.parametrize("first", [0, 8])
def test_scannet(tmp_path, first):
    scan = import_scan(write_scannet(tmp_path / "scene0000_00", first=first), tmp_path / "scan")
    check(scan, names=[f"{first + index}.jpg" for index in range(3)])


def test_scannet_with_colour_of_the_depth_s_size(tmp_path):
    folder = write_scannet(tmp_path / "scene0000_00", (24, 32))
    for name, factor in (("color", 1.0), ("depth", 0.5)):
        lens = np.eye(4)
        lens[:3, :3] = np.diag([factor, factor, 1.0]) @ K
        np.savetxt(folder / f"intrinsic/intrinsic_{name}.txt", lens)
    scan = import_scan(folder, tmp_path / "scan")
    np.testing.assert_allclose(scan[0].K, np.diag([0.5, 0.5, 1.0]) @ K)
    expected = np.where(UNSURE, 0, SMALL).repeat(2, 0).repeat(2, 1) * 1e-3
    np.testing.assert_allclose(scan[0].depth, expected, atol=2e-3)


NO_FILES = {
    "a folder": (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    "a loop": (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels"),
    "a pipe": (os.mkfifo, "is a pipe or device; it must be a file"),
}
LISTS = {"keyframes/cameras/1001.json": write_polycam, "pose/1.txt": write_scannet}


@pytest.mark.parametrize(("make", "words"), NO_FILES.values(), ids=NO_FILES)
@pytest.mark.parametrize(("name", "write"), LISTS.items())
def test_what_is_no_file_is_named(tmp_path, name, write, make, words):
    path = write(tmp_path / "source") / name
    path.unlink()
    make(path)
    with pytest.raises(ScanError, match=f"{path} {words}"):
        import_scan(tmp_path / "source", tmp_path / "scan")


def test_the_first_picture_of_scannet_is_named(tmp_path):
    path = write_scannet(tmp_path / "scene0000_00") / "color/0.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(ScanError, match=f"{path} is no readable image"):
        import_scan(tmp_path / "scene0000_00", tmp_path / "scan")
