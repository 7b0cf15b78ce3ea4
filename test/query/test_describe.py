"""Inventory, sentences and questions, on a world where the truth is known."""

import re
from dataclasses import replace

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.memory.registration import scaled
from m3_ros.query.answer import Localizer
from m3_ros.query.calibration import Calibration
from m3_ros.query.describe import describe, describe_at
from m3_ros.query.grammar import QueryError
from m3_ros.query.inventory import UNKNOWN, Inventory
from m3_ros.query.question import answer_question
from m3_ros.query.request_words import Relation


@pytest.fixture(scope="module")
def localizer(toy_memory, toy):
    return Localizer(toy_memory, toy.model)


@pytest.fixture(scope="module")
def inventory(localizer):
    return Inventory(localizer)


def told(inventory, question):
    answer = answer_question(inventory, question)
    return {inventory[index].color for index in answer.objects}


def test_every_object_has_kind_colour_size_place_and_surface(inventory, toy):
    assert {item.name for item in inventory} == {f"{color} box" for color in toy.places}
    for item in inventory:
        truth = [*toy.places[item.color], toy.table_z + toy.box / 2]
        np.testing.assert_allclose(item.box.center, truth, atol=0.005)
        np.testing.assert_allclose(item.box.size, toy.box, atol=0.014)
        assert item.surface == "table" and not item.doubtful


def test_probabilities_are_those_of_queries(inventory, localizer):
    asked = {target.id: target.score for target in localizer.locate("all boxes").targets}
    assert {item.id: item.score for item in inventory} == asked


def test_the_nearest_neighbour_and_the_relation_to_it_are_told(inventory):
    by_color = {item.color: item for item in inventory}
    red, green = by_color["red"], by_color["green"]
    assert inventory[red.neighbour].color == "yellow"
    assert inventory[green.neighbour].color == "yellow" and green.relation is Relation.LEFT


def test_a_sentence_for_every_object(inventory):
    description = describe(inventory)
    assert description.objects == [0, 1, 2, 3]
    green = next(text for text in description.sentences if text.startswith("a green box"))
    size = r"\d x \d x \d cm"
    place = r"at x 0\.1\d\d, y 0\.\d+, z 0\.5\d\d m in map"
    pattern = rf"a green box, {size}, on the table, left of the yellow box, {place} \(sure: [01]\."
    assert re.match(pattern, green), green


def test_what_fits_no_word_is_an_unknown_object(toy_memory, toy):
    class Stranger(type(toy.model)):
        def vocabulary(self):
            return ["umbrella"]

    inventory = Inventory(Localizer(toy_memory, Stranger()))
    assert [item.kind for item in inventory] == 4 * [UNKNOWN]
    assert {item.color for item in inventory} == set(toy.places)
    sentences = describe(inventory).sentences
    assert all("unknown object, 6 x" in text or " x " in text for text in sentences)
    assert not any("sure" in text for text in sentences)
    assert answer_question(inventory, "how many unknown objects?").sentences[0].endswith(": 4")


def test_a_kind_that_cannot_be_decided_is_said_to_be_perhaps(toy_memory, toy):
    doubtful = Localizer(toy_memory, toy.model, calibration=Calibration(0.05, -1.3))
    inventory = Inventory(doubtful)
    assert all(item.doubtful for item in inventory)
    assert describe(inventory).sentences[0].startswith("perhaps a")
    assert (
        answer_question(inventory, "how many boxes are there").sentences[0] == "boxes: perhaps 4"
    )


