"""Search for the file that a scan lists: programs write its path in many ways."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif")
"""Suffixes of colour images, those of video-like data sets first."""
DEPTH_SUFFIXES = (".png", ".exr", ".tif", ".tiff", ".npy", ".npz", ".pfm")
MASK_SUFFIXES = (".png", ".jpg", ".jpeg")


def find_listed(folder: Path, name: str, suffixes: Sequence[str]) -> Path | None:
    """Return the file that a name stands for; None if there is none.

    The name may have backslashes, lack its suffix (Blender's), have it in the other case, or be a
    path of another computer, of which the last parts are looked for in the folder.

    Args:
        folder: of the scan.
        name: as listed, relative to it or absolute.
        suffixes: tried where the name has none that exists.
    """
    name = name.replace("\\", "/")
    usual = os.path.join(folder, name)  # a scan of 100 000 frames opens three times as fast
    if os.path.isfile(usual):
        return Path(usual)
    listed = Path(name)
    parts = [part for part in listed.parts if part not in ("/", ".")]
    tails = [Path(*parts[start:]) for start in range(1, len(parts))]
    for path in (folder / listed, *(folder / tail for tail in tails if ".." not in tail.parts)):
        found = _with_suffix(path, suffixes)
        if found is not None:
            return found
    return None


def _with_suffix(path: Path, suffixes: Sequence[str]) -> Path | None:
    if not path.name:
        return None
    # A dot may belong to the name: r_0.5 is r_0.5.png, not r_0 with the suffix .5.
    endings = ["", *suffixes, *(suffix.upper() for suffix in suffixes)]
    names = [path.name + ending for ending in endings]
    names += [path.stem + path.suffix.upper(), path.stem + path.suffix.lower()]
    candidates = (path.parent / name for name in names)
    # os.path.isfile takes a name that no file can have, which Path.is_file raises for.
    return next((each for each in candidates if os.path.isfile(each)), None)
