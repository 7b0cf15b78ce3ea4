"""Textures and lights of the room, drawn by seed; S is `TEXTURE_SIZE`."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

Texture = NDArray[np.float32]
Maker = Callable[[np.random.Generator, tuple[float, ...]], Texture]

# Typical linear colours 0..1 of furniture and rooms; `_vary` draws one around them.
WOODS = ((0.62, 0.42, 0.26), (0.74, 0.56, 0.37), (0.45, 0.29, 0.18), (0.82, 0.69, 0.50))
PLAINS = ((0.86, 0.85, 0.82), (0.60, 0.63, 0.66), (0.42, 0.45, 0.48), (0.72, 0.74, 0.70))
CLOTHS = ((0.80, 0.78, 0.72), (0.45, 0.52, 0.60), (0.58, 0.50, 0.45))
FLOORS = ((0.55, 0.53, 0.50), (0.45, 0.38, 0.31), (0.40, 0.43, 0.46))
WALLS = ((0.88, 0.87, 0.83), (0.78, 0.82, 0.84), (0.84, 0.80, 0.74))
TEXTURE_SIZE = 512
"""Side of a texture, px."""


def noise(rng: np.random.Generator, cells: tuple[int, int]) -> Texture:
    """Draw smooth noise `[S, S]` in 0..1 with so many cells down and across."""
    return cv2.resize(
        rng.random(cells, np.float32), (TEXTURE_SIZE, TEXTURE_SIZE), interpolation=cv2.INTER_CUBIC
    )


def wood(rng: np.random.Generator, color: tuple[float, ...]) -> Texture:
    """Draw planks with grain along the image's rows, `[S, S, 3]` in 0..1."""
    planks = int(rng.integers(3, 6))
    board = np.minimum(np.arange(TEXTURE_SIZE) * planks // TEXTURE_SIZE, planks - 1)
    tone = rng.uniform(0.88, 1.06, planks).astype(np.float32)[board]
    rings = noise(rng, (14, 3)) * 9.0 + noise(rng, (90, 4))
    grain = 0.5 + 0.5 * np.sin(2.0 * np.pi * rings)
    fibre = noise(rng, (TEXTURE_SIZE // 2, 12))
    shade = tone[:, None] * (0.80 + 0.12 * grain + 0.16 * fibre)
    shade[np.flatnonzero(np.diff(board))] *= 0.6
    return shade[..., None] * np.asarray(color, np.float32)


def plain(rng: np.random.Generator, color: tuple[float, ...]) -> Texture:
    """Draw laminate: one colour, faint clouds and specks, `[S, S, 3]` in 0..1."""
    clouds = 0.94 + 0.08 * noise(rng, (6, 6)) + 0.04 * noise(rng, (40, 40))
    specks = np.where(rng.random((TEXTURE_SIZE, TEXTURE_SIZE), np.float32) < 0.03, 0.86, 1.0)
    specks = cv2.GaussianBlur(specks.astype(np.float32), (0, 0), 0.7)
    return (clouds * specks)[..., None] * np.asarray(color, np.float32)


def cloth(rng: np.random.Generator, color: tuple[float, ...]) -> Texture:
    """Draw woven cloth with faint stripes, `[S, S, 3]` in 0..1."""
    weave = np.indices((TEXTURE_SIZE, TEXTURE_SIZE)).sum(0) // 6 % 2
    stripe = np.where(np.arange(TEXTURE_SIZE) // 32 % 4 == 0, 0.93, 1.0)
    shade = (0.95 + 0.03 * weave) * stripe[:, None] * stripe[None, :]
    shade = shade * (0.96 + 0.06 * noise(rng, (8, 8)))
    return shade[..., None] * np.asarray(color, np.float32)


def tiles(rng: np.random.Generator, color: tuple[float, ...]) -> Texture:
    """Draw floor tiles with joints, `[S, S, 3]` in 0..1."""
    count = 4
    index = np.arange(TEXTURE_SIZE) * count // TEXTURE_SIZE
    tone = rng.uniform(0.93, 1.05, (count, count)).astype(np.float32)[index][:, index]
    shade = tone * (0.93 + 0.08 * noise(rng, (24, 24)) + 0.04 * noise(rng, (120, 120)))
    joint = np.arange(TEXTURE_SIZE) % (TEXTURE_SIZE // count) < 4
    shade[joint, :] *= 0.8
    shade[:, joint] *= 0.8
    return shade[..., None] * np.asarray(color, np.float32)


def furnish(spec: mujoco.MjSpec, seed: int) -> None:
    """Draw textures of table, floor and walls of mjcf/scene.xml, and the lights' directions."""
    rng = np.random.default_rng([seed, 2])
    make, colors = [(wood, WOODS), (wood, WOODS), (plain, PLAINS), (cloth, CLOTHS)][
        rng.integers(4)
    ]
    paint(spec.texture("table"), make(rng, _vary(rng, colors)))
    make = (tiles, wood)[rng.integers(2)]
    paint(spec.texture("floor"), make(rng, _vary(rng, FLOORS)))
    paint(spec.texture("wall"), plain(rng, _vary(rng, WALLS)))
    key, fill = spec.light("key"), spec.light("fill")
    azimuth = rng.uniform(0.2, np.pi - 0.2) * rng.choice([-1.0, 1.0])
    slant = rng.uniform(0.35, 0.75)
    toward = np.array([-np.cos(azimuth) * slant, -np.sin(azimuth) * slant, -1.0])
    key.dir = toward / np.linalg.norm(toward)
    key.pos = np.array([0.7, 0.0, 0.5]) - 2.2 * key.dir
    warmth = rng.uniform(-0.05, 0.05)
    tint = np.array([1.0 + warmth, 1.0, 1.0 - warmth])
    key.diffuse = rng.uniform(0.32, 0.46) * tint
    fill.diffuse = rng.uniform(0.18, 0.28) / tint


def _vary(rng: np.random.Generator, colors: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    color = np.asarray(colors[rng.integers(len(colors))])
    return tuple(color * rng.uniform(0.9, 1.08) + rng.normal(0.0, 0.015, 3))


def paint(texture: mujoco.MjsTexture, image: Texture) -> None:
    """Give a texture an image `[H, W, 3]` in 0..1."""
    texture.builtin = mujoco.mjtBuiltin.mjBUILTIN_NONE
    texture.height, texture.width, texture.nchannel = image.shape
    texture.data = (np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8).tobytes()
