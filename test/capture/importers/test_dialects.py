"""Dialects of `transforms.json`: each program's way of saying the same scan."""

import json
import math
import re

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image as Pillow

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import Scan, ScanError

SIZE = (48, 64)
F = 50.0
POSE = np.eye(4)
RAMP = (np.indices(SIZE).sum(0) * 2).astype(np.uint8)
COLOR = np.dstack([RAMP, RAMP[::-1], RAMP[:, ::-1]])


def write(folder, frame=None, name="a.png", files=("a.png",), image=COLOR, file="", **root):
    """A scan of one view; `files` are written as PNG of `image`."""
    (folder / "images").mkdir(parents=True)
    for each in files:
        path = folder / "images" / each
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), image)
    entry = {"file_path": f"images/{name}", "transform_matrix": POSE.tolist(), **(frame or {})}
    meta = {"fl_x": F, **root, "frames": [entry]}
    meta = {key: value for key, value in meta.items() if value is not None}
    (folder / (file or "transforms.json")).write_text(json.dumps(meta))
    return folder


def read(folder):
    (frame,) = import_scan(folder, folder.parent / "ours")
    return frame


@pytest.mark.parametrize(
    ("name", "file"),
    [("r_0", "r_0.png"), ("a", "a.JPG"), ("r_0.5", "r_0.5.png"), ("sub\\a.png", "sub/a.png"),
     ("C:\\data\\images\\a.png", "a.png"), ("a.PNG", "a.png"), ("../images/a.png", "a.png")],
)  # fmt: skip
def test_names_of_files_are_found(tmp_path, name, file):
    prefix = "" if name.startswith("C:") else "images/"
    source = write(tmp_path / "s", {"file_path": prefix + name}, files=(file,))
    assert np.abs(read(source).rgb.astype(int) - COLOR[..., ::-1]).mean() < 12


def test_an_angle_of_view_gives_the_focal_length_of_blender(tmp_path):
    angle = 2 * math.atan(32 / F)
    source = write(
        tmp_path / "s", name="a", file="transforms_train.json", fl_x=None, camera_angle_x=angle
    )
    np.testing.assert_allclose(read(source).K, [[F, 0, 32], [0, F, 24], [0, 0, 1]])


@pytest.mark.parametrize(
    "root",
    [{"fl_x": None, "x_fov": math.degrees(2 * math.atan(32 / F))}, {"fl_x": None, "fl_y": F},
     {"fl_x": None, "camera_angle_y": 2 * math.atan(24 / F), "aabb_scale": 16, "scale": 0.3,
      "offset": [0.5, 0.5, 0.5]}],
)  # fmt: skip
def test_other_fields_give_the_focal_length_too(tmp_path, root):
    np.testing.assert_allclose(np.diag(read(write(tmp_path / "s", **root)).K), [F, F, 1])


def test_no_focal_length_is_named(tmp_path):
    with pytest.raises(ScanError, match=r"frames\[0\] has no focal length.*camera_angle_x"):
        Scan.open(write(tmp_path / "s", fl_x=None))


def test_the_file_alone_may_be_named(tmp_path):
    source = write(tmp_path / "s", file="transforms_test.json")
    assert len(import_scan(source / "transforms_test.json", tmp_path / "ours")) == 1


def test_a_scaled_picture_has_scaled_intrinsics(tmp_path):
    source = write(tmp_path / "s", w=640, h=480, fl_x=500.0, cx=330.0, cy=240.0)
    np.testing.assert_allclose(read(source).K, [[50, 0, 33], [0, 50, 24], [0, 0, 1]])


def test_another_aspect_ratio_is_refused_with_both_sizes(tmp_path):
    with pytest.raises(ScanError, match=r"w, h = 640, 400.*64 x 48"):
        read(write(tmp_path / "s", w=640, h=400))


def test_intrinsics_and_sizes_may_differ_by_frame(tmp_path):
    folder = write(tmp_path / "s", files=("a.png", "b.png"))
    cv2.imwrite(str(folder / "images/b.png"), COLOR[:24, :32])
    meta = json.loads((folder / "transforms.json").read_text())
    other = {"file_path": "images/b.png", "fl_x": 20.0, "fl_y": 21.0, "cx": 15.0, "cy": 12.0}
    meta["frames"].append({**meta["frames"][0], **other})
    (folder / "transforms.json").write_text(json.dumps(meta))
    first, second = import_scan(folder, tmp_path / "ours")
    assert first.rgb.shape == (48, 64, 3) and second.rgb.shape == (24, 32, 3)
    np.testing.assert_allclose(second.K, [[20, 0, 15], [0, 21, 12], [0, 0, 1]])


@pytest.mark.parametrize(
    ("stated", "turned"), [((64, 48), False), ((48, 64), True), (None, False)]
)
def test_exif_turns_a_picture_only_to_the_size_that_is_stated(tmp_path, stated, turned):
    root = {} if stated is None else {"w": stated[0], "h": stated[1]}
    source = write(tmp_path / "s", name="a.jpg", **root)
    exif = Pillow.Exif()
    exif[0x0112] = 6  # the first row is the right side
    Pillow.fromarray(COLOR).save(source / "images/a.jpg", exif=exif, quality=95)
    expected = np.rot90(COLOR, -1) if turned else COLOR
    rgb = read(source).rgb
    assert rgb.shape == expected.shape and np.abs(rgb.astype(int) - expected).mean() < 3


