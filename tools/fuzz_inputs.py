"""Valid inputs that the fuzzers damage: scans, a memory, Gaussians and settings."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config
from m3_ros.geometry import look_at
from m3_ros.memory.memory_data import MemoryData, ModelMemory
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import View
from m3_ros.memory.serialization import save_memory
from m3_ros.settings import to_dict
from m3_ros.splat import Gaussians, save_ply

K = np.array([[30.0, 0, 16], [0, 30.0, 12], [0, 0, 1]])

COLMAP = {
    "cameras.txt": "1 PINHOLE 32 24 30 30 16 12\n2 OPENCV 32 24 30 30 16 12 0 0 0 0\n",
    "images.txt": (
        "1 1 0 0 0 0 0 1 1 a.png\n10 10 1 12 12 2\n2 1 0 0 0 0.1 0 1 2 b.png\n10 10 1\n"
    ),
    "points3D.txt": "1 0 0 2 100 100 100 0.5 1 0 2 0\n2 0.1 0 2 90 90 90 0.5 1 1\n",
}
"""The files of a COLMAP model of two images and two points."""


def make_gaussians(count: int = 6) -> Gaussians:
    """Return random Gaussians of degree 1."""
    rng = torch.Generator().manual_seed(0)
    sizes = {"means": (3,), "quats": (4,), "scales": (3,), "opacities": (), "sh0": (1, 3)}
    sizes["shN"] = (3, 3)
    return Gaussians(**{k: torch.randn(count, *size, generator=rng) for k, size in sizes.items()})


def make_scan(folder: Path) -> None:
    """Write a scan of two frames of 32 x 24 px, with a mask and sparse points."""
    rng = np.random.default_rng(0)
    with ScanWriter(folder) as writer:
        for x in (0.3, 0.4):
            rgb = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
            depth = np.full((24, 32), 0.5, np.float32)
            pose = look_at([x, 0, 0.4], [0, 0, 0])
            mask = np.ones((24, 32), bool)
            writer.add(RgbdFrame(rgb, depth, K, pose, x, mask, f"{x}.png"))
        writer.set_points(rng.normal(size=(5, 3)), np.full((5, 3), 9, np.uint8))


def make_colmap(folder: Path) -> None:
    """Write two pictures of 32 x 24 px and a COLMAP model of them, as text."""
    model = folder / "sparse/0"
    model.mkdir(parents=True)
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        pixels = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"images/{name}.png"), pixels)
    for name, text in COLMAP.items():
        (model / name).write_text(text)


def make_colmap_binary(folder: Path) -> None:
    """Write the same as COLMAP's binary files."""
    import pycolmap

    make_colmap(folder)
    place = folder / "sparse/0"
    model = pycolmap.Reconstruction(str(place))
    for name in COLMAP:
        (place / name).unlink()
    model.write_binary(str(place))


def make_memory(folder: Path) -> None:
    """Write a memory of six Gaussians, two frames and one model."""
    rng = torch.Generator().manual_seed(0)
    bank = MemoryBank.of(
        torch.randn(4, 5, generator=rng), torch.zeros(4, 3, dtype=torch.int64), 0.9
    )
    model = ModelMemory(
        torch.randn(6, 3, generator=rng),
        torch.randn(3, 5, generator=rng),
        torch.ones(6),
        bank,
        "0",
    )
    views = tuple(View(look_at([x, 0, 0.4], [0, 0, 0]), K, 32, 24, "a.png", x) for x in (0.3, 0.4))
    save_memory(MemoryData(make_gaussians(), {"compact": model}, views, psnr_db=30.0), folder)


def make_ply(folder: Path) -> None:
    """Write a file of six Gaussians."""
    save_ply(folder / "g.ply", make_gaussians())


def make_settings(folder: Path) -> None:
    """Write all settings, as a ROS parameter file."""
    content = {"/**": {"ros__parameters": to_dict(M3Config())}}
    (folder / "m3.yaml").write_text(yaml.safe_dump(content))
