"""Splits of objects and colours for training and testing the compact encoder."""

from dataclasses import dataclass

from m3_ros.sim.objects import COLORS, held_out_pair


@dataclass(frozen=True)
class Split:
    """Which objects and colours a data set may show.

    Attributes:
        structures: split of `make_object`.
        pairs: "seen" leaves held-out colours of a category out, "held out" shows only them,
            "any" does not care.
        plain: share of things whose details have the colour of the rest: much of what others
            make is of one colour, and to be told by its shape.
        remodelled: share of things that are modelled anew (`compact_remodel`).
    """

    structures: str
    pairs: str
    plain: float = 0.0
    remodelled: float = 0.0

    def colors(self, category: str) -> list[int]:
        """Return the colour indices allowed for a category."""
        hidden = [held_out_pair(category, name) for name in COLORS]
        keep = {"seen": [not h for h in hidden], "held out": hidden, "any": [True] * len(hidden)}
        return [i for i, ok in enumerate(keep[self.pairs]) if ok]


SPLITS = {
    "train": Split("train", "seen", plain=0.3, remodelled=0.3),
    "seen": Split("train", "seen"),
    "pairs": Split("train", "held out"),
    "structures": Split("unseen", "any"),
}
"""train and seen differ in seed alone; pairs and structures are never trained on."""
TESTS, TEST_SEED = ("seen", "pairs", "structures"), 1
"""Test splits and their seed, the same for every training."""
