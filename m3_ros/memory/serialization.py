"""A memory folder: `manifest.json`, `gaussians.ply`, `queries.safetensors`, `banks/*.safetensors`.

The manifest lists every other file with its SHA-256, the models with their weights' digests, the
keyframes' image names, and the settings that shape a memory. A folder is written under a temporary
name and renamed; the folder it replaces is kept as `.<name>.old` until then, and the next load
restores it if the machine stopped in between.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from m3_ros.config import M3Config
from m3_ros.memory.manifest import SCHEMA, MemoryFileError, TensorFile, read_manifest
from m3_ros.memory.memory_data import MemoryData, ModelMemory
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import View
from m3_ros.schema import MAX_SIDE
from m3_ros.settings import ConfigError, from_dict, to_dict
from m3_ros.splat import load_ply, save_ply

SHAPING = ("ego_mask", "splat", "features", "memory", "query")
"""Groups of the settings that the manifest keeps: those of the build, and the thresholds of its
queries. Others, of the robot or the simulation for instance, may change without the memory."""


def save_memory(memory: MemoryData, folder: str | Path) -> None:
    """Write `memory` to `folder`; a crash leaves the old folder or the new one.

    Raises:
        MemoryFileError: `folder` exists and is no memory.
        OSError: It cannot be written.
    """
    folder = require_writable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        os.chmod(temporary, 0o755)
        _write(memory, temporary)
        old = _backup(folder)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.rename(folder, old)
        os.rename(temporary, folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_writable(folder: str | Path) -> Path:
    """Return the absolute path of a folder that is free or holds a memory to replace.

    Raises:
        MemoryFileError: it exists and is no memory.
    """
    folder = Path(folder).absolute()
    if folder.is_dir():
        free = (folder / "manifest.json").is_file() or not any(folder.iterdir())
    else:
        free = not folder.exists()
    if not free:
        raise MemoryFileError(f"{folder} exists and is not a memory; name another folder")
    return folder


def load_memory(folder: str | Path) -> MemoryData:
    """Read the memory in `folder`.

    Raises:
        MemoryFileError: There is none, or a file is missing, damaged or of another version.
    """
    folder = Path(folder).absolute()
    if not folder.exists() and _backup(folder).is_dir():
        os.rename(_backup(folder), folder)
    manifest = read_manifest(folder)
    for name, digest in manifest["files"].items():
        if not (folder / name).is_file():
            raise MemoryFileError(f"{folder / name} is missing; the memory is incomplete")
        if file_digest(folder / name) != digest:
            raise MemoryFileError(f"{folder / name} is damaged: its SHA-256 is not the manifest's")
    try:
        return _read(folder, manifest)
    except ConfigError as error:
        raise MemoryFileError(
            f"{folder} cannot be read with this version's settings: {error}; build it again"
        ) from error
    except (MemoryFileError, OSError):
        raise
    except (ValueError, SafetensorError) as error:
        raise MemoryFileError(f"{folder} cannot be read: {error}") from error


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
        "psnr_db": memory.psnr_db if np.isfinite(memory.psnr_db) else None,
        "models": models,
        "config": _shaping(to_dict(memory.config)),
        "files": {str(path.relative_to(folder)): file_digest(path) for path in files},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def _read(folder: Path, manifest: dict) -> MemoryData:
    gaussians = load_ply(folder / "gaussians.ply")
    path, views = folder / "queries.safetensors", manifest["frames"]
    file = TensorFile(path, load_file(path))
    models = {}
    for name, entry in manifest["models"].items():
        queries = file.take(f"{name}.queries", (len(gaussians), None))
        projection = file.take(f"{name}.projection", (queries.shape[1], None))
        models[name] = ModelMemory(
            queries,
            projection,
            file.take(f"{name}.reliability", (len(gaussians),), low=0.0, high=1.0),
            _read_bank(folder / entry["bank"], projection.shape[1], entry["threshold"]),
            entry["digest"],
            entry["temperature"],
        )
    columns = (
        file.take("camtoworlds", (views, 4, 4)).double().numpy(),
        file.take("Ks", (views, 3, 3)).double().numpy(),
        file.take("sizes", (views, 2), False, 1, MAX_SIDE).tolist(),
        manifest["images"],
        file.take("stamps", (views,)).tolist(),
    )
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
    )


def _shaping(config: dict) -> dict:
    """Return the groups of settings that shape a memory, of all groups in a dict."""
    return {name: config[name] for name in SHAPING if name in config}


def _read_bank(path: Path, dim: int, threshold: float) -> MemoryBank:
    """Return the bank in a file, of a model with features `[dim]`."""
    file = TensorFile(path, load_file(path))
    components = file.take("components", (None, dim))
    count = len(components)
    state = {
        "components": components,
        "counts": file.take("counts", (count,), False, 0),
        "covered": file.take("covered", (count,), False, 0),
        "farthest": file.take("farthest", (count,)),
        "origins": file.take("origins", (count, 3), False),
        "totals": file.take("totals", (3,), False, 0),
    }
    return MemoryBank.restore(state, threshold)


def _backup(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
