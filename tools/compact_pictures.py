"""Training samples of the compact encoder: degraded windows and tiles of renderings."""

import contextlib
import queue
import threading
from collections.abc import Generator
from itertools import count, islice
from pathlib import Path

import compact_scenes as scenes
import cv2
import numpy as np
import torch
from compact_targets import UNLABELLED
from torch import Tensor

WINDOW, TILE = (192, 256), 96
"""Rows and columns of a window of a picture; side of a square about one object."""
ZOOM = (0.45, 1.2)
"""How much a window enlarges the rendered picture."""
TILE_STRETCH = 1.1
"""Largest aspect ratio by which a tile is stretched; more would turn a ball into an egg."""
MIN_TILE_PIXELS = 600
"""Fewest pixels of an object in a rendering that becomes a tile."""
REPAINT_SHARE = 0.35
"""Share of samples in changed colours, which are not labelled."""


def _degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Degrade an image as a camera does: exposure, white balance, gamma, blur, noise, JPEG."""
    if rng.random() < 0.35:
        return image
    gain = np.exp(rng.normal(0, 0.22)) * np.exp(rng.normal(0, 0.05, 3))
    gamma = np.exp(rng.normal(0, 0.15))
    ramp = (np.arange(256) / 255.0)[:, None]
    lift = rng.uniform(0, 0.06)
    curve = np.clip(lift + (1 - lift) * gain * ramp**gamma, 0, 1)
    image = cv2.LUT(image, (255 * curve).astype(np.uint8)[None])
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    if rng.random() < 0.6:
        noise = np.empty(image.shape, np.int16)
        cv2.randn(noise, 0, float(rng.uniform(1, 7)))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(40, 90))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def _repaint(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the image in other colours: grey, or another hue and tint."""
    image = np.ascontiguousarray(image)
    if rng.random() < 0.3:
        return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + rng.integers(180)) % 180
    tint = rng.uniform(0.4, 1, 3) if rng.random() < 0.6 else np.ones(3)
    ramp = np.arange(256)[:, None] * tint
    return cv2.LUT(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), ramp.astype(np.uint8)[None])


def _window(
    slots: np.ndarray, width: int, height: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Return the left upper corner of a crop about a random pixel of an object."""
    rows, columns = np.nonzero(slots[::16, ::16] % 255)
    x, y = rng.integers(0, scenes.IMAGE_WIDTH), rng.integers(0, scenes.IMAGE_HEIGHT)
    if len(rows):
        pick = rng.integers(len(rows))
        x, y = 16 * columns[pick], 16 * rows[pick]
    x += rng.integers(-width // 4, width // 4 + 1) - width // 2
    y += rng.integers(-height // 4, height // 4 + 1) - height // 2
    return int(np.clip(x, 0, scenes.IMAGE_WIDTH - width)), int(
        np.clip(y, 0, scenes.IMAGE_HEIGHT - height)
    )


def _resize(
    rgb: np.ndarray, slots: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Scale a window; its slots come out at a quarter of the size."""
    quarter = (size[1] // 4, size[0] // 4)
    return (
        cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA),
        cv2.resize(slots, quarter, interpolation=cv2.INTER_NEAREST_EXACT),
    )


class Pictures:
    """Rendered data sets as random degraded samples.

    Raises:
        ValueError: they hold no picture.
    """

    def __init__(self, folders: list[Path]) -> None:
        self.sets = [
            [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("rgb", "slots", "labels")]
            for folder in folders
        ]
        self.index = [(s, i) for s, arrays in enumerate(self.sets) for i in range(len(arrays[0]))]
        if not self.index:
            raise ValueError("there are no pictures to train on: --images must be 1 or more")

    def window(self, number: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return a window of one image: rgb, slots at a quarter of its size, labels."""
        which, row = self.index[number]
        rgb, slots, labels = (array[row] for array in self.sets[which])
        zoom = np.exp(rng.uniform(*np.log(ZOOM)))
        width = min(int(WINDOW[1] / zoom), scenes.IMAGE_WIDTH)
        height = width * WINDOW[0] // WINDOW[1]
        x, y = _window(slots, width, height, rng)
        window = np.s_[y : y + height, x : x + width]
        return *_resize(rgb[window], slots[window], WINDOW), labels

    def tile(self, number: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return a square about one object, slot 1; other objects are slot 2, without labels."""
        which, row = self.index[number]
        rgb, slots, labels = (array[row] for array in self.sets[which])
        coarse = slots[::4, ::4]
        area = np.bincount(coarse.ravel(), minlength=256)
        candidates = np.flatnonzero(area[1 : scenes.SLOTS + 1] >= MIN_TILE_PIXELS / 16) + 1
        slot = rng.choice(candidates) if len(candidates) else 0
        rows, columns = (4 * where for where in np.nonzero(coarse == slot))
        extent = max(np.ptp(rows), np.ptp(columns)) + 4
        ratio = np.exp(rng.uniform(-0.5, 0.5) * np.log(TILE_STRETCH))
        sides = extent * rng.uniform(1.1, 1.8) * np.array([ratio, 1 / ratio])
        sides = np.clip(sides, 24, scenes.IMAGE_HEIGHT).astype(int)
        middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) / 2
        corner = middle - sides / 2 + rng.uniform(-0.12, 0.12, 2) * sides
        y, x = np.clip(corner.astype(int), 0, np.array(slots.shape) - sides)
        window = np.s_[y : y + sides[0], x : x + sides[1]]
        rgb, slots = _resize(rgb[window], slots[window], (TILE, TILE))
        table = np.full(256, 2, dtype=np.uint8)
        table[[0, 255]] = 0, 255
        table[slot] = slot > 0
        found = np.full_like(labels, UNLABELLED)
        found[0] = labels[slot - 1] if slot else UNLABELLED
        return rgb, table[slots], found

    def sample(self, number: int, tiles: bool, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return a degraded training sample, a tile or a window."""
        rgb, slots, labels = self.tile(number, rng) if tiles else self.window(number, rng)
        if rng.random() < 0.5:
            rgb, slots = rgb[:, ::-1], slots[:, ::-1]
        if rng.random() < REPAINT_SHARE:  # a category is a shape: learn it in any colour
            rgb = _repaint(rgb, rng)
            labels = np.where([False, True], np.uint8(UNLABELLED), labels)
        return _degrade(np.ascontiguousarray(rgb), rng), np.ascontiguousarray(slots), labels

    def batches(
        self, windows: int, tiles: float, seed: int
    ) -> Generator[tuple[Tensor, Tensor, Tensor]]:
        """Yield shuffled batches without end, prepared by a thread until the generator is closed.

        Args:
            windows: windows a batch; a batch of tiles holds five times as many samples.
            tiles: share of the batches that hold tiles.
        """
        rng = np.random.default_rng(seed)
        numbers = (i for _ in count() for i in rng.permutation(len(self.index)))
        ready: queue.Queue = queue.Queue(maxsize=4)
        ended = threading.Event()

        def fill() -> None:
            while True:
                small = bool(rng.random() < tiles)
                chosen = islice(numbers, 5 * windows if small else windows)
                columns = zip(*(self.sample(i, small, rng) for i in chosen), strict=True)
                ready.put(tuple(torch.from_numpy(np.stack(column)) for column in columns))
                if ended.is_set():
                    return

        thread = threading.Thread(target=fill, daemon=True)
        thread.start()
        try:
            while True:
                yield ready.get()
        finally:  # a thread that still runs when Python ends would abort it
            ended.set()
            while thread.is_alive():
                with contextlib.suppress(queue.Empty):
                    ready.get(timeout=0.1)
