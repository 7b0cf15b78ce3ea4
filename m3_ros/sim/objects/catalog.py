"""Categories and colours of the simulated objects, and `make_object`."""

import zlib
from collections.abc import Callable

import numpy as np

from m3_ros.sim.objects import (
    animals,
    cleaning,
    containers,
    decor,
    desk,
    drinkware,
    electronics,
    food,
    fruit,
    lights,
    tableware,
    tools,
    toys,
    vehicles,
)
from m3_ros.sim.objects.builder import ObjectBuilder
from m3_ros.sim.objects.model import ObjectModel, bounds

COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.82, 0.09, 0.08),
    "orange": (0.95, 0.45, 0.05),
    "yellow": (0.96, 0.82, 0.10),
    "green": (0.13, 0.56, 0.18),
    "cyan": (0.10, 0.74, 0.76),
    "blue": (0.10, 0.24, 0.78),
    "purple": (0.46, 0.15, 0.62),
    "pink": (0.96, 0.50, 0.68),
    "brown": (0.42, 0.24, 0.11),
    "black": (0.07, 0.07, 0.08),
    "grey": (0.50, 0.50, 0.51),
    "white": (0.93, 0.93, 0.92),
}
"""Colour name to its typical linear 0..1 RGB; an object's own shade varies about it."""

# Each is called with the builder (`k`) and the structure (`v`), 0 to TRAINING_STRUCTURES - 1.
_BUILDERS: dict[str, Callable[[ObjectBuilder, int], None]] = {
    "duck": animals.duck,
    "mug": drinkware.mug,
    "cup": drinkware.cup,
    "bowl": tableware.bowl,
    "bottle": containers.bottle,
    "can": containers.can,
    "jar": containers.jar,
    "vase": decor.vase,
    "teapot": drinkware.teapot,
    "plate": tableware.plate,
    "candle": decor.candle,
    "banana": fruit.banana,
    "apple": fruit.apple,
    "pear": fruit.pear,
    "lemon": fruit.lemon,
    "carrot": food.carrot,
    "mushroom": food.mushroom,
    "egg": food.egg,
    "donut": food.donut,
    "ball": toys.ball,
    "toy car": vehicles.toy_car,
    "toy block": toys.toy_block,
    "dice": toys.dice,
    "star": toys.star,
    "teddy bear": animals.teddy_bear,
    "rocket": vehicles.rocket,
    "cone": vehicles.cone,
    "flashlight": lights.flashlight,
    "screwdriver": tools.screwdriver,
    "hammer": tools.hammer,
    "wrench": tools.wrench,
    "tape roll": desk.tape_roll,
    "brush": cleaning.brush,
    "spoon": tableware.spoon,
    "marker": desk.marker,
    "padlock": tools.padlock,
    "box": containers.box,
    "book": desk.book,
    "remote control": electronics.remote_control,
    "phone": electronics.phone,
    "sponge": cleaning.sponge,
    "soap bar": cleaning.soap_bar,
    "bell": decor.bell,
    "computer mouse": electronics.computer_mouse,
    "light bulb": lights.light_bulb,
}

CATEGORIES: tuple[str, ...] = tuple(_BUILDERS)
STRUCTURES = 6
"""Variants of each category's shape; `held_out_structure` is the one left out of training."""
TRAINING_STRUCTURES = 9
"""Variants in training: those from `STRUCTURES` on occur in the training split alone, so that the
encoder learns from more shapes than test scenes have."""

SPLITS = ("train", "eval", "unseen")
"""train: structures the encoder learns from. eval: each of `STRUCTURES`, other random numbers.
unseen: only the structure that training never sees."""


def held_out_structure(category: str) -> int:
    """Return the structure of a category that the training split leaves out."""
    return zlib.crc32(f"structure of {category}".encode()) % STRUCTURES


def held_out_pair(category: str, color: str) -> bool:
    """Return whether this colour of this category (one in eight) never occurs in training."""
    return zlib.crc32(f"{color} {category}".encode()) % 8 == 3


def shade(color: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw a shade of a colour that still has its name."""
    rgb = np.asarray(COLORS[color])
    spread = 0.03 if color in ("black", "white", "grey") else 0.06
    shaded = rgb * rng.uniform(0.85, 1.1) + rng.normal(0, spread, 3) * (0.3 + 0.7 * rgb)
    if color in ("black", "white", "grey"):  # keep them free of hue
        shaded = shaded.mean() + 0.25 * (shaded - shaded.mean())
    return tuple(float(value) for value in np.clip(shaded, 0.02, 0.97))


def make_object(category: str, color: str, seed: int, *, split: str = "eval") -> ObjectModel:
    """Model a household object; the same arguments always give the same object.

    Args:
        category: one of `CATEGORIES`.
        color: one of `COLORS`.
        seed: chooses structure, proportions, shade, pattern, mass and friction.
        split: one of `SPLITS`.

    Raises:
        ValueError: for an unknown category, colour or split.
    """
    for field, value, known in (
        ("category", category, CATEGORIES),
        ("color", color, tuple(COLORS)),
        ("split", split, SPLITS),
    ):
        if value not in known:
            raise ValueError(f"{field} is {value!r}; it must be one of {', '.join(known)}")
    rng = np.random.default_rng(
        [seed, SPLITS.index(split), CATEGORIES.index(category), list(COLORS).index(color)]
    )
    hidden = held_out_structure(category)
    if split == "train":
        structure = int(rng.choice([v for v in range(TRAINING_STRUCTURES) if v != hidden]))
    else:
        structure = hidden if split == "unseen" else int(rng.integers(STRUCTURES))
    kit = ObjectBuilder(rng, shade(color, rng))
    _BUILDERS[category](kit, structure)
    parts = kit.finish()
    low, high = bounds(parts)
    return ObjectModel(
        name=f"{color} {category}",
        category=category,
        color=color,
        parts=parts,
        mass=float(rng.uniform(0.03, 0.3)),
        friction=float(rng.uniform(0.5, 1.0)),
        size=high - low,
        shine=float(rng.uniform(0.0, 0.6)),
        held_out=structure == hidden,
    )
