"""Damage inputs at random and read them: `tools/fuzz.py [READER ...] [--runs N] [--seed S]`.

A reader may return, or raise the error that it documents. Anything else, or more than `MAX_TIME`,
is an escape: it is printed with its number, which repeats it (`--first N --runs 1`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import ScanError, ScanWriter
from m3_ros.config import M3Config, load_config
from m3_ros.geometry import look_at
from m3_ros.memory.manifest import MemoryFileError
from m3_ros.memory.memory_data import MemoryData, ModelMemory
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import View
from m3_ros.memory.serialization import load_memory, save_memory
from m3_ros.settings import ConfigError, to_dict
from m3_ros.splat import Gaussians, load_ply, save_ply
from m3_ros.splat.ply import PlyError

MAX_TIME = 5.0
"""Longest a reader may take for inputs of a few kB, s; a loaded machine needs 0.1 s."""
MAX_PRINTED = 20
"""Most escapes of a reader that are printed; many have one cause."""
VALUES = (
    None, True, -1, 0, 1, 1.5, 1e30, 2**31, 10**400, math.nan, math.inf, "", "x", "\0", "../..",
    "a" * 5000, [], {}, [1, 2], [None], {"a": 1}, [[1.0] * 4] * 4, [[[[]]]], {"x": {"y": []}},
)  # fmt: skip
K = np.array([[30.0, 0, 16], [0, 30.0, 12], [0, 0, 1]])


@dataclass(frozen=True)
class Reader:
    """What is fuzzed.

    Attributes:
        make: writes valid input into an empty folder.
        read: reads it; the folder beside it may be written.
        error: what `read` may raise.
    """

    make: Callable[[Path], object]
    read: Callable[[Path], object]
    error: type[Exception]


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


def read_scan(folder: Path) -> None:
    """Import a scan beside its folder."""
    target = folder.with_name("imported")
    shutil.rmtree(target, ignore_errors=True)
    import_scan(folder, target)


def read_memory(folder: Path) -> None:
    """Load a memory whose digests are brought up to date, so that damage is not found by them."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_bytes())
        for name in manifest["files"]:
            content = (folder / name).read_bytes()
            manifest["files"][name] = hashlib.sha256(content).hexdigest()
        path.write_text(json.dumps(manifest))
    except (ValueError, TypeError, KeyError, OSError, RecursionError):
        pass  # damaged beyond that
    load_memory(folder)


READERS = {
    "importer": Reader(make_scan, read_scan, ScanError),
    "memory": Reader(make_memory, read_memory, MemoryFileError),
    "ply": Reader(make_ply, lambda folder: load_ply(folder / "g.ply"), PlyError),
    "settings": Reader(make_settings, lambda folder: load_config(folder / "m3.yaml"), ConfigError),
}


def damage(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Return the content of a file after one to three random changes."""
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.7 and name.endswith((".json", ".yaml")):
            content = damage_fields(content, name, rng)
        else:
            content = damage_bytes(content, rng)
    return content


def damage_fields(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Return JSON or YAML with a field replaced, removed or added."""
    load, dump = (json.loads, json.dumps) if name.endswith(".json") else (_load_yaml, yaml.dump)
    try:
        tree = load(content)
        parent, key = tree, None
        while isinstance(parent, dict | list) and len(parent):
            keys = list(parent) if isinstance(parent, dict) else range(len(parent))
            key = keys[rng.integers(len(keys))]
            if rng.random() < 0.3 or not isinstance(parent[key], dict | list):
                break
            parent = parent[key]
        if key is None or not isinstance(parent, dict | list) or not len(parent):
            return content
        value = VALUES[rng.integers(len(VALUES))]
        if rng.random() < 0.15:
            del parent[key]
        elif rng.random() < 0.1 and isinstance(parent, dict):
            parent[str(key) + "x"] = value
        else:
            parent[key] = value
        return dump(tree).encode()
    except (ValueError, TypeError, RecursionError, yaml.YAMLError):
        return damage_bytes(content, rng)


def _load_yaml(content: bytes) -> object:
    return yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def damage_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes with some flipped, removed, repeated or cut off."""
    data = bytearray(content)
    start = int(rng.integers(len(data) + 1)) if rng.random() < 0.5 else int(rng.integers(200))
    length = int(rng.integers(1, 16))
    match rng.integers(4):
        case 0:
            data[start : start + length] = rng.bytes(length)
        case 1:
            del data[start : start + length]
        case 2:
            data[start:start] = bytes(data[start : start + length]) * int(rng.integers(1, 4))
        case _:
            data = data[:start]
    return bytes(data)


def fuzz(name: str, runs: int, seed: int = 0, first: int = 0) -> list[str]:
    """Return a line for each escape of a reader in so many runs."""
    reader, escapes = READERS[name], []
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "input"
        folder.mkdir()
        reader.make(folder)
        good = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        paths = list(good)
        texts = [path for path in paths if path.suffix in (".json", ".yaml")] or paths
        for run in range(first, first + runs):
            rng = np.random.default_rng([seed, run])
            choice = texts if rng.random() < 0.4 else paths
            path = choice[rng.integers(len(choice))]
            path.write_bytes(damage(good[path], path.name, rng))
            start, problem = time.perf_counter(), ""
            try:
                reader.read(folder)
            except reader.error:
                pass
            except Exception as error:
                problem = f"{type(error).__name__}: {str(error)[:200]}"
            if time.perf_counter() - start > MAX_TIME:
                problem = problem or f"took {time.perf_counter() - start:.1f} s"
            if problem:
                escapes.append(f"{name} run {run} ({path.name}): {problem}")
            for each in (path, *(texts if name == "memory" else ())):
                each.write_bytes(good[each])
    return escapes


def main() -> int:
    """Fuzz the readers that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", default=list(READERS), help=", ".join(READERS))
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    found = 0
    for name in options.readers:
        start = time.perf_counter()
        escapes = fuzz(name, options.runs, options.seed, options.first)
        print("".join(f"{line}\n" for line in escapes[:MAX_PRINTED]), end="")
        seconds = time.perf_counter() - start
        print(
            f"{name}: {len(escapes)} escapes in {options.runs} runs, {seconds:.0f} s", flush=True
        )
        found += len(escapes)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
