"""`frames.jsonl`: the frames of a scan that is being written, a line each.

A line is appended in the time that it takes, however long the scan is, and a process that dies
leaves all lines but the last one. Lines with a `file_path` are frames, as in `transforms.json`;
others hold fields of its root. `transforms.json` takes the file's place when the scan ends.
"""

from __future__ import annotations

import json
import os
from errno import EAGAIN, ENOENT, ENOSPC
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from m3_ros.errors import DataError
from m3_ros.files import sync_filesystem
from m3_ros.schema import parse_text, read_content

FRAMES_FILE = "frames.jsonl"
LOCK_FILE = ".writing.lock"
"""Locked by the process that writes the scan, and removed when the scan ends."""
LOCK_TIMEOUT = 1.0
"""Wait for the lock, s: a reader that looks whether the scan is being written holds it briefly."""


class FramesFile:
    """The file of one scan, open for appending.

    Args:
        folder: of the scan.
        root: fields of the root, which are written with the first frame.

    Attributes:
        count: of the frames in the file.
        root: fields of the root; those in the file, if there are any.

    Raises:
        BlockingIOError: another process writes the scan.
        ValueError: a line of the file is not JSON.
        OSError: the file cannot be written.
    """

    def __init__(self, folder: Path, root: dict[str, Any]) -> None:
        self.folder, self._path = folder, folder / FRAMES_FILE
        self.count, self.root = 0, {}
        self._lock = FileLock(folder / LOCK_FILE, timeout=LOCK_TIMEOUT)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise BlockingIOError(EAGAIN, "another program writes it", str(folder)) from error
        try:
            content = self._path.read_bytes() if self._path.exists() else b""
            self._end = content.rfind(b"\n") + 1  # a line without an end was not finished
            for line in content[: self._end].splitlines():
                self._take(json.loads(line))
        except BaseException:
            self._lock.release()
            raise
        self.root = self.root or root
        self._file: FileIO | None = None

    def append(self, values: dict[str, Any]) -> None:
        """Add a frame, or fields of the root; it is in the file, or is not, when this returns.

        Raises:
            OSError: it cannot be written; the lines of before stay.
        """
        lines = (values,) if self._end else (self.root, values)
        line = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
        if self._file is None:  # readers find no file without frames
            self._file = self._path.open("ab", buffering=0)
            self._file.truncate(self._end)
        try:
            if not os.fstat(self._file.fileno()).st_nlink:
                raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(self._path))
            if self._file.write(line) < len(line):
                raise OSError(ENOSPC, os.strerror(ENOSPC), str(self._path))
        except OSError:
            self._file.truncate(self._end)
            raise
        self._end += len(line)
        self._take(values)

    def finish(self, path: Path) -> None:
        """Write the frames as the list `frames` of a JSON file, and remove this one.

        Raises:
            OSError: it cannot be written; this file stays.
        """
        partial = path.with_name(path.name + ".part")
        try:
            sync_filesystem(self.folder)  # the list must not outlive the pictures that it names
            with self._path.open("rb") as lines, partial.open("wb") as file:
                file.write(json.dumps(self.root).encode()[:-1] + b', "frames": [')
                separator = b"\n"
                for line in lines:
                    if b'"file_path"' in line:
                        file.write(separator + line.rstrip())
                        separator = b",\n"
                file.write(b"\n]}\n")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        self._path.unlink()

    def close(self) -> None:
        """Let others write the scan."""
        if self._file:
            self._file.close()
        (self.folder / LOCK_FILE).unlink(missing_ok=True)
        self._lock.release()

    def _take(self, values: dict[str, Any]) -> None:
        if "file_path" in values:
            self.count += 1
        else:
            self.root |= values


def read_frames_file(path: Path, error: type[DataError]) -> dict[str, Any]:
    """Return the content that `transforms.json` would have now, not checked.

    Raises:
        DataError: of the class `error`: it is too large, or a line is not JSON.
        OSError: it cannot be read.
    """
    root, frames = {}, []
    for number, line in enumerate(read_content(path, error).split(b"\n")[:-1], 1):
        values = parse_text(line, f"{path} line {number}", error)
        if not isinstance(values, dict):
            raise error.at(f"{path} line {number}", values, "an object {...}")
        if "file_path" in values:
            frames.append(values)
        else:
            root |= values
    return {**root, "frames": frames}


def is_being_written(folder: Path) -> bool:
    """Return whether a process writes the scan in a folder."""
    path = folder / LOCK_FILE
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
