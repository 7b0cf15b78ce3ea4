"""Random scenes, and queries about them with known answers, for calibration and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from m3_ros.sim.objects import CATEGORIES, COLORS
from m3_ros.sim.scene import SceneObject, TableScene, label_of, random_scene

OBJECTS = (8, 15)
"""Objects of a scene: from, below."""
ABSENT, ABSENT_KINDS, UNKNOWN_WORDS = 6, 12, 2
"""Absent labels a scene, half of them hard; absent categories; words of `UNKNOWN`."""
UNKNOWN = ("umbrella", "scissors", "backpack", "wrist watch", "keyboard", "potted plant")
"""Words that name no category of the simulation."""
PHRASES = ("the {} please", "could you find the {}?", "Bring me a {}!", "where are my {}s")
SYNONYMS = {
    "duck": "rubber duck",
    "can": "tin",
    "flashlight": "torch",
    "phone": "smartphone",
    "computer mouse": "mouse",
    "ball": "football",
    "wrench": "spanner",
    "teapot": "kettle",
    "light bulb": "bulb",
    "tape roll": "sticky tape",
    "remote control": "tv remote",
    "book": "notebook",
    "marker": "pen",
    "cup": "tumbler",
    "soap bar": "soap",
}


@dataclass(frozen=True)
class KnownQuery:
    """A query and the objects that it means.

    Attributes:
        kind: "present"; in other words "phrase", "synonym", "category" (without colour);
            "ambiguous"; "absent", "hard absent" (colour and category occur, not together),
            "absent category" or "unknown".
        text: the words.
        names: objects of the scene that it means; none when absent, two and more when ambiguous.
    """

    kind: str
    text: str
    names: tuple[str, ...]


def query_scene(seed: int) -> TableScene:
    """Make a table with 8 to 14 objects, two of a kind: of one colour for odd seeds only."""
    rng = np.random.default_rng([seed, 11])
    category = str(rng.choice(CATEGORIES))
    first, second = (label_of(category, str(c)) for c in rng.permutation(list(COLORS))[:2])
    pair = (first, first if seed % 2 else second)
    return random_scene(seed, int(rng.integers(*OBJECTS)), include=pair)


def known_queries(scene: TableScene) -> Iterator[KnownQuery]:
    """Yield queries for every object by its label, some in other words, and for absent objects."""
    rng = np.random.default_rng([scene.seed, 12])
    objects = scene.objects
    for label in sorted({item.label for item in objects}):
        yield _query("present", label, [item for item in objects if item.label == label])
    for category in sorted({item.model.category for item in objects}):
        items = [item for item in objects if item.model.category == category]
        yield _query("category", category, items)
        if category in SYNONYMS:
            yield _query("synonym", SYNONYMS[category], items)
    labels = [item.label for item in objects]
    item = rng.choice([item for item in objects if labels.count(item.label) == 1])
    yield _query("phrase", PHRASES[scene.seed % len(PHRASES)].format(item.label), [item])
    for kind, label in absent_labels(labels, rng):
        yield KnownQuery(kind, label, ())
    absent = sorted(set(CATEGORIES) - {item.model.category for item in objects})
    for category in rng.permutation(absent)[:ABSENT_KINDS]:
        yield KnownQuery("absent category", str(category), ())
    for word in rng.permutation(UNKNOWN)[:UNKNOWN_WORDS]:
        yield KnownQuery("unknown", str(word), ())


def _query(kind: str, text: str, items: Sequence[SceneObject]) -> KnownQuery:
    names = tuple(item.name for item in items)
    return KnownQuery(kind if len(names) == 1 else "ambiguous", text, names)


def absent_labels(present: Sequence[str], rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return kinds of query and labels of objects that are not there, half of them hard."""
    every = [label_of(category, color) for category in CATEGORIES for color in COLORS]
    split = [label.partition(" ")[::2] for label in present]
    colors, kinds = {color for color, _ in split}, {kind for _, kind in split}

    def hard(label: str) -> bool:
        color, _, kind = label.partition(" ")
        return color in colors and kind in kinds

    absent = [label for label in every if label not in present]
    easy = [label for label in absent if label.partition(" ")[2] not in kinds]
    difficult = [label for label in absent if hard(label)]
    chosen = [("absent", str(label)) for label in rng.permutation(easy)[: ABSENT // 2]]
    return chosen + [
        ("hard absent", str(label)) for label in rng.permutation(difficult)[: ABSENT // 2]
    ]
