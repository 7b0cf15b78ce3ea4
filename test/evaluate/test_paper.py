"""The paper's tables on a COLMAP folder with captions, kept, gone on with, and compared."""

import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from m3_ros.capture.exporters import export_scan
from m3_ros.capture.scan import Scan
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, MemoryConfig, SplatConfig
from m3_ros.errors import DataError
from m3_ros.evaluate import paper_run
from m3_ros.evaluate.captions import Region, read_regions
from m3_ros.evaluate.paper import RAW, ROWS, PaperRow, _texts
from m3_ros.evaluate.paper_scenes import find_scenes
from m3_ros.evaluate.paper_tables import behind, markdown

CONFIG = M3Config(
    splat=SplatConfig(voxel_size=0.012, max_iterations=3, sh_degree=0, test_every=4,
                      refine_poses=False),
    memory=MemoryConfig(refine_steps=1),
)  # fmt: skip


@pytest.fixture(scope="module")
def data(toy, tmp_path_factory):
    """A folder with a scene in COLMAP's layout, captions by picture name, and a stray folder."""
    root = tmp_path_factory.mktemp("scenes")
    with ScanWriter(root / "work") as writer:
        for frame in toy.frames:
            writer.add(frame)
    export_scan(Scan.open(root / "work"), root / "data" / "toy", "colmap", CONFIG)
    folder = root / "data" / "toy"
    (root / "data" / "notes").mkdir()
    pictures = sorted(path.name for path in (folder / "images").iterdir())
    entries = []
    for index in (2, 6):
        rgb = toy.frames[index].rgb.astype(int)
        mask = rgb[..., 0] > rgb[..., 1:].max(-1) + 60
        cv2.imwrite(str(folder / f"{index}.png"), 255 * mask.astype(np.uint8))
        entries.append({"frame": pictures[index], "caption": "red box", "mask": f"{index}.png"})
    (folder / "captions.json").write_text(json.dumps({"regions": entries}))
    return root / "data"


def test_rows_are_kept_and_gone_on_with(data, toy, tmp_path, monkeypatch):
    scenes = find_scenes(data)
    assert [scene.name for scene in scenes] == ["toy"]
    rows = paper_run.evaluate(scenes, [toy.model], CONFIG, tmp_path)
    assert [row.row for row in rows] == [*ROWS, RAW]
    ours, release, distillation, raw = rows
    assert ours.parameters == release.parameters and ours.bytes == release.bytes
    assert distillation.bytes < ours.bytes and raw.cosine_distance == 0
    assert ours.psnr_db > 10 and 0 < ours.ssim < 1 and ours.minutes > raw.minutes
    assert raw.mean_iou > 0.5 and raw.text_to_image == (1.0, 1.0, 1.0)

    monkeypatch.setattr(paper_run, "fit_scene", lambda *_: pytest.fail("it was computed"))
    again = paper_run.evaluate(scenes, [toy.model], CONFIG, tmp_path)
    assert again == rows
    assert "| toy | color | raw features | 0.000 |" in markdown(again)
    with pytest.raises(pytest.fail.Exception):
        other = replace(CONFIG, memory=replace(CONFIG.memory, refine_steps=4))
        paper_run.evaluate(scenes, [toy.model], other, tmp_path)


def test_a_model_without_texts_has_no_columns_of_captions(toy):
    region = Region(2, "red box", np.ones((4, 4), bool))
    scene = SimpleNamespace(regions=[region], kept=(2,))
    maps = [np.ones((2, 2, 24), np.float32)]
    assert _texts(scene, SimpleNamespace(name="mute"), CONFIG, maps) == {}
    assert _texts(scene, toy.model, CONFIG, maps)["mean_iou"] >= 0
    assert _texts(SimpleNamespace(regions=[], kept=(2,)), toy.model, CONFIG, maps) == {}


def test_cells_in_which_ours_is_behind_are_named():
    shared = (20.0, 0.8, None, 1.0, 100, 100, 0.5, 0.5, 0.5)
    recall = ((0.5, 0.5, 1.0), (0.5, 0.5, 1.0))
    ours = PaperRow("garden", "clip", "ours", 0.2, 0.3, *shared, *recall)
    release = replace(ours, row="release", cosine_distance=0.19, mean_iou=0.4, l2=0.31)
    assert behind([ours, release]) == ["garden, clip, cosine: 0.200, the release's setting 0.190"]
    assert "behind the release's setting: 1." in markdown([ours, release])
    assert behind([ours, replace(ours, row="release")]) == []


def test_a_folder_without_scenes_is_named(tmp_path):
    with pytest.raises(DataError, match="no folder in it is a scan .* COLMAP"):
        find_scenes(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        find_scenes(tmp_path / "none")


def test_a_caption_of_a_picture_that_the_scan_lacks_is_named(data, tmp_path):
    with pytest.raises(DataError, match=r"frame '.*' is no picture of the scan"):
        read_regions(data / "toy", ["other.png"])
