"""The torch device that the setting `features.device` means on this machine."""

from __future__ import annotations

from importlib.util import find_spec

import torch

from m3_ros.errors import UsageError


def choose_device(setting: str) -> str:
    """Return the torch device of a setting: auto, cpu, cuda or cuda:N.

    `auto` is cuda where torch finds a device and gsplat is installed, else cpu.

    Raises:
        UsageError: CUDA is asked for, and torch finds no such device or gsplat is missing.
    """
    wanted = torch.device("cuda" if setting == "auto" else setting)
    if wanted.type != "cuda":
        return setting
    problem = _cuda_problem(wanted.index)
    if not problem:
        return str(wanted)
    if setting == "auto":
        return "cpu"
    raise UsageError(f"features.device is {setting!r}, but {problem}; set it to auto or cpu")


def _cuda_problem(index: int | None) -> str:
    """Return why CUDA device `index` (None: the current one) cannot be used; "" if it can."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        build = torch.version.cuda
        return f"torch {torch.__version__} " + (
            f"(CUDA {build}) finds no CUDA device" if build else "is built without CUDA"
        )
    if index is not None and index >= count:
        return f"torch finds {count} CUDA device{'s' * (count > 1)}, counted from 0"
    if find_spec("gsplat") is None:
        return "gsplat, which draws on it, is not installed (pip install gsplat)"
    return ""
