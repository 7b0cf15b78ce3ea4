"""Scans and imports that are interrupted or find no place: what is whole stays, and goes on."""

import errno
import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from m3_ros.capture import frames_file
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import ScanConfig
from m3_ros.files import WriteError
from m3_ros.geometry import look_at

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from fuzz_inputs import K, make_scan

WRITER = """
import sys
import numpy as np
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.geometry import look_at
K = np.array([[30.0, 0, 16], [0, 30.0, 12], [0, 0, 1]])
writer = ScanWriter(sys.argv[1])
for x in (0.3, 0.4):
    rgb, depth = np.full((24, 32, 3), 90, np.uint8), np.full((24, 32), 0.5, np.float32)
    writer.add(RgbdFrame(rgb, depth, K, look_at([x, 0, 0.4], [0, 0, 0]), x))
print("written", flush=True)
sys.stdin.read()
"""


def frame(x=0.3, depth=0.5):
    rgb = np.full((24, 32, 3), 90, np.uint8)
    rgb[3:9, 4:20] = 200
    pose = look_at([x, 0, 0.4], [0, 0, 0])
    return RgbdFrame(rgb, np.full((24, 32), depth, np.float32), K, pose, x)


def unfinished(folder, count=2, **options):
    """A scan whose writer has died; the test holds its lock no longer."""
    writer = ScanWriter(folder, **options)
    for index in range(count):
        writer.add(frame(0.3 + 0.1 * index))
    writer.close(finished=False)
    return folder


