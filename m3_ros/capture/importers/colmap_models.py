"""Models in a COLMAP folder: found, checked and loaded."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from m3_ros.capture.importers.colmap_text import check_model, is_model
from m3_ros.capture.scan import ScanError

if TYPE_CHECKING:
    import pycolmap

FOLDERS = ("sparse", "colmap/sparse", "dense/sparse", ".")
"""Where models may lie in a COLMAP folder, directly or in numbered subfolders."""

logger = logging.getLogger(__name__)


def model_folders(source: Path) -> list[Path]:
    """Return the folders of models in the first of `FOLDERS` that holds any."""
    for name in FOLDERS:
        base = source / name
        numbered = sorted(path for path in base.glob("*") if path.name.isdigit())
        found = [folder for folder in (*numbered, base) if is_model(folder)]
        if found:
            return found
    return []


def read_folder(source: Path) -> tuple[Path, pycolmap.Reconstruction]:
    """Return the model of a folder with the most images, and the model's own folder.

    Raises:
        ScanError: a model cannot be read.
    """
    return _largest(model_folders(source))


def _largest(folders: list[Path]) -> tuple[Path, pycolmap.Reconstruction]:
    """Load all models and return the one with most registered images."""
    import pycolmap  # 50 MB of bindings, needed for this format alone

    models = []
    for folder in folders:
        try:
            check_model(folder)
            model = pycolmap.Reconstruction(str(folder))
            _normalize(model)
            models.append((folder, model))
        except ScanError:
            raise
        except (RuntimeError, ValueError, LookupError, MemoryError, OSError) as error:
            cause = next(iter(str(error).splitlines()), type(error).__name__)
            raise ScanError(f"the COLMAP model {folder} cannot be read ({cause})") from error
    best = max(models, key=lambda pair: len(pair[1].images))
    if len(models) > 1:
        sizes = [f"{path} ({_plural(len(model.images))})" for path, model in models]
        logger.warning("%d COLMAP models: %s; %s is read", len(models), ", ".join(sizes), best[0])
    return best


def _normalize(model: pycolmap.Reconstruction) -> None:
    """Give all quaternions length 1: COLMAP computes with the numbers of the files."""
    import pycolmap

    for frame in model.frames.values():
        if frame.has_pose():
            rotation = frame.rig_from_world.rotation
            rotation.normalize()
            frame.rig_from_world = pycolmap.Rigid3d(rotation, frame.rig_from_world.translation)


def _plural(count: int) -> str:
    return f"{count} image{'s' if count != 1 else ''}"
