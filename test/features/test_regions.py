"""Regions of like colour, and regions as cells of a map."""

import cv2
import numpy as np
import torch

from m3_ros.features.regions import (
    SuperpixelProposer,
    best_masks,
    graph_segmentation,
    paint,
    region_cells,
    relabel,
)


def picture(height: int = 173, width: int = 241) -> np.ndarray:
    """Grey with a red and a blue rectangle, and a little noise."""
    image = np.full((height, width, 3), 128, np.int16)
    image[30:90, 40:120] = (200, 40, 40)
    image[100:160, 150:220] = (40, 40, 200)
    image += np.random.default_rng(0).integers(-4, 5, image.shape, dtype=np.int16)
    return image.astype(np.uint8)


def test_rectangles_become_regions():
    regions = SuperpixelProposer().propose(picture())
    assert regions.shape == (173, 241) and regions.dtype == np.int32
    red, blue, grey = regions[60, 80], regions[130, 185], regions[5, 5]
    assert len({red, blue, grey}) == 3
    for number, area in ((red, np.s_[30:90, 40:120]), (blue, np.s_[100:160, 150:220])):
        truth = np.zeros(regions.shape, bool)
        truth[area] = True
        found = regions == number
        assert (truth & found).sum() / (truth | found).sum() > 0.9


def test_regions_are_the_same_every_time_and_numbered_without_gaps():
    proposer = SuperpixelProposer()
    regions = proposer.propose(picture())
    np.testing.assert_array_equal(regions, proposer.propose(picture()))
    assert np.unique(regions).tolist() == list(range(regions.max() + 1))
    assert proposer.digest != SuperpixelProposer(scale=10.0).digest


def test_segments_are_connected_and_large_enough():
    image = np.random.default_rng(1).normal(size=(30, 40, 3)).astype(np.float32)
    labels = graph_segmentation(image, 1.0, 12)
    for number in range(labels.max() + 1):
        mask = (labels == number).astype(np.uint8)
        assert mask.sum() >= 12
        assert cv2.connectedComponents(mask, connectivity=4)[0] == 2


def test_a_larger_scale_makes_fewer_segments():
    image = np.random.default_rng(1).normal(size=(30, 40, 3)).astype(np.float32)
    counts = [graph_segmentation(image, scale, 1).max() for scale in (0.5, 5.0, 50.0)]
    assert counts[0] > counts[1] > counts[2]


def test_a_cell_belongs_to_the_region_that_covers_most_of_it():
    regions = np.full((8, 12), -1, np.int32)
    regions[:, 3:] = 7
    regions[4:, 8:] = 2
    assert region_cells(regions, (2, 3)).tolist() == [[-1, 7, 7], [-1, 7, 2]]


def test_cells_at_an_awkward_size_stay_on_the_image():
    regions = np.full((173, 241), -1, np.int32)
    regions[100:150, 180:241] = 0
    rows, columns = np.nonzero(region_cells(regions, (17, 24)) == 0)
    assert abs(rows.min() / 17 - 100 / 173) < 1 / 17 and columns.max() == 23
    assert abs((rows.max() + 1) / 17 - 150 / 173) < 1 / 17


def test_relabel_closes_gaps_and_keeps_none():
    assert relabel(np.array([[5, -1], [9, 5]], np.int32)).tolist() == [[0, -1], [1, 0]]


def test_of_masks_that_repeat_each_other_the_best_stays():
    masks = torch.zeros(4, 8, 8, dtype=torch.bool)
    masks[0, :4], masks[1, :4, 1:], masks[2, 4:] = True, True, True  # masks[3] is empty
    assert best_masks(masks, torch.tensor([0.5, 0.9, 0.7, 1.0]), 0.7) == [1, 2]
    assert best_masks(masks, torch.tensor([0.5, 0.9, 0.7, 1.0]), 0.99) == [1, 2, 0]
    assert best_masks(masks[3:], torch.ones(1), 0.7) == []


def test_smaller_masks_lie_on_top():
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 1, 1], masks[1, :3] = True, True
    assert paint(masks, (4, 4)).tolist() == [[1] * 4, [1, 0, 1, 1], [1] * 4, [-1] * 4]
    assert (paint(masks[:0], (4, 4)) == -1).all()
