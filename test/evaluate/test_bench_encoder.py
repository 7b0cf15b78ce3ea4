"""`m3 bench encoder`: its figures on features whose answers are known."""

import json

import numpy as np
import pytest

from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.evaluate import bench_encoder, encoder_pictures
from m3_ros.evaluate.bench_encoder import Observed, _Asked, kinds_right, photographs, pooled
from m3_ros.evaluate.encoder_pictures import REFERENCES, Shown, cut_out
from m3_ros.query.request import parse_request
from m3_ros.sim.objects import CATEGORIES


class OneHot:
    """An encoder whose text features are the axes of its words."""

    name, digest, logit_scale = "one hot", "0", 20.0

    def encode_text(self, texts):
        words = [*CATEGORIES, "dog", "cat"]
        return np.stack([np.eye(len(words), dtype=np.float32)[words.index(t)] for t in texts])

    def in_vocabulary(self, text):
        return True

    def negatives(self, text):
        return [word for word in ("mug", "duck", "dog", "cat") if word != text]


def observed(label: str, shows: str, picture: int = 0, place: int = 0) -> Observed:
    """A thing at one of two places of a map that shows `shows` there, "duck" elsewhere."""
    encoder = OneHot()
    features = np.tile(encoder.encode_text(["duck"])[0], (4, 8, 1))
    features[1:3, 1 + 4 * place : 3 + 4 * place] = encoder.encode_text([shows])[0]
    mask = np.zeros((32, 64), bool)
    mask[8:24, 8 + 32 * place : 24 + 32 * place] = True
    shown = Shown(np.zeros((32, 64, 3), np.uint8), mask, label, None, picture)
    return Observed(shown, pooled(features, mask), encoder.encode_text([shows])[0], features)


@pytest.fixture
def asked() -> _Asked:
    return _Asked(OneHot(), M3Config())


def test_a_region_is_pooled_over_the_cells_of_its_mask() -> None:
    seen = observed("mug", "mug", place=1)
    np.testing.assert_allclose(seen.dense, seen.crop, atol=1e-6)


def test_kinds_are_right_as_often_as_shown(asked) -> None:
    things = [observed("mug", "mug"), observed("bowl", "bowl"), observed("cup", "mug")]
    assert kinds_right(asked, things) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_photographs_that_show_what_they_should(asked) -> None:
    boxes = [observed("dog", "dog", 0), observed("cat", "cat", 1, place=1)]
    first, first_crop, (auc, low, high), pointing = photographs(asked, boxes)
    assert (first, first_crop, auc, low, high, pointing) == (1, 1, 1, 1, 1, 1)


def test_photographs_whose_labels_are_exchanged(asked) -> None:
    boxes = [observed("cat", "dog", 0), observed("dog", "cat", 1, place=1)]
    first, first_crop, (auc, _, _), pointing = photographs(asked, boxes)
    assert (first, first_crop, auc, pointing) == (0, 0, 0, 0)


def test_the_area_under_the_curve_counts_ties_half() -> None:
    area, low, high = bench_encoder._auc_interval([[0.5], [0.9]], [[0.5], [0.1]])
    assert area == pytest.approx(7 / 8) and low <= area <= high


def test_an_object_is_cut_out_with_a_margin() -> None:
    seen = observed("mug", "mug")
    assert cut_out(seen.shown).shape == (16 + 2 * 2, 16 + 2 * 2, 3)


def test_references_name_kinds_boxes_and_licences() -> None:
    found = json.loads(REFERENCES.read_text())
    assert found["licences"] and {m["kind"] for m in found["meshes"]} <= set(CATEGORIES)
    assert all(x0 < x1 and y0 < y1 for x0, y0, x1, y1 in (p["box"] for p in found["photographs"]))


def test_a_missing_file_is_named_with_the_command_that_gets_it(tmp_path) -> None:
    with pytest.raises(DataError, match="tools/encoder_data.sh"):
        next(encoder_pictures.photographs(tmp_path))


def test_every_label_of_the_references_can_be_asked_for() -> None:
    entries = json.loads(REFERENCES.read_text())
    labels = [entry["kind"] for entry in entries["meshes"]]
    for label in {*labels, *(entry["label"] for entry in entries["photographs"])}:
        assert parse_request(label, 300).noun.readings, label
