import os
import shutil
import threading
from dataclasses import replace

import pytest

from m3_ros.config import M3Config
from m3_ros.errors import UsageError
from m3_ros.nodes import memory_loader
from m3_ros.nodes.memory_loader import InvalidMemory, MemoryLoader, NoMemory


@pytest.fixture
def loaded():
    """Every memory that the loader has loaded."""
    return []


@pytest.fixture
def loader(tmp_path, toy, monkeypatch, loaded):
    """Of an empty folder, with the toy model in place of a real one."""
    monkeypatch.setattr("m3_ros.query.answer.load_language_extractor", lambda *_: toy.model)
    return MemoryLoader(tmp_path / "memory", M3Config(), loaded.append)


def test_no_memory_names_the_folder(loader, tmp_path):
    with pytest.raises(NoMemory, match=str(tmp_path / "memory")):
        loader.current()


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "a\nb", "~nobody"])
def test_a_name_that_no_folder_can_have_holds_no_memory(loader, name, tmp_path):
    with pytest.raises(NoMemory, match="no memory in"):
        loader.load(tmp_path / name)


def test_a_memory_is_loaded_once_and_again_when_replaced(loader, loaded, tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    first = loader.current()
    assert len(first.localizer.memory.gaussians) == len(toy_memory.gaussians)
    assert loader.current() is first
    toy_memory.save(tmp_path / "memory")
    second = loader.current()
    assert second is not first
    assert loaded == [first, second]


def test_the_status_is_that_of_the_folder(loader, tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    status = loader.current().status
    assert status.folder == str(tmp_path / "memory")
    assert (status.frames, status.gaussians) == (toy_memory.frames, len(toy_memory.gaussians))
    assert list(status.models) == list(toy_memory.models) and status.metric
    manifest = tmp_path / "memory/manifest.json"
    assert status.build_stamp.sec == int(manifest.stat().st_mtime)
    manifest.write_text(manifest.read_text() + " ")
    assert loader.current().status.revision != status.revision


def test_a_newer_memory_that_is_read_for_long_holds_up_no_query(
    loader, tmp_path, toy_memory, monkeypatch
):
    monkeypatch.setattr(memory_loader, "READ_WAIT", 0.01)
    toy_memory.save(tmp_path / "memory")
    first = loader.current()
    toy_memory.save(tmp_path / "memory")
    read, begun, go_on = loader._read, threading.Event(), threading.Event()
    monkeypatch.setattr(
        loader, "_read", lambda folder: begun.set() or (go_on.wait() and read(folder))
    )
    reader = threading.Thread(target=loader.current)
    reader.start()
    assert begun.wait(60.0)
    assert loader.current() is first
    go_on.set()
    reader.join(60.0)
    assert loader.current() is not first


def test_an_unusable_memory_is_explained_and_an_older_one_stays(loader, tmp_path, toy_memory):
    manifest = tmp_path / "memory/manifest.json"
    manifest.parent.mkdir()
    manifest.write_text("{}")
    for _ in range(2):
        with pytest.raises(InvalidMemory, match="unusable"):
            loader.current()
    manifest.unlink()
    manifest.parent.rmdir()
    toy_memory.save(tmp_path / "memory")
    first = loader.current()
    assert loader.problem == ""
    manifest.write_text("{")
    os.utime(manifest, ns=(1, 1))
    for _ in range(2):
        assert loader.current() is first
        assert "unusable" in loader.problem and "loaded before" in loader.problem


def test_a_removed_memory_is_told_and_the_loaded_one_stays(loader, tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    first = loader.current()
    shutil.rmtree(tmp_path / "memory")
    assert loader.current() is first
    assert f"no memory in {tmp_path / 'memory'}" in loader.problem


def test_a_repaired_file_is_noticed(loader, tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    ply = tmp_path / "memory/gaussians.ply"
    whole = ply.read_bytes()
    ply.write_bytes(whole[:-4])
    with pytest.raises(InvalidMemory):
        loader.current()
    ply.write_bytes(whole)
    assert loader.current().status.gaussians == len(toy_memory.gaussians)
    assert loader.problem == ""


def test_what_an_interrupted_save_left_is_loaded(loader, tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    (tmp_path / "memory").rename(tmp_path / ".memory.old")
    assert loader.current().status.gaussians == len(toy_memory.gaussians)


def test_another_folder_is_kept_once_it_could_be_loaded(loader, tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    toy_memory.save(tmp_path / "other")
    first = loader.current()
    with pytest.raises(NoMemory, match="nowhere"):
        loader.load(tmp_path / "nowhere")
    assert loader.current() is first
    other = loader.load(tmp_path / "other")
    assert other.status.folder == str(tmp_path / "other")
    toy_memory.save(tmp_path / "memory")
    assert loader.current() is other


def test_the_model_is_loaded_again_only_for_a_memory_of_other_weights(
    loader, tmp_path, toy, toy_memory, monkeypatch
):
    loads = []

    def load(*_):
        loads.append(1)
        return toy.model

    monkeypatch.setattr("m3_ros.query.answer.load_language_extractor", load)
    for _ in range(2):
        toy_memory.save(tmp_path / "memory")
        assert loader.current().localizer.extractor is toy.model
    assert len(loads) == 1
    other = replace(toy_memory.models["color"], digest="other")
    replace(toy_memory, models={"color": other}).save(tmp_path / "memory")
    loader.current()
    assert len(loads) == 2 and "other" in loader.problem


def test_the_model_is_prepared_while_the_first_memory_is_built(
    loader, tmp_path, toy, toy_memory, monkeypatch
):
    loads = []

    def load(name, device):
        loads.append(name)
        if len(loads) == 1:
            raise UsageError("no such device")
        return toy.model

    monkeypatch.setattr(memory_loader, "load_language_extractor", load)
    monkeypatch.setattr("m3_ros.query.answer.load_language_extractor", None)  # is not needed
    for _ in range(3):
        loader.prepare()
    assert loads == ["compact"] * 2
    toy_memory.save(tmp_path / "memory")
    assert loader.current().localizer.extractor is toy.model
