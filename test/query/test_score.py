"""What a text says, and how likely features show it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.config import QueryConfig
from m3_ros.query.calibration import Calibration
from m3_ros.query.grammar import QueryError
from m3_ros.query.request import parse_request
from m3_ros.query.score import Query, Scorer, image_query, text_query
from m3_ros.query.segment import Segments


def test_probabilities_tell_colours_apart(toy):
    rows = toy.model.encode_text(["red", "green", "blue"])
    red = text_query(toy.model, parse_request("red box", 300).noun).score(rows)
    assert red[0] > 0.9
    assert red[1:].max() < 0.1
    assert text_query(toy.model, parse_request("umbrella", 300).noun).score(rows).max() < 0.1


def test_a_picture_is_a_query_like_a_word(toy):
    rows = toy.model.encode_text(["red", "green", "blue"])
    crop = np.full((20, 20, 3), (20, 20, 230), np.uint8)
    np.testing.assert_allclose(
        image_query(toy.model, crop).score(rows),
        text_query(toy.model, parse_request("blue", 300).noun).score(rows),
    )


class Vocabulary:
    """A model that knows some kinds only, and keeps what it encodes."""

    logit_scale = 1.0

    def __init__(self, *kinds):
        self._kinds, self.encoded = kinds, []

    def in_vocabulary(self, text):
        return text in self._kinds

    def encode_text(self, texts):
        self.encoded += texts
        return np.eye(2, dtype=np.float32)[[0] * len(texts)]

    def negatives(self, text):
        return []


@pytest.mark.parametrize(
    ("kinds", "encoded"),
    [
        (("orange fruit", "fruit"), ["orange fruit"]),
        (("fruit",), ["fruit", "orange thing"]),
    ],
)
def test_the_first_reading_in_the_vocabulary_is_meant(kinds, encoded):
    model = Vocabulary(*kinds)
    query = text_query(model, parse_request("orange fruit", 300).noun)
    assert query.unknown == "" and len(query.attributes) == len(encoded)
    assert model.encoded[: len(encoded)] == encoded


def test_the_kind_that_no_reading_has_in_the_vocabulary_is_named():
    query = text_query(Vocabulary("mug"), parse_request("orange fruit", 300).noun)
    assert query.unknown == "orange fruit"
    scores = query.score(np.ones((2, 3, 4), np.float32))
    assert scores.shape == (2, 3) and not scores.any()


def scorer(memory, model, calibration=None, **settings):
    config = QueryConfig(**settings)
    segments = Segments(memory, memory.models["color"], config)
    return Scorer(segments, model, config, calibration or Calibration())


def hypotheses(scored, query):
    return scored.hypotheses(query, scored.of_gaussians(query))


def scores(model, **colors):
    """A query that scores features by their similarity to colours, times a factor each."""
    rows = model.encode_text(list(colors))
    factors = np.array(list(colors.values()))
    return Query("it", (lambda f: ((f @ rows.T).clip(0, 1) * factors).max(-1),))


@pytest.mark.parametrize(("second", "count"), [(0.88, 1), (0.92, 2)])
def test_what_is_nearly_as_probable_is_listed_too(toy, toy_memory, second, count):
    scored = scorer(toy_memory, toy.model)
    found = hypotheses(scored, scores(toy.model, red=0.98, blue=0.98 * second))
    assert len(found) == count
    assert found[0].score > 0.9 and found[0].score == max(item.score for item in found)


@pytest.mark.parametrize(
    ("factor", "count", "uncertain"), [(0.18, 0, False), (0.38, 1, True), (0.42, 1, False)]
)
def test_what_is_less_probable_is_uncertain_or_no_hypothesis(
    toy, toy_memory, factor, count, uncertain
):
    scored = scorer(toy_memory, toy.model)
    found = hypotheses(scored, scores(toy.model, red=factor))
    assert len(found) == count and scored.uncertain(found) is uncertain


def test_what_is_uncertain_does_not_stand_beside_what_is_found(toy, toy_memory):
    scored = scorer(toy_memory, toy.model, ambiguity_share=0.0)
    assert len(hypotheses(scored, scores(toy.model, red=0.9, blue=0.3))) == 1
    assert len(hypotheses(scored, scores(toy.model, red=0.35, blue=0.25))) == 2


def test_a_hypothesis_is_a_segment_with_its_feature(toy, toy_memory):
    scored = scorer(toy_memory, toy.model)
    (red,) = hypotheses(scored, scored.query("red"))
    np.testing.assert_array_equal(red.members, red.segment.members)
    assert red.feature @ toy.model.encode_text(["red"])[0] > 0.95


def test_objects_that_touch_are_parts_of_one_segment(toy):
    """Only where their appearance differs."""
    places = {"red": (0.0, -toy.box / 2), "blue": (0.0, toy.box / 2)}
    scored = scorer(toy.remember(places), toy.model)
    (red,) = hypotheses(scored, scored.query("red"))
    (pair,) = hypotheses(scored, scores(toy.model, red=0.9, blue=0.9))
    assert red.segment.id == pair.segment.id == 0
    assert len(red.members) < 0.7 * len(red.segment.members)
    np.testing.assert_array_equal(pair.members, pair.segment.members)
    coarse = scorer(toy.remember(places), toy.model, min_segment_area=0.018)
    together = hypotheses(coarse, coarse.query("red"))  # each is less than a segment
    assert not together or coarse.uncertain(together)


def test_what_is_attached_goes_with_the_object(toy):
    """Here the lower part of a box of another colour: attached if its axis is near enough."""
    memory = toy.remember({"red": (0.0, -toy.box / 2), "blue": (0.0, toy.box / 2)})
    means, model = memory.gaussians.means, memory.models["color"]
    upper = (means[:, 1] > 0.002) & (means[:, 2] > toy.table_z + toy.box / 2)
    model = replace(model, reliability=torch.where(upper, 0.0, model.reliability))
    memory = replace(memory, models={"color": model})
    for offset, share, attached in ((0.05, 0.9, False), (0.07, 0.9, True), (0.07, 0.1, False)):
        scored = scorer(memory, toy.model, attached_offset=offset, attached_share=share)
        query = scores(toy.model, red=0.98)
        (red,) = hypotheses(scored, query)
        assert (len(red.members) == len(red.segment.members)) == attached
        assert red.score > 0.9  # of what was asked for, without what is attached
        assert (scored.probabilities(query, red.feature) < red.score - 0.01) == attached


def test_probabilities_are_calibrated_by_the_number_of_attributes(toy, toy_memory):
    calibration = Calibration(1.0, 0.5, 2.0)
    scored = scorer(toy_memory, toy.model, calibration)
    rows = toy.model.encode_text(["red", "blue"])
    for text, count in (("red", 1), ("red box", 2)):
        query = scored.query(text)
        assert len(query.attributes) == count
        expected = calibration(query.score(rows), count)
        np.testing.assert_allclose(scored.probabilities(query, rows), expected)


def test_every_attribute_counts(toy):
    rows = toy.model.encode_text(["red", "blue"])
    query = text_query(toy.model, parse_request("red box", 300).noun)
    color = text_query(toy.model, parse_request("red", 300).noun)
    kind = text_query(toy.model, parse_request("box", 300).noun)
    np.testing.assert_allclose(query.score(rows), color.score(rows) * kind.score(rows))


@pytest.mark.parametrize(("cosine", "score"), [(0.86, 1.0), (0.84, 0.54)])
def test_a_negative_that_means_the_same_is_left_out(cosine, score):
    class Model:
        logit_scale = 1.0

        def in_vocabulary(self, text):
            return True

        def negatives(self, text):
            return ["negative"]

        def encode_text(self, texts):
            near = [cosine, np.sqrt(1 - cosine**2)]
            return np.array([near if text == "negative" else [1, 0] for text in texts], np.float32)

    query = text_query(Model(), parse_request("mug", 300).noun)
    assert query.score(np.array([1, 0], np.float32)) == pytest.approx(score, abs=0.005)


def test_a_match_is_relative_to_the_others(toy, toy_memory):
    scored = scorer(toy_memory, toy.model)
    red, blue, green = toy.model.encode_text(["red", "blue", "green"])
    assert scored.match(red, red, np.stack([blue, green])) > 0.99
    assert scored.match(blue, red, np.stack([blue, green])) < 0.01
    assert scored.match(green, red, np.stack([blue])) == pytest.approx(0.5)
    assert scored.match(blue, red, np.zeros((0, len(red)), np.float32)) == 1.0


def test_a_text_is_encoded_once(toy, toy_memory):
    scored = scorer(toy_memory, toy.model)
    assert scored.query("Find the red box!") is scored.query("red box")
    with pytest.raises(QueryError):
        scorer(toy_memory, toy.model, max_query_length=5).query("red box")


def test_gaussians_have_the_probability_of_what_they_show(toy, toy_memory):
    scored = scorer(toy_memory, toy.model)
    values = scored.of_gaussians(scored.query("red"))
    assert values.shape == (len(toy.gaussians),)
    on_box = np.abs(toy.gaussians.means.numpy()[:, :2] - toy.places["red"]).max(1) < 0.02
    assert values[on_box].max() > 0.9 and values[~on_box].mean() < 0.1