@pytest.mark.parametrize(
    ("question", "colors"),
    [
        ("What is on the table?", "red green blue yellow"),
        ("what's on the table and not red", "green blue yellow"),
        ("what is left of the red box?", "green blue yellow"),
        ("what is in front of the yellow box", "red blue"),
        ("which boxes are not red?", "green blue yellow"),
        ("how many boxes are there?", "red green blue yellow"),
        ("how many red boxes are there on the table", "red"),
        ("how many umbrellas are there", ""),
        ("is there a blue box on the table?", "blue"),
        ("which things on the table are not red", "green blue yellow"),
        ("is there anything left of the red box", "green blue yellow"),
        ("what do you see?", "red green blue yellow"),
        ("what is the leftmost thing", "blue green"),
        ("how many things are there", "red green blue yellow"),
    ],
)
def test_questions_are_answered_from_the_inventory(inventory, question, colors):
    assert told(inventory, question) == set(colors.split())


def test_answers_begin_with_what_was_asked(inventory):
    assert answer_question(inventory, "how many boxes are there?").sentences[0] == "boxes: 4"
    none = answer_question(inventory, "how many umbrellas are there?").sentences
    assert none == ["umbrellas: 0 (nothing here looks like 'umbrella')"]
    assert answer_question(inventory, "is there a red box").sentences[0] == "yes"
    assert answer_question(inventory, "are there any umbrellas?").sentences[0].startswith("no:")
    assert answer_question(inventory, "what is on the red box").sentences[0].startswith("nothing:")


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("where is the duck?", "'where is the duck?' is no question"),
        ("what is the box", "'what is the box' is no question"),
        ("what colour is the box?", "'what colour is the box?' is no question"),
        ("how many boxes are red", "'how many boxes are red' is no question"),
        ("tell me a story", "'tell me a story' is no question"),
        ("how many gizmos are there?", "has not learnt what 'gizmo' is"),
        ("what is near the gizmo", "has not learnt what 'gizmo' is"),
        ("how many tables are there", "'table' is a surface"),
        ("what is left of the table", "only 'on' or 'under'"),
        ("how many two boxes", "has a number"),
        ("what is on the table or the floor", "'or' is not understood"),
        (" ", "empty"),
        ("what is " + "very " * 200, "at most"),
    ],
)
def test_other_questions_are_refused_by_name(inventory, question, named):
    with pytest.raises(QueryError, match=re.escape(named)):
        answer_question(inventory, question)


def test_a_point_is_answered_with_the_object_there_or_the_nearest(inventory, toy):
    at = [*toy.places["red"], toy.table_z + toy.box / 2]
    there = describe_at(inventory, at)
    assert [inventory[index].color for index in there.objects] == ["red"]
    assert there.sentences[0].startswith("a red box")
    above = describe_at(inventory, [at[0], at[1], at[2] + 0.13])
    assert re.match(
        r"nothing is at 0, -0.15, 0.66; nearest, (9|10) cm away: a red box", *above.sentences
    )
    with pytest.raises(QueryError, match="finite"):
        describe_at(inventory, [0.0, float("nan"), 0.0])


def test_a_memory_without_scale_is_described_in_its_unit(toy_memory, toy):
    memory = replace(scaled(toy_memory, 2.5), metric=False)
    inventory = Inventory(Localizer(memory, toy.model))
    assert len(inventory) == 4
    for item in inventory:
        np.testing.assert_allclose(
            item.box.center[:2], 2.5 * np.array(toy.places[item.color]), atol=0.02
        )
    assert all(
        " units in map" in text and " cm" not in text for text in describe(inventory).sentences
    )


def test_the_edge_of_the_table_is_no_object(toy):
    y, z = np.meshgrid(
        np.arange(-0.4, 0.4, 0.008), np.arange(toy.table_z - 0.04, toy.table_z, 0.008)
    )
    edge = np.stack([np.full(y.size, -0.405), y.ravel(), z.ravel()], -1)
    places = {"red": toy.places["red"], "blue": toy.places["blue"]}
    localizer = Localizer(toy.remember(places, [(edge, "green")]), toy.model)
    assert len(localizer.segments) == 2
    assert len(localizer.segments.all_members()) > sum(len(s.members) for s in localizer.segments)
    assert localizer.locate("green").status is QueryStatus.NOT_FOUND
    assert {item.color for item in Inventory(localizer)} == {"red", "blue"}
