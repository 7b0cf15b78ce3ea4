"""SEEM: dots, the choice of queries, regions on their cells, and what is said when it is missing.

Its authors' code needs packages that are not here; a network with the same parts, arguments and
results stands in for it.
"""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from m3_ros.features import seem
from m3_ros.features.loading import load_extractor
from m3_ros.features.seem import SeemExtractor, discs, grid_points, own_query

QUERIES, DIM = 3, 8


class Decoder(nn.Module):
    """Answers a dot with three queries: the middle one is everything of the dot's colour."""

    def __init__(self):
        super().__init__()
        self.class_embed = nn.Parameter(torch.zeros(4, DIM))
        self.lang_encoder = nn.Module()
        self.calls = []

    def forward(self, scales, mask_features, target_queries=None, extra=None, task="seg"):
        (dots,), (negative,) = extra["spatial_query_pos_mask"], extra["spatial_query_neg_mask"]
        assert task == "seg" and dots.dtype == torch.bool and not negative.any()
        assert dots.shape[1:] == tuple(4 * side for side in mask_features.shape[2:])
        self.calls.append(len(dots))
        small = nn.functional.interpolate(dots[None].float(), mask_features.shape[2:], mode="area")
        colour = torch.einsum("nhw,chw->nc", small[0], mask_features[0])
        colour = colour / small[0].sum((1, 2))[:, None].clamp_min(1e-6)
        away = (mask_features[0][None] - colour[:, :, None, None]).norm(dim=1)
        mask, none = 8.0 * (0.3 - away), torch.full_like(away, -8.0)
        answers = torch.stack([none, mask, none], 1).flatten(0, 1)
        ones = torch.ones(len(dots), 1)
        text = torch.cat([colour, ones, torch.zeros(len(dots), DIM - 4)], 1)
        silent = torch.zeros_like(text)
        return {
            "pred_smaskembs": torch.stack([silent, text, silent], 1).flatten(0, 1)[None],
            "pred_pspatials": text[None],
            "pred_smasks": answers[None],
            "pred_stexts": torch.stack([silent, text, silent], 1).flatten(0, 1)[None],
        }


class Network(nn.Module):
    """The parts of SEEM's network that are used, a quarter of the image's resolution inside."""

    size_divisibility = 32

    def __init__(self, options=None):
        super().__init__()
        self.register_buffer("pixel_mean", torch.full((3, 1, 1), 127.5))
        self.register_buffer("pixel_std", torch.full((3, 1, 1), 127.5))
        self.backbone = nn.AvgPool2d(4)
        self.sem_seg_head = nn.Module()
        self.sem_seg_head.predictor = Decoder()
        self.sem_seg_head.pixel_decoder = nn.Module()
        self.sem_seg_head.pixel_decoder.forward_features = lambda levels: (levels, None, [levels])


@pytest.fixture
def package(monkeypatch, tmp_path):
    """SEEM's modules as its checkout has them, around the stand-in."""
    modeling, base = ModuleType("modeling"), ModuleType("modeling.BaseModel")
    modeling.__file__ = str(tmp_path / "seem" / "modeling" / "__init__.py")
    modeling.build_model = Network
    base.BaseModel = lambda options, module: type("BaseModel", (), {"model": module})
    utils, arguments = ModuleType("utils"), ModuleType("utils.arguments")
    arguments.load_opt_from_config_files = lambda files: {"files": files}
    modules = (modeling, base, utils, arguments)
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "seem_focall_v1.pt"
    torch.save(Network().state_dict(), path)
    return path


@pytest.fixture
def extractor(package, checkpoint, monkeypatch) -> SeemExtractor:
    """On small images, with dots in proportion."""
    monkeypatch.setattr(seem, "SHORTEST", 160)
    return SeemExtractor(checkpoint, spacing=15, radius=3)


def picture() -> np.ndarray:
    image = np.full((173, 241, 3), 128, np.uint8)
    image[30:90, 40:120], image[100:160, 150:220] = (230, 20, 20), (20, 20, 230)
    return image


def test_a_region_has_one_feature_on_its_own_cells(extractor):
    found = extractor.extract(picture())
    assert found.features.shape == (57, 80, DIM) and extractor.dim == DIM
    scale = np.array([57 / 173, 80 / 241])
    for place, box in (((60, 80), (30, 40, 90, 120)), ((130, 185), (100, 150, 160, 220))):
        number = found.regions[tuple(np.intp(scale * place))]
        rows, columns = np.nonzero(found.regions == number)
        ends = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        np.testing.assert_allclose(ends, [*(scale * box[:2]), *(scale * box[2:])], atol=2)
    assert len(found.as_rows()[0]) == 3  # both rectangles and what is behind them
    red = found.features[tuple(np.intp(scale * (60, 80)))]
    np.testing.assert_allclose(red[:3], (230 / 127.5 - 1, *[20 / 127.5 - 1] * 2), atol=0.05)


def test_all_dots_prompt_ten_at_a_time_and_the_same_way_again(extractor):
    first, second = extractor.extract_batch([picture(), picture()])
    np.testing.assert_array_equal(first.features, second.features)
    calls = extractor._model.sem_seg_head.predictor.calls
    assert max(calls) == 10 and sum(calls) == 2 * (160 // 15) * (223 // 15)


def test_dots_are_whole_and_evenly_spread():
    points = grid_points((120, 200), 60)
    expected = [[30, 200 / 6], [30, 100], [30, 1000 / 6], [90, 200 / 6]]
    np.testing.assert_allclose(points[:4], expected, rtol=1e-6)
    dots = discs(points, (130, 210), 12)
    assert dots.shape == (2 * 3, 130, 210)
    np.testing.assert_allclose(dots.sum((1, 2)), np.pi * 12**2, rtol=0.03)
    y, x = np.nonzero(dots[4].numpy())
    assert (y.mean() + 0.5, x.mean() + 0.5) == pytest.approx((90, 100))
    assert len(grid_points((30, 40), 60)) == 1


def test_each_prompt_takes_the_best_of_its_own_queries():
    prompts = torch.eye(2, 4)
    queries = torch.zeros(6, 4)
    queries[1, 0], queries[3, 0], queries[5, 1], queries[4, 1] = 1.0, 9.0, 3.0, 2.0
    assert own_query(queries, prompts).tolist() == [1, 5]


def test_settings_are_part_of_the_digest(extractor, package, checkpoint):
    assert SeemExtractor(checkpoint, spacing=15, radius=3).digest == extractor.digest
    assert load_extractor(f"seem:{checkpoint}").digest != extractor.digest


def test_a_checkpoint_of_another_network_is_refused(package, checkpoint):
    torch.save({"something": torch.zeros(1)}, checkpoint)
    with pytest.raises(FileNotFoundError, match="lacks 1 tensors such as sem_seg_head.predictor"):
        load_extractor("seem", checkpoint)


def test_a_missing_checkpoint_and_missing_code_are_named(checkpoint, monkeypatch):
    with pytest.raises(FileNotFoundError, match="hf download xdecoder/SEEM"):
        load_extractor("seem")
    with pytest.raises(FileNotFoundError, match="'/nowhere/seem.pt' is no file"):
        load_extractor("seem:/nowhere/seem.pt")
    monkeypatch.setitem(sys.modules, "modeling", None)
    with pytest.raises(RuntimeError, match=f"git clone -b v1.0 {seem.REPOSITORY}"):
        load_extractor("seem", checkpoint)
