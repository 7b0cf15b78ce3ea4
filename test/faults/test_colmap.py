"""COLMAP models with one thing wrong: each is refused by file, and none takes the memory."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.capture.importers.colmap_sizes import PARAMETERS
from m3_ros.capture.scan import ScanError

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from fuzz_inputs import COLMAP as TEXTS
from fuzz_inputs import make_colmap


@pytest.fixture
def source(tmp_path):
    """A folder with two pictures and a text model."""
    make_colmap(tmp_path / "theirs")
    return tmp_path / "theirs"


@pytest.fixture
def binary(source):
    import pycolmap

    folder = source / "sparse/0"
    model = pycolmap.Reconstruction(str(folder))
    for name in TEXTS:
        (folder / name).unlink()
    model.write_binary(str(folder))
    return source


def sentence_of(source, tmp_path):
    with pytest.raises(ScanError) as error:
        import_scan(source, tmp_path / "imported")
    assert not (tmp_path / "imported").exists() and "\n" not in str(error.value)
    return str(error.value)


def test_a_good_model_opens(source, binary, tmp_path):
    assert len(import_scan(binary, tmp_path / "imported")) == 2


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("cameras.txt", "PINHOLE", "HOLE"),
        ("cameras.txt", "30 30 16 12\n2", "30 30\n2"),
        ("cameras.txt", "32 24 30", "x y z"),
        ("cameras.txt", "1 PINHOLE", "7 PINHOLE"),
        ("images.txt", "1 a.png", "9 a.png"),
        ("images.txt", "1 1 0 0 0 0 0 1", "1 1 0 0 x 0 0 1"),
        ("images.txt", "1 1 0 0 0", "1 nan 0 0 0"),
        ("images.txt", "10 10 1 12 12 2", "10 10 99 12 12 2"),
        ("points3D.txt", "0.5 1 0 2 0", "0.5 77 0 2 0"),
        ("points3D.txt", "1 0 0 2 100", "1 0 0 nan 100"),
    ],
)
def test_a_field_of_a_text_model(source, tmp_path, name, old, new):
    path = source / "sparse/0" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert "theirs" in sentence_of(source, tmp_path)


CAMERAS, IMAGES, POINTS = TEXTS


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (CAMERAS, "30 30", "nan 30", ["cameras.txt line 1 is", "these 4 numbers within"]),
        (CAMERAS, "30 30", "-30 30", ["first a focal length > 0"]),
        (CAMERAS, "0 0 0 0\n", "1e30 0 0 0\n", ["cameras.txt line 2 is", "within ±1e6"]),
        (CAMERAS, "0 0 0 0\n", "0 0 0\n", ["these 8 numbers"]),
        (CAMERAS, "32 24", "0 24", ["its sides 1 to 32767 px"]),
        (CAMERAS, "32 24", "32.5 24", ["its size of whole numbers"]),
        (CAMERAS, "PINHOLE", "HOLE", ["one of the models SIMPLE_PINHOLE, PINHOLE"]),
        (CAMERAS, "2 OPENCV", "1 OPENCV", ["of a new CAMERA_ID; 1 stands there before"]),
        (IMAGES, "1 1 0 0 0", "1 0 0 0 0", ["images.txt line 1 is", "quaternion of a length > 0"]),
        (IMAGES, "1 1 0 0 0", "1 1e200 0 0 0", ["quaternion of a length > 0"]),
        (IMAGES, "a.png", "a\udcf5.png", ["images.txt line 1 is", "the name as UTF-8"]),
        (IMAGES, "0 0 1 1 a.png", "0 nan 1 1 a.png", ["the pose of finite numbers"]),
        (IMAGES, "0 0 1 1 a.png", "0 1e30 1 1 a.png", ["the translation within ±1e6"]),
        (IMAGES, "1 a.png", "9 a.png", ["of a camera in cameras.txt, which lacks 9"]),
        (IMAGES, "a.png", "b.png", ["images.txt line 3 is", "of a new IMAGE_ID and NAME"]),
        (IMAGES, "10 10 1 12 12 2\n", "", ["images.txt line 2 is", "x y POINT3D_ID"]),
        (IMAGES, "12 12 2", "12 12", ["x y POINT3D_ID of each point of image 1"]),
        (POINTS, "100 100 100", "300 1 1", ["points3D.txt line 1 is", "whole numbers 0 to 255"]),
        (POINTS, "0 0 2 100", "0 inf 2 100", ["of finite numbers"]),
        (POINTS, "0.5 1 0 2 0", "0.5 1", ["then IMAGE_ID POINT2D_IDX of each image"]),
        (POINTS, "0.5 1 0 2 0", "0.5 1 99 2 0", ["which lacks point 99 of 1"]),
        (POINTS, "0.5 1 0 2 0", "0.5 1 1 2 0", ["it must be point 2, as images.txt has it"]),
    ],
)
def test_a_line_is_named_with_its_rule(source, tmp_path, name, old, new, words):
    path = source / "sparse/0" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1), errors="surrogateescape")
    sentence = sentence_of(source, tmp_path)
    assert all(each in sentence for each in words) and name in sentence
    assert "Check failed" not in sentence


def test_a_name_that_no_file_can_have(source, tmp_path):
    path = source / "sparse/0" / IMAGES
    path.write_text(path.read_text().replace("a.png", "a" * 5000))
    assert 'aa", an image of the model, is not there' in (
        sentence := sentence_of(source, tmp_path)
    )
    assert len(sentence) < 500


def test_points_that_were_thinned_are_told_and_the_others_used(source, tmp_path, caplog):
    path = source / "sparse/0" / POINTS
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text(first)
    scan = import_scan(source, tmp_path / "scan")
    assert len(scan.points[0]) == 1
    assert f"{POINTS} lacks {len(others)} of {len(others) + 1} points" in caplog.text


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("replace", [None, lambda path: path.mkdir()])
def test_a_file_of_a_model_that_is_missing(source, tmp_path, name, replace):
    path = source / "sparse/0" / name
    path.unlink()
    if replace:
        replace(path)
    assert f"{name} is missing or no file; a COLMAP model needs it" in sentence_of(
        source, tmp_path
    )


def test_a_model_whose_points_were_emptied_is_read(source, tmp_path):
    (source / "sparse/0/points3D.txt").write_text("# none\n")
    assert import_scan(source, tmp_path / "imported").points is None


@pytest.mark.parametrize("name", ["cameras", "images", "points3D", "rigs", "frames"])
@pytest.mark.parametrize("damage", ["count", "cut", "empty"])
def test_a_count_that_the_file_cannot_hold(binary, tmp_path, name, damage):
    path = binary / f"sparse/0/{name}.bin"
    data = path.read_bytes()
    changed = {"count": struct.pack("<Q", 2**60) + data[8:], "cut": data[:-3], "empty": b""}
    path.write_bytes(changed[damage])
    sentence = sentence_of(binary, tmp_path)
    assert f"{name}.bin of the COLMAP model is damaged: at byte" in sentence


def test_a_track_that_the_file_cannot_hold(binary, tmp_path):
    path = binary / "sparse/0/points3D.bin"
    data = bytearray(path.read_bytes())
    data[8 + 43 : 8 + 51] = struct.pack("<Q", 2**40)
    path.write_bytes(data)
    assert "announces 8796093022208 more bytes" in sentence_of(binary, tmp_path)


@pytest.mark.parametrize("length", [0.5, 0.999, 2.0, 1e-100])
def test_a_quaternion_is_taken_at_any_length(source, tmp_path, length):
    """COLMAP normalises it."""
    turned = np.array([0.8, 0.0, 0.6, 0.0])
    path = source / "sparse/0" / IMAGES
    text = path.read_text()
    poses = []
    for scale in (1.0, length):
        pose = " ".join(repr(float(each)) for each in scale * turned)
        path.write_text(text.replace("1 1 0 0 0", f"1 {pose}", 1))
        poses.append(import_scan(source, tmp_path / f"{scale}")[0].camtoworld)
    assert poses[1] == pytest.approx(poses[0], abs=1e-9)


@pytest.mark.parametrize("quaternion", [(0.0, 0.0, 0.0, 0.0), (np.nan, 0.0, 0.0, 0.0)])
@pytest.mark.parametrize(("name", "start"), [("images", 8 + 4), ("frames", 8 + 8)])
def test_a_binary_quaternion_without_a_length(binary, tmp_path, name, start, quaternion):
    path = binary / f"sparse/0/{name}.bin"
    data = bytearray(path.read_bytes())
    struct.pack_into("<4d", data, start, *quaternion)
    path.write_bytes(data)
    assert "its length must be > 0" in (sentence := sentence_of(binary, tmp_path))
    assert f"{name}.bin of the COLMAP model is damaged: {name[:-1]} 1 has" in sentence


@pytest.mark.parametrize(
    ("start", "form", "value", "words"),
    [
        (16, "Q", 0, "camera 1 has 0 x 24 pixels; its sides must be 1 to 32767"),
        (24, "Q", 2**40, "camera 1 has 32 x 1099511627776 pixels"),
        (32, "d", -30.0, "the first a focal length > 0"),
        (40, "d", np.nan, "camera 1 has the parameters [30.0, NaN, 16.0, 12.0]; they must be"),
    ],
)
def test_a_binary_camera(binary, tmp_path, start, form, value, words):
    path = binary / "sparse/0/cameras.bin"
    data = bytearray(path.read_bytes())
    struct.pack_into(f"<{form}", data, start, value)
    path.write_bytes(data)
    assert words in sentence_of(binary, tmp_path)


def test_a_binary_name_that_is_not_utf8(binary, tmp_path):
    path = binary / "sparse/0/images.bin"
    path.write_bytes(path.read_bytes().replace(b"a.png", b"\xf5.png"))
    assert "the name of image 1 is" in (sentence := sentence_of(binary, tmp_path))
    assert "it must be UTF-8; rename it" in sentence


def test_the_parameters_of_each_camera_model_are_counted_as_colmap_does():
    import pycolmap

    models = {int(model): model for model in pycolmap.CameraModelId.__members__.values()}
    for index, count in enumerate(PARAMETERS):
        if index in models:
            camera = pycolmap.Camera.create_from_model_id(0, models[index], 500.0, 640, 480)
            assert len(camera.params) == count, models[index]


def test_points_without_tracks_are_read(binary, tmp_path):
    """As LiDAR odometries write them: the shortest records there are."""
    point = struct.pack("<Q3d3Bd", 7, 0.1, 0.0, 2.0, 9, 9, 9, 0.5) + struct.pack("<Q", 0)
    unmatched = struct.pack("<Q", 0)
    images = (binary / "sparse/0/images.bin").read_bytes()
    for name in (b"a.png", b"b.png"):
        before, after = images.split(name + b"\0")
        (count,) = struct.unpack_from("<Q", after)
        images = before + name + b"\0" + unmatched + after[8 + 24 * count :]
    (binary / "sparse/0/images.bin").write_bytes(images)
    (binary / "sparse/0/points3D.bin").write_bytes(struct.pack("<Q", 1) + point)
    assert len(import_scan(binary, tmp_path / "scan").points[0]) == 1
