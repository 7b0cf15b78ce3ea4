"""Reader of a bank's file, whose numbers are held against each other."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from m3_ros.memory.manifest import VALUES, MemoryFileError, TensorFile
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory_settings import MAX_COMPONENTS
from m3_ros.schema import MAX_SIDE

MAX_ROWS = 2**40
"""Most rows of a bank: 100 000 frames with ten million cells each."""
ROUNDING = 1e-3
"""By how much a cosine may leave -1 to 1."""


def read_bank(path: Path, dim: int, threshold: float, frames: int) -> MemoryBank:
    """Return the bank in a file.

    Args:
        path: of the file.
        dim: of the model's features.
        threshold: of the bank.
        frames: number of the memory's frames.

    Raises:
        MemoryFileError: a tensor is missing, or breaks its rule.
    """
    file = TensorFile.read(path)
    components = file.take("components", (None, dim), **VALUES)
    count = len(components)
    state = {
        "components": components,
        "counts": file.take("counts", (count,), False, 0, MAX_ROWS),
        "covered": file.take("covered", (count,), False, 0, MAX_ROWS),
        "farthest": file.take("farthest", (count,), low=-1.0 - ROUNDING, high=1.0 + ROUNDING),
        "origins": file.take("origins", (count, 3), False, -1, MAX_SIDE),
        "totals": file.take("totals", (3,), False, 0, MAX_ROWS),
    }
    _check(f"{path}: ", state, frames)
    return MemoryBank.restore(state, threshold)


def _check(place: str, state: dict[str, Tensor], frames: int) -> None:
    """Refuse a bank that no features could have made."""
    rows, _, most = state["totals"].tolist()
    components, counts, covered = state["components"], state["counts"], state["covered"]
    frame = state["origins"][:, 0]
    for wrong, name, rule in (
        (~components.bool().any(1), "components", "the feature of something, which is not 0"),
        (covered > counts, "covered", "at most what counts has"),
        (frame >= frames, "origins", f"of a frame, 0 to {frames - 1}, or -1"),
    ):
        if wrong.any():
            row = int(wrong.nonzero()[0])
            value = state[name][row].tolist()
            raise MemoryFileError.at(f"{place}{name}[{row}]", value, rule)
    if int(counts.sum()) != rows:
        raise MemoryFileError.at(f"{place}totals[0]", rows, f"{int(counts.sum())}, all of counts")
    if not len(components) <= most <= MAX_COMPONENTS:
        rule = f"{len(components)}, its components, to {MAX_COMPONENTS}"
        raise MemoryFileError.at(f"{place}totals[2]", most, rule)
