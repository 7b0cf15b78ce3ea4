"""Rules of all formats: progress, refusals, and no half imports."""

import os
import shutil

import pytest

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import ScanError
from m3_ros.capture.scan_writer import ScanWriter


@pytest.fixture
def theirs(tmp_path, frames):
    with ScanWriter(tmp_path / "theirs") as writer:
        for frame in frames:
            writer.add(frame)
    return writer.folder


def test_progress_counts_the_frames(tmp_path, theirs):
    calls = []
    import_scan(theirs, tmp_path / "ours", lambda *state: calls.append(state))
    assert calls == [("import", done / 3) for done in (1, 2, 3)]


def test_a_folder_without_a_scan_is_refused(tmp_path):
    words = r"neither transforms.json.*nor a COLMAP model.*nor a ROS 2 bag"
    with pytest.raises(ScanError, match=words):
        import_scan(tmp_path, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_scan_that_lies_deeper_is_named(tmp_path, theirs):
    outer = tmp_path / "outer"
    (outer / "b").mkdir(parents=True)
    (outer / "a.mp4").write_bytes(b"video")
    with pytest.raises(ScanError, match=r"name what lies in it: \S+/outer/a\.mp4 \(a video"):
        import_scan(outer, tmp_path / "ours")
    theirs.rename(outer / "b/scan")
    with pytest.raises(ScanError, match=r"in it: \S+/outer/b/scan \(transforms\.json \S+$"):
        import_scan(outer, tmp_path / "ours")
    (tmp_path / "scan.zip").write_bytes(b"PK")
    for kind in ("zip", "xztar"):  # without their suffix, too
        packed = shutil.make_archive(str(tmp_path / "packed"), kind, outer)
        os.rename(packed, tmp_path / kind)
    for name in ("scan.zip", "zip", "xztar"):
        with pytest.raises(ScanError, match=f"{name} is an archive; unpack it"):
            import_scan(tmp_path / name, tmp_path / "ours")


def test_a_missing_image_leaves_no_half_import(tmp_path, theirs):
    (theirs / "images/000001.png").unlink()
    with pytest.raises(ScanError, match=r"frames\[1\]"):
        import_scan(theirs, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("name", ["nowhere", "nowhere.mp4", "nowhere.mcap", "nowhere.r3d"])
def test_a_source_that_does_not_exist_is_named(tmp_path, name):
    with pytest.raises(ScanError, match=f"{name} does not exist"):
        import_scan(tmp_path / name, tmp_path / "scan")
    assert not list(tmp_path.iterdir())


def test_a_source_that_is_refused_leaves_nothing(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(ScanError, match=r"broken\.mp4"):
        import_scan(tmp_path / "broken.mp4", tmp_path / "scan")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.mp4"]


def test_a_path_that_no_system_takes_is_refused(tmp_path):
    with pytest.raises(ScanError, match="cannot be read: File name too long"):
        import_scan(tmp_path / ("a" * 5000), tmp_path / "scan")
