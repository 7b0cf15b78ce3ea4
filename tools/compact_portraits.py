"""Zero-shot top-1 of the compact encoder's image feature, on renderings of one object each.

    python tools/compact_portraits.py --folder build/portraits

renders them (600 of each test split) and measures the encoder that ships.
"""

from pathlib import Path

import compact_scenes as scenes
import numpy as np
import tyro
from compact_evaluation import same_color
from compact_room import COLOR_NAMES, HIDDEN_POSITION
from compact_splits import TEST_SEED, TESTS
from numpy.typing import NDArray

from m3_ros.features.compact import CompactExtractor
from m3_ros.geometry import matrix_to_quat, rpy_to_matrix
from m3_ros.sim.objects import CATEGORIES

FILLS = (0.45, 0.8)
"""Diagonal of the object's box as a share of the picture's height."""
MIN_CAMERA_DISTANCE = 0.06
"""Least distance of the camera to the box, metres."""
CUTOUT_MARGIN = 0.08
"""Margin around an object that is cut out, share of its larger side."""


class Portrait(scenes.Stage):
    """A stage that shows its objects one after the other: upright, alone, not cut off."""

    turn = -1

    def _arrange(self) -> NDArray[np.uint8]:
        """Put the next object at the middle of the table; returns the labels of all slots."""
        self.turn = (self.turn + 1) % len(self.objects)
        total = len(self.objects) + scenes.DISTRACTORS
        labels = np.full((total, 2), 255, dtype=np.uint8)
        labels[self.turn] = (
            CATEGORIES.index(self.objects[self.turn].category),
            self._paint(self.turn),
        )
        qpos = np.tile([*HIDDEN_POSITION, 1, 0, 0, 0], (total, 1))
        qpos[:, 0] = np.arange(total)
        yaw = rpy_to_matrix([0, 0, self.rng.uniform(-np.pi, np.pi)])
        qpos[self.turn] = [0, 0, 0, *matrix_to_quat(yaw)]
        self.data.qpos[:] = qpos.ravel()
        return labels

    def _look(self) -> None:
        """Draw a view of the object that it fills."""
        super()._look()
        self.data.mocap_pos[0] = HIDDEN_POSITION
        size = self.objects[self.turn].size
        extent, half = np.linalg.norm(size), np.radians(self.model.cam_fovy[0]) / 2
        distance = extent / (2 * self.rng.uniform(*FILLS) * np.tan(half))
        distance = max(distance, extent / 2 + MIN_CAMERA_DISTANCE)
        self.eye = np.array([0, 0, size[2] / 2]) + distance * self.rotation[:, 2]


def zero_shot(extractor: CompactExtractor, folder: Path, limit: int) -> dict:
    """Classify images by the nearest of all "a <colour> <category>" to `encode_image`.

    Args:
        extractor: to measure.
        folder: of `compact_scenes.render(..., stage=Portrait)`.
        limit: most pictures.

    Returns:
        Rates 0..1 for the whole pictures and for the object cut out of them: kind right,
        colour right (grey and white are one); and their number.
    """
    rgb, slots, labels = (
        np.load(folder / f"{n}.npy", mmap_mode="r") for n in ("rgb", "slots", "labels")
    )
    table = extractor.encode_text(
        [f"a {color} {thing}" for thing in CATEGORIES for color in COLOR_NAMES]
    )
    hits: dict[str, list[bool]] = {}
    for picture, shown, label in zip(rgb[:limit], slots[:limit], labels[:limit], strict=True):
        for name, image in (("", picture), ("cut out ", picture[cut_out(shown == 1)])):
            best = int(np.argmax(table @ extractor.encode_image(np.ascontiguousarray(image))))
            category, color = divmod(best, len(COLOR_NAMES))
            hits.setdefault(f"{name}category", []).append(category == label[0, 0])
            hits.setdefault(f"{name}color", []).append(same_color(color, int(label[0, 1])))
    figures = {name: round(float(np.mean(values)), 3) for name, values in hits.items()}
    return figures | {"pictures": len(hits["category"])}


def cut_out(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return rows and columns of the box around a mask `[H, W]`, with a margin."""
    rows, columns = np.nonzero(mask)
    edge = 1 + int(CUTOUT_MARGIN * max(np.ptp(rows), np.ptp(columns)))
    spans = ((axis.min() - edge, axis.max() + edge) for axis in (rows, columns))
    return tuple(slice(max(0, int(low)), int(high)) for low, high in spans)


def main(folder: Path, pictures: int = 600) -> None:
    """Render portraits of every test split to `folder` and print the shipped encoder's figures.

    Args:
        folder: of the pictures; finished ones are kept.
        pictures: of each split.
    """
    for split in TESTS:
        scenes.render(folder / split, split, pictures, TEST_SEED, Portrait)
        print(split, zero_shot(CompactExtractor(), folder / split, pictures), flush=True)


if __name__ == "__main__":
    tyro.cli(main)
