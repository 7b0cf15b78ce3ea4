"""Structures and functions of src/rasterizer.h, and the check of each argument."""

from __future__ import annotations

from ctypes import Structure, c_float, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

TILE_SIZE = 16  # px, kTileSize of src/rasterizer.h
ROW_FLOATS = 8  # of a Gaussian's Row, src/rasterizer.h


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

    def sizes(self) -> dict[str, int]:
        """Return the sizes that the arrays of its view depend on."""
        tiles = -(-self.width // TILE_SIZE) * -(-self.height // TILE_SIZE)
        return {
            "n": self.n,
            "channels": self.channels,
            "rendered": self.channels + self.with_depth,
            "pixels": self.width * self.height,
            "tiles": tiles,
            "ends": tiles + 1,
        }


@dataclass(frozen=True)
class Array:
    """A dense array of a function: its type, and the sizes whose product is its length.

    A size is a number, the name of an integer argument, "threads", or one of the splats' sizes.
    """

    dtype: torch.dtype
    sizes: tuple[str | int, ...]
    optional: bool = False

    def check(self, name: str, x: object, known: dict[str, int]) -> None:
        """Raise ValueError unless `x` is such an array."""
        if x is None and self.optional:
            return
        sizes = [known[size] if isinstance(size, str) else size for size in self.sizes]
        right = (
            isinstance(x, Tensor)
            and (x.layout, x.device.type, x.dtype) == (torch.strided, "cpu", self.dtype)
            and x.is_contiguous()
            and x.numel() == prod(sizes)
        )
        if not right:
            got = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(
                f"{name} must be a contiguous {self.dtype} tensor of {sizes} on the CPU, got {got}"
            )


def floats(*sizes: str | int) -> Array:
    """Return an array of float32."""
    return Array(torch.float32, sizes)


def ints(*sizes: str | int) -> Array:
    """Return an array of int32."""
    return Array(torch.int32, sizes)


_ROWS = floats("n", ROW_FLOATS)
_GAUSSIANS = {"n": int, "means": floats("n", 3), "quats": floats("n", 4), "scales": floats("n", 3)}
_TILES = {"splats": SplatsStruct, "order": ints("n"), "counts": ints("threads", "tiles"),
          "offsets": Array(torch.int64, ("ends",))}  # fmt: skip
_LISTS = {"splats": SplatsStruct, "offsets": _TILES["offsets"], "ids": ints("listed")}
_IMAGE = floats("height", "width", "channels")
_COLORS = {
    "n": int, "degree": int, "stored": int, "means": floats("n", 3), "position": floats(3),
    "coefficients": floats("n", "stored", 3), "colors": floats("n", 3),
}  # fmt: skip
FUNCTIONS: dict[str, dict[str, type | Array]] = {
    "m3_first_nonfinite": {"x": floats("n"), "n": int},
    "m3_project": {
        **_GAUSSIANS, "opacities": floats("n"), "camera": CameraStruct, "radii": ints("n", 2),
        "means2d": floats("n", 2), "depths": floats("n"), "conics": floats("n", 3), "rows": _ROWS,
    },
    "m3_project_backward": {
        **_GAUSSIANS, "camera": CameraStruct, "radii": ints("n", 2), "conics": floats("n", 3),
        "v_means2d": floats("n", 2), "v_depths": floats("n"), "v_conics": floats("n", 3),
        "v_means": floats("n", 3), "v_quats": floats("n", 4), "v_scales": floats("n", 3),
        "v_viewmat": floats(16), "v_K": floats(9),
    },
    "m3_count_tiles": _TILES,
    "m3_fill_tiles": {**_TILES, "ids": ints("listed")},
    "m3_rasterize": {
        **_LISTS, "background": Array(torch.float32, ("rendered",), optional=True),
        "render": floats("pixels", "rendered"), "transmittance": floats("pixels"),
        "last": ints("pixels"),
    },
    "m3_rasterize_backward": {
        **_LISTS, "transmittance": floats("pixels"), "last": ints("pixels"),
        "v_render": floats("pixels", "rendered"), "v_transmittance": floats("pixels"),
        "v_colors": floats("n", "channels"), "v_rows": _ROWS,
    },
    "m3_sh_colors": _COLORS,
    "m3_sh_colors_backward": {
        **_COLORS, "v_colors": floats("n", 3), "v_means": floats("n", 3), "v_position": floats(3),
        "v_coefficients": floats("n", "stored", 3),
    },
    "m3_photometric_loss": {
        "image": _IMAGE, "target": _IMAGE, "height": int, "width": int, "channels": int,
        "ssim_weight": float, "gradient": _IMAGE,
    },
    "m3_adam": {
        "n": int, "x": floats("n"), "gradient": floats("n"), "first": floats("n"),
        "second": floats("n"),
        "rate": float, "beta1": float, "beta2": float, "epsilon": float,
    },
}  # fmt: skip
"""Arguments of each function of src/rasterizer.h, without the thread count, which is last."""
