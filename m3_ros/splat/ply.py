"""Save and load Gaussians as a `.ply` file in the layout of the original 3DGS code."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.errors import DataError
from m3_ros.ply_header import PlyHeader, read_ply_header
from m3_ros.schema import MAX_COORDINATE
from m3_ros.splat.gaussians import Gaussians


class PlyError(DataError):
    """A file is not one of Gaussians that can be read; the message says why."""


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
        PlyError: Not a binary 3DGS file, truncated, or a value is not finite.
        OSError: It cannot be read.
    """
    path = Path(path)
    try:
        header = read_ply_header(path)
    except ValueError as error:
        raise PlyError(f"{path} {error}") from error
    names, count = _vertex(header, path)
    with path.open("rb") as file:
        file.seek(header.start)
        data = file.read(4 * len(names) * count)
    table = np.frombuffer(data, "<f4").reshape(count, len(names))
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        raise PlyError(
            f"{path}: {names[column]} of Gaussian {row} is {table[row, column]}; it must be finite"
        )
    _check_values(path, names, table)
    rest = sum(name.startswith("f_rest_") for name in names)

    def take(*wanted: str) -> torch.Tensor:
        missing = [name for name in wanted if name not in names]
        if missing:
            raise PlyError(f"{path} has no property {missing[0]}; it is not a 3DGS file")
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


def _vertex(header: PlyHeader, path: Path) -> tuple[list[str], int]:
    """Return the names of the vertex properties and the number of vertices."""
    if header.format != "binary_little_endian":
        raise PlyError(f"{path} has the format {header.format}; it must be binary_little_endian")
    if [element.name for element in header.elements] != ["vertex"]:
        found = ", ".join(element.name for element in header.elements) or "none"
        raise PlyError(f"{path} has the elements {found}; it must have one, vertex")
    element = header.elements[0]
    for kind, name in element.properties:
        if kind not in ("float", "float32"):
            raise PlyError(f"{path}: property {name} is {kind}; it must be float")
    names = [name for _, name in element.properties]
    rest = sum(name.startswith("f_rest_") for name in names)
    if rest not in (0, 9, 24, 45):
        raise PlyError(f"{path} has {rest} properties f_rest; it must have 0, 9, 24 or 45")
    if len(set(names)) < len(names):
        raise PlyError(f"{path} has a property twice; each must have its own name")
    return names, element.count


def _check_values(path: Path, names: list[str], table: NDArray[np.float32]) -> None:
    """Refuse Gaussians that no place has: wider than `MAX_COORDINATE`, outside it, or not turned.

    Logits and coefficients of colour have the same limit, within which float32 computes with them.
    """
    limits = {name: MAX_COORDINATE for name in names if not name.startswith("rot_")}
    limits |= {name: np.log(MAX_COORDINATE) for name in names if name.startswith("scale")}
    turns = [names.index(name) for name in names if name.startswith("rot_")]
    zero = ~(np.abs(table[:, turns]) > 0).any(1)
    if turns and zero.any():
        row = int(np.argmax(zero))
        raise PlyError(f"{path}: rot_0 to rot_3 of Gaussian {row} are 0; one must differ from 0")
    for name, limit in limits.items():
        column = table[:, names.index(name)]
        wrong = column > limit if name.startswith("scale") else np.abs(column) > limit
        if wrong.any():
            row = int(np.argmax(wrong))
            raise PlyError(
                f"{path}: {name} of Gaussian {row} is {column[row]:g}; it must be at most "
                f"{limit:.4g}" + (", the logarithm of 1e6" if "scale" in name else "")
            )
