"""Import of other programs' scans into a scan folder: transforms.json, COLMAP, bags, photographs.

A module a format; each recognises a folder (`matches`) and opens it (`read`). `IMPORTERS` lists
them in the order in which they are tried. Checks of all formats stand in `import_scan`.
"""

from __future__ import annotations

import logging
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from m3_ros.capture.check import (
    Summariser,
    blank_problems,
    compare,
    consistency_problems,
)
from m3_ros.capture.frame import shrink
from m3_ros.capture.importers import (
    bag,
    bag_reader,
    colmap,
    nerfstudio,
    photographs,
    polycam,
    record3d,
    scannet,
    seven_scenes,
    stray_scanner,
    tum_rgbd,
)
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.capture.scan_writer import ScanWriter, require_free
from m3_ros.config import M3Config
from m3_ros.files import WriteError
from m3_ros.types import Progress, no_progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Importer:
    """A format: what identifies it for a user, how it is recognised and read."""

    signature: str
    matches: Callable[[Path], bool]
    read: Callable[[ImportRequest], Imported]


IMPORTERS = (
    Importer("transforms.json (nerfstudio)", nerfstudio.matches, nerfstudio.read),
    Importer(
        "a COLMAP model (cameras.bin or cameras.txt in sparse/0, sparse, colmap/sparse/0 or .)",
        colmap.matches,
        colmap.read,
    ),
    Importer("a ROS 2 bag (metadata.yaml, *.mcap, *.db3)", bag_reader.is_bag, bag.read),
    Importer("raw data of Polycam (keyframes/)", polycam.matches, polycam.read),
    Importer("a recording of Record3D (.r3d, metadata.json)", record3d.matches, record3d.read),
    Importer(
        "one of Stray Scanner (odometry.csv, rgb.mp4)", stray_scanner.matches, stray_scanner.read
    ),
    Importer("a TUM RGB-D sequence (rgb.txt, groundtruth.txt)", tum_rgbd.matches, tum_rgbd.read),
    Importer("7-Scenes (frame-*.pose.txt)", seven_scenes.matches, seven_scenes.read),
    Importer("ScanNet (color/, pose/, intrinsic/)", scannet.matches, scannet.read),
    Importer("a video or a folder of pictures", photographs.matches, photographs.read),
)

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
MAX_PATHS = 1000  # that are looked at below a folder without a scan
MAX_LISTED = 3  # scans that one message names


def find_importer(source: Path) -> Importer:
    """Return the format of a folder or file.

    Raises:
        ScanError: it does not exist, cannot be read, or has none of `IMPORTERS`.
    """
    try:
        if not source.exists():
            raise ScanError(f"{source} does not exist; name the folder or file of a scan")
        importer = next((each for each in IMPORTERS if each.matches(source)), None)
    except OSError as error:
        raise ScanError(f"{source} cannot be read: {error.strerror or error}") from error
    if importer is None:
        if source.is_file() and _is_archive(source):
            raise ScanError(f"{source} is an archive; unpack it, and name its folder")
        if nested := _find_nested(source):
            raise ScanError(f"{source} holds no scan itself; name what lies in it: {nested}")
        known = ", nor ".join(each.signature for each in IMPORTERS)
        raise ScanError(f"{source} holds no scan: neither {known}")
    return importer


def _is_archive(source: Path) -> bool:
    known = source.suffix.lower() in ARCHIVES  # also of what has not come down completely
    return known or zipfile.is_zipfile(source) or tarfile.is_tarfile(source)


def _find_nested(source: Path) -> str:
    """Return the scans one or two levels below a folder, with their formats; "": none.

    Videos and folders of pictures are listed only where nothing with poses is found.
    """
    below = islice(chain(source.glob("*"), source.glob("*/*")), MAX_PATHS)
    found: dict[Path, Importer] = {}
    for path in sorted(path for path in below if os.access(path, os.R_OK)):
        importer = next((each for each in IMPORTERS if each.matches(path)), None)
        if importer and path.suffix != ".json" and path.parent not in found:
            found[path] = importer
    posed = {path: each for path, each in found.items() if each is not IMPORTERS[-1]}
    listed = list((posed or found).items())
    more = f", and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return ", ".join(f"{path} ({each.signature})" for path, each in listed[:MAX_LISTED]) + more


def import_scan(
    source: str | Path,
    target: str | Path,
    progress: Progress = no_progress,
    config: M3Config | None = None,
) -> Scan:
    """Copy a scan of another program into a new scan folder; distortion is removed.

    An import that was killed, or that found no place on the disk, goes on where it ended; so does
    one that was interrupted while it placed photographs.

    Args:
        source: folder or file in one of the formats of `IMPORTERS`.
        target: folder to make; it must not exist, be empty, or hold a part of this import.
        progress: called after each frame with the stage "import", and with earlier stages.
        config: a bag's topics and frames (`robot`), which of its frames are kept (`scan`), and
            how pictures are placed (`photographs`).

    Raises:
        ScanError: the source has no known format, is broken, or the target is not empty.
        WriteError: the target cannot be written; the frames written so far stay.
    """
    source = Path(source)
    config, importer = config or M3Config(), find_importer(source)
    target, origin = Path(target), str(source.resolve())
    require_free(target, origin, resume=True)
    work = target.parent / f".{target.name}.import"
    try:
        imported = importer.read(ImportRequest(source, work, config, progress))
    except ScanError:  # nothing is gained by going on from there
        shutil.rmtree(work, ignore_errors=True)
        raise
    writer = ScanWriter(target, imported.metric, origin, resume=True)
    summariser, textured = Summariser(imported.count), False
    done = 0
    try:
        for done, frame in enumerate(imported.frames, start=1):
            frame = shrink(frame, config.scan.max_side)
            if done > writer.resumed:
                writer.add(frame)
            summariser.add(frame)
            textured = textured or bool((frame.rgb != frame.rgb[0, 0]).any())
            progress("import", done / imported.count)
        if imported.points is not None:
            writer.set_points(*imported.points)
        if not textured:
            raise ScanError(f"{source}: each picture has one colour only; they must show a place")
        writer.close()
    except WriteError as error:
        writer.close(finished=False)
        raise WriteError(f"{error}; import it again to go on from there") from error
    except BaseException as error:  # an import is complete or absent, after Ctrl-C too
        writer.close(finished=False)
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, ValueError) and not isinstance(error, ScanError):
            raise ScanError(f"{source} frame {done}: {error}") from error
        raise
    shutil.rmtree(work, ignore_errors=True)
    summary = summariser.summary
    for problem in (*blank_problems(summary), *consistency_problems(compare(summary))):
        logger.warning("%s: %s", source, problem)
    if not summary.depths:
        logger.warning("%s has no depth: neither depth images nor sparse points", source)
    return Scan.open(target)