def test_transparent_pixels_are_masked(tmp_path):
    alpha = np.full(SIZE, 255, np.uint8)
    alpha[10:20] = 0
    (tmp_path / "s").mkdir()
    frame = read(write(tmp_path / "s/s", image=np.dstack([COLOR, alpha])))
    np.testing.assert_array_equal(frame.mask, alpha > 0)


@pytest.mark.parametrize("image", [RAMP, np.uint16(COLOR) << 8, np.uint16(RAMP) << 8])
def test_grey_and_16_bit_pictures_are_read(tmp_path, image):
    expected = COLOR[..., ::-1] if image.ndim == 3 else np.dstack([RAMP] * 3)
    np.testing.assert_array_equal(read(write(tmp_path / "s", image=image)).rgb, expected)


DEPTH = np.linspace(0.5, 2.0, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE)


def exr(path, channel, pixels):
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {channel: pixels}).write(str(path))


@pytest.mark.parametrize(
    ("name", "save", "unit"),
    [
        ("d.npy", lambda path: np.save(path, DEPTH), None),
        ("d.npz", lambda path: np.savez(path, depth=DEPTH[None]), None),
        ("d.npy", lambda path: np.save(path, DEPTH * 100), 0.01),
        ("d.exr", lambda path: exr(path, "Z", DEPTH), None),
        ("d.exr", lambda path: exr(path, "RGB", np.dstack([DEPTH] * 3)), None),
        ("d.tiff", lambda path: cv2.imwrite(str(path), DEPTH), None),
        ("d.tif", lambda path: cv2.imwrite(str(path), np.uint16(DEPTH * 5000)), 2e-4),
        ("d.png", lambda path: cv2.imwrite(str(path), np.uint16(DEPTH * 1000)), None),
        ("d.npy", lambda path: np.save(path, np.uint16(DEPTH[::2, ::2] * 1000)), None),
    ],
)
def test_depth_of_any_kind_is_metres(tmp_path, name, save, unit):
    frame = {"depth_file_path": name}
    if unit is not None:
        frame["depth_unit_scale_factor"] = unit
    source = write(tmp_path / "s", frame)
    save(source / name)
    assert read(source).depth == pytest.approx(DEPTH, abs=0.05)


def test_depth_of_instant_ngp_is_read(tmp_path):
    source = write(tmp_path / "s", {"depth_path": "d.png"}, integer_depth_scale=2e-4)
    cv2.imwrite(str(source / "d.png"), np.full(SIZE, 5000, np.uint16))
    assert read(source).depth == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "dtype"), [(1e10, "f4"), (np.inf, "f4"), (65504.0, "f2"), (-1.0, "f4")]
)
def test_what_a_renderer_writes_for_background_is_a_hole(tmp_path, value, dtype):
    depth = DEPTH.astype(dtype)
    depth[:5] = value
    source = write(tmp_path / "s", {"depth_file_path": "d.npy"})
    np.save(source / "d.npy", depth)
    found = read(source).depth
    assert not found[:5].any() and found[5:] == pytest.approx(DEPTH[5:], abs=1e-2)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("d.npy", b"nothing", "cannot be read"),
        ("d.exr", b"nothing", "cannot be read"),
        ("d.npz", b"nothing", "cannot be read"),
        ("d.png", b"nothing", "is no readable image"),
    ],
)
def test_a_damaged_depth_file_is_named(tmp_path, name, content, words):
    source = write(tmp_path / "s", {"depth_file_path": name})
    (source / name).write_bytes(content)
    with pytest.raises(ScanError, match=rf"frames\[0\].*{re.escape(name)}.*{words}"):
        read(source)


def test_nerfstudio_may_list_its_coefficients(tmp_path):
    root = {"camera_model": "OPENCV_FISHEYE", "distortion_params": [-0.2, 0.0, 0.0, 0.0, 0.0, 0.0]}
    one = read(write(tmp_path / "1/s", **root))
    two = read(write(tmp_path / "2/s", camera_model="OPENCV_FISHEYE", k1=-0.2))
    np.testing.assert_array_equal(one.rgb, two.rgb)
    assert np.abs(one.rgb.astype(int) - COLOR[..., ::-1]).mean() > 3


def test_a_pose_may_lack_its_last_row(tmp_path):
    source = write(tmp_path / "s", {"transform_matrix": POSE[:3].tolist()})
    np.testing.assert_allclose(read(source).camtoworld, np.diag([1.0, -1, -1, 1]))


def missing_scan(folder, present):
    """A scan of ten frames, of which so many have their picture."""
    write(folder, files=[f"{index}.png" for index in range(present)])
    meta = json.loads((folder / "transforms.json").read_text())
    meta["frames"] = [
        {**meta["frames"][0], "file_path": f"images/{index}.png"} for index in range(10)
    ]
    (folder / "transforms.json").write_text(json.dumps(meta))
    return folder


def test_frames_without_picture_are_left_out_and_counted(tmp_path, caplog):
    assert len(import_scan(missing_scan(tmp_path / "s", 8), tmp_path / "ours")) == 8
    assert "images/8.png" in caplog.text and "2 of 10" in caplog.text


def test_a_scan_with_too_few_pictures_is_refused(tmp_path):
    with pytest.raises(ScanError, match=r"frames\[6\].*4 of 10.*scan.max_missing_share"):
        import_scan(missing_scan(tmp_path / "s", 6), tmp_path / "ours")
