"""COLMAP models with one thing wrong: each is refused by file, and none takes the memory."""

import struct

import cv2
import numpy as np
import pycolmap
import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import ScanError

TEXTS = {
    "cameras.txt": "1 PINHOLE 32 24 30 30 16 12\n2 OPENCV 32 24 30 30 16 12 0 0 0 0\n",
    "images.txt": (
        "1 1 0 0 0 0 0 1 1 a.png\n10 10 1 12 12 2\n2 1 0 0 0 0.1 0 1 2 b.png\n10 10 1\n"
    ),
    "points3D.txt": "1 0 0 2 100 100 100 0.5 1 0 2 0\n2 0.1 0 2 90 90 90 0.5 1 1\n",
}


@pytest.fixture
def source(tmp_path):
    """A folder with two pictures and a text model."""
    model = tmp_path / "theirs/sparse/0"
    model.mkdir(parents=True)
    (tmp_path / "theirs/images").mkdir()
    for name in ("a", "b"):
        picture = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"theirs/images/{name}.png"), picture)
    for name, text in TEXTS.items():
        (model / name).write_text(text)
    return tmp_path / "theirs"


@pytest.fixture
def binary(source):
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
