"""The scenes of `m3 eval paper`: folders in COLMAP's layout, scan folders, simulated tables.

    DATA/garden/images, DATA/garden/sparse/0     a COLMAP model and its pictures
    DATA/table/transforms.json                   a scan folder
    DATA/table/scan/transforms.json              the same, one folder down
    DATA/*/captions.json, DATA/*/masks           captions of regions (m3_ros/evaluate/captions.py)

A COLMAP folder is imported once, into the folder of the results. Captions are optional: without
them a scene has no columns of grounding and retrieval.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from m3_ros.capture.ego_mask import estimate_ego_mask
from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.capture.importers import colmap, import_scan
from m3_ros.capture.scan import Scan
from m3_ros.capture.transforms_file import FILE as FILE_OF_SCAN
from m3_ros.capture.transforms_file import transforms_path
from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.evaluate.captions import CAPTIONS_SEED, FILE, Region, read_regions, simulate_captions
from m3_ros.splat.result import held_out


@dataclass(frozen=True)
class Scene:
    """A scene of the evaluation.

    Attributes:
        name: of its folder.
        folder: with its captions, if it has any.
        source: scan folder, or COLMAP folder to import.
    """

    name: str
    folder: Path
    source: Path

    def scan(self, work: Path, config: M3Config) -> Scan:
        """Open its scan; a COLMAP folder is imported into `work` first, once."""
        if _is_scan(self.source):
            return Scan.open(self.source, config.scan)
        target = work / "scans" / self.name
        if not (target / FILE_OF_SCAN).is_file():  # absent or a part, which the import completes
            import_scan(self.source, target, config=config)
        return Scan.open(target, config.scan)

    def regions(self, frames: list[RgbdFrame]) -> list[Region]:
        """Return the regions with captions; none where the scene has no captions."""
        if not (self.folder / FILE).is_file():
            return []
        return read_regions(self.folder, [frame.name for frame in frames])


def find_scenes(data: Path) -> list[Scene]:
    """Return the scenes of a folder, by name; the folder may be a scene itself.

    Raises:
        DataError: it holds none.
    """
    if not data.is_dir():
        raise DataError(f"{data} is no folder; `m3 eval paper DATA` needs a folder of scenes")
    found = [_scene(data)] if _scene(data) else list(map(_scene, sorted(data.iterdir())))
    scenes = [scene for scene in found if scene is not None]
    if not scenes:
        raise DataError(
            f"{data} holds no scene: no folder in it is a scan (transforms.json) or has a COLMAP "
            "model (sparse/0); `--simulate 2` makes simulated ones there"
        )
    return scenes


def _scene(folder: Path) -> Scene | None:
    if not folder.is_dir():
        return None
    for source in (folder, folder / "scan"):
        if _is_scan(source) or (source.is_dir() and colmap.matches(source)):
            return Scene(folder.name or folder.resolve().name, folder, source)
    return None


def _is_scan(folder: Path) -> bool:
    return transforms_path(folder).is_file()


def simulate_scenes(data: Path, count: int, views: int, config: M3Config) -> None:
    """Add captioned simulated scenes `simulated_N` to a folder; those that are there stay."""
    for index in range(count):
        folder = data / f"simulated_{index}"
        if not (folder / FILE).is_file():
            simulate_captions(folder, CAPTIONS_SEED + index, views, config)


def masked_frames(scan: Scan, config: M3Config) -> list[RgbdFrame]:
    """Return the frames of a scan; of a metric one without the robot's own pixels.

    The mask is estimated from the frames that are not held out.
    """
    frames = list(scan)
    if not scan.metric:
        return frames
    kept = held_out(len(frames), config.splat.test_every)
    mask = estimate_ego_mask(
        [frame for index, frame in enumerate(frames) if index not in kept], config.ego_mask
    )
    return [apply_mask(frame, mask) for frame in frames]
