"""Importer of Record3D: a `.r3d` file, or the folder of its "EXR + RGB" export.

Both have metadata in JSON: `poses` (qx qy qz qw x y z, OpenGL camera axes, y up, m), `K` by
columns, and in newer versions intrinsics and stamps of each frame. Depth is float32 in m, in a
`.r3d` compressed by LZFSE.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from m3_ros.capture.depth import to_metres
from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.importers.sequence import (
    Z_FROM_Y,
    Shot,
    drop_unsure,
    import_shots,
    pinhole,
    read_rgbd,
)
from m3_ros.capture.picture_file import decode_picture
from m3_ros.capture.scan import ScanError
from m3_ros.geometry import OPENGL_FROM_OPENCV, quat_to_matrix, se3, xyzw_to_wxyz
from m3_ros.schema import Count, Length, Pixel, Side, Stamp, decode, parse_text, read_json
from m3_ros.types import Array, Depth, Image

SUFFIX = ".r3d"
MIN_CONFIDENCE = 1
"""Least confidence of ARKit's LiDAR depth that counts: 0 is low, 1 medium, 2 high."""
DEPTH_SIZES = ((256, 192), (960, 720), (640, 480))
"""Height and width of depth where the metadata lack it: LiDAR, and the front camera."""


class _Metadata(Struct):
    w: Side
    h: Side
    K: Annotated[list[Pixel], Meta(min_length=9, max_length=9, description="a list of 9 numbers")]
    poses: list[
        Annotated[list[Length], Meta(min_length=7, max_length=7, description="a row of 7 numbers")]
    ]
    fps: Annotated[float, Meta(ge=0, le=1e4, description="a number >= 0, Hz")] = 60.0
    dw: Count = 0
    dh: Count = 0
    perFrameIntrinsicCoeffs: (
        list[Annotated[list[Pixel], Meta(min_length=4, description="4 numbers or more")]] | None
    ) = None
    frameTimestamps: list[Stamp] | None = None


def matches(source: Path) -> bool:
    """Return whether a path is a `.r3d` file, or a folder that Record3D exported."""
    return (source.suffix.lower() == SUFFIX and source.is_file()) or _metadata(source) is not None


def _metadata(source: Path) -> Path | None:
    if (source / "rgb").is_dir() or (source / "rgbd").is_dir():
        paths = (source / "metadata.json", source / "metadata")
        return next((path for path in paths if path.is_file()), None)
    return None


def read(request: ImportRequest) -> Imported:
    """Open a recording of Record3D.

    Raises:
        ScanError: it is damaged.
    """
    if request.source.is_file():
        return _read_archive(request)
    source = request.source
    content = read_json(_metadata(source), _Metadata, ScanError)

    stems = _stems((path.name for path in (source / "rgb").glob("*")), len(content.poses))

    def reader(index: int) -> tuple[Callable[[], tuple[Image, Depth | None]], tuple[Path, ...]]:
        color = source / "rgb" / f"{stems[index]}.jpg"
        color = color if color.is_file() else color.with_suffix(".png")
        depth = source / "depth" / f"{stems[index]}.exr"
        return lambda: read_rgbd(color, depth if depth.is_file() else None, 1.0), (color,)

    return import_shots(request, _shots(content, reader))


def _read_archive(request: ImportRequest) -> Imported:
    source = request.source
    try:
        archive = zipfile.ZipFile(source)
        data = archive.read("metadata")
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RuntimeError, zlib.error) as error:
        raise ScanError(f"{source} is no file of Record3D that can be read: {error}") from error
    place = f"{source} metadata"
    content = decode(parse_text(data, place, ScanError), _Metadata, place, ScanError)
    names = set(archive.namelist())
    pictures = (name.removeprefix("rgbd/") for name in names if name.startswith("rgbd/"))
    stems = _stems(pictures, len(content.poses))

    def reader(index: int) -> tuple[Callable[[], tuple[Image, Depth | None]], tuple[Path, ...]]:
        name = f"rgbd/{stems[index]}"
        files = () if f"{name}.jpg" in names else (source / f"{name}.jpg",)
        return lambda: _unpack(archive, names, name, (content.dh, content.dw)), files

    return import_shots(request, _shots(content, reader))


