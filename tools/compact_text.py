"""Stage 2 of the compact encoder: a text tower that lands on the image tower's directions.

A caption's target is a category half and a colour half; what it leaves open is zero. Words for
things we never render go to a direction that no picture was ever taught to show.
"""

import gzip
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from compact_vocabulary import (
    ALIASES,
    FILLERS,
    FRAMES,
    SHADE_ALIASES,
    STRANGERS,
    SURFACES,
    THINGS,
    UNKNOWN_WORDS,
    held_out_alias,
)
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from torch import Tensor

from m3_ros.sim.objects import CATEGORIES, COLORS


def whole_words() -> list[str]:
    """Plain words among CLIP's byte pairs: what a prompt may contain besides our names."""
    merges = gzip.decompress(Path(default_bpe()).read_bytes()).decode().split("\n")[1:40000]
    words = {"".join(m.split()).removesuffix("</w>") for m in merges if m.endswith("</w>")}
    ours = {word for names in ALIASES.values() for name in names for word in name.split()}
    ours |= {
        word
        for name in (*CATEGORIES, *COLORS, *THINGS, *SURFACES, *FILLERS)
        for word in name.split()
    }
    ours |= {word for names in SHADE_ALIASES.values() for name in names for word in name.split()}
    plain = (word for word in words if word.isascii() and word.isalpha() and len(word) > 3)
    return sorted(
        word for word in plain if word not in ours and word.removesuffix("s") not in ours
    )


def _plural(name: str, rng: np.random.Generator) -> str:
    return name + "s" if rng.random() < 0.08 and not name.endswith("s") else name


class Captions:
    """Random captions with the row of the category and the colour they mean."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.words = whole_words()

    def _pick(self, options: list[str]) -> str:
        return options[self.rng.integers(len(options))]

    def _color(self) -> tuple[str, int]:
        rng, names = self.rng, list(COLORS)
        number = int(rng.integers(len(names)))
        if rng.random() < 0.65:
            return names[number], number
        return self._pick(SHADE_ALIASES[names[number]]), number

    def _thing(self) -> tuple[str, int]:
        rng = self.rng
        draw = rng.random()
        if draw < 0.72:
            number = int(rng.integers(len(CATEGORIES)))
            category = CATEGORIES[number]
            names = [n for n in ALIASES[category] if n != held_out_alias(category)]
            return _plural(category if rng.random() < 0.5 else self._pick(names), rng), number
        if draw < 0.77:
            return self._pick(SURFACES), len(CATEGORIES)
        if draw < 0.78:
            return self._pick(STRANGERS), len(CATEGORIES) + 1
        return self._pick(UNKNOWN_WORDS if draw < 0.9 else self.words), len(CATEGORIES) + 2

    def draw(self) -> tuple[str, int, int]:
        """A caption, its category row (-1: any) and colour row (-1: any)."""
        rng = self.rng
        color = -1
        if rng.random() < 0.06:
            thing, category = self._pick(THINGS), -1
        else:
            thing, category = self._thing()
        phrase = [thing]
        if category != len(CATEGORIES) and rng.random() < (0.75 if category >= 0 else 0.85):
            shade, color = self._color()
            if rng.random() < 0.08:
                phrase = [
                    thing,
                    self._pick(["that is", "which is", "in", "coloured", "colored"]),
                    shade,
                ]
            else:
                phrase = [shade, thing]
        if rng.random() < 0.25:
            phrase.insert(int(rng.integers(2)) if len(phrase) == 2 else 0, self._pick(FILLERS))
        return self._pick(FRAMES).format(" ".join(phrase)), category, color


def foreign_direction(categories: Tensor) -> Tensor:
    """Unit vector equally far from all `categories [n, d]`: what no picture shows."""
    return F.normalize(
        torch.linalg.lstsq(categories, -torch.ones(len(categories), 1)).solution[:, 0], dim=0
    )


def caption_targets(category: Tensor, color: Tensor, categories: Tensor, colors: Tensor) -> Tensor:
    """Unit target `[n, 128]`; a half that the caption leaves open is zero."""
    halves = [
        table[rows.clamp(min=0)] * (rows >= 0)[:, None]
        for rows, table in ((category, categories), (color, colors))
    ]
    return F.normalize(torch.cat(halves, -1), dim=-1)


def train_text(
    model: torch.nn.Module,
    tokenizer: SimpleTokenizer,
    categories: Tensor,
    colors: Tensor,
    steps: int,
    seed: int,
) -> float:
    """Fit the text tower of an open_clip model to the directions; returns the last mean cosine.

    Args:
        categories: `[classes, 96]` unit directions: the named ones, table, unknown.
        colors: `[shades, 32]` unit directions.
    """
    categories = torch.cat([categories, foreign_direction(categories)[None]])
    captions = Captions(seed)
    tower = [p for name, p in model.named_parameters() if not name.startswith("visual")]
    optimizer = torch.optim.AdamW(tower, lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, total_steps=steps, pct_start=0.1
    )
    mean = 0.0
    for step in range(steps):
        texts, rows, hues = zip(*[captions.draw() for _ in range(128)], strict=True)
        target = caption_targets(torch.tensor(rows), torch.tensor(hues), categories, colors)
        found = F.normalize(model.encode_text(tokenizer(list(texts))), dim=-1)
        cosine = (found * target).sum(-1)
        optimizer.zero_grad()
        (1 - cosine).mean().backward()
        optimizer.step()
        schedule.step()
        mean = 0.98 * mean + 0.02 * cosine.mean().item() if step else cosine.mean().item()
        if step % 100 == 0:
            print(f"text step {step}  cosine {mean:.4f}", flush=True)
    return mean
