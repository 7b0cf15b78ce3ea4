"""Segment Anything as a proposer: real code path of a tiny random model, and its masks' choice."""

import numpy as np
import pytest
import torch

from m3_ros.features.model_cards import MODELS
from m3_ros.features.sam import SamProposer


@pytest.fixture(scope="module")
def proposer(sam_folder) -> SamProposer:
    """Random weights trust nothing, so everything is accepted."""
    card = MODELS["llama3"]
    return SamProposer(card, sam_folder, points=4, trust=-9.0, stability=0.0, repeat=0.9)


@pytest.mark.parametrize("size", [(173, 241), (64, 64), (300, 40)])
def test_regions_cover_the_full_image(proposer, make_noise, size):
    regions = proposer.propose(make_noise(*size))
    assert regions.shape == size and regions.dtype == np.int32
    found = np.unique(regions)
    assert found[found >= 0].tolist() == list(range(regions.max() + 1)) and regions.max() >= 0
    np.testing.assert_array_equal(regions, proposer.propose(make_noise(*size)))


def test_masks_land_where_the_model_puts_them(proposer, monkeypatch):
    """A model that answers a small disc about each point gives a disc on every point's place."""
    seen = []

    def discs(embedding, points):
        seen.append(points)
        y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
        centre = (points + 0.5) / 2  # its masks have half the resolution of its input
        distance = torch.hypot(x + 0.5 - centre[:, :1, None], y + 0.5 - centre[:, 1:, None])
        return 2.5 - distance, torch.ones(len(points))

    monkeypatch.setattr(proposer, "_masks", discs)
    regions = proposer.propose(np.full((120, 240, 3), 90, np.uint8))
    for row in range(4):
        for column in range(4):
            y, x = round((row + 0.5) / 4 * 120), round((column + 0.5) / 4 * 240)
            disc = regions == regions[y, x]
            assert regions[y, x] >= 0 and disc.sum() < 0.05 * regions.size
            assert abs(np.nonzero(disc)[0].mean() - y) < 4
            assert abs(np.nonzero(disc)[1].mean() - x) < 4
    assert len(torch.cat(seen)) == 16


def test_a_model_that_trusts_no_mask_gives_no_region(sam_folder, make_noise):
    proposer = SamProposer(MODELS["llama3"], sam_folder, points=2, trust=1e9)
    assert (proposer.propose(make_noise()) == -1).all()


def test_settings_are_part_of_the_digest(sam_folder, proposer):
    assert SamProposer(MODELS["llama3"], sam_folder).digest != proposer.digest


def test_a_folder_without_sam_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="facebook/sam-vit-huge"):
        SamProposer(MODELS["llama3"], tmp_path)
