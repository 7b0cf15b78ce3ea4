"""Evaluation of the compact encoder on held-out renderings: the figures of the model card."""

from pathlib import Path

import compact_scenes as scenes
import cv2
import numpy as np
from compact_room import COLOR_NAMES
from compact_synonyms import HELD_OUT_ALIASES
from numpy.typing import NDArray

from m3_ros.features.compact import CompactExtractor
from m3_ros.features.extractor import probability
from m3_ros.sim.objects import CATEGORIES, COLORS, held_out_pair

MIN_OBJECT_PIXELS, LARGE_OBJECT_PIXELS = 400, 1600
"""Pixels (of 640 x 480) that an object must show to count, and to count as large."""


def _hidden(category: int, color: int) -> bool:
    """Return whether training left a pair out: as an absent prompt it would be too easy."""
    return held_out_pair(CATEGORIES[category], COLOR_NAMES[color])


class _Prompts:
    """Encoded prompts and their negatives, each computed once."""

    def __init__(self, extractor: CompactExtractor) -> None:
        self.extractor = extractor
        self._kept: dict[str, tuple[NDArray, NDArray]] = {}

    def heat(self, features: NDArray, prompt: str) -> NDArray:
        """Probability `[h, w]` that a place shows the prompt."""
        if prompt not in self._kept:
            text = self.extractor.encode_text([prompt])[0]
            negatives = self.extractor.encode_text(self.extractor.negatives(prompt))
            self._kept[prompt] = text, negatives
        return probability(features, *self._kept[prompt], self.extractor.logit_scale)


def _auc(positive: list[float], negative: list[float]) -> float:
    """Return the area under the ROC curve."""
    scores = np.array(positive + negative)
    order = scores.argsort().argsort()
    n, m = len(positive), len(negative)
    return float((order[:n].sum() - n * (n - 1) / 2) / (n * m)) if n and m else float("nan")


def same_color(one: int, other: int) -> bool:
    """Return whether two colours count as the same: grey and white do, as exposure varies."""
    return one == other or {one, other} <= {COLOR_NAMES.index("grey"), COLOR_NAMES.index("white")}


def _top_one(region: NDArray, table: NDArray, category: int, color: int, hits: dict) -> None:
    """Classify a mask-pooled feature among all category-colour prompts."""
    best = int(np.argmax(table @ region))
    got_category, got_color = divmod(best, len(COLORS))
    hits["category"].append(got_category == category)
    hits["color"].append(same_color(got_color, color))
    hits["both"].append(hits["category"][-1] and hits["color"][-1])


def _cut_off(mask: NDArray) -> bool:
    """Return whether the border of the image cuts off a part of a mask `[H, W]`."""
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def evaluate(extractor: CompactExtractor, folder: Path, limit: int, seed: int = 0) -> dict:
    """Measure the encoder on a data set of `compact_scenes.render`.

    Returns:
        Rates 0..1 and counts: top-1 of objects (category, the same of those that the picture
        shows whole, colour, both), pointing (all, large objects, by a synonym), mean IoU at
        probability 0.5, AUC against absent prompts (random; category and colour both present but
        not together).
    """
    rng = np.random.default_rng(seed)
    rgb, slots, labels = (
        np.load(folder / f"{n}.npy", mmap_mode="r") for n in ("rgb", "slots", "labels")
    )
    table = extractor.encode_text(
        [f"a {color} {thing}" for thing in CATEGORIES for color in COLORS]
    )
    prompts = _Prompts(extractor)
    hits: dict[str, list] = {
        k: [] for k in ("category", "whole", "color", "both", "point", "large", "alias", "iou")
    }
    present, absent, hard = [], [], []
    for number in range(min(limit, len(rgb))):
        features = extractor.extract(np.ascontiguousarray(rgb[number])).features
        h, w = features.shape[:2]
        size = np.bincount(slots[number].ravel(), minlength=256)
        pairs: dict[tuple[int, int], list[int]] = {}
        for slot in range(1, scenes.SLOTS + 1):
            category, color = map(int, labels[number, slot - 1])
            if category < len(CATEGORIES) and size[slot] > 0:
                pairs.setdefault((category, color), []).append(slot)
        for (category, color), members in pairs.items():
            if max(size[s] for s in members) < MIN_OBJECT_PIXELS:
                continue
            mask = np.isin(slots[number], members)
            share = cv2.resize(mask.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
            region = np.einsum("hw,hwd->d", share * (share > 0.5 * share.max()), features)
            _top_one(region, table, category, color, hits)
            if not _cut_off(mask):
                hits["whole"].append(hits["category"][-1])
            prompt = f"{COLOR_NAMES[color]} {CATEGORIES[category]}"
            heat = prompts.heat(features, prompt)
            full = cv2.resize(heat, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
            point = mask[np.unravel_index(full.argmax(), full.shape)]
            hits["point"].append(point)
            if max(size[s] for s in members) >= LARGE_OBJECT_PIXELS:
                hits["large"].append(point)
            guess = full > 0.5
            hits["iou"].append((guess & mask).sum() / (guess | mask).sum())
            present.append(float(heat.max()))
            if (alias := HELD_OUT_ALIASES.get(CATEGORIES[category])) is not None:
                other = cv2.resize(
                    prompts.heat(features, f"{COLOR_NAMES[color]} {alias}"), mask.shape[::-1]
                )
                hits["alias"].append(mask[np.unravel_index(other.argmax(), other.shape)])
        shown = {c for c, _ in pairs}, {k for _, k in pairs}
        for _ in range(4):
            category, color = int(rng.integers(len(CATEGORIES))), int(rng.integers(len(COLORS)))
            if (category, color) not in pairs and not _hidden(category, color):
                heat = prompts.heat(features, f"{COLOR_NAMES[color]} {CATEGORIES[category]}")
                absent.append(float(heat.max()))
        crossed = [
            (c, k) for c in shown[0] for k in shown[1] if (c, k) not in pairs and not _hidden(c, k)
        ]
        for index in rng.permutation(len(crossed))[:3]:
            category, color = crossed[index]
            heat = prompts.heat(features, f"{COLOR_NAMES[color]} {CATEGORIES[category]}")
            hard.append(float(heat.max()))
    figures = {name: round(float(np.mean(values)), 3) for name, values in hits.items() if values}
    figures |= {
        "auc_absent": round(_auc(present, absent), 3),
        "auc_hard": round(_auc(present, hard), 3),
    }
    return figures | {"pictures": min(limit, len(rgb)), "objects": len(hits["both"])}