def _stems(names: Iterable[str], poses: int) -> list[str]:
    """Return the stem of each pose's picture: its number from 0.

    Where there are as many numbered pictures as poses, they belong together in their order, as
    in copies that count from 1 or with leading zeros.
    """
    pairs = (name.rpartition(".") for name in names)
    stems = {stem for stem, _, suffix in pairs if suffix in ("jpg", "png") and stem.isdecimal()}
    return sorted(stems, key=int) if len(stems) == poses else [str(i) for i in range(poses)]


def _shots(content: _Metadata, reader: Callable) -> list[Shot]:
    shots = []
    for index, (*xyzw, x, y, z) in enumerate(content.poses):
        length = np.linalg.norm(xyzw)
        rotation = (
            quat_to_matrix(xyzw_to_wxyz(np.array(xyzw) / length)) if length else np.zeros((3, 3))
        )
        pose = Z_FROM_Y @ se3(rotation, [x, y, z]) @ OPENGL_FROM_OPENCV
        stamps = content.frameTimestamps or []
        stamp = stamps[index] if index < len(stamps) else index / max(content.fps, 1.0)
        read, files = reader(index)
        K, size = _intrinsics(content, index), (int(content.w), int(content.h))
        shots.append(Shot(f"{index}.jpg", stamp, pose, K, read, files, size))
    return shots


def _intrinsics(content: _Metadata, index: int) -> Array:
    each = content.perFrameIntrinsicCoeffs or []
    if index < len(each) and len(each[index]) >= 4:
        return pinhole(*each[index][:4])
    K = np.array(content.K, np.float64).reshape(3, 3).T  # by columns
    return pinhole(K[0, 0], K[1, 1], K[0, 2], K[1, 2])


def _unpack(
    archive: zipfile.ZipFile, names: set[str], name: str, size: tuple[int, int]
) -> tuple[Image, Depth | None]:
    """Return colour and depth of a frame of a `.r3d` file.

    Raises:
        ValueError: one of them is damaged.
    """
    try:
        data = archive.read(f"{name}.jpg")
    except (zipfile.BadZipFile, RuntimeError, zlib.error, OSError) as error:
        raise ValueError(f"{name}.jpg is damaged: {error}") from error
    try:
        bgr = decode_picture(data, cv2.IMREAD_COLOR)
    except ValueError as error:
        raise ValueError(f"{name}.jpg {error}") from error
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    if f"{name}.depth" not in names:
        return rgb, None
    depth = to_metres(_inflate(archive, f"{name}.depth", "<f4", size), 1.0)
    if f"{name}.conf" in names:
        sure = _inflate(archive, f"{name}.conf", "u1", depth.shape)
        depth = drop_unsure(depth, sure, MIN_CONFIDENCE)
    return rgb, depth


def _inflate(archive: zipfile.ZipFile, name: str, dtype: str, size: tuple[int, int]) -> NDArray:
    import lzfse  # for this format alone

    try:
        numbers = np.frombuffer(lzfse.decompress(archive.read(name)), dtype)
    except (
        lzfse.error, ValueError, zipfile.BadZipFile, RuntimeError, zlib.error, MemoryError,
    ) as error:  # fmt: skip
        raise ValueError(f"{name} is damaged: {str(error) or 'it is not LZFSE'}") from error
    sizes = [size, *DEPTH_SIZES]
    fitting = next((each for each in sizes if each[0] * each[1] == len(numbers)), None)
    if fitting is None or not len(numbers):
        raise ValueError(f"{name} has {len(numbers)} numbers; metadata dh, dw must give its size")
    return numbers.reshape(fitting)
