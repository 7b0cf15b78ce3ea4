"""Pictures and names of files that cameras and programs write in many ways, or cut short."""

import io
import json
import os
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from m3_ros.capture.importers import import_scan
from m3_ros.capture.messages import ConversionError, to_rgb
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.errors import UsageError
from m3_ros.view.pictures import write_picture

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from fuzz_inputs import make_scan

RGB = cv2.resize(np.random.default_rng(1).integers(0, 255, (6, 8, 3), dtype=np.uint8), (32, 24))
METRES = np.full((24, 32), 0.5, np.float32)
NOT_UTF8 = os.fsdecode(b"\xff\xfe")


@pytest.fixture
def scan(tmp_path):
    make_scan(tmp_path / "scan")
    return tmp_path / "scan"


def encoded(kind, mode="RGB", **options):
    image = Pillow.fromarray(RGB)
    image = image.quantize(256) if mode == "P" else image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def put(scan, field, name, content):
    """Let a field of frame 1 name a new file."""
    (scan / name).write_bytes(content)
    path = scan / "transforms.json"
    listed = json.loads(path.read_text())
    listed["frames"][1][field] = name
    path.write_text(json.dumps(listed))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "L"), ("PNG", "1"),
        ("JPEG", "CMYK"), ("JPEG", "L"), ("JPEG", "RGB"), ("TIFF", "RGB"), ("WEBP", "RGB"),
    ],
)  # fmt: skip
def test_pictures_of_any_kind_are_read(scan, tmp_path, kind, mode):
    put(scan, "file_path", f"p.{kind.lower()}", encoded(kind, mode))
    rgb = import_scan(scan, tmp_path / "imported")[1].rgb
    grey = np.array(Pillow.fromarray(RGB).convert("L").convert("RGB"))
    wanted = grey if mode in ("LA", "L") else RGB
    assert mode == "1" or np.abs(rgb - wanted.astype(float)).mean() < 12


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.98])
def test_a_picture_that_is_cut_short_is_refused(scan, tmp_path, kind, share):
    """OpenCV fills the rest of a JPEG with grey if it reads the file itself."""
    content = encoded(kind)
    put(scan, "file_path", f"p.{kind.lower()}", content[: int(len(content) * share)])
    with pytest.raises(ScanError, match=r"frames\[1\]: file_path = .* (is no|cannot be) read"):
        import_scan(scan, tmp_path / "imported")


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end_marker_is_read(scan, tmp_path, mode, lost):
    """No pixel is lost with it; other decoders read it too."""
    content = encoded("JPEG", mode)
    pixels = []
    for part in (content, content[:-lost]):
        put(scan, "file_path", "p.jpg", part)
        pixels.append(Scan.open(scan)[1].rgb)
    assert (pixels[0] == pixels[1]).all()


@pytest.mark.parametrize("lost", [4, 6, 20, 100])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_a_jpeg_that_lost_pixels_is_refused(scan, lost, options):
    put(scan, "file_path", "p.jpg", encoded("JPEG", **options)[:-lost])
    with pytest.raises(ScanError, match=r"p.jpg. is no readable image: it is damaged or cut"):
        Scan.open(scan)[1]


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, 1e30])
def test_a_frame_without_any_depth_is_told(scan, tmp_path, caplog, value):
    file = io.BytesIO()
    np.save(file, np.full((24, 32), value, np.float32))
    put(scan, "depth_file_path", "d.npy", file.getvalue())
    import_scan(scan, tmp_path / "imported")
    assert "1 of 2 frames have no depth in any pixel, the first is frame 1" in caplog.text


def test_a_picture_that_is_wholly_transparent_is_told(scan, tmp_path, caplog):
    alpha = cv2.imencode(".png", np.dstack([RGB, np.zeros((24, 32), np.uint8)]))[1]
    put(scan, "file_path", "p.png", alpha.tobytes())
    import_scan(scan, tmp_path / "imported")
    assert "1 of 2 frames show nothing, as mask or alpha hides all" in caplog.text


def test_a_packed_array_is_measured_before_it_is_unpacked(scan, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.npy", bytes(1000))
        packed.filelist[0].file_size = 2**40
    put(scan, "depth_file_path", "d.npz", file.getvalue())
    with pytest.raises(ScanError, match=r"d.npz. cannot be read: holds an array of more than"):
        Scan.open(scan)[1]


def test_an_array_whose_header_is_larger_than_its_file_takes_no_memory(scan):
    file = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (9000, 9000)}
    np.lib.format.write_array_header_1_0(file, header)
    put(scan, "depth_file_path", "d.npy", file.getvalue() + bytes(100))
    with pytest.raises(ScanError, match=r"d.npy. cannot be read"):
        Scan.open(scan)[1]


