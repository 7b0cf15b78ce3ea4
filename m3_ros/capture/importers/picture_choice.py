"""Choice of the sharp, spread pictures of a video or folder that structure from motion places."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from m3_ros.capture.color_file import HEIF_SUFFIXES, read_color
from m3_ros.capture.listed_file import IMAGE_SUFFIXES
from m3_ros.capture.picture_file import open_video
from m3_ros.capture.scan import ScanError
from m3_ros.config import PhotographConfig
from m3_ros.types import Array, Image, Progress

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mts")
FOLDERS = (".", "images", "input", "photos", "rgb")
"""Where pictures may lie in a folder."""
ANALYSIS_RATE = 10.0
"""Frames of a video that are looked at, Hz: a hand moves a phone by a few percent of the picture
between two of them."""
ANALYSIS_WIDTH = 320
"""Width at which sharpness and motion are measured, px: noise is averaged, and blur by a motion of
1 % of the picture is still 3 px."""
QUALITY = 95
"""JPEG quality of the copies."""
EXIF_IFD = 0x8769
CAMERA_TAGS, LENS_TAGS = (0x010F, 0x0110), (0x920A, 0xA405)
"""EXIF: make and model of the camera; focal length in mm, and that on 35 mm film."""


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of the first of `FOLDERS` that holds any, by name."""
    for name in FOLDERS:
        base = folder / name
        if base.is_dir():
            found = sorted(path for path in base.iterdir() if path.is_file())
            found = [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES]
            if found:
                return found
    return []


def choose_pictures(
    source: Path, target: Path, config: PhotographConfig, progress: Progress
) -> None:
    """Copy pictures upright, as JPEG with the lens's EXIF; the sharpest of many.

    Args:
        source: folder of the pictures.
        target: folder of the copies.
        config: settings.
        progress: called with the stage "pictures".

    Raises:
        ScanError: a picture cannot be read.
    """
    paths = pictures_in(source)
    for path in paths:
        if not path.name.isprintable():  # nor is what is not UTF-8; COLMAP takes no such name
            raise ScanError(f"{path} has a name that is not UTF-8 or not printable; rename it")
    if len(paths) > config.max_pictures:
        sharpness = [_sharpness(_small(_load(path))) for path in paths]
        picked = _sharpest(np.arange(len(paths)), sharpness, config.max_pictures)
        paths = [paths[index] for index in picked]
    for done, path in enumerate(paths, start=1):
        name = path.name if path.suffix.lower() in (".jpg", ".jpeg") else f"{path.name}.jpg"
        _save(target / name, _load(path), config.picture_size, _lens(path))
        progress("pictures", done / len(paths))


def choose_frames(
    source: Path, target: Path, config: PhotographConfig, progress: Progress
) -> None:
    """Copy the sharpest frame of each stretch of motion of a video; arguments as above.

    Raises:
        ScanError: it cannot be read, or nothing moves in it.
    """
    indices, sharpness, motion = [], [], [0.0]
    flow, last = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST), None
    for index, share, frame in _analysed(source):
        grey = _small(frame)
        if last is not None:
            moved = np.linalg.norm(flow.calc(last, grey, None), axis=-1)
            motion.append(motion[-1] + float(np.median(moved)) / grey.shape[1])
        indices.append(index)
        sharpness.append(_sharpness(grey))
        last = grey
        progress("video", share)
    if not indices:
        raise ScanError(f"{source} cannot be read as a video; it must be one that OpenCV decodes")
    wanted = int(motion[-1] / config.video_motion) + 1
    if wanted < config.min_placed:
        raise ScanError(
            f"{source}: the picture moves by {motion[-1]:.2f} of its width in all; it must move "
            f"by at least {config.min_placed * config.video_motion:.2f}: walk around the scene"
        )
    picked = _sharpest(np.array(motion), sharpness, min(wanted, config.max_pictures))
    chosen = {indices[each] for each in picked}
    for index, frame in _frames(source, chosen):
        _save(target / f"{index:06d}.jpg", frame, config.picture_size, None)
        progress("frames", (index + 1) / (max(chosen) + 1))


def _sharpest(place: Array, sharpness: Sequence[float], count: int) -> list[int]:
    """Return the index of the sharpest picture of each of `count` equal stretches of `place`."""
    edges = np.linspace(place[0], place[-1], count + 1)
    stretch = np.clip(np.searchsorted(edges, place, "right") - 1, 0, count - 1)
    best: dict[int, int] = {}
    for index, each in enumerate(stretch.tolist()):
        if each not in best or sharpness[index] > sharpness[best[each]]:
            best[each] = index
    return sorted(best.values())


def _small(rgb: Image) -> NDArray[np.uint8]:
    """Return a grey image of `ANALYSIS_WIDTH`."""
    height, width = rgb.shape[:2]
    size = (ANALYSIS_WIDTH, max(round(height * ANALYSIS_WIDTH / width), 16))
    return cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def _sharpness(grey: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian (Pech-Pacheco et al., ICPR 2000)."""
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def _analysed(source: Path) -> Iterator[tuple[int, float, Image]]:
    """Yield number, share of the video, and RGB pixels of frames at `ANALYSIS_RATE`."""
    try:
        video = open_video(source)
    except ValueError as error:
        raise ScanError(f"{source} {error}") from error
    rate, total = video.get(cv2.CAP_PROP_FPS), video.get(cv2.CAP_PROP_FRAME_COUNT)
    step = max(round(rate / ANALYSIS_RATE), 1) if 0 < rate < 1e4 else 1
    index = 0
    while video.grab():
        if index % step == 0:
            good, bgr = video.retrieve()
            if good:
                yield index, min(index / max(total, 1), 1.0), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        index += 1
    video.release()


def _frames(source: Path, wanted: set[int]) -> Iterator[tuple[int, Image]]:
    """Yield number and RGB pixels of the wanted frames."""
    video = open_video(source)
    for index in range(max(wanted) + 1):
        if not video.grab():
            break
        if index in wanted:
            good, bgr = video.retrieve()
            if good:
                yield index, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    video.release()


def _load(path: Path) -> Image:
    try:
        return read_color(path, upright=True)[0]
    except ValueError as error:
        raise ScanError(f"{path} {error}") from error


def _lens(path: Path) -> Pillow.Exif | None:
    """Return the EXIF fields that tell the focal length; None where there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if path.suffix.lower() in HEIF_SUFFIXES:
                import pillow_heif

                pillow_heif.register_heif_opener()
            with Pillow.open(path) as image:
                given = image.getexif()
            lens = given.get_ifd(EXIF_IFD)
        except Exception:  # damaged EXIF makes the reader raise anything
            return None
    exif = Pillow.Exif()
    for tag in CAMERA_TAGS:
        if tag in given:
            exif[tag] = given[tag]
    for tag in LENS_TAGS:
        if tag in lens:
            exif.get_ifd(EXIF_IFD)[tag] = lens[tag]
    return exif


def _save(path: Path, rgb: Image, size: int, exif: Pillow.Exif | None) -> None:
    """Write a picture whose longer side has at most `size` px."""
    image = Pillow.fromarray(rgb)
    image.thumbnail((size, size), Pillow.Resampling.LANCZOS)
    image.save(path, quality=QUALITY, subsampling=0, **({} if exif is None else {"exif": exif}))
