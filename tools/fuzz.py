"""Damage inputs at random and read them: `tools/fuzz.py [TARGET ...] [--runs N] [--seed S]`.

A reader may return, or raise the error that it documents. Anything else, or more than `MAX_TIME`
or `MAX_MEMORY`, is an escape: it is printed with its number, which repeats it (`--first N --runs
1`). A crash of native code ends the run with the calls that led to it.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import logging
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from fuzz_damage import damage
from fuzz_inputs import (
    make_colmap,
    make_colmap_binary,
    make_memory,
    make_ply,
    make_scan,
    make_settings,
)
from fuzz_messages import (
    CONVERT_ERRORS,
    READ_ERRORS,
    convert_at_random,
    read_request_at_random,
)
from fuzz_rasterizer import call_at_random

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import ScanError
from m3_ros.config import load_config
from m3_ros.memory.manifest import MemoryFileError
from m3_ros.memory.serialization import load_memory
from m3_ros.settings import ConfigError
from m3_ros.splat import load_ply
from m3_ros.splat.ply import PlyError

MAX_TIME = 5.0
"""Longest processor time that a reader may take for inputs of a few kB, s; usual is 0.03 s."""
MAX_MEMORY = 1 << 30
"""Most memory that a reader may take, bytes: four times the pixels of the largest picture."""
MAX_PRINTED = 20
"""Most escapes of a reader that are printed; many have one cause."""


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


@dataclass(frozen=True)
class Calls:
    """Functions that are fuzzed by their arguments.

    Attributes:
        call: calls one of them; the generator chooses it and its arguments.
        error: what they may raise.
    """

    call: Callable[[np.random.Generator], object]
    error: tuple[type[Exception], ...]


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
    "colmap": Reader(make_colmap, read_scan, ScanError),
    "colmap_binary": Reader(make_colmap_binary, read_scan, ScanError),
    "memory": Reader(make_memory, read_memory, MemoryFileError),
    "ply": Reader(make_ply, lambda folder: load_ply(folder / "g.ply"), PlyError),
    "settings": Reader(make_settings, lambda folder: load_config(folder / "m3.yaml"), ConfigError),
}
CALLS = {
    "messages": Calls(convert_at_random, CONVERT_ERRORS),
    "requests": Calls(read_request_at_random, READ_ERRORS),
    "rasterizer": Calls(call_at_random, (ValueError,)),
}
RUNS = {"rasterizer": 2_000}
"""Runs of each target unless given, if not `ALL_RUNS`."""
ALL_RUNS = 20_000


def fuzz(name: str, runs: int, seed: int = 0, first: int = 0) -> list[str]:
    """Return a line for each escape of a reader or of calls in so many runs."""
    steps = _damaged_files if name in READERS else _calls
    error, escapes = (READERS | CALLS)[name].error, []
    with tempfile.TemporaryDirectory() as root:
        for run, what, attempt in steps(name, range(first, first + runs), seed, Path(root)):
            start, before, problem = time.process_time(), _peak_memory(reset=True), ""
            try:
                attempt()
            except error:
                pass
            except Exception as other:
                problem = f"{type(other).__name__}: {str(other)[:200]}"
            if time.process_time() - start > MAX_TIME:
                problem = problem or f"took {time.process_time() - start:.1f} s"
            taken = _peak_memory() - before
            if taken > MAX_MEMORY:
                problem = problem or f"took {taken >> 20} MB"
            if problem:
                escapes.append(f"{name} run {run}{what}: {problem}")
    return escapes


def _peak_memory(reset: bool = False) -> int:
    """Return the most memory that this process held since the last reset, bytes."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


Step = tuple[int, str, Callable[[], object]]


def _calls(name: str, runs: range, seed: int, folder: Path) -> Iterator[Step]:
    for run in runs:
        yield run, "", lambda run=run: CALLS[name].call(np.random.default_rng([seed, run]))


def _damaged_files(name: str, runs: range, seed: int, root: Path) -> Iterator[Step]:
    """Damage a file of valid input, and restore it after each step."""
    reader, folder = READERS[name], root / "input"
    folder.mkdir()
    reader.make(folder)
    good = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    paths = list(good)
    texts = [path for path in paths if path.suffix in (".json", ".yaml", ".txt")] or paths
    for run in runs:
        rng = np.random.default_rng([seed, run])
        choice = texts if rng.random() < 0.4 else paths
        path = choice[rng.integers(len(choice))]
        path.write_bytes(damage(good[path], path.name, rng))
        yield run, f" ({path.name})", lambda: reader.read(folder)
        for each in (path, *(texts if name == "memory" else ())):
            each.write_bytes(good[each])


def main() -> int:
    """Fuzz the targets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    targets = [*READERS, *CALLS]
    parser.add_argument("targets", nargs="*", default=targets, help=", ".join(targets))
    parser.add_argument("--runs", type=int, help="of each target; 20 000 unless given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    faulthandler.enable()
    logging.disable(logging.CRITICAL)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    warnings.simplefilter("ignore")
    found = 0
    for name in options.targets:
        start, runs = time.process_time(), options.runs or RUNS.get(name, ALL_RUNS)
        escapes = fuzz(name, runs, options.seed, options.first)
        print("".join(f"{line}\n" for line in escapes[:MAX_PRINTED]), end="")
        seconds = time.process_time() - start
        print(f"{name}: {len(escapes)} escapes in {runs} runs, {seconds:.0f} s of CPU", flush=True)
        found += len(escapes)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
