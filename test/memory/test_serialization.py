"""A memory folder: saved and loaded; refused where damaged, truncated or of another version."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.config import M3Config
from m3_ros.memory import manifest
from m3_ros.memory.serialization import MemoryFileError, folder_size, load_memory, save_memory
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.settings import from_dict


@pytest.fixture
def folder(tmp_path, toy_memory):
    toy_memory.save(tmp_path / "memory")
    return tmp_path / "memory"


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_round_trip(folder, toy, toy_memory):
    loaded = SpatialMemory.load(folder)
    assert (loaded.frames, loaded.frame_id, loaded.psnr_db) == (10, "map", 30.0)
    for name, tensor in toy_memory.gaussians.tensors.items():
        assert torch.equal(loaded.gaussians.tensors[name], tensor)
    ours, theirs = toy_memory.model("color"), loaded.model("color")
    for name in ("queries", "projection", "reliability"):
        assert torch.equal(getattr(ours, name), getattr(theirs, name))
    for name, tensor in ours.bank.state().items():
        assert torch.equal(theirs.bank.state()[name], tensor)
    for read, written in zip(loaded.views, toy_memory.views, strict=True):
        np.testing.assert_array_equal(read.camtoworld, written.camtoworld)
        assert (read.width, read.name, read.stamp) == (written.width, written.name, written.stamp)
    text = toy.model.encode_text(["red"])
    assert torch.equal(loaded.similarity("color", text), toy_memory.similarity("color", text))


SHAPING = {
    "splat": {"test_every": 5},
    "features": {"models": ["compact", "clip"]},
    "memory": {"max_components": 4321},
    "ego_mask": {"min_frames": 9},
    "query": {"found_probability": 0.55},
}
"""Settings that shape a memory, one a group, other than the defaults."""


def test_the_settings_that_shape_a_memory_come_back_and_no_others(tmp_path, toy_memory):
    config = from_dict(M3Config, {**SHAPING, "motion": {"start_timeout": 3.5}})
    replace(toy_memory, config=config).save(tmp_path / "memory")
    content = json.loads((tmp_path / "memory" / "manifest.json").read_text())
    assert set(content["config"]) == set(SHAPING)
    loaded = load_memory(tmp_path / "memory")
    assert loaded.config == from_dict(M3Config, SHAPING)


@pytest.mark.parametrize("group", ["robot", "motion", "grasp", "simulation", "storage", "wings"])
def test_a_setting_that_shapes_no_memory_refuses_none(folder, group):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["config"][group] = {"no_longer_known": 1}
    path.write_text(json.dumps(content))
    assert load_memory(folder).config == M3Config()


def test_the_frame_of_a_memory_is_its_own(tmp_path, toy_memory):
    replace(toy_memory, frame_id="odom").save(tmp_path / "memory")
    assert load_memory(tmp_path / "memory").frame_id == "odom"


def test_a_memory_in_a_frame_without_a_name_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "frame_id": " "}))
    with pytest.raises(MemoryFileError, match='frame_id is " "; it must be the name of a frame'):
        load_memory(folder)


def test_a_learned_temperature_comes_back(tmp_path, toy_memory):
    model = replace(toy_memory.model("color"), temperature=0.031)
    replace(toy_memory, models={"color": model}).save(tmp_path / "memory")
    assert load_memory(tmp_path / "memory").model("color").temperature == 0.031


def test_the_folder_has_the_documented_files(folder):
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    expected = ["banks/0-color.safetensors", "gaussians.ply", "manifest.json"]
    assert names == [*expected, "queries.safetensors"]
    assert folder_size(folder) > 100_000
    assert visible(folder.parent) == ["memory"]


@pytest.mark.parametrize(
    "name", ["gaussians.ply", "queries.safetensors", "banks/0-color.safetensors"]
)
def test_a_truncated_altered_or_missing_file_is_named(folder, name):
    path = folder / name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MemoryFileError, match=f"{name} is damaged"):
        load_memory(folder)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(MemoryFileError, match=f"{name} is damaged"):
        load_memory(folder)
    path.unlink()
    with pytest.raises(MemoryFileError, match=f"{name} is missing"):
        load_memory(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": manifest.SCHEMA + 1}, "build the memory again"),
        ({"schema": manifest.SCHEMA - 1}, "build the memory again"),
        ({"files": {"../secret": "0"}}, "outside its folder"),
        ({"files": 3}, r"manifest.json: \$.files is 3; it must be an object"),
        ({"models": {"color": {}}}, r"\$.models.color.bank is missing"),
        ({"config": {"memory": {"temperature": -1.0}}}, "temperature.*build it again"),
        ({"config": {"query": {"ambiguity_ratio": 0.02}}}, "ambiguity_ratio.*build it again"),
    ],
)
def test_a_bad_manifest_is_refused(folder, change, message):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(MemoryFileError, match=message):
        load_memory(folder)


def test_a_manifest_that_is_no_json(folder):
    (folder / "manifest.json").write_text("{")
    with pytest.raises(MemoryFileError, match="manifest.json is not JSON"):
        load_memory(folder)
    with pytest.raises(MemoryFileError, match="no manifest.json"):
        load_memory(folder.parent / "nowhere")


def test_a_folder_of_something_else_is_left_alone(tmp_path, toy_memory):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"meow")
    with pytest.raises(MemoryFileError, match="not a memory"):
        save_memory(toy_memory, tmp_path / "photos")
    assert (tmp_path / "photos" / "cat.png").exists()
