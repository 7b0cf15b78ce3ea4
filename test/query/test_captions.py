"""Captions are retrieved by the principal queries, at a point and in a keyframe."""

from dataclasses import replace

import pytest
import torch

from m3_ros.errors import UsageError
from m3_ros.memory.sources import Sources
from m3_ros.query.captions import captions_at, captions_of_view, remembered_answer

COLORS = ("red", "green", "blue", "yellow")


@pytest.fixture(scope="module")
def memory(toy, toy_memory):
    """The toy memory, each component of which was captioned by the colour at its origin."""
    model = toy_memory.models["color"]
    words = []
    for frame, row, column in model.bank.origins.tolist():
        red, green, blue = toy.frames[frame].rgb[2 * row, 2 * column].astype(int)
        flags = red > blue + 60, green > blue + 60, blue > red + 60
        names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 0): "yellow"}
        words.append(f"a {names.get(tuple(map(int, flags)), 'grey')} thing")
    grids = torch.full((toy_memory.frames, 2), 1) * torch.tensor([30, 40])
    kept = replace(model, sources=Sources(grids, tuple(words)))
    return replace(toy_memory, models={"color": model, "llama3": kept})


@pytest.mark.parametrize("color", COLORS)
def test_at_an_object_its_own_caption_is_first(memory, toy, color):
    x, y = toy.places[color]
    found = captions_at(memory, (x, y, toy.table_z + toy.box))
    assert found[0][0] == f"a {color} thing" and found[0][1] > 0.4
    assert sum(share for _, share in found) == pytest.approx(1, abs=1e-4)


def test_a_keyframe_has_the_captions_of_all_it_shows(memory):
    found = dict(captions_of_view(memory, 0))
    assert {f"a {color} thing" for color in COLORS} < set(found)
    assert max(found, key=found.get) == "a grey thing"  # the table


def test_a_memory_without_the_model_is_told(toy_memory, memory):
    with pytest.raises(UsageError, match="nothing of llama3; `m3 build SCAN --encoder"):
        captions_at(toy_memory, (0, 0, 0))
    with pytest.raises(UsageError, match="nothing of llamav"):
        remembered_answer(toy_memory, 0)
    mute = replace(memory.models["llama3"], sources=Sources(torch.ones(1, 2).long()))
    with pytest.raises(UsageError, match="no captions of llama3"):
        captions_at(replace(memory, models={"llama3": mute}), (0, 0, 0))
