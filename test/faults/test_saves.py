"""Saves that are interrupted, refused or in each other's way: a memory is never lost or half."""

import logging
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from m3_ros import files
from m3_ros.files import WriteError, reason_of
from m3_ros.memory import serialization
from m3_ros.memory.manifest import MemoryFileError
from m3_ros.memory.serialization import load_memory, require_writable, save_memory

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from fuzz_inputs import make_memory


@pytest.fixture
def folder(tmp_path):
    make_memory(tmp_path / "memory")
    return tmp_path / "memory"


@pytest.fixture
def data(folder):
    return load_memory(folder)


def beside(folder):
    """What stands beside a memory, the lock left out, which stays."""
    return sorted(p.name for p in folder.parent.iterdir() if p.name != f".{folder.name}.lock")


class Killed(BaseException):
    """Ends a save as SIGKILL does: no handler of `Exception` sees it."""


def kill_at(monkeypatch, number):
    """Have the save end at its call `number` of the system, clean-up and later calls included."""
    count = 0

    def dying(call):
        def run(*args, **kwargs):
            nonlocal count
            count += 1
            if count >= number:
                raise Killed
            return call(*args, **kwargs)

        return run

    for name in ("mkdir", "rename", "chmod"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    monkeypatch.setattr(os, "fsync", dying(lambda _: None))  # which takes most of the time
    monkeypatch.setattr(files, "_remove", dying(files._remove))
    monkeypatch.setattr(files, "_restore", dying(files._restore))
    return lambda: count


def test_a_save_that_is_killed_anywhere_twice_loses_nothing(folder, data, monkeypatch):
    """The calls of a save are counted first; then it dies at each, and so does the next one."""
    with monkeypatch.context() as patch:
        count = kill_at(patch, 10_000)
        save_memory(data, folder)
    total = count()
    assert total > 15
    for first in range(1, total + 1):
        for number in (first, 7 * first % total + 1):
            with monkeypatch.context() as patch:
                kill_at(patch, number)
                with pytest.raises(Killed):
                    save_memory(data, folder)
        assert load_memory(folder).frames == 2
        assert len(load_memory(folder).gaussians) == 6
        save_memory(data, folder)
        assert beside(folder) == ["memory"]


def test_a_memory_whose_save_was_killed_between_the_renames_is_told(folder, caplog):
    folder.rename(folder.with_name(".memory.old"))
    with caplog.at_level(logging.WARNING):
        assert load_memory(folder).frames == 2
    assert "memory was being replaced when the program that wrote it ended" in caplog.text
    assert beside(folder) == ["memory"]


def test_a_memory_that_cannot_be_given_its_place_is_read_where_it_is(folder, monkeypatch):
    folder.rename(folder.with_name(".memory.old"))

    def read_only(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "rename", read_only)
    assert load_memory(folder).frames == 2


def test_what_dead_processes_left_is_removed(folder, data):
    (folder.with_name(".memory.part") / "banks").mkdir(parents=True)
    save_memory(data, folder)
    assert beside(folder) == ["memory"]


def test_a_full_disk_is_told_and_the_memory_of_before_stays(folder, data):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(
            WriteError, match=r"memory cannot be written: .*; the memory of before"
        ):
            save_memory(data, folder)
        with pytest.raises(WriteError, match="new cannot be written: .*; nothing is kept"):
            save_memory(data, folder.with_name("new"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_memory(folder).frames == 2
    assert beside(folder) == [".new.lock", "memory"]


def test_a_file_that_the_writer_cannot_finish(folder, data, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serialization, "save_file", full)
    with pytest.raises(WriteError, match="No space left on device; the memory of before is kept"):
        save_memory(data, folder)
    assert beside(folder) == ["memory"] and load_memory(folder).frames == 2


def test_a_link_stays_and_its_target_is_replaced(folder, data, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    before = folder.stat().st_ino
    save_memory(data, link)
    assert link.is_symlink() and folder.stat().st_ino != before
    assert load_memory(link).frames == 2
    folder.rename(folder.with_name(".memory.old"))  # a crash, found through the link
    assert load_memory(link).frames == 2


def blocked(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return [
        ("/proc", "is a mount point"),
        ("/proc/memory", "cannot be written"),
        (tmp_path / "file" / "memory", "Not a directory"),
        (tmp_path / "loop", "cannot be written"),
        (tmp_path / ("a" * 255), "File name too long"),
        ("\0", "cannot be written"),
    ]


def test_a_target_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    for target, words in blocked(tmp_path):
        with pytest.raises(WriteError, match=words):
            require_writable(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(WriteError, match="Permission denied"):
        require_writable(tmp_path / "memory")


def test_modes_are_those_of_the_umask(folder, data):
    old = os.umask(0o027)
    try:
        save_memory(data, folder)
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o750
    modes = {p.stat().st_mode & 0o777 for p in folder.rglob("*") if p.is_file()}
    assert modes == {0o640}


def test_another_program_that_saves_is_waited_for_and_named(folder, data, monkeypatch):
    script = (
        "import sys; from filelock import FileLock\n"
        "with FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    )
    lock = folder.with_name(".memory.lock")
    command = [sys.executable, "-c", script, str(lock)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr(files, "LOCK_TIMEOUT", 0.1)
        with pytest.raises(WriteError, match="another program is writing .*memory; wait"):
            save_memory(data, folder)
        monkeypatch.setattr(files, "LOCK_TIMEOUT", 60.0)
        thread = threading.Thread(target=save_memory, args=(data, folder))
        thread.start()
        other.stdin.close()
        thread.join(60)
    assert not thread.is_alive() and load_memory(folder).frames == 2


def test_a_memory_that_is_replaced_while_it_is_read_is_read_anew(folder, data, monkeypatch):
    digest, calls = serialization.file_digest, 0

    def replaced(path):
        nonlocal calls
        calls += 1
        if calls == 2:
            with monkeypatch.context() as patch:
                patch.setattr(serialization, "file_digest", digest)
                save_memory(data, folder)
            return "the digest of a file that was replaced"
        return digest(path)

    monkeypatch.setattr(serialization, "file_digest", replaced)
    assert load_memory(folder).frames == 2
    monkeypatch.setattr(serialization, "file_digest", lambda path: "another")
    with pytest.raises(MemoryFileError, match="is damaged"):
        load_memory(folder)


@pytest.mark.parametrize(
    ("target", "words"),
    [("/proc/memory", "cannot be written"), ("", "exists and is not a memory")],
)
def test_a_node_refuses_a_target_before_it_builds(tmp_path, target, words):
    from m3_ros.action import BuildMemory
    from m3_ros.codes import BuildErrorCode
    from m3_ros.config import M3Config
    from m3_ros.nodes.memory import MemoryNode

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.png").write_bytes(b"meow")
    request = BuildMemory.Goal(scan="scan", memory=target or str(tmp_path / "photos"))
    node = SimpleNamespace(  # whose builder fails if it is asked
        _config=M3Config(), _builder=None, _actions=None, get_logger=lambda: logging.getLogger()
    )
    result = MemoryNode._execute(node, SimpleNamespace(request=request))
    assert result.error_code == BuildErrorCode.FAILED and words in result.error_msg


def test_the_reason_of_an_error_is_one_line():
    assert reason_of(OSError(28, "No space left on device", "a/b")) == "No space left on device"
    assert reason_of(ValueError("two\n  lines")) == "two lines"
