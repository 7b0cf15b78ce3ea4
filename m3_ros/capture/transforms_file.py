"""Schema of `transforms.json`: every field of every frame is checked when the file is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType
from numpy.typing import NDArray

from m3_ros.capture.frame import is_rigid
from m3_ros.capture.frames_file import FRAMES_FILE, read_frames_file
from m3_ros.capture_settings import MAX_FRAMES
from m3_ros.errors import DataError
from m3_ros.schema import (
    MAX_LENGTH,
    Coefficient,
    Focal,
    Matrix,
    Name,
    Pixel,
    Side,
    Stamp,
    Text,
    Unit,
    decode,
    parse_json,
)

FILE = "transforms.json"
BLENDER_FILE = "transforms_train.json"
"""Of a Blender data set; those named _val and _test hold other views of the same scene."""
MIN_UNIT = 1e-6
"""Least unit of depth, m a step: with it 16 bits reach 7 cm, less than any camera of depth."""
REQUIRED = ("file_path", "transform_matrix")
FOCALS = ("fl_x", "fl_y", "camera_angle_x", "camera_angle_y", "x_fov", "y_fov")
"""Fields one of which a frame must have: focal length (px), angle of view (rad), (degrees)."""
ALIASES = {"depth_path": "depth_file_path", "integer_depth_scale": "depth_unit_scale_factor"}
"""Names of instant-ngp, and those of nerfstudio."""

Angle = Annotated[float, Meta(gt=0, lt=3.15, description="an angle of view, rad, 0 to 3.14")]
Degrees = Annotated[float, Meta(gt=0, lt=180, description="an angle of view, degrees, 0 to 180")]


class CameraFields(Struct):
    """What a frame may say itself, or the file's root for all frames."""

    camera_model: Text | UnsetType = UNSET
    is_fisheye: bool | UnsetType = UNSET
    fl_x: Focal | UnsetType = UNSET
    fl_y: Focal | UnsetType = UNSET
    cx: Pixel | UnsetType = UNSET
    cy: Pixel | UnsetType = UNSET
    w: Side | UnsetType = UNSET
    h: Side | UnsetType = UNSET
    k1: Coefficient | UnsetType = UNSET
    k2: Coefficient | UnsetType = UNSET
    k3: Coefficient | UnsetType = UNSET
    k4: Coefficient | UnsetType = UNSET
    k5: Coefficient | UnsetType = UNSET
    k6: Coefficient | UnsetType = UNSET
    p1: Coefficient | UnsetType = UNSET
    p2: Coefficient | UnsetType = UNSET
    camera_angle_x: Angle | UnsetType = UNSET
    camera_angle_y: Angle | UnsetType = UNSET
    x_fov: Degrees | UnsetType = UNSET
    y_fov: Degrees | UnsetType = UNSET
    distortion_params: (
        Annotated[list[Coefficient], Meta(max_length=6, description="a list of at most 6 numbers")]
        | UnsetType
    ) = UNSET
    depth_unit_scale_factor: Unit | UnsetType = UNSET
    integer_depth_scale: Unit | UnsetType = UNSET
    file_path: Name | UnsetType = UNSET
    depth_file_path: Name | UnsetType = UNSET
    depth_path: Name | UnsetType = UNSET
    mask_path: Name | UnsetType = UNSET
    source_name: Text | UnsetType = UNSET
    stamp: Stamp | UnsetType = UNSET
    transform_matrix: Matrix | UnsetType = UNSET

    def given(self) -> dict[str, Any]:
        """Return the fields that are there, by nerfstudio's names."""
        names = CameraFields.__struct_fields__
        fields = ((ALIASES.get(name, name), getattr(self, name)) for name in names)
        return {name: value for name, value in fields if value is not UNSET}


class TransformsFile(CameraFields):
    """The file: frames, and the values that all of them share."""

    frames: Annotated[
        list[CameraFields],
        Meta(
            min_length=1,
            max_length=MAX_FRAMES,
            description=f"a list of 1 to {MAX_FRAMES} frames",
        ),
    ] = UNSET
    ply_file_path: Name | UnsetType = UNSET
    metric: bool | UnsetType = UNSET


@dataclass(frozen=True)
class Contents:
    """What a checked `transforms.json` says.

    Attributes:
        path: of the file.
        entries: the frames' fields, each with those of the root.
        points_file: path of the sparse points' file, relative to the folder.
        metric: whether lengths are metres. Where the file does not say so, they are if any frame
            has a depth image: structure from motion measures no scale, and gives no depth images.
    """

    path: Path
    entries: list[dict[str, Any]]
    points_file: str | None
    metric: bool


