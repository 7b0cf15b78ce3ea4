"""Save and load Gaussians as a `.ply` file in the layout of the original 3DGS code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from m3_ros.splat.gaussians import Gaussians


def _properties(coefficients: int) -> list[str]:
    """Return the names of a vertex's floats; `coefficients` counts shN over three channels."""
    return [
        *("x", "y", "z", "nx", "ny", "nz"),
        *(f"f_dc_{i}" for i in range(3)),
        *(f"f_rest_{i}" for i in range(coefficients)),
        "opacity",
        *(f"scale_{i}" for i in range(3)),
        *(f"rot_{i}" for i in range(4)),
    ]


def save_ply(path: str | Path, gaussians: Gaussians) -> None:
    """Write the Gaussians; a crash leaves the old file or the new one.

    Coefficients are stored channel by channel, scales as logarithms, opacities as logits and
    quaternions as wxyz, all float32 little-endian.
    """
    g = gaussians.detach().to("cpu")
    columns = [
        g.means,
        torch.zeros_like(g.means),
        g.sh0[:, 0],
        g.shN.transpose(1, 2).flatten(1),
        g.opacities[:, None],
        g.scales,
        g.quats,
    ]
    table = torch.cat(columns, dim=1).float().numpy().astype("<f4")
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(g)}"]
    lines += [f"property float {name}" for name in _properties(3 * g.shN.shape[1])]
    header = "\n".join([*lines, "end_header", ""])
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        file.write(header.encode("ascii"))
        file.write(table.tobytes())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_ply(path: str | Path) -> Gaussians:
    """Read Gaussians that `save_ply` or another 3DGS program wrote.

    Raises:
        ValueError: Not a binary 3DGS file, truncated, or a value is not finite.
    """
    with Path(path).open("rb") as file:
        names, count = _read_header(file, path)
        data = file.read(4 * len(names) * count)
    if len(data) != 4 * len(names) * count:
        raise ValueError(f"{path}: truncated: the header announces {count} Gaussians")
    table = np.frombuffer(data, "<f4").reshape(count, len(names))
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        raise ValueError(f"{path}: {names[column]} of Gaussian {row} is {table[row, column]}")
    rest = sum(name.startswith("f_rest_") for name in names)

    def take(*wanted: str) -> torch.Tensor:
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ValueError(f"{path}: no property {missing[0]}; not a 3DGS file")
        return torch.from_numpy(table[:, [names.index(name) for name in wanted]].copy())

    return Gaussians(
        means=take("x", "y", "z"),
        quats=take(*(f"rot_{i}" for i in range(4))),
        scales=take(*(f"scale_{i}" for i in range(3))),
        opacities=take("opacity")[:, 0],
        sh0=take(*(f"f_dc_{i}" for i in range(3)))[:, None],
        shN=take(*(f"f_rest_{i}" for i in range(rest)))
        .reshape(count, 3, rest // 3)
        .transpose(1, 2)
        .contiguous(),
    )


def _read_header(file: BinaryIO, path: str | Path) -> tuple[list[str], int]:
    """Return the names of the vertex properties and the number of vertices."""
    if file.readline().strip() != b"ply":
        raise ValueError(f"{path}: not a ply file")
    names, count = [], None
    for line in iter(file.readline, b""):
        words = line.decode("ascii", "replace").split()
        if words[:1] == ["end_header"]:
            break
        if words[:1] == ["format"] and words[1:2] != ["binary_little_endian"]:
            raise ValueError(f"{path}: format must be binary_little_endian, got {words[1]}")
        if words[:1] == ["element"]:
            if words[1] != "vertex" or count is not None:
                raise ValueError(f"{path}: only one element, vertex, is read; got {words[1]}")
            count = int(words[2])
        if words[:1] == ["property"]:
            if words[1] not in ("float", "float32"):
                raise ValueError(f"{path}: property {words[-1]} must be float, got {words[1]}")
            names.append(words[2])
    if count is None or not names:
        raise ValueError(f"{path}: the header announces no vertices")
    return names, count
