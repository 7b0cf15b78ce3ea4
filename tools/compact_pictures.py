"""Training samples of the compact encoder: windows and mosaics of rendered pictures, degraded."""

import contextlib
import queue
import threading
from collections.abc import Generator
from pathlib import Path

import compact_scenes as scenes
import cv2
import numpy as np
import torch
from torch import Tensor

SMALL, LARGE, TILE = (128, 192), (192, 256), 64
"""Rows and columns of a sample in the first 80 % of the time and after it; side of a tile."""
ZOOM = (0.6, 1.4)
"""How much a window enlarges the rendered picture."""
REPAINTED = 0.35
"""Share of samples in colours that are not their objects' own, and not labelled."""


def _degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a depth camera's colour sensor does: exposure, white balance, gamma, blur, noise."""
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
    """The same shapes in other colours: grey, or another hue and tint."""
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
    """Left upper corner of a crop about a random pixel of an object."""
    rows, columns = np.nonzero(slots[::8, ::8] % 255)
    x, y = rng.integers(0, scenes.WIDTH), rng.integers(0, scenes.HEIGHT)
    if len(rows):
        pick = rng.integers(len(rows))
        x, y = 8 * columns[pick], 8 * rows[pick]
    x += rng.integers(-width // 4, width // 4 + 1) - width // 2
    y += rng.integers(-height // 4, height // 4 + 1) - height // 2
    return int(np.clip(x, 0, scenes.WIDTH - width)), int(np.clip(y, 0, scenes.HEIGHT - height))


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
    """Rendered data sets, as random degraded crops."""

    def __init__(self, folders: list[Path]) -> None:
        self.size, self.mosaics = SMALL, 0.7
        self.sets = [
            [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("rgb", "slots", "labels")]
            for folder in folders
        ]
        self.index = [(s, i) for s, arrays in enumerate(self.sets) for i in range(len(arrays[0]))]

    def crop(
        self, number: int, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """A window of one picture: rgb, slots at a quarter of its size, labels."""
        which, row = self.index[number]
        rgb, slots, labels = (array[row] for array in self.sets[which])
        zoom = np.exp(rng.uniform(*np.log(ZOOM)))
        width = min(int(size[1] / zoom), scenes.WIDTH)
        height = width * size[0] // size[1]
        x, y = _window(slots, width, height, rng)
        window = np.s_[y : y + height, x : x + width]
        return *_resize(rgb[window], slots[window], size), labels

    def tile(self, number: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """A square about an object: rgb, slots (1 to 3, 4 the rest), their labels `[3, 2]`."""
        which, row = self.index[number]
        rgb, slots, labels = (array[row] for array in self.sets[which])
        area = np.bincount(slots[::2, ::2].ravel(), minlength=256)
        candidates = np.flatnonzero(area[1 : scenes.SLOTS + 1] >= 30) + 1
        slot = rng.choice(candidates) if len(candidates) else 0
        rows, columns = np.nonzero(slots == slot)
        extent = max(np.ptp(rows), np.ptp(columns)) + 1
        side = int(np.clip(extent * rng.uniform(1.05, 2.2), 24, scenes.HEIGHT))
        slack = rng.uniform(-0.15, 0.15, 2) * side
        y = int(np.clip((rows.min() + rows.max() - side) / 2 + slack[0], 0, scenes.HEIGHT - side))
        x = int(
            np.clip((columns.min() + columns.max() - side) / 2 + slack[1], 0, scenes.WIDTH - side)
        )
        window = np.s_[y : y + side, x : x + side]
        rgb, slots = _resize(rgb[window], slots[window], (TILE, TILE))
        area = np.bincount(slots.ravel(), minlength=256)
        area[[0, 255]] = 0
        kept = [int(s) for s in np.argsort(-area)[:3] if area[s]]
        table = np.full(256, 4, dtype=np.uint8)
        table[[0, 255]] = 0, 255
        table[kept] = np.arange(1, len(kept) + 1)
        found = np.full((3, 2), 255, dtype=np.uint8)
        found[: len(kept)] = labels[np.array(kept, dtype=int) - 1]
        return rgb, table[slots], found

    def mosaic(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Six objects, each in its own square of a 128 x 192 picture."""
        rgb = np.empty((*SMALL, 3), np.uint8)
        slots = np.empty((SMALL[0] // 4, SMALL[1] // 4), np.uint8)
        labels = np.full((scenes.SLOTS, 2), 255, np.uint8)
        for i in range(6):
            y, x = i // 3 * TILE, i % 3 * TILE
            tile, own, found = self.tile(int(rng.integers(len(self.index))), rng)
            shift = np.where((own > 0) & (own < 4), own + 3 * i, own)
            shift[own == 4] = scenes.SLOTS  # never labelled
            rgb[y : y + TILE, x : x + TILE] = tile
            slots[y // 4 : (y + TILE) // 4, x // 4 : (x + TILE) // 4] = shift
            labels[3 * i : 3 * i + 3] = found
        return rgb, slots, labels

    def sample(
        self, number: int, size: tuple[int, int], mosaics: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """One degraded training sample: a window, or with that probability a mosaic."""
        if rng.random() < mosaics:
            rgb, slots, labels = self.mosaic(rng)
        else:
            rgb, slots, labels = self.crop(number, size, rng)
        if rng.random() < 0.5:
            rgb, slots = rgb[:, ::-1], slots[:, ::-1]
        if rng.random() < 0.25:
            rgb, slots = rgb[::-1], slots[::-1]
        if rng.random() < REPAINTED:  # a category is a shape: learn it in any colour
            rgb = _repaint(rgb, rng)
            labels = np.where([False, True], np.uint8(255), labels)
        return _degrade(np.ascontiguousarray(rgb), rng), np.ascontiguousarray(slots), labels

    def batches(self, count: int, seed: int) -> Generator[tuple[Tensor, Tensor, Tensor]]:
        """Endless shuffled batches, prepared by a thread until the generator is closed."""
        rng = np.random.default_rng(seed)
        ready: queue.Queue = queue.Queue(maxsize=4)
        ended = threading.Event()

        def fill() -> None:
            while True:
                order = rng.permutation(len(self.index))
                for start in range(0, len(order) - count + 1, count):
                    mode = self.size, self.mosaics  # one for the batch: training changes it
                    samples = [self.sample(i, *mode, rng) for i in order[start : start + count]]
                    columns = zip(*samples, strict=True)
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
