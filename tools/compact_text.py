"""Stage 2 of the compact encoder: a text tower that regresses the image tower's directions.

A caption's target is a category half and a colour half; what it leaves open is zero. Words for
things we never render go to a direction that no picture was ever taught to show.
"""

import gzip
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from compact_synonyms import ALIASES, HELD_OUT_ALIASES, SHADE_ALIASES
from compact_vocabulary import FILLERS, SENTENCES, STRANGERS, SURFACES, THINGS, UNKNOWN_WORDS
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from torch import Tensor

from m3_ros.sim.objects import CATEGORIES, COLORS

_ALIASES = {name for row in ALIASES.values() for name in row}
_HELD_OUT = set(HELD_OUT_ALIASES.values())
_LONGER_THAN_HELD_OUT = [
    name for name in _ALIASES if any(f" {k} " in f" {name} " for k in _HELD_OUT)
]


def vocabulary_words() -> set[str]:
    """Return all words of names, surfaces and fillers, held-out synonyms included."""
    names = [*CATEGORIES, *COLORS, *THINGS, *SURFACES, *FILLERS, *HELD_OUT_ALIASES.values()]
    names += [
        name for aliases in (ALIASES, SHADE_ALIASES) for row in aliases.values() for name in row
    ]
    return {word for name in names for word in name.split()}


def plain_words() -> list[str]:
    """Return plain words among CLIP's byte pairs that are not in our names."""
    merges = gzip.decompress(Path(default_bpe()).read_bytes()).decode().split("\n")[1:40000]
    words = {"".join(m.split()).removesuffix("</w>") for m in merges if m.endswith("</w>")}
    ours = vocabulary_words()
    plain = (word for word in words if word.isascii() and word.isalpha() and len(word) > 3)
    return sorted(
        word for word in plain if word not in ours and word.removesuffix("s") not in ours
    )


def held_out(caption: str) -> bool:
    """Return whether a caption contains a held-out synonym, or its plural.

    Within a longer name of ours it does not count, as "mobile" in "mobile phone".
    """
    padded = f" {caption} "
    for name in _LONGER_THAN_HELD_OUT:
        padded = padded.replace(name, "")
    return any(f" {name} " in padded or f" {name}s " in padded for name in _HELD_OUT)


def _plural(name: str, rng: np.random.Generator) -> str:
    return name + "s" if rng.random() < 0.08 and not name.endswith("s") else name


class Captions:
    """Random captions with the indices of the category and the colour they mean."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.words = plain_words()
        ours = vocabulary_words()
        self.before = [*self.words, *10 * [word for word in UNKNOWN_WORDS if word not in ours]]

    def _pick(self, options: list[str]) -> str:
        return options[self.rng.integers(len(options))]

    def _color(self) -> tuple[str, int]:
        rng, names = self.rng, list(COLORS)
        number = int(rng.integers(len(names)))
        if rng.random() < 0.65:
            return names[number], number
        return self._pick(SHADE_ALIASES[names[number]]), number

    def _named(self) -> tuple[str, int]:
        """Draw a name of a category, in 15 % after a word that does not change its meaning."""
        rng = self.rng
        number = int(rng.integers(len(CATEGORIES)))
        category = CATEGORIES[number]
        name = category if rng.random() < 0.5 else self._pick(ALIASES[category])
        if rng.random() < 0.15:
            before = f"{self._pick(self.before)} {name}"
            if before not in _ALIASES:
                return before, number
        return _plural(name, rng), number

    def _unnamed(self, words: list[str]) -> tuple[str, int]:
        """Draw a word outside the vocabulary, also after a category name ("jar opener")."""
        word, rng = _plural(self._pick(words), self.rng), self.rng
        draw = rng.random()
        if draw < 0.25 and (before := f"{self._pick(list(CATEGORIES))} {word}") not in _ALIASES:
            word = before
        elif draw > 0.85:  # a word of which the pieces are known, as most rare ones are
            word = self._pick(self.words) + self._pick([word, " " + word])
        return word, len(CATEGORIES) + 2

    def _thing(self) -> tuple[str, int]:
        draw = self.rng.random()
        if draw < 0.72:
            return self._named()
        if draw < 0.77:
            return self._pick(SURFACES), len(CATEGORIES)
        if draw < 0.78:
            return self._pick(STRANGERS), len(CATEGORIES) + 1
        return self._unnamed(UNKNOWN_WORDS if draw < 0.9 else self.words)

    def draw(self) -> tuple[str, int, int]:
        """Draw a caption, its category index (-1: any) and colour index (-1: any)."""
        while True:
            phrase, category, color = self._phrase()
            if not held_out(phrase):
                return self._pick(SENTENCES).format(phrase), category, color

    def _phrase(self) -> tuple[str, int, int]:
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
        return " ".join(phrase), category, color


def foreign_direction(categories: Tensor) -> Tensor:
    """Return the unit vector equally far from all `categories [n, d]`, for all other words."""
    return F.normalize(
        torch.linalg.lstsq(categories, -torch.ones(len(categories), 1)).solution[:, 0], dim=0
    )


def caption_targets(category: Tensor, color: Tensor, categories: Tensor, colors: Tensor) -> Tensor:
    """Return unit targets `[n, 128]`; a half that the caption leaves open is zero."""
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
    """Fit the text tower of an open_clip model to the directions; returns the mean cosine.

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
