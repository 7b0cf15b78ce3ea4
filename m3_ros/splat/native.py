"""Load the C++ library of src/ that fits this processor, and call it through ctypes."""

from __future__ import annotations

import ctypes
import os
from ctypes import Structure, byref, c_double, c_float, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

TILE_SIZE = 16  # px, kTileSize of src/rasterizer.h
ROW_FLOATS = 8  # of a Gaussian's Row, src/rasterizer.h
ISAS = {1: "baseline", 3: "x86-64-v3", 4: "x86-64-v4"}
_FOLDER = Path(__file__).parent / "_native"


class CameraStruct(Structure):
    """`Camera` of src/rasterizer.h."""

    _fields_ = [
        ("viewmat", c_float * 16),
        ("K", c_float * 9),
        ("width", c_int32),
        ("height", c_int32),
        ("near_plane", c_float),
        ("far_plane", c_float),
        ("eps2d", c_float),
    ]


class SplatsStruct(Structure):
    """`Splats` of src/rasterizer.h."""

    _fields_ = [
        ("n", c_int64),
        ("radii", c_void_p),
        ("rows", c_void_p),
        ("colors", c_void_p),
        ("channels", c_int32),
        ("with_depth", c_int32),
        ("width", c_int32),
        ("height", c_int32),
    ]


@cache
def isa() -> str:
    """Return the instruction set in use: `M3_SPLAT_ISA`, or the best of this processor."""
    return os.environ.get("M3_SPLAT_ISA") or ISAS[_open("baseline").m3_isa_level()]


@cache
def library() -> ctypes.CDLL:
    """Return the library for this processor.

    Raises:
        ImportError: The libraries were not built.
    """
    return _open(isa())


def _open(name: str) -> ctypes.CDLL:
    path = _FOLDER / f"libm3_splat_{name}.so"
    if not path.exists():
        raise ImportError(
            f"the CPU rasterizer is not built: {path} does not exist. Build it in the repository "
            "with `cmake -S src -B build/native && cmake --build build/native`, or `make setup`."
        )
    native = ctypes.CDLL(str(path))
    native.m3_isa_level.restype = c_int32
    native.m3_first_nonfinite.restype = c_int64
    native.m3_count_tiles.restype = c_int64
    native.m3_photometric_loss.restype = c_double
    return native


def call(name: str, *arguments: Tensor | Structure | int | float | None) -> int | float:
    """Call a function of the library; tensors are passed as pointers, the thread count last.

    The caller must keep every tensor alive, contiguous, on the CPU and of the right dtype.
    """
    converted = []
    for value in arguments:
        if value is None or isinstance(value, Tensor):
            converted.append(c_void_p(None if value is None else value.data_ptr()))
        elif isinstance(value, Structure):
            converted.append(byref(value))
        else:
            converted.append(c_float(value) if isinstance(value, float) else c_int64(value))
    function = getattr(library(), name)
    # More threads than cores would wait for each other in every kernel.
    threads = min(torch.get_num_threads(), len(os.sched_getaffinity(0)))
    return function(*converted, c_int32(threads))


def first_nonfinite(x: Tensor) -> int:
    """Return the flat index of the first NaN or infinity of a contiguous float32 CPU tensor.

    -1 if all values are finite.
    """
    return call("m3_first_nonfinite", x, x.numel())
