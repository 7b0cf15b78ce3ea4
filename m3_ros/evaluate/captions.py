"""Views with captions and masks, and the features that each setting renders there.

A captioned folder is a scan folder with a file `captions.json`:

    {"regions": [{"frame": 12, "caption": "red mug", "mask": "masks/000012_0.png"}, ...]}

`frame` is an index into the scan, or the name of a picture ("IMG_0012.jpg") that the scan was made
of; `mask` an 8-bit image of the frame, of any size, not zero where the caption belongs. Only
regions of held-out frames count, so caption all frames or at least every `splat.test_every`-th.
The simulation writes such folders with its own truth.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.scan import Scan
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.evaluate.bench_query import FIT_STEPS
from m3_ros.evaluate.feature_maps import picture_maps, rendered_maps
from m3_ros.evaluate.features import extract_split, make_queries
from m3_ros.evaluate.known_queries import query_scene
from m3_ros.evaluate.simulated import POSE_NOISE, SimulatedScene
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.splat.fit import fit
from m3_ros.splat.result import held_out
from m3_ros.view.report import write_json

FILE = "captions.json"
SETTINGS = ("ours", "frozen_random", "distill")
PICTURE = "2D features"
"""Name of the row of the model's own features, without any memory."""
MIN_PIXELS = 100
"""Regions of fewer pixels are left out by the simulation."""
CAPTIONS_SEED = 300_000
"""Simulated scenes of these evaluations; no benchmark and no calibration uses them."""


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a frame and its caption.

    Attributes:
        frame: index into the scan.
        caption: words.
        mask: `[H, W]` bool.
    """

    frame: int
    caption: str
    mask: NDArray[np.bool_]


def read_regions(folder: Path, names: Sequence[str] = ()) -> list[Region]:
    """Read the regions of a captioned folder.

    Args:
        folder: with a `captions.json`.
        names: of the scan's pictures, where regions may name them.

    Raises:
        ValueError: `captions.json` is missing or damaged, or a mask is; the message says which.
    """
    path, regions = folder / FILE, []
    numbers = {name: index for index, name in enumerate(names) if name}
    try:
        entries = json.loads(path.read_text())["regions"]
        for entry in entries:
            mask = cv2.imread(str(folder / entry["mask"]), cv2.IMREAD_GRAYSCALE)
            if mask is None:
                raise DataError(f"{folder / entry['mask']} is no readable picture")
            frame = entry["frame"]
            if isinstance(frame, str) and frame not in numbers:
                raise DataError(f"{path}: frame {frame!r} is no picture of the scan")
            index = numbers[frame] if isinstance(frame, str) else int(frame)
            regions.append(Region(index, str(entry["caption"]), mask > 0))
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is not as m3_ros/evaluate/captions.py says: {error!r}") from error
    return regions


def simulate_captions(folder: Path, seed: int, views: int, config: M3Config) -> None:
    """Write a captioned scan of a random scene; the held-out frames' objects are the regions."""
    scene = SimulatedScene(query_scene(seed), config.simulation, POSE_NOISE)
    (folder / "masks").mkdir(parents=True)
    kept, entries = held_out(views, config.splat.test_every), []
    with ScanWriter(folder / "scan") as writer:
        for index, pose in enumerate(scene.scan_poses(views)):
            writer.add(scene.frame(pose, float(index)))
            for name, mask in scene.masks(pose).items() if index in kept else ():
                if mask.sum() < MIN_PIXELS:
                    continue
                file = f"masks/{index:06d}_{len(entries)}.png"
                cv2.imwrite(str(folder / file), mask.astype(np.uint8) * 255)
                entries.append(
                    {"frame": index, "caption": scene.objects[name].label, "mask": file}
                )
    scene.close()
    write_json(folder / FILE, {"regions": entries})


def captioned_folders(
    folders: Sequence[Path], scenes: int, views: int, work: Path, config: M3Config
) -> list[Path]:
    """Return the user's folders, or simulated ones under `work`, made where they are missing."""
    if folders:
        return list(folders)
    made = [work / str(CAPTIONS_SEED + index) for index in range(scenes)]
    for index, folder in enumerate(made):
        if not (folder / FILE).exists():
            simulate_captions(folder, CAPTIONS_SEED + index, views, config)
    return made


def remembered_features(
    folder: Path, config: M3Config, extractor: FeatureExtractor, settings: Sequence[str] = SETTINGS
) -> Iterator[tuple[str, dict[int, NDArray[np.float32]]]]:
    """Yield unit features `[h, w, d]` of held-out frames by setting; the image's own first."""
    scan = folder / "scan" if (folder / "scan").is_dir() else folder
    frames = list(Scan.open(scan))
    fitted = fit(frames, replace(config.splat, max_iterations=FIT_STEPS))
    if not fitted.test_frames:
        raise DataError(f"{folder}: {len(frames)} frames are too few to keep any from the fit")
    split = extract_split(extractor, frames, fitted.camtoworlds, fitted.test_frames, config)
    kept = sorted(fitted.test_frames)
    yield PICTURE, dict(zip(kept, picture_maps(split), strict=True))
    for setting in settings:
        queries, decode = make_queries(fitted.gaussians, split, config, setting, extractor.degrees)
        shown = rendered_maps(fitted.gaussians, split, queries, decode)
        yield setting, dict(zip(kept, shown, strict=True))
