"""Pictures of one object: whole, labelled, and told by the encoder however large they are."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

import compact_portraits as portraits
import compact_scenes as scenes

from m3_ros.features.compact import CompactExtractor
from m3_ros.sim.objects import CATEGORIES, COLORS

COUNT = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("portraits")
    scenes.render(path, "seen", COUNT, 5, stage=portraits.Portrait)
    return path


@pytest.fixture(scope="module")
def shipped():
    return CompactExtractor()


def test_each_shows_another_object_alone_and_whole(folder):
    slots, labels = (np.load(folder / f"{name}.npy") for name in ("slots", "labels"))
    assert set(np.unique(slots)) == {0, 1}
    edges = [slots[:, [0, -1]], slots[:, :, [0, -1]]]
    assert not any(edge.any() for edge in edges)
    assert len({int(label[0, 0]) for label in labels}) == COUNT
    assert (labels[:, 1:] == 255).all()


def test_what_is_shown_is_named_from_the_whole_picture_and_from_its_cut_out(folder, shipped):
    found = portraits.zero_shot(shipped, folder, COUNT)
    assert found["pictures"] == COUNT
    assert min(found["category"], found["cut out category"]) >= 0.75
    assert min(found["color"], found["cut out color"]) >= 0.9


def test_the_wrong_labels_are_noticed(folder, shipped, tmp_path):
    for name in ("rgb", "slots"):
        (tmp_path / f"{name}.npy").symlink_to(folder / f"{name}.npy")
    labels = np.load(folder / "labels.npy")
    labels[:, 0] = (labels[:, 0] + 1) % [len(CATEGORIES), len(COLORS)]
    np.save(tmp_path / "labels.npy", labels)
    found = portraits.zero_shot(shipped, tmp_path, COUNT)
    assert found["category"] < 0.2 and found["color"] < 0.2


def test_an_image_feature_does_not_depend_on_the_pictures_size(folder, shipped):
    slots = np.load(folder / "slots.npy")
    for picture, slot in zip(np.load(folder / "rgb.npy"), slots, strict=True):
        small = cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA)
        cut_out = np.ascontiguousarray(picture[portraits.cut_out(slot == 1)])
        one, *others = map(shipped.encode_image, (picture, small, cut_out))
        assert min(float(one @ other) for other in others) > 0.8
