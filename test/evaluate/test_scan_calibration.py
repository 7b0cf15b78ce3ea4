"""A calibration from what the views of a scan agree on."""

import numpy as np
import pytest

from m3_ros.errors import DataError
from m3_ros.evaluate import scan_calibration
from m3_ros.features.open_vocabulary import KINDS
from m3_ros.query.answer import Localizer
from m3_ros.query.request import parse_request

COLORS = ["red", "green", "blue", "yellow"]


def test_views_agree_on_what_is_there(toy, toy_memory):
    localizer = Localizer(toy_memory, toy.model)
    agreed = scan_calibration.agreed_words(toy.frames, localizer, COLORS, [])
    assert sorted(agreed.values()) == sorted(COLORS)
    for id, color in agreed.items():
        center = localizer.segments.points[localizer.segments[id].members].mean(0)
        np.testing.assert_allclose(center[:2], toy.places[color], atol=0.02)


def test_too_few_views_agree_on_nothing(toy, toy_memory):
    localizer = Localizer(toy_memory, toy.model)
    assert not scan_calibration.agreed_words(toy.frames[:1], localizer, COLORS, [])


def test_what_the_views_agree_on_becomes_probable(toy, toy_memory, monkeypatch):
    monkeypatch.setattr(scan_calibration, "KINDS", ("red", "green", "blue", "umbrella"))
    monkeypatch.setattr(scan_calibration, "GENERAL", ())
    monkeypatch.setattr(scan_calibration, "COLORS", ())
    found = scan_calibration.calibrate_by_views(toy.frames, toy_memory, toy.model)
    assert {"red", "green", "blue"} <= set(found.agreed)
    of = found.calibration
    assert of(np.float32(0.9999)) > 0.5 > of(np.float32(0.0001)) and 0.0 < of.slope < 1.0


def test_a_scan_of_nothing_known_is_told(toy, toy_memory, monkeypatch):
    monkeypatch.setattr(scan_calibration, "KINDS", ("umbrella",))
    with pytest.raises(DataError, match="agree on .* of 1 words"):
        scan_calibration.calibrate_by_views(toy.frames, toy_memory, toy.model)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_asked_for(kind):
    request = parse_request(kind, 300)
    assert request.noun is not None and not request.structured
