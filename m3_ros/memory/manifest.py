"""Schema of `manifest.json`, and the rules that the tensors beside it must keep."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta, Struct
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from m3_ros.capture.frame import check_intrinsics, check_pose
from m3_ros.capture_settings import MAX_FRAMES
from m3_ros.errors import DataError, show
from m3_ros.files import reason_of
from m3_ros.schema import MAX_COORDINATE, MAX_LENGTH, Count, Name, Text, decode, parse_json
from m3_ros.splat import Gaussians
from m3_ros.types import Array

SCHEMA = 3
"""Version of the layout; other versions are refused."""
VALUES = {"low": -MAX_COORDINATE, "high": MAX_COORDINATE}
"""Bounds of numbers whose products stay finite in float32."""
FILES = ("gaussians.ply", "queries.safetensors")
"""What a memory consists of, besides the banks."""


class MemoryFileError(DataError):
    """A memory folder is missing, damaged or of another version; the message says which."""


class ModelEntry(Struct):
    """One foundation model of a memory."""

    bank: Name
    digest: Text
    temperature: Annotated[float, Meta(gt=0, le=1e3, description="a number > 0 and at most 1000")]
    threshold: Annotated[float, Meta(ge=-1, le=1, description="a number, -1 to 1")]
    dim: Count
    degrees: Count
    components: Count
    captions: Annotated[
        list[Text], Meta(max_length=MAX_FRAMES, description="a list of texts, one a component")
    ] = []


class Manifest(Struct):
    """The fields of `manifest.json`."""

    frame_id: Text
    frames: Count
    images: Annotated[
        list[Text], Meta(max_length=MAX_FRAMES, description="a list of file names, one a frame")
    ]
    gaussians: Count
    metric: bool
    working_distance: Annotated[float, Meta(gt=0, le=1e6, description="a number > 0, at most 1e6")]
    psnr_db: (
        Annotated[float, Meta(ge=-1e3, le=1e3, description="a number within ±1000, dB, or null")]
        | None
    )
    models: Annotated[
        dict[str, ModelEntry],
        Meta(min_length=1, description="an object with one field for each model"),
    ]
    config: Annotated[dict[str, Any], Meta(description="an object of settings")]
    files: Annotated[
        dict[str, Text],
        Meta(max_length=10_000, description="an object: name and SHA-256 of files"),
    ]


class Version(Struct):
    """The version of a manifest, of whatever fields."""

    schema: Annotated[int, Meta(description="a whole number")]


def read_manifest(folder: Path) -> dict:
    """Return what `manifest.json` says of the memory in `folder`, its fields checked.

    Raises:
        MemoryFileError: there is none, it is damaged or of another version.
    """
    path = folder / "manifest.json"
    if not os.path.isfile(path):  # Path.is_file raises for a name that is too long
        raise MemoryFileError(f"{folder} is no memory: there is no manifest.json")
    try:
        content = parse_json(path, MemoryFileError)
    except OSError as error:
        raise MemoryFileError(f"{path} cannot be read: {error.strerror}") from error
    schema = decode(content, Version, str(path), MemoryFileError).schema
    if schema != SCHEMA:
        raise MemoryFileError(
            f"{path} has schema {show(schema)}, this program reads {SCHEMA}; "
            "build the memory again"
        )
    manifest = decode(content, Manifest, str(path), MemoryFileError)
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in manifest.files):
        raise MemoryFileError(f"{path} names files outside its folder")
    for name in (*FILES, *(entry.bank for entry in manifest.models.values())):
        if name not in manifest.files:
            raise MemoryFileError(f"{path}: $.files lacks {name}; it must have its SHA-256")
    if len(manifest.images) != manifest.frames:
        raise MemoryFileError.at(f"{path}: $.images", manifest.images, f"{manifest.frames} names")
    return content


def check_count(place: str, stated: int, found: int) -> None:
    """Refuse a count of the manifest that the files beside it do not have.

    Raises:
        MemoryFileError: it does not.
    """
    if stated != found:
        raise MemoryFileError.at(place, stated, f"{found}, as the files beside it have it")


def check_views(path: Path, poses: Array, Ks: Array, sizes: list[list[int]]) -> None:
    """Check poses `[N, 4, 4]` and intrinsics `[N, 3, 3]` of pictures of (width, height).

    Raises:
        MemoryFileError: one of them is none.
    """
    for index, (pose, K, (width, height)) in enumerate(zip(poses, Ks, sizes, strict=True)):
        try:
            check_pose(f"camtoworlds[{index}]", pose)
            check_intrinsics(f"Ks[{index}]", K, (height, width))
        except ValueError as error:
            raise MemoryFileError(f"{path}: {error}") from error


def check_metres(path: Path, gaussians: Gaussians) -> None:
    """Check the centres of Gaussians whose lengths are metres.

    Raises:
        MemoryFileError: one is farther out than `MAX_LENGTH`.
    """
    far = gaussians.means.abs() > MAX_LENGTH
    if far.any():
        row, axis = far.nonzero()[0].tolist()
        raise MemoryFileError.at(
            f"{path}: {'xyz'[axis]} of Gaussian {row}",
            round(gaussians.means[row, axis].item(), 3),
            f"within ±{MAX_LENGTH:.0f}, m",
            'the manifest\'s "metric": false says that lengths are no metres',
        )


class TensorFile:
    """The tensors of a safetensors file, taken by name with type and shape checked.

    Args:
        path: of the file, for messages.
        tensors: its content.
    """

    @classmethod
    def read(cls, path: Path) -> TensorFile:
        """Return the tensors of a file.

        Raises:
            MemoryFileError: it cannot be read as one of safetensors.
        """
        try:
            return cls(path, load_file(path))
        except (OSError, ValueError, SafetensorError) as error:
            raise MemoryFileError(
                f"{path} is no file of safetensors that can be read: {reason_of(error)}"
            ) from error

    def __init__(self, path: Path, tensors: Mapping[str, Tensor]) -> None:
        self._path, self._tensors = path, tensors

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def take(
        self, name: str, shape: tuple[int | None, ...], floating: bool = True,
        low: float | None = None, high: float | None = None,
    ) -> Tensor:  # fmt: skip
        """Return a tensor.

        Args:
            name: of the tensor.
            shape: it must have; None: any size above 0.
            floating: whether its numbers are floating point rather than whole; they must be
                finite.
            low, high: inclusive bounds.

        Raises:
            MemoryFileError: it is missing, or of another type or shape, or has other numbers.
        """
        place = f"{self._path}: {name}"
        tensor = self._tensors.get(name)
        if tensor is None:
            raise MemoryFileError(f"{place} is missing; the file has {', '.join(self._tensors)}")
        kind = tensor.is_floating_point() if floating else tensor.dtype == torch.int64
        fits = len(shape) == tensor.ndim and all(
            size > 0 if wanted is None else size == wanted
            for size, wanted in zip(tensor.shape, shape, strict=True)
        )
        if not kind or not fits:
            wanted = ", ".join("n" if size is None else str(size) for size in shape)
            raise MemoryFileError(
                f"{place} is {str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}; it "
                f"must be {'floating point' if floating else 'int64'} [{wanted}]"
            )
        wrong = ~tensor.isfinite()
        if low is not None:
            wrong |= tensor < low
        if high is not None:
            wrong |= tensor > high
        if wrong.any():
            index = wrong.nonzero()[0].tolist()
            bounds = "finite" if low is None else f"{low} to {'above' if high is None else high}"
            raise MemoryFileError(
                f"{place}{index} is {tensor[tuple(index)].item():g}; it must be {bounds}"
            )
        return tensor