def transforms_path(source: Path) -> Path:
    """Return the path of the list of frames of a scan, which is a folder or that file."""
    if source.suffix == ".json" and not os.path.isdir(source):
        return source
    names = (FILE, FRAMES_FILE, BLENDER_FILE)
    return source / next((name for name in names if os.path.isfile(source / name)), FILE)


def read_transforms(path: Path, error: type[DataError]) -> Contents:
    """Return the fields of the frames, and what the file says of all of them.

    Args:
        path: of the file.
        error: class of the error.

    Raises:
        DataError: of the class `error`: a field is missing or breaks its rule.
        OSError: the file cannot be read.
    """
    if path.name == FRAMES_FILE:
        content = read_frames_file(path, error)
    else:
        content = parse_json(path, error)
    content = decode(content, TransformsFile, str(path), error)
    if content.frames is UNSET:
        raise error(
            f"{path} lists no frames; a scan needs at least one", place=f"{path}: $.frames"
        )
    root = content.given()
    entries = [{**root, **frame.given()} for frame in content.frames]
    for index, entry in enumerate(entries):
        for name in REQUIRED:
            if name not in entry:
                raise error(f"{path}: $.frames[{index}].{name} is missing, also at the root")
        if not entry.keys() & set(FOCALS):
            raise error(
                f"{path}: $.frames[{index}] has no focal length, and neither has the root; one of "
                f"{', '.join(FOCALS)} must be there"
            )
        entry["transform_matrix"] = [*entry["transform_matrix"], [0.0, 0.0, 0.0, 1.0]][:4]
    _check_pictures(path, entries, error)
    poses = np.array([entry["transform_matrix"] for entry in entries], np.float64)
    last = np.abs(poses[:, 3] - [0.0, 0.0, 0.0, 1.0]).max(1) > 1e-6
    for wrong, what, rule in (
        (last, "[3]", "the last row of a pose, 0 0 0 1"),
        (~is_rigid(poses), "", "a rigid pose: its rotation orthonormal with determinant +1"),
    ):
        if wrong.any():
            index = int(np.argmax(wrong))
            matrix = entries[index]["transform_matrix"]
            value = matrix[3] if what else np.round(poses[index, :3, :3], 4).tolist()
            shown = f"$.frames[{index}].transform_matrix{what}"
            raise error(f"{path}: {shown} is {value}; it must be {rule}", place=shown, rule=rule)
    points_file = None if content.ply_file_path is UNSET else content.ply_file_path
    metric = content.metric
    if metric is UNSET:
        metric = any("depth_file_path" in entry for entry in entries)
    if metric:
        _check_metres(path, entries, poses, error)
    return Contents(path, entries, points_file, metric)


def _check_pictures(path: Path, entries: list[dict], error: type[DataError]) -> None:
    """Refuse a picture that several frames show: it was taken from one place."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = os.path.normpath(entry["file_path"].replace("\\", "/"))
        first = seen.setdefault(name, index)
        if first != index:
            raise error.at(
                f"{path}: $.frames[{index}].file_path", entry["file_path"],
                f"a picture of its own; $.frames[{first}] has it too", "remove one of the two",
            )  # fmt: skip


def _check_metres(path: Path, entries: list[dict], poses: NDArray, error: type[DataError]) -> None:
    """Refuse lengths that no scan in metres has."""
    far = np.abs(poses[:, :3, 3]) > MAX_LENGTH
    units = [entry.get("depth_unit_scale_factor", 1.0) for entry in entries]
    strange = [not MIN_UNIT <= unit <= 1.0 for unit in units]
    if far.any():
        index, row = np.argwhere(far)[0]
        place, value = f"transform_matrix[{row}][3]", poses[index, row, 3]
        rule = f"within ±{MAX_LENGTH:.0f}, m"
    elif any(strange):
        index, place = strange.index(True), "depth_unit_scale_factor"
        rule = f"at most 1, m a step, and at least {MIN_UNIT:g}"
        value = entries[index][place]
    else:
        return
    raise error.at(
        f"{path}: $.frames[{index}].{place}", float(value), rule,
        '"metric": false in the file says that its lengths are no metres',
    )  # fmt: skip
