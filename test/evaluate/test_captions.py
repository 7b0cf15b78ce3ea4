"""Grounding and retrieval on a world whose masks are known, and folders that are not as asked."""

import json

import cv2
import numpy as np
import pytest

from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, MemoryConfig, SplatConfig
from m3_ros.evaluate import grounding, retrieval
from m3_ros.evaluate.captions import PICTURE, Region, read_regions, simulate_captions
from m3_ros.evaluate.retrieval import largest_regions, recalls
from m3_ros.splat.result import held_out

QUICK = M3Config(
    splat=SplatConfig(max_iterations=10, refine_poses=False),
    memory=MemoryConfig(refine_steps=20),
)
VIEWS = 16
CHANNELS = {"red": (0, -1), "green": (1, -1), "blue": (2, -1)}


def box_mask(rgb, color):
    """Where a toy frame shows the box of a colour: its channel stands out of the others."""
    channel = CHANNELS[color][0]
    others = np.delete(rgb.astype(int), channel, axis=2).max(-1)
    return rgb[..., channel].astype(int) > others + 60


@pytest.fixture(scope="module")
def folder(toy, tmp_path_factory):
    path = tmp_path_factory.mktemp("captioned")
    (path / "masks").mkdir()
    entries = []
    with ScanWriter(path / "scan") as writer:
        for index, angle in enumerate(np.linspace(0, 2 * np.pi, VIEWS, endpoint=False)):
            frame = toy.see((0.45 * np.cos(angle), 0.45 * np.sin(angle), 0.95))
            writer.add(frame)
            for color in CHANNELS if index in held_out(VIEWS, QUICK.splat.test_every) else ():
                file = f"masks/{index}_{color}.png"
                mask = box_mask(frame.rgb, color).astype(np.uint8)
                cv2.imwrite(str(path / file), 255 * mask)
                entries.append({"frame": index, "caption": f"{color} box", "mask": file})
    (path / "captions.json").write_text(json.dumps({"regions": entries}))
    return path


def test_captions_are_grounded_where_their_masks_are(folder, toy, tmp_path):
    out = tmp_path / "g.json"
    rows = grounding.run([folder], QUICK, toy.model, settings=("ours",), json_path=out)
    assert [row.setting for row in rows] == [PICTURE, "ours"]
    for row in rows:
        assert row.captions == 6
        assert row.mean_iou > 0.6 and row.cumulative_iou > 0.6
        assert row.ap60 <= row.ap50 and row.ap50 > 0.8
    assert json.loads(out.read_text())["scores"][1]["mean_iou"] == rows[1].mean_iou


def test_regions_and_captions_find_each_other(folder, toy):
    for row in retrieval.run([folder], QUICK, toy.model, settings=("ours",)):
        assert row.regions == 3
        assert row.image_to_text == row.text_to_image == (1.0, 1.0, 1.0)


def test_metrics_of_known_overlaps():
    row = grounding.score("x", np.array([[50, 100], [60, 100], [0, 200]]))
    assert row.mean_iou == pytest.approx((0.5 + 0.6) / 3)
    assert row.cumulative_iou == pytest.approx(110 / 400)
    assert (row.ap50, row.ap60) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_otsu_cuts_between_background_and_thing():
    heat = np.full((12, 16), 0.1, np.float32)
    heat[4:8, 4:8] = 0.3
    mask = grounding.otsu_mask(heat, (120, 160))
    assert mask[60, 60] and not mask[10, 10]
    assert mask.mean() == pytest.approx(16 / 192, abs=0.02)


def test_recall_counts_equal_captions_as_right():
    similarity = np.array([[0.1, 0.9, 0.5], [0.8, 0.2, 0.1]])
    right = np.array([[False, False, True], [False, True, True]])
    at_one, at_five, _ = recalls(similarity, right)
    assert (at_one, at_five) == (0.0, 1.0)
    assert recalls(similarity, ~right)[0] == 1.0


def test_of_a_caption_the_largest_region_in_a_kept_frame_counts():
    def region(frame, side):
        mask = np.zeros((20, 20), bool)
        mask[:side, :side] = True
        return Region(frame, "mug", mask)

    small, large, elsewhere = region(1, 3), region(2, 5), region(3, 9)
    assert largest_regions([small, large, elsewhere], [1, 2]) == [large]


@pytest.mark.parametrize(
    ("text", "match"),
    [("{", "captions.json"), ('{"regions": [{"frame": 0}]}', "mask"),
     ('{"regions": [{"frame": 0, "caption": "x", "mask": "no.png"}]}', "no.png")],
)  # fmt: skip
def test_a_damaged_folder_is_named(tmp_path, text, match):
    with pytest.raises(ValueError, match=r"captions\.json"):
        read_regions(tmp_path)
    (tmp_path / "captions.json").write_text(text)
    with pytest.raises(ValueError, match=match):
        read_regions(tmp_path)


def test_the_simulation_captions_its_own_scenes(tmp_path):
    from dataclasses import replace

    small = replace(M3Config().simulation, width=160, height=120, focal_length=95.6)
    simulate_captions(tmp_path / "s", 300_500, 16, replace(M3Config(), simulation=small))
    regions = read_regions(tmp_path / "s")
    assert {region.frame for region in regions} == set(held_out(16, 8))
    assert len({region.caption for region in regions}) >= 3
    together = [r.mask for r in regions if r.frame == regions[0].frame]
    assert np.sum(together, axis=0).max() == 1  # no pixel shows two things
    with pytest.raises(FileExistsError):
        simulate_captions(tmp_path / "s", 300_500, 16, M3Config())
