"""A memory folder: `manifest.json`, `gaussians.ply`, `queries.safetensors`, `banks/*.safetensors`.

The manifest lists every other file with its SHA-256, the models with their weights' digests, the
keyframes' image names, and the settings that shape a memory. A folder is written beside its place
and exchanged under a lock (`m3_ros.files`); the next load or save puts right what a crash left.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from m3_ros.config import M3Config
from m3_ros.files import WriteError, reason_of, recover, require_replaceable, writing
from m3_ros.memory.bank_file import read_bank
from m3_ros.memory.manifest import (
    SCHEMA,
    VALUES,
    MemoryFileError,
    TensorFile,
    check_count,
    check_metres,
    check_views,
    read_manifest,
)
from m3_ros.memory.memory_data import MemoryData, ModelMemory
from m3_ros.memory.queries import View
from m3_ros.memory.sources import read_sources, source_tensors
from m3_ros.schema import MAX_SIDE
from m3_ros.settings import ConfigError, from_dict, to_dict
from m3_ros.splat import load_ply, save_ply

SHAPING = ("ego_mask", "splat", "features", "memory", "query")
"""Groups of the settings that the manifest keeps: those of the build, and the thresholds of its
queries. Others, of the robot or the simulation for instance, may change without the memory."""
LOAD_ATTEMPTS = 3
"""Times that a memory is read while another program replaces it: a save takes longer than a load
finds out, so that a second replacement during one load is rare already."""


def save_memory(memory: MemoryData, folder: str | Path) -> None:
    """Write `memory` to `folder`; a crash leaves the old folder or the new one.

    Raises:
        MemoryFileError: `folder` exists and is no memory.
        WriteError: it cannot be written; a memory that was there is as it was.
    """
    folder = require_writable(folder)
    try:
        with writing(folder) as part:
            _write(memory.to("cpu"), part)
    except WriteError:
        raise
    except (OSError, SafetensorError) as error:
        kept = "the memory of before is kept" if folder.exists() else "nothing is kept"
        raise WriteError(f"{folder} cannot be written: {reason_of(error)}; {kept}") from error


def require_writable(folder: str | Path) -> Path:
    """Return the place, with links resolved, of a folder that is free or holds a memory.

    Raises:
        MemoryFileError: it exists and is no memory.
        WriteError: no folder can be written there.
    """
    place = require_replaceable(folder)
    if place.is_dir():
        free = (place / "manifest.json").is_file() or not any(place.iterdir())
    else:
        free = not place.exists()
    if not free:
        raise MemoryFileError(f"{folder} exists and is not a memory; name another folder")
    return place


def load_memory(folder: str | Path) -> MemoryData:
    """Read the memory in `folder`; one that is replaced meanwhile is read anew.

    Raises:
        MemoryFileError: There is none, or a file is missing, damaged or of another version.
    """
    for _ in range(LOAD_ATTEMPTS - 1):
        source = recover(folder)
        version = _version(source)
        try:
            return _load(source)
        except MemoryFileError:
            if _version(source) == version:
                raise
    return _load(recover(folder))


def _version(folder: Path) -> tuple[int, int] | None:
    """Return what differs between a memory and one that replaces it; None where there is none."""
    try:
        status = (folder / "manifest.json").stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_mtime_ns


def _load(folder: Path) -> MemoryData:
    manifest = read_manifest(folder)
    try:
        for name, digest in manifest["files"].items():
            if not (folder / name).is_file():
                raise MemoryFileError(f"{folder / name} is missing; the memory is incomplete")
            if file_digest(folder / name) != digest:
                raise MemoryFileError(
                    f"{folder / name} is damaged: its SHA-256 is not the manifest's"
                )
        return _read(folder, manifest)
    except ConfigError as error:
        raise MemoryFileError(
            f"{folder} cannot be read with this version's settings: {error}; build it again"
        ) from error
    except MemoryFileError:
        raise
    except (OSError, ValueError) as error:
        place = getattr(error, "filename", None) or folder
        raise MemoryFileError(f"{place} cannot be read: {reason_of(error)}") from error


def folder_size(folder: str | Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def _write(memory: MemoryData, folder: Path) -> None:
    (folder / "banks").mkdir()
    save_ply(folder / "gaussians.ply", memory.gaussians)
    tensors = {
        "camtoworlds": torch.from_numpy(np.stack([view.camtoworld for view in memory.views])),
        "Ks": torch.from_numpy(np.stack([view.K for view in memory.views])),
        "sizes": torch.tensor([[view.width, view.height] for view in memory.views]),
        "stamps": torch.tensor([view.stamp for view in memory.views], dtype=torch.float64),
    }
    models = {}
    for name, model in memory.models.items():
        tensors[f"{name}.queries"] = model.queries
        tensors[f"{name}.projection"] = model.projection
        tensors[f"{name}.reliability"] = model.reliability
        tensors |= source_tensors(name, model.sources)
        bank = f"banks/{len(models)}-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.safetensors"
        save_file(model.bank.state(), folder / bank)
        models[name] = {
            "bank": bank,
            "digest": model.digest,
            "temperature": model.temperature,
            "threshold": model.bank.threshold,
            "dim": model.bank.dim,
            "degrees": model.queries.shape[1],
            "components": len(model.bank),
            "captions": list(model.sources.captions) if model.sources else [],
        }
    packed = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(packed, folder / "queries.safetensors")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "schema": SCHEMA,
        "frame_id": memory.frame_id,
        "frames": memory.frames,
        "images": [view.name for view in memory.views],
        "gaussians": len(memory.gaussians),
        "metric": memory.metric,
        "working_distance": memory.working_distance,
        "psnr_db": memory.psnr_db if np.isfinite(memory.psnr_db) else None,
        "models": models,
        "config": _shaping(to_dict(memory.config)),
        "files": {str(path.relative_to(folder)): file_digest(path) for path in files},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def _read(folder: Path, manifest: dict) -> MemoryData:
    gaussians = load_ply(folder / "gaussians.ply")
    place = f"{folder / 'manifest.json'}: $"
    check_count(f"{place}.gaussians", manifest["gaussians"], len(gaussians))
    if manifest["metric"]:
        check_metres(folder / "gaussians.ply", gaussians)
    path, views = folder / "queries.safetensors", manifest["frames"]
    file, models = TensorFile.read(path), {}
    for name, entry in manifest["models"].items():
        queries = file.take(f"{name}.queries", (len(gaussians), None), **VALUES)
        projection = file.take(f"{name}.projection", (queries.shape[1], None), **VALUES)
        bank = read_bank(folder / entry["bank"], projection.shape[1], entry["threshold"], views)
        counts = {"dim": bank.dim, "degrees": queries.shape[1], "components": len(bank)}
        if entry.get("captions"):
            check_count(f"{place}.models.{name}.captions", len(entry["captions"]), len(bank))
        for key, found in counts.items():
            check_count(f"{place}.models.{name}.{key}", entry[key], found)
        models[name] = ModelMemory(
            queries,
            projection,
            file.take(f"{name}.reliability", (len(gaussians),), low=0.0, high=1.0),
            bank,
            entry["digest"],
            entry["temperature"],
            read_sources(file, name, views, bank, tuple(entry.get("captions", ()))),
        )
    columns = (
        file.take("camtoworlds", (views, 4, 4), **VALUES).double().numpy(),
        file.take("Ks", (views, 3, 3), **VALUES).double().numpy(),
        file.take("sizes", (views, 2), False, 1, MAX_SIDE).tolist(),
        manifest["images"],
        file.take("stamps", (views,)).tolist(),
    )
    check_views(path, *columns[:3])
    psnr = manifest["psnr_db"]
    return MemoryData(
        gaussians,
        models,
        tuple(
            View(pose, K, *size, name, stamp)
            for pose, K, size, name, stamp in zip(*columns, strict=True)
        ),
        from_dict(M3Config, _shaping(manifest["config"])),
        float("nan") if psnr is None else float(psnr),
        manifest["frame_id"],
        manifest["metric"],
        float(manifest["working_distance"]),
    )


def _shaping(config: dict) -> dict:
    """Return the groups of settings that shape a memory, of all groups in a dict."""
    return {name: config[name] for name in SHAPING if name in config}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
