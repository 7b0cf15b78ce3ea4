"""Scans with one thing wrong: each is refused by file, frame, field, value and rule."""

import json
import re
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.capture.points_file import read_points
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.schema import Focal, Stamp, decode

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from fuzz_inputs import make_scan

POSE = np.eye(4).tolist()
MIRRORED = np.diag([-1.0, 1, 1, 1]).tolist()
SCALED = np.diag([2.0, 2, 2, 1]).tolist()
XYZ = ("float x", "float y", "float z")
NAN, INF = float("nan"), float("inf")


def pose(row, column, value):
    matrix = np.eye(4).tolist()
    matrix[row][column] = value
    return matrix


@pytest.fixture
def scan(tmp_path):
    make_scan(tmp_path / "scan")
    return tmp_path / "scan"


def words_of(scan, tmp_path):
    """The sentence with which an import is refused; reading the folder as a scan fails as well."""
    with pytest.raises(ScanError) as error:
        import_scan(scan, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()
    with pytest.raises(ScanError):
        opened = Scan.open(scan)
        assert opened.points is None or len(list(opened)) == 0
    sentence = str(error.value)
    assert len(sentence) < 700 and "\n" not in sentence
    return sentence


FIELDS = [
    ("fl_x", "abc", '$.frames[1].fl_x is "abc"; it must be a number > 0'),
    ("fl_x", 0, "$.frames[1].fl_x is 0; it must be a number > 0"),
    ("fl_x", NAN, "$.frames[1].fl_x is NaN; it must be a number > 0"),
    ("fl_x", 10**400, "$.frames[1].fl_x is a number of more than 80 digits; it must be"),
    ("fl_y", -100, "$.frames[1].fl_y is -100; it must be a number > 0"),
    ("cx", None, "$.frames[1].cx is null; it must be a number"),
    ("k1", "x", '$.frames[1].k1 is "x"; it must be a number'),
    ("k1", 1e30, "$.frames[1].k1 is 1e+30; it must be a number within"),
    ("k1", NAN, "$.frames[1].k1 is NaN"),
    ("k1", 1e3, "frames[1]: distortion", "of the picture"),
    ("file_path", None, "$.frames[1].file_path is null; it must be a text"),
    ("file_path", 5, "$.frames[1].file_path is 5; it must be a text"),
    ("file_path", ["a"], '$.frames[1].file_path is ["a"]; it must be a text'),
    ("file_path", "a" * 5000, "$.frames[1].file_path is", "1 to 4095 characters"),
    ("file_path", "a" * 4000, "frames[1]", "file_path", "is not there"),
    ("file_path", "none.png", 'frames[1]: file_path = "none.png" is not there'),
    ("depth_file_path", None, "$.frames[1].depth_file_path is null"),
    ("stamp", "yesterday", '$.frames[1].stamp is "yesterday"; it must be a number of seconds'),
    ("stamp", NAN, "$.frames[1].stamp is NaN"),
    ("depth_unit_scale_factor", "mm", 'depth_unit_scale_factor is "mm"; it must be a number > 0'),
    ("depth_unit_scale_factor", -1, "depth_unit_scale_factor is -1; it must be a number > 0"),
    ("depth_unit_scale_factor", NAN, "depth_unit_scale_factor is NaN"),
    ("w", 33, "frames[1]: w, h = 33, 24: they must have the aspect ratio", "32 x 24"),
    ("w", 0, "$.frames[1].w is 0; it must be a whole number"),
    ("h", 24.5, "$.frames[1].h is 24.5; it must be a whole number"),
    ("transform_matrix", "x", '$.frames[1].transform_matrix is "x"; it must be a matrix of 4 x 4'),
    ("transform_matrix", POSE[:2], "$.frames[1].transform_matrix is a list of 2", "4 x 4"),
    ("transform_matrix", [*POSE[:3], [1]], "$.frames[1].transform_matrix[3] is [1]", "4 numbers"),
    ("transform_matrix", pose(0, 3, "x"), '$.frames[1].transform_matrix[0][3] is "x"'),
    ("transform_matrix", pose(0, 3, NAN), "$.frames[1].transform_matrix[0][3] is NaN"),
    ("transform_matrix", pose(0, 3, INF), "$.frames[1].transform_matrix[0][3] is Infinity"),
    ("transform_matrix", pose(0, 3, 5000), "transform_matrix[0][3] is 5000.0", "within ±1000, m"),
    ("transform_matrix", pose(0, 3, 1e7), "transform_matrix[0][3] is 10000000.0", "±1e6"),
    ("depth_unit_scale_factor", 10, "depth_unit_scale_factor is 10.0; it must be at most 1, m"),
    ("depth_unit_scale_factor", 1e4, "depth_unit_scale_factor is 10000.0; it must be a number"),
    ("depth_unit_scale_factor", 1e-30, "depth_unit_scale_factor is 1e-30; it must be at most 1"),
    ("distortion_params", [0] * 7, "distortion_params is a list of 7", "at most 6 numbers"),
    ("transform_matrix", [*POSE[:3], [1, 2, 3, 4]], "[3] is [1.0, 2.0, 3.0, 4.0]", "last row"),
    ("transform_matrix", SCALED, "$.frames[1].transform_matrix is", "orthonormal"),
    ("transform_matrix", MIRRORED, "$.frames[1].transform_matrix is", "determinant +1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "words"), [(row[0], row[1], row[2:]) for row in FIELDS]
)
def test_a_field_of_a_frame(scan, tmp_path, field, value, words):
    path = scan / "transforms.json"
    content = json.loads(path.read_text())
    content["frames"][1][field] = value
    path.write_text(json.dumps(content))
    sentence = words_of(scan, tmp_path)
    assert "scan/transforms.json" in sentence
    assert all(each in sentence for each in words), sentence


@pytest.mark.parametrize(("kind", "least", "most"), [(Focal, 1e-3, 1e6), (Stamp, 0.0, 2.0**32)])
def test_the_bounds_of_a_number(kind, least, most):
    for value in (least, most):
        assert decode(value, kind, "file", ScanError) == value
    for value in (-1e-3, 1.001 * most):
        with pytest.raises(ScanError, match="it must be a number"):
            decode(value, kind, "file", ScanError)


@pytest.mark.parametrize("field", ["file_path", "transform_matrix"])
def test_a_field_that_is_missing(scan, tmp_path, field):
    path = scan / "transforms.json"
    content = json.loads(path.read_text())
    del content["frames"][1][field]
    path.write_text(json.dumps(content))
    assert f"transforms.json: $.frames[1].{field} is missing" in words_of(scan, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1,2]", "$ is [1, 2]; it must be an object"),
        ('"x"', '$ is "x"; it must be an object'),
        ('{"frames": 7}', "$.frames is 7; it must be a list of 1 to 100000 frames"),
        ('{"frames": {"a": 1}}', "$.frames is an object with 1 fields; it must be a list"),
        ('{"frames": [null]}', "$.frames[0] is null; it must be an object"),
        ('{"frames": ["abc"]}', '$.frames[0] is "abc"; it must be an object'),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00\x93", "is no text: byte 0 is not UTF-8"),
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ('{"frames": [], "frames": [{}]}', 'has the key "frames" twice in one object; keep one'),
        ('{"frames": [{"w": 1, "w": 2}]}', 'has the key "w" twice'),
        ('{"w": ' + "1" * 5000 + "}", "holds a number of more than 4300 digits"),
    ],
)
def test_the_file(scan, tmp_path, text, words):
    path = scan / "transforms.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    sentence = words_of(scan, tmp_path)
    assert "scan/transforms.json" in sentence and words in sentence


