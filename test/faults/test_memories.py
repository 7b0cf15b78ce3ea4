"""Memories with one thing wrong: each is refused by file, field, value and rule."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from m3_ros.memory.manifest import MemoryFileError
from m3_ros.memory.registration import without_distant
from m3_ros.memory.serialization import load_memory
from m3_ros.memory.spatial_memory import SpatialMemory

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

from fuzz_inputs import make_memory

QUERIES = "queries.safetensors"
BANK = "banks/0-compact.safetensors"
NAN, INF = float("nan"), float("inf")


@pytest.fixture
def memory(tmp_path):
    make_memory(tmp_path / "memory")
    return tmp_path / "memory"


def sentence_of(memory):
    with pytest.raises(MemoryFileError) as error:
        load_memory(memory)
    assert "\n" not in str(error.value)
    return str(error.value)


def seal(memory):
    """Bring the digests up to date, as a program would that wrote such a memory."""
    path = memory / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((memory / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("models", [], "$.models is []; it must be an object with one field for each model"),
        ("models", ["compact"], "$.models is"),
        ("models", {}, "$.models is an object with 0 fields"),
        ("models.compact", None, "$.models.compact is null; it must be an object"),
        ("models.compact.temperature", "x", '$.models.compact.temperature is "x"; it must be'),
        ("models.compact.temperature", 0, "temperature is 0; it must be a number > 0"),
        ("models.compact.temperature", NAN, "temperature is NaN; it must be a number > 0"),
        ("models.compact.threshold", 2, "$.models.compact.threshold is 2; it must be"),
        ("models.compact.bank", "banks/9.safetensors", "$.files lacks banks/9.safetensors"),
        ("models.compact.dim", 6, "$.models.compact.dim is 6; it must be 5, as the files"),
        ("models.compact.degrees", 9, "$.models.compact.degrees is 9; it must be 3"),
        ("models.compact.components", 9, "$.models.compact.components is 9; it must be 4"),
        ("gaussians", 7, "manifest.json: $.gaussians is 7; it must be 6, as the files beside"),
        ("files", [], "$.files is []; it must be an object"),
        ("schema", INF, "$.schema is Infinity; it must be a whole number"),
        ("schema", 10**400, "has schema a number of more than 80 digits"),
        ("schema", -5, "has schema -5, this program reads"),
        ("psnr_db", "x", '$.psnr_db is "x"; it must be a number'),
        ("frames", 3, "$.images is"),
        ("config.features.models", [], "config.features.models = (): it must have at least one"),
        ("config.features.models", [1, 2], "config.features.models = 1: it must be of type str"),
        ("frame_id", "a" * 5000, "it must be a text of at most 4095 characters"),
        ("config", None, "$.config is null; it must be an object of settings"),
    ],
)
def test_a_field_of_the_manifest(memory, field, value, words):
    path = memory / "manifest.json"
    manifest = json.loads(path.read_text())
    *parents, last = field.split(".")
    inside = manifest
    for parent in parents:
        inside = inside[parent]
    inside[last] = value
    path.write_text(json.dumps(manifest))
    assert words in (sentence := sentence_of(memory)) and str(memory) in sentence


def test_a_ply_that_the_manifest_leaves_out(memory):
    path = memory / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]["gaussians.ply"]
    path.write_text(json.dumps(manifest))
    assert "$.files lacks gaussians.ply" in sentence_of(memory)


@pytest.mark.parametrize(
    ("file", "tensor", "change", "words"),
    [
        (BANK, "components", lambda x: x[0], "components is float16 [5]; it must be"),
        (BANK, "components", lambda x: x[:, :3], "[4, 3]; it must be floating point [n, 5]"),
        (BANK, "components", lambda x: x[:0], "[0, 5]; it must be floating point [n, 5]"),
        (BANK, "components", lambda x: x * NAN, "components[0, 0] is nan; it must be -1000000"),
        (BANK, "components", lambda x: x * 0, "components[0] is a list of 5; it must be the"),
        (BANK, "counts", lambda x: x + 2**41, "counts[0] is 2.19902e+12; it must be 0 to 1"),
        (BANK, "counts", lambda x: x + 2**30, "totals[0] is 4; it must be 4294967300, all of"),
        (BANK, "covered", lambda x: x + 1, "covered[0] is 2; it must be at most what counts has"),
        (BANK, "farthest", lambda x: x + 1, "farthest[0] is 2; it must be -1.001 to 1.001"),
        (BANK, "origins", lambda x: x - 2, "origins[0, 0] is -2; it must be -1 to 32767"),
        (BANK, "origins", lambda x: x + 9, "origins[0] is [9, 9, 9]; it must be of a frame, 0"),
        (BANK, "totals", lambda x: x + 2**62, "totals[0] is 4.61169e+18; it must be"),
        (BANK, "totals", lambda x: x * torch.tensor([1, 1, 2**30]), "its components, to 1048576"),
        (BANK, "totals", lambda x: x * torch.tensor([1, 1, 0]), "totals[2] is 0; it must be 4"),
        (BANK, "totals", lambda x: x[:0], "totals is int64 [0]; it must be int64 [3]"),
        (BANK, "counts", lambda x: x[1:], "counts is int64 [3]; it must be int64 [4]"),
        (QUERIES, "compact.queries", lambda x: x.long(), "queries is int64 [6, 3]"),
        (QUERIES, "compact.queries", lambda x: x * INF, "inf; it must be -1000000.0 to 1000000.0"),
        (QUERIES, "compact.queries", lambda x: x * 1e30, "e+29; it must be -1000000.0 to"),
        (QUERIES, "stamps", lambda x: x * NAN, "stamps[0] is nan; it must be finite"),
        (QUERIES, "camtoworlds", lambda x: x * 2, "camtoworlds[0] has rotation"),
        (QUERIES, "camtoworlds", lambda x: -x, "it must be orthonormal, det +1"),
        (QUERIES, "Ks", lambda x: x * 0, "Ks[0] = [[0.0, 0.0, 0.0], "),
        (QUERIES, "compact.queries", lambda x: x[1:], "must be floating point [6, n]"),
        (QUERIES, "compact.projection", lambda x: x.T, "projection is float32 [5, 3]"),
        (QUERIES, "compact.reliability", lambda x: x + 1, "is 2; it must be 0.0 to 1.0"),
        (QUERIES, "Ks", lambda x: x[1:], "Ks is float64 [1, 3, 3]; it must be"),
        (QUERIES, "sizes", lambda x: x * 0, "sizes[0, 0] is 0; it must be 1 to 32767"),
        (QUERIES, "stamps", None, "stamps is missing; the file has"),
    ],
)  # fmt: skip
def test_a_tensor(memory, file, tensor, change, words):
    tensors = load_file(memory / file)
    old = tensors.pop(tensor)
    if change:
        tensors[tensor] = change(old).contiguous()
    save_file(tensors, memory / file)
    seal(memory)
    assert words in (sentence := sentence_of(memory)) and file in sentence


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"f_rest_8", b"f_rest_9", "has no property f_rest_8; it is not a 3DGS file"),
        (b"element vertex 6", b"element vertex 2147483648", "announces 2147483648 of vertex"),
        (b"element vertex 6", b"element vertex", "invalid line in its header: 'element vertex'"),
        (b"property float x\n", b"property float\n", "invalid line in its header"),
        (b"property float f_rest_8\n", b"", "8 properties f_rest; it must have 0, 9, 24 or 45"),
        (b"format binary_little_endian 1.0", b"format", "invalid line in its header: 'format'"),
    ],
)
def test_the_header_of_the_gaussians(memory, old, new, words):
    path = memory / "gaussians.ply"
    path.write_bytes(path.read_bytes().replace(old, new))
    seal(memory)
    assert words in (sentence := sentence_of(memory)) and "gaussians.ply" in sentence


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("scales", 500.0, "scale_0 of Gaussian 2 is 500; it must be at most 13.82"),
        ("quats", 0.0, "rot_0 to rot_3 of Gaussian 2 are 0; one must differ from 0"),
        ("opacities", -1e30, "opacity of Gaussian 2 is -1e+30; it must be at most 1e+06"),
        ("sh0", 1e30, "f_dc_0 of Gaussian 2 is 1e+30"),
        ("means", 1e7, "x of Gaussian 2 is 1e+07"),
        ("means", -2000.0, "x of Gaussian 2 is -2000.0; it must be within ±1000, m"),
    ],
)
def test_gaussians_that_no_place_has(memory, field, value, words):
    from m3_ros.splat import load_ply, save_ply

    gaussians = load_ply(memory / "gaussians.ply")
    getattr(gaussians, field)[2] = value
    save_ply(memory / "gaussians.ply", gaussians)
    seal(memory)
    assert words in sentence_of(memory)


def test_gaussians_farther_out_are_right_where_lengths_are_no_metres(memory):
    from m3_ros.splat import load_ply, save_ply

    gaussians = load_ply(memory / "gaussians.ply")
    gaussians.means[2] = 2000.0
    save_ply(memory / "gaussians.ply", gaussians)
    path = memory / "manifest.json"
    path.write_text(path.read_text().replace('"metric": true', '"metric": false'))
    seal(memory)
    loaded = SpatialMemory.load(memory)
    assert len(loaded.gaussians) == 6
    metric = without_distant(replace(loaded, metric=True))
    assert len(metric.gaussians) == len(metric.model("compact").queries) == 5
    metric.save(memory)
    assert len(load_memory(memory).gaussians) == 5


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 7, b"\xff" * 100, b"\x08\0\0\0\0\0\0\0{      }"]
)
def test_a_file_of_tensors_that_is_none(memory, content):
    (memory / "queries.safetensors").write_bytes(content)
    seal(memory)
    assert f"{memory / 'queries.safetensors'} " in (sentence_of(memory) + " ").replace(":", " ")


def test_a_path_that_is_too_long(tmp_path):
    assert "is no memory" in sentence_of(tmp_path / ("a" * 5000))


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "passwd").write_text("root:x:0:0")
    assert "passwd is no memory: there is no manifest.json" in sentence_of(tmp_path / "passwd")


def test_a_bank_of_one_component_is_right(memory):
    tensors = {name: tensor[:1].contiguous() for name, tensor in load_file(memory / BANK).items()}
    save_file(tensors | {"totals": torch.tensor([1, 0, 1])}, memory / BANK)
    path = memory / "manifest.json"
    path.write_text(path.read_text().replace('"components": 4', '"components": 1'))
    seal(memory)
    assert len(load_memory(memory).model("compact").bank) == 1


def test_a_good_memory_opens(memory):
    loaded = load_memory(memory)
    assert torch.isfinite(loaded.model("compact").queries).all() and loaded.frames == 2
