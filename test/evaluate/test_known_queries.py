"""Queries mean what they say: every named object is in the scene, every absent one is not."""

import numpy as np
import pytest

from m3_ros.evaluate.known_queries import absent_labels, known_queries, query_scene
from m3_ros.sim.scene import parse_label


@pytest.mark.parametrize("seed", [500_000, 500_001, 500_002])
def test_every_query_has_its_objects(seed):
    scene = query_scene(seed)
    assert 8 <= len(scene.objects) <= 14
    asked = list(known_queries(scene))
    assert asked == list(known_queries(scene))
    by_name = {item.name: item for item in scene.objects}
    for query in asked:
        if query.kind in ("absent", "hard absent", "absent category", "unknown"):
            assert query.names == ()
        elif query.kind == "ambiguous":
            assert len(query.names) > 1
        else:
            assert len(query.names) == 1
        if query.kind == "present":
            assert by_name[query.names[0]].label == query.text
    present = {name for query in asked if query.kind in ("present", "ambiguous")
               for name in query.names}  # fmt: skip
    assert present == set(by_name)
    assert {"absent", "hard absent", "unknown", "ambiguous", "phrase"} <= {q.kind for q in asked}
    kinds = [query.text for query in asked if query.kind == "absent category"]
    assert len(set(kinds)) == len(kinds) == 12
    assert not set(kinds) & {item.model.category for item in scene.objects}


def test_pairs_are_alike_in_odd_scenes_and_differ_in_colour_in_even_ones():
    for seed in (500_000, 500_001):
        first, second = query_scene(seed).objects[:2]
        assert first.model.category == second.model.category
        assert (first.label == second.label) == bool(seed % 2)


def test_absent_things_are_absent_and_half_of_them_hard():
    present = ["red mug", "blue can", "yellow bath duck"]
    chosen = absent_labels(present, np.random.default_rng(0))
    assert len(chosen) == 6
    assert not {label for _, label in chosen} & set(present)
    things, colors = {"mug", "can", "duck"}, {"red", "blue", "yellow"}
    for kind, label in chosen:
        category, color = parse_label(label)
        assert (category in things) == (kind == "hard absent")
        assert kind == "absent" or color in colors
