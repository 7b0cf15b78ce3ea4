"""Structure from motion by COLMAP: features, matches, and an incremental reconstruction.

Every step leaves its result in the database of the work folder and goes on from there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as Pillow

from m3_ros.capture.importers.picture_choice import CAMERA_TAGS, EXIF_IFD, LENS_TAGS
from m3_ros.config import PhotographConfig
from m3_ros.types import Progress

if TYPE_CHECKING:
    import pycolmap

BATCH_IMAGES, BATCH_PAIRS = 4, 50
"""Images and pairs between two reports of progress: about a second each at 1280 px."""
NEIGHBOURS = 10
"""Frames of a video matched with the ones after it: COLMAP's own overlap of its sequential
matcher."""
STATIONARY = 2.0
"""Matches that move by less, px, are dropped: of the camera's own gripper, or of text in the
picture. Features of what moves with the camera are found to about 1 px in both pictures; the 15
views of the real shelf, by a wrist camera, are all placed, and 2 of them without this."""
SEED = 0
DATABASE, CAMERAS = "database.db", "cameras"
"""Files of the work folder: COLMAP's database, and a mark that it has all images."""


def reconstruct(
    work: Path,
    names: Sequence[str],
    is_video: bool,
    config: PhotographConfig,
    progress: Progress,
) -> list[pycolmap.Reconstruction]:
    """Place the images of `work/images`.

    Args:
        work: folder with images; it gets the database and models.
        names: of the images.
        is_video: they are frames of one camera, in order.
        config: settings.
        progress: called with the stages "features", "matches" and "placing".

    Returns:
        The models found, in no order; none where no two images fit.
    """
    import pycolmap

    pycolmap.set_random_seed(SEED)
    level, pycolmap.logging.minloglevel = pycolmap.logging.minloglevel, 2  # errors
    try:
        _extract(work, names, config, progress)
        _match(work, list(_pairs(names, is_video, config.max_exhaustive)), progress)
        return _place(work, len(names), config, progress)
    finally:
        pycolmap.logging.minloglevel = level


def _extract(
    work: Path, names: Sequence[str], config: PhotographConfig, progress: Progress
) -> None:
    import pycolmap

    if not (work / CAMERAS).is_file():
        (work / DATABASE).unlink(missing_ok=True)
        pycolmap.Database.open(work / DATABASE).close()
        for group in _cameras(work / "images", names).values():
            pycolmap.import_images(
                work / DATABASE, work / "images", pycolmap.CameraMode.SINGLE, group
            )
        (work / CAMERAS).touch()
    options = pycolmap.FeatureExtractionOptions()
    options.sift.max_num_features = config.max_features
    for start in range(0, len(names), BATCH_IMAGES):
        batch = list(names[start : start + BATCH_IMAGES])
        pycolmap.extract_features(
            work / DATABASE,
            work / "images",
            image_names=batch,
            extraction_options=options,
            device=pycolmap.Device.cpu,
        )
        progress("features", (start + len(batch)) / len(names))


def _cameras(folder: Path, names: Sequence[str]) -> dict[tuple, list[str]]:
    """Return the images of each camera: of the same size, model and focal length by EXIF."""
    groups: dict[tuple, list[str]] = {}
    for name in names:
        with Pillow.open(folder / name) as image:
            exif = image.getexif()
            lens = exif.get_ifd(EXIF_IFD)
        key = image.size, *(exif.get(tag) for tag in CAMERA_TAGS), *map(lens.get, LENS_TAGS)
        groups.setdefault(key, []).append(name)
    return groups


def _pairs(names: Sequence[str], is_video: bool, max_exhaustive: int) -> Iterator[tuple[str, str]]:
    """Yield the pairs to match: all, or of long videos neighbours and all of every n-th frame."""
    if not is_video or len(names) <= max_exhaustive:
        yield from itertools.combinations(names, 2)
        return
    step = math.ceil(len(names) / max_exhaustive) + 1
    for first, second in itertools.combinations(range(len(names)), 2):
        if second - first <= NEIGHBOURS or (first % step == 0 and second % step == 0):
            yield names[first], names[second]


def _match(work: Path, pairs: Sequence[tuple[str, str]], progress: Progress) -> None:
    import pycolmap

    listed = work / "pairs.txt"
    options = pycolmap.ImportedPairingOptions()
    options.match_list_path = listed
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = SEED
    verification.filter_stationary_matches = True
    verification.stationary_matches_max_error = STATIONARY
    for start in range(0, len(pairs), BATCH_PAIRS):
        batch = pairs[start : start + BATCH_PAIRS]
        listed.write_text("".join(f"{first} {second}\n" for first, second in batch))
        pycolmap.match_image_pairs(
            work / DATABASE,
            pairing_options=options,
            verification_options=verification,
            device=pycolmap.Device.cpu,
        )
        progress("matches", (start + len(batch)) / len(pairs))


def _place(
    work: Path, count: int, config: PhotographConfig, progress: Progress
) -> list[pycolmap.Reconstruction]:
    import pycolmap

    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = SEED
    options.min_model_size = config.min_placed
    placed = itertools.count(3)

    def report() -> None:
        progress("placing", min(next(placed) / count, 1.0))

    models = work / "sparse"
    models.mkdir(exist_ok=True)
    found = pycolmap.incremental_mapping(
        work / DATABASE, work / "images", models, options, next_image_callback=report
    )
    progress("placing", 1.0)
    return list(found.values())
