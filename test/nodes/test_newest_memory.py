import os

import pytest

from m3_ros.config import M3Config
from m3_ros.nodes import newest_memory
from m3_ros.nodes.newest_memory import NewestMemory, NoMemory


@pytest.fixture
def newest(tmp_path, toy, monkeypatch):
    """Over an empty folder, with the toy model in place of a real one."""
    monkeypatch.setattr(newest_memory, "load_language_extractor", lambda name, device: toy.model)
    return NewestMemory(tmp_path / "memory", M3Config())


def test_no_memory_says_where_it_was_looked_for(newest, tmp_path):
    with pytest.raises(NoMemory, match=str(tmp_path / "memory")):
        newest.localizer()


def test_a_memory_is_loaded_once_and_again_when_replaced(newest, tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    first = newest.localizer()
    assert len(first.memory.gaussians) == len(toy_memory.gaussians)
    assert newest.localizer() is first
    toy_memory.save(tmp_path / "memory")
    assert newest.localizer() is not first


def test_an_unusable_memory_is_explained_and_an_older_one_stays(newest, tmp_path, toy_memory):
    manifest = tmp_path / "memory/manifest.json"
    manifest.parent.mkdir()
    manifest.write_text("{}")
    for _ in range(2):
        with pytest.raises(NoMemory, match="unusable"):
            newest.localizer()
    manifest.unlink()
    manifest.parent.rmdir()
    toy_memory.save(tmp_path / "memory")
    loaded = newest.localizer()
    manifest.write_text("{")
    os.utime(manifest, ns=(1, 1))
    assert newest.localizer() is loaded