def content(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@contextmanager
def largest_file(size):
    """No file may become larger: what a full disk does, at a byte that the test chooses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_scan_is_open_while_it_is_written_and_known_when_its_writer_dies(tmp_path, caplog):
    command = [sys.executable, "-c", WRITER, tmp_path / "scan"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as writer:
        assert writer.stdout.readline() == "written\n"
        with caplog.at_level(logging.WARNING):
            scan = Scan.open(tmp_path / "scan")
        assert len(scan) == 2 and not scan.finished and not caplog.records
        with pytest.raises(WriteError, match="scan cannot be written: another program writes it"):
            ScanWriter(tmp_path / "scan", resume=True)
        writer.send_signal(signal.SIGKILL)
    with caplog.at_level(logging.WARNING):
        scan = Scan.open(tmp_path / "scan")
    assert "scan was not finished: the program that wrote it has ended; its 2 fr" in caplog.text
    assert len(list(scan)) == 2 and not scan.finished


def test_a_scan_goes_on_after_its_last_whole_line(tmp_path):
    folder = unfinished(tmp_path / "scan")
    with (folder / "frames.jsonl").open("ab") as file:
        file.write(b'{"file_path": "images/0000')
    assert len(Scan.open(folder)) == 2
    with ScanWriter(folder, resume=True) as writer:
        assert writer.resumed == 2
        writer.add(frame(0.7))
    scan = Scan.open(folder)
    assert scan.finished and [each.stamp for each in scan] == [0.3, 0.4, 0.7]
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["depths", "images", "transforms.json"]


def test_a_scan_that_an_error_ends_is_not_finished(tmp_path):
    with pytest.raises(RuntimeError), ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame())
        raise RuntimeError
    assert not Scan.open(tmp_path / "scan").finished


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "scan holds 2 frames of a scan that was not finished; go on with it"),
        ({"resume": True, "source": "b"}, "scan holds a part of a, not of b; name a new folder"),
        ({"resume": True}, "scan holds a part of a, not of a recording"),
    ],
)
def test_a_part_is_never_written_over(tmp_path, options, words):
    folder = unfinished(tmp_path / "scan", source="a")
    before = content(folder)
    with pytest.raises(ScanError, match=words):
        ScanWriter(folder, **options)
    assert content(folder) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "frames.jsonl line 4 is not JSON"),
        (b"[1, 2]", r"frames.jsonl line 4 is \[1, 2\]; it must be an object"),
        (b'{"file_path": 7}', r"frames.jsonl: \$.frames\[2\].file_path is 7; it must be a text"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path, line, words):
    folder = unfinished(tmp_path / "scan")
    with (folder / "frames.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(ScanError, match=words):
        Scan.open(folder)


def test_an_import_that_was_killed_goes_on(tmp_path):
    make_scan(tmp_path / "source")
    whole, part = tmp_path / "whole", tmp_path / "part"
    import_scan(tmp_path / "source", whole)
    with ScanWriter(part, source=str(tmp_path / "source")) as writer:
        writer.add(next(iter(Scan.open(tmp_path / "source"))))
        writer.close(finished=False)
        picture = part / "images/000000.png"
        written = picture.stat().st_mtime_ns
        writer.close = lambda finished: None
    assert len(import_scan(tmp_path / "source", part)) == 2
    assert content(part) == content(whole) and picture.stat().st_mtime_ns == written


@pytest.mark.parametrize("size", [100, 1000])  # of a picture, of the list
def test_a_full_disk_is_told_and_the_frames_of_before_are_kept(tmp_path, size):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame(0.3))
        before = content(tmp_path / "scan")
        with largest_file(size):
            with pytest.raises(WriteError, match=r"scan cannot be written: .*; its \d frames are"):
                for x in (0.4, 0.5):
                    writer.add(frame(x))
            assert content(tmp_path / "scan").keys() >= before.keys()
            assert len(Scan.open(tmp_path / "scan")) == len(writer)
        writer.add(frame(0.6))
    assert Scan.open(tmp_path / "scan")[-1].stamp == 0.6


def test_a_scan_whose_end_finds_no_place_is_kept(tmp_path):
    writer = ScanWriter(tmp_path / "scan")
    writer.add(frame())
    with largest_file(100), pytest.raises(WriteError, match="its 1 frames are kept"):
        writer.close()
    assert len(Scan.open(tmp_path / "scan")) == 1
    with ScanWriter(tmp_path / "scan", resume=True):
        pass
    assert Scan.open(tmp_path / "scan").finished


def test_pictures_that_the_disk_does_not_take_leave_the_scan_unfinished(tmp_path, monkeypatch):
    def fail(folder):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))

    writer = ScanWriter(tmp_path / "scan")
    writer.add(frame(0.5))
    with monkeypatch.context() as patch:
        patch.setattr(frames_file, "sync_filesystem", fail)
        with pytest.raises(WriteError, match="Input/output error; its 1 frames are kept"):
            writer.close()
    assert not (tmp_path / "scan/transforms.json").exists() and len(Scan.open(tmp_path / "scan"))
    with ScanWriter(tmp_path / "scan", resume=True) as again:
        assert again.resumed == 1
    assert (tmp_path / "scan/transforms.json").exists()


def test_an_import_that_finds_no_place_goes_on_later(tmp_path):
    make_scan(tmp_path / "source")
    with largest_file(1000), pytest.raises(WriteError, match="import it again to go on"):
        import_scan(tmp_path / "source", tmp_path / "imported")
    assert len(import_scan(tmp_path / "source", tmp_path / "imported")) == 2


def test_a_folder_that_is_removed_is_told(tmp_path):
    writer = ScanWriter(tmp_path / "scan")
    writer.add(frame())
    shutil.rmtree(tmp_path / "scan")
    words = "the folder was removed or renamed, with 1 frames"
    with pytest.raises(WriteError, match=words):
        writer.add(frame(0.4))
    with pytest.raises(WriteError, match=words):
        writer.close()
    assert not (tmp_path / "scan").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    for target, words in (
        (tmp_path / "file", "Not a directory"),
        (tmp_path / "file" / "scan", "Not a directory"),
        ("/proc/scan", "cannot be written"),
        (tmp_path / ("a" * 300), "File name too long"),
        ("\0", "null"),
    ):
        with pytest.raises(WriteError, match=words):
            ScanWriter(target)


def test_a_link_to_a_folder_that_is_to_be_made(tmp_path):
    (tmp_path / "link").symlink_to("new")
    make_scan(tmp_path / "link")
    assert len(Scan.open(tmp_path / "new")) and (tmp_path / "link").is_symlink()


def test_a_frame_costs_the_same_however_long_the_scan_is(tmp_path):
    """Nothing but its own line is written when a frame is added."""
    with ScanWriter(tmp_path / "scan") as writer:
        sizes = []
        for index in range(12):
            writer.add(frame(0.3 + 0.01 * index))
            sizes.append((tmp_path / "scan/frames.jsonl").stat().st_size)
        assert np.ptp(np.diff(sizes)) < 100
        assert not list((tmp_path / "scan").glob("transforms*"))
    written = json.loads((tmp_path / "scan/transforms.json").read_text())
    assert len(written["frames"]) == 12


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_depth_of_a_scan_that_is_not_metric_keeps_its_digits(tmp_path, scale):
    seen = frame(depth=0.5 * scale)
    seen.depth[0, :2] = (0.0, np.inf)
    with ScanWriter(tmp_path / "scan", metric=False) as writer:
        writer.add(seen)
    (back,) = Scan.open(tmp_path / "scan")
    assert back.depth[1:] == pytest.approx(0.5 * scale, rel=4e-4)
    assert not back.depth[0, :2].any()


def test_depth_below_zero_is_a_hole(tmp_path):
    with ScanWriter(tmp_path / "scan") as writer:
        writer.add(frame(depth=-1.0))
    assert not Scan.open(tmp_path / "scan")[0].depth.any()


class Stream:
    """A camera that moves on with each frame, until `ready` is cleared."""

    runs = 0

    def __init__(self):
        self.x, self.ready = 0.3, threading.Event()
        self.ready.set()

    def next(self, timeout, after):
        self.ready.wait(60)
        self.x += 0.1
        return frame(self.x)


@pytest.fixture
def recording(tmp_path):
    from m3_ros.nodes.recording import Recording

    kept = threading.Event()
    config = ScanConfig(max_frames=2)
    recording = Recording(tmp_path / "scan", Stream(), config, lambda status, problem: kept.set())
    assert kept.wait(60)
    yield recording
    recording.stop()


def test_a_recording_tells_in_its_end_that_its_folder_was_removed(recording, tmp_path):
    shutil.rmtree(tmp_path / "scan")
    status = recording.stop()
    assert "the folder was removed or renamed" in recording.unwritten
    assert status.last_error == recording.unwritten and not status.recording