@pytest.mark.parametrize("kind", [np.int32, np.uint32, np.float64])
def test_depth_in_types_of_number_that_few_programs_read(scan, kind):
    depth = np.full((24, 32), 2, kind)
    put(scan, "depth_file_path", "d.tiff", cv2.imencode(".tiff", depth)[1].tobytes())
    assert (Scan.open(scan)[1].depth > 0).all()


@pytest.mark.parametrize("kind", [b"IDAT", b"tEXt", b"iCCP", b"eXIf"])
def test_a_chunk_that_the_file_cannot_hold_takes_no_memory(scan, kind):
    """OpenCV takes what it announces: gigabytes."""
    content = encoded("PNG")
    chunk = (2**31 - 1).to_bytes(4, "big") + kind + bytes(20)
    damaged = content[:33] + chunk + content[33:]
    put(scan, "file_path", "p.png", damaged)
    with pytest.raises(ScanError, match=r"p.png. (is no|cannot be) read"):
        Scan.open(scan)[1]
    message = SimpleNamespace(format="rgb8; png compressed bgr8", data=damaged)
    with pytest.raises(ConversionError, match="bytes (is no|cannot be) read"):
        to_rgb(message)


def test_a_picture_whose_header_is_damaged_takes_no_memory(scan):
    """OpenCV reads a header whose checksum is wrong, and takes what it announces."""
    content = bytearray(encoded("PNG"))
    content[16:24] = (9000).to_bytes(4, "big") * 2
    put(scan, "file_path", "p.png", bytes(content))
    with pytest.raises(ScanError, match=r"p.png. is no readable image: its header is damaged"):
        Scan.open(scan)[1]


@pytest.mark.parametrize("content", [b"Pf\n-1 -1\n1\n", b"Pf\n32 24\n-1\n1234"])
def test_a_damaged_header_is_told_in_one_line(scan, tmp_path, content):
    put(scan, "depth_file_path", "d.pfm", content)
    with pytest.raises(ScanError) as error:
        import_scan(scan, tmp_path / "imported")
    assert "d.pfm" in str(error.value) and "loadsave" not in str(error.value)


@pytest.mark.parametrize("name", ["with space", "\u00fcbung", "a.json", "a'b", "[1]", NOT_UTF8])
def test_folders_of_any_name_are_read(scan, tmp_path, name):
    """OpenCV crashes of a name that is not UTF-8 if it opens the file itself."""
    place = scan.rename(tmp_path / name)
    assert len(list(import_scan(place, tmp_path / "imported"))) == 2
    written = write_picture(RGB, tmp_path / f"{name}.png")
    assert written.stat().st_size > 100


def test_a_video_whose_name_is_not_utf8_is_refused(tmp_path):
    (tmp_path / f"{NOT_UTF8}.mp4").write_bytes(b"no video")
    with pytest.raises(ScanError, match="has a path that is not UTF-8; rename it"):
        import_scan(tmp_path / f"{NOT_UTF8}.mp4", tmp_path / "imported")


def test_a_photograph_whose_name_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / f"{NOT_UTF8}.png").write_bytes(encoded("PNG"))
    with pytest.raises(ScanError, match="has a name that is not UTF-8 or not printable"):
        import_scan(tmp_path / "photos", tmp_path / "imported")


def test_a_folder_that_is_named_as_a_video_is_none(tmp_path):
    (tmp_path / "v.mp4").mkdir()
    with pytest.raises(ScanError, match="v.mp4 holds no scan"):
        import_scan(tmp_path / "v.mp4", tmp_path / "imported")


def test_a_picture_with_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"x.doc has the ending '.doc'; .* must be .png or .jpg"):
        write_picture(RGB, tmp_path / "x.doc")


@pytest.mark.parametrize(
    ("replace", "words"),
    [
        (lambda path: path.mkdir(), "transforms.json cannot be read: Is a directory"),
        (lambda path: path.symlink_to("nowhere"), "transforms.json cannot be read: No such file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (os.mkfifo, "transforms.json is a pipe or device; it must be a file"),
    ],
)
def test_a_list_of_frames_that_is_no_file_is_named(scan, tmp_path, replace, words):
    """It is not passed over for the pictures beside it."""
    path = scan / "transforms.json"
    path.unlink()
    replace(path)
    with pytest.raises(ScanError, match=words):
        import_scan(scan, tmp_path / "imported")
    with pytest.raises(ScanError):
        Scan.open(scan)