def png_header(width, height):
    """The beginning of a PNG file that announces a size."""
    body = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\r"
        + body
        + zlib.crc32(body).to_bytes(4, "big")
        + b"\0\0\0\x09IDAT"
    )


def encoded(image):
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("images", png_header(60_000, 60_000), "has too many pixels"),
        ("images", png_header(9000, 9000), "bytes can hold"),
        ("depths", png_header(9000, 9000), "bytes can hold"),
        ("images", png_header(32, 24), "is no readable image"),
        ("images", b"this is no picture", "is no readable image"),
        ("images", b"", "is no readable image"),
        ("images", encoded(np.zeros((1, 1, 3), np.uint8)), "it must have at least 16 a side"),
        ("depths", encoded(np.zeros((24, 32), np.uint8)), "8 bits a pixel; depth must have 16"),
        ("depths", encoded(np.zeros((24, 32, 3), np.uint16)), "has 3 channels; it must have one"),
        ("depths", encoded(np.zeros((40, 32), np.uint16)), "aspect ratios must be equal"),
    ],
)
def test_a_picture(scan, tmp_path, name, content, words):
    (scan / name / "000001.png").write_bytes(content)
    sentence = words_of(scan, tmp_path)
    assert "frames[1]" in sentence and "000001.png" in sentence and words in sentence, sentence


def test_pictures_without_anything_in_them(scan, tmp_path):
    for path in (scan / "images").iterdir():
        path.write_bytes(encoded(np.zeros((24, 32, 3), np.uint8)))
    with pytest.raises(ScanError, match="each picture has one colour only"):
        import_scan(scan, tmp_path / "imported")


