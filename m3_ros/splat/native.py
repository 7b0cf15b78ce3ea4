"""Load the C++ library of src/ that fits this processor, and call it through ctypes."""

from __future__ import annotations

import ctypes
import os
from ctypes import Structure, byref, c_double, c_float, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from m3_ros.splat.native_functions import (
    FUNCTIONS,
    ROW_FLOATS,
    Array,
    SplatsStruct,
    floats,
    ints,
)

ISAS = {1: "baseline", 3: "x86-64-v3", 4: "x86-64-v4"}
_FOLDER = Path(__file__).parent / "_native"


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


def threads() -> int:
    """Return how many threads a function uses: more than cores would wait for each other."""
    return min(torch.get_num_threads(), len(os.sched_getaffinity(0)))


def call(
    name: str, *arguments: Tensor | Structure | int | float | None, thread_count: int | None = None
) -> int | float:
    """Call a function of the library; the caller keeps its tensors alive.

    Args:
        name: one of `FUNCTIONS`.
        arguments: as it lists them.
        thread_count: `threads()` if not given.

    Raises:
        ValueError: an argument is not what the function reads or writes.
    """
    thread_count = threads() if thread_count is None else thread_count
    named = dict(zip(FUNCTIONS[name], arguments, strict=True))
    known = {"threads": thread_count}
    for key, value in named.items():
        if FUNCTIONS[name][key] is int:
            known[key] = value
        elif isinstance(value, SplatsStruct):
            known |= value.sizes()
        elif key == "ids":
            known["listed"] = int(named["offsets"][-1])
    converted = [_convert(name, key, value, known) for key, value in named.items()]
    return getattr(library(), name)(*converted, c_int32(thread_count))


def _convert(name: str, key: str, value: object, known: dict[str, int]) -> object:
    """Return an argument as ctypes passes it, if it is right."""
    kind = FUNCTIONS[name][key]
    if isinstance(kind, Array):
        kind.check(f"{name}: {key}", value, known)
        return c_void_p(None if value is None else value.data_ptr())
    if not isinstance(value, kind) or (kind is int and not 0 <= value < 2**63):
        raise ValueError(f"{name}: {key} must be {kind.__name__}, got {value!r}")
    if kind is int:
        return c_int64(value)
    return c_float(value) if kind is float else byref(value)


def splats(
    radii: Tensor, rows: Tensor, colors: Tensor, size: tuple[int, int], with_depth: bool
) -> SplatsStruct:
    """Return the projected Gaussians of one view; the tensors must outlive it.

    Args:
        radii: `[N, 2]` int32, px.
        rows: `[N, 8]`.
        colors: `[N, C]`.
        size: width and height, px.
        with_depth: whether the depth is rendered as one more, last channel.

    Raises:
        ValueError: they are not of these shapes or types.
    """
    n, channels = colors.shape
    ints(n, 2).check("radii", radii, {})
    floats(n, ROW_FLOATS).check("rows", rows, {})
    floats(n, channels).check("colors", colors, {})
    pointers = [x.data_ptr() for x in (radii, rows, colors)]
    return SplatsStruct(n, *pointers, channels, with_depth, *size)


def first_nonfinite(x: Tensor) -> int:
    """Return the flat index of the first NaN or infinity of a contiguous float32 CPU tensor.

    -1 if all values are finite.

    Raises:
        ValueError: it is no such tensor.
    """
    return call("m3_first_nonfinite", x, x.numel())