def ply(vertices, *properties, data=b""):
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {vertices}"]
    return (
        "\n".join([*lines, *(f"property {each}" for each in properties), "end_header\n"]).encode()
        + data
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"solid cube", "is not a ply file"),
        (b"ply\nformat\n", "invalid line in its header: 'format'"),
        (b"ply\nformat ascii 1.0\n", "its header has no end"),
        (ply(1, "float x", data=b"1234"), "without y, z; they need x, y, z"),
        (ply(2**31, *XYZ), "2147483648 of vertex, which need"),
        (ply(1, *XYZ, data=b"\0\0\xc0\x7f" * 3), "vertex 0 at [nan, nan, nan]"),
        (ply(1, *XYZ, data=b"\0\0\0\x7f" * 3), "e+38]; it must be within"),
        (ply(1, "list uchar float x", *XYZ[1:], data=b"\xff" * 30), "do not fit its header"),
    ],
)  # fmt: skip
def test_the_points(scan, tmp_path, content, words):
    (scan / "sparse_pc.ply").unlink()
    if content is not None:
        (scan / "sparse_pc.ply").write_bytes(content)
    assert words in (sentence := words_of(scan, tmp_path)) and "sparse_pc.ply" in sentence


def test_points_that_are_none_or_without_colours_are_right(scan, tmp_path):
    (scan / "sparse_pc.ply").write_bytes(ply(0, *XYZ))
    assert import_scan(scan, tmp_path / "none").points is None
    (scan / "sparse_pc.ply").write_bytes(ply(1, *XYZ, data=bytes(12)))
    assert len(import_scan(scan, tmp_path / "one").points[0]) == 1


COLORS = [
    ("uchar", "3B", (1, 2, 255), [1, 2, 255]),
    ("int", "3i", (1, 2, 255), [1, 2, 255]),
    ("float", "3f", (0.2, 1.0, 0.0), [51, 255, 0]),
    ("float", "3f", (51.0, 255.0, 0.0), [51, 255, 0]),
    ("ushort", "3H", (13107, 65535, 0), [51, 255, 0]),
    ("int", "3i", (300, 2, 3), "has vertex 0 of colour [300, 2, 3]; it must be 0 to 255"),
    ("char", "3b", (-5, 2, 3), "has vertex 0 of colour [-5, 2, 3]; it must be 0 to 255"),
    ("float", "3f", (NAN, 0.0, 1.0), "has vertex 0 of colour [nan, 0.0, 1.0]; it must be"),
    ("double", "3d", (0.0, 1e30, 1.0), "has vertex 0 of colour [0.0, 1e+30, 1.0]; it must be"),
]


@pytest.mark.parametrize(("kind", "form", "color", "expected"), COLORS)
def test_colours_of_points_in_any_type_of_number(tmp_path, kind, form, color, expected):
    path = tmp_path / "points.ply"
    names = [f"{kind} {channel}" for channel in ("red", "green", "blue")]
    path.write_bytes(ply(1, *XYZ, *names, data=bytes(12) + struct.pack(f"<{form}", *color)))
    if isinstance(expected, list):
        assert read_points(path)[1].tolist() == [expected]
    else:
        with pytest.raises(ValueError, match=re.escape(expected)):
            read_points(path)


@pytest.mark.parametrize("prefix", ["", "./", "other/../"])
def test_a_picture_that_two_frames_show(scan, tmp_path, prefix):
    path = scan / "transforms.json"
    content = json.loads(path.read_text())
    content["frames"][1]["file_path"] = prefix + content["frames"][0]["file_path"]
    path.write_text(json.dumps(content))
    sentence = words_of(scan, tmp_path)
    assert "$.frames[1].file_path is" in sentence and "$.frames[0] has it too" in sentence


def test_a_line_of_an_unfinished_scan(scan, tmp_path):
    content = json.loads((scan / "transforms.json").read_text())
    (scan / "transforms.json").unlink()
    lines = [json.dumps(frame) for frame in content["frames"]]
    twice = '{"stamp": 3.0, ' + lines[1][1:]
    (scan / "frames.jsonl").write_text("\n".join([lines[0], twice, ""]))
    assert 'frames.jsonl line 2 has the key "stamp" twice' in words_of(scan, tmp_path)


@pytest.mark.parametrize("scale", [0.01, 100.0, 1000.0])
def test_a_scan_in_another_unit_is_right_if_it_says_so(scan, tmp_path, scale):
    """A place of 10 m in cm, or in mm: the limits are those of float32, not of rooms."""
    path = scan / "transforms.json"
    content = json.loads(path.read_text())
    before = [frame.depth for frame in import_scan(scan, tmp_path / "before")]
    content["metric"] = False
    content["depth_unit_scale_factor"] *= scale
    for frame in content["frames"]:
        frame["transform_matrix"][0][3] += 10.0
        for row in frame["transform_matrix"][:3]:
            row[3] *= scale
    path.write_text(json.dumps(content))
    imported = import_scan(scan, tmp_path / "imported")
    assert not imported.metric and imported[0].camtoworld[0, 3] > 10.0 * scale
    for frame, depth in zip(imported, before, strict=True):
        assert frame.depth == pytest.approx(depth * scale, rel=1e-3)
